//! `msr data`: archives from a server that breaks off, lies and changes its mind, and folders of
//! images.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use command::{Said, command, refuses, text};
use msr_data::{ClassSource, ImageClasses};
use msr_testkit::shared;
use server::{Server, archives, digest, png, refused, sent};

mod command;
mod server;

/// The program, told of no proxy.
fn program(args: &[&str]) -> Command {
    let mut command = command();
    for variable in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env_remove(variable).env_remove(variable.to_lowercase());
    }
    command.args(args);
    command
}

fn msr(args: &[&str]) -> Said {
    let output = program(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { ok: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
}

/// Downloads from a server into a folder.
struct Omniglot {
    to: tempfile::TempDir,
    digests: String,
}

impl Omniglot {
    fn new() -> Self {
        let digests = archives().map(|archive| digest(&archive)).join(",");
        Self { to: tempfile::tempdir().unwrap(), digests }
    }

    fn args<'a>(&'a self, url: &'a str) -> Vec<&'a str> {
        vec!["data", "omniglot", "--url", url, "--sha256", &self.digests, "--to", text(self.to.path())]
    }

    fn succeeds(&self, server: &Server) -> String {
        let said = msr(&self.args(&server.address));
        assert!(said.ok, "{}", said.err);
        said.out
    }

    /// Says these words, and leaves no file of images.
    fn fails(&self, server: &Server, words: &[&str]) {
        let said = msr(&self.args(&server.address));
        assert!(!said.ok, "{}", said.out);
        for word in words {
            assert!(said.err.contains(word), "`{}` does not say `{word}`", said.err);
        }
        assert!(!self.files().iter().any(|name| name.contains("msr-images")), "{:?}", self.files());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.to.path().join(name)
    }

    /// The names of all that is there.
    fn files(&self) -> Vec<String> {
        let inside = |folder: PathBuf| {
            let entries = fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        };
        let mut names: Vec<String> =
            inside(self.to.path().into()).chain(inside(self.path("downloads"))).collect();
        names.sort();
        names
    }
}

const ALL: [&str; 4] = ["downloads", "images_background.zip", "images_evaluation.zip", "omniglot.msr-images"];

#[test]
fn a_download_goes_on_where_its_connection_broke() {
    let omniglot = Omniglot::new();
    // The first connection ends in the middle.
    let server = Server::start(|asked, file| {
        sent(asked, file, "one", if asked.number == 0 { 100 } else { usize::MAX })
    });
    let out = omniglot.succeeds(&server);
    let asked = server.asked();
    assert_eq!((asked[0].from, asked[1].from, asked.len()), (None, Some(100), 3));
    assert_eq!(asked[1].if_range.as_deref(), Some("\"one\""));
    assert_eq!(omniglot.files(), ALL);
    for words in
        ["Omniglot: 4 classes, 8 images of 28 × 28 pixels, grey, ink is 1", "images_evaluation", "SHA-256"]
    {
        assert!(out.contains(words), "{out}");
    }
    let images = ImageClasses::load(omniglot.path("omniglot.msr-images")).unwrap();
    assert_eq!((images.classes(), images.groups()), (4, vec!["images_background", "images_evaluation"]));
    assert!(out.contains(images.digest().unwrap()), "{out}");
    // Once more: nothing is asked for, and the same is kept.
    let whole = fs::read(omniglot.path("omniglot.msr-images")).unwrap();
    omniglot.succeeds(&server);
    assert_eq!(server.asked().len(), 3);
    assert_eq!(fs::read(omniglot.path("omniglot.msr-images")).unwrap(), whole);
    // From the archives, from their folder, from what was unpacked from them.
    let unpacked = omniglot.path("unpacked");
    for archive in archives() {
        zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap().extract(&unpacked).unwrap();
    }
    let downloads = omniglot.path("downloads");
    let [a, b] = ["images_background.zip", "images_evaluation.zip"].map(|name| downloads.join(name));
    for from in [
        &["--from", text(&a), "--from", text(&b)][..],
        &["--from", text(&downloads)],
        &["--from", text(&unpacked)],
    ] {
        let to = tempfile::tempdir().unwrap();
        let said = msr(&[&["data", "omniglot", "--to", text(to.path())], from].concat());
        assert!(said.ok, "{}", said.err);
        let again = ImageClasses::load(to.path().join("omniglot.msr-images")).unwrap();
        assert_eq!((again.groups(), again.classes_of("images_evaluation")), (images.groups(), Some(2..4)));
        let mut x = [vec![0.0; 28 * 28], vec![1.0; 28 * 28]];
        images.fill(3, 1, &mut x[0]).unwrap();
        again.fill(3, 1, &mut x[1]).unwrap();
        assert_eq!(x[0], x[1]);
    }
}

#[test]
fn what_came_is_kept_for_another_day() {
    let omniglot = Omniglot::new();
    let server = Server::start(
        |asked, file| if asked.number == 0 { sent(asked, file, "one", 50) } else { Vec::new() },
    );
    omniglot.fails(&server, &["what came is kept", "the same command goes on"]);
    assert_eq!(server.asked().len(), 5);
    let part = omniglot.path("downloads/images_background.zip.part");
    assert_eq!(fs::read(&part).unwrap(), archives()[0][..50]);
    // Another file in its place is not added to what came.
    let server = Server::start(|asked, file| sent(asked, file, "two", usize::MAX));
    omniglot.fails(&server, &["another one than when its download began", "images_background.zip.part"]);
    assert_eq!(fs::read(&part).unwrap(), archives()[0][..50]);
    // A server that sends it from where nobody asked.
    let server = Server::start(|asked, file| {
        let mut asked = asked.clone();
        asked.from = asked.from.map(|from| from + 1);
        sent(&asked, file, "one", usize::MAX)
    });
    omniglot.fails(&server, &["another one than when its download began"]);
    let server = Server::start(|asked, file| sent(asked, file, "one", usize::MAX));
    omniglot.succeeds(&server);
    assert_eq!((server.asked()[0].from, omniglot.files()), (Some(50), ALL.map(String::from).to_vec()));
}

#[test]
fn a_part_that_is_whole_is_not_asked_for_again() {
    let omniglot = Omniglot::new();
    fs::create_dir(omniglot.path("downloads")).unwrap();
    fs::write(omniglot.path("downloads/images_background.zip.part"), &archives()[0]).unwrap();
    fs::write(omniglot.path("downloads/images_background.zip.part.tag"), "\"one\"").unwrap();
    let server = Server::start(|asked, file| sent(asked, file, "one", usize::MAX));
    omniglot.succeeds(&server);
    assert_eq!(omniglot.files(), ALL);
}

#[test]
fn a_server_that_knows_no_parts_is_asked_for_all() {
    let omniglot = Omniglot::new();
    let server = Server::start(|asked, file| {
        let count = if asked.number == 0 { 70 } else { file.len() };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", file.len());
        [head.as_bytes(), &file[..count]].concat()
    });
    omniglot.succeeds(&server);
    assert!(server.asked().iter().all(|asked| asked.from.is_none()));
}

#[test]
fn servers_that_have_nothing_or_something_else_are_named() {
    let omniglot = Omniglot::new();
    let server = Server::start(|_, _| refused(404, "Not Found"));
    omniglot.fails(&server, &["/images_background.zip is not there (status 404)", "--from"]);
    assert_eq!((server.asked().len(), omniglot.files()), (1, vec!["downloads".to_string()]));
    let server = Server::start(|_, _| refused(403, "Forbidden"));
    omniglot.fails(&server, &["the server says 403"]);
    let server = Server::start(|_, _| refused(503, "Busy"));
    omniglot.fails(&server, &["the server says 503", "goes on from there"]);
    assert_eq!(server.asked().len(), 4);
    // Not the official archives.
    let server = Server::start(|asked, file| sent(asked, file, "one", usize::MAX));
    let to = text(omniglot.to.path());
    let said = msr(&["data", "omniglot", "--url", &server.address, "--to", to]);
    assert!(said.err.contains("not ad41ab67") && said.err.contains("was removed"), "{}", said.err);
    assert_eq!(omniglot.files(), ["downloads"]);
    fs::write(omniglot.path("downloads/images_background.zip"), "mine").unwrap();
    omniglot.fails(&server, &["images_background.zip has the SHA-256", "remove it"]);
    assert_eq!(fs::read(omniglot.path("downloads/images_background.zip")).unwrap(), b"mine");
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let omniglot = Omniglot::new();
    let server = Server::start(|asked, file| sent(asked, file, "one", usize::MAX));
    let to = text(omniglot.to.path());
    let with = |rest: &[&str], words: &[&str]| {
        refuses(&[&["data", "omniglot", "--to", to, "--url", &server.address], rest].concat(), words);
    };
    with(&["--size", "5000"], &["from 1 to 4096 pixels", "5000"]);
    with(&["--size", "0"], &["from 1 to 4096"]);
    with(&["--sha256", "abc"], &["64 hexadecimal digits"]);
    with(&["--from", "x"], &["--from"]);
    refuses(&["data", "omniglot", "--to", to, "--url", "ftp://x"], &["https://"]);
    assert!(server.asked().is_empty());
    refuses(&["data", "mini-imagenet"], &["--from", "nobody may pass them on"]);
    refuses(&["data", "mini-imagenet", "--size", "9999"], &["from 1 to 4096"]);
    refuses(&["data", "classes", "--from", "x", "--name", "../x"], &["`../x` is no name"]);
    refuses(&["data", "classes", "--from", to, "--name", "x", "--gray", "--rgb"], &["--rgb"]);
    let file = omniglot.path("file");
    fs::write(&file, "").unwrap();
    refuses(&["data", "classes", "--from", to, "--name", "x", "--to", text(&file)], &["file"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_download_says_so_and_goes_on_later() {
    let omniglot = Omniglot::new();
    let server = Server::start(|asked, file| {
        if asked.number > 0 {
            std::thread::sleep(Duration::from_secs(20));
        }
        sent(asked, file, "one", 60)
    });
    let child = program(&omniglot.args(&server.address)).stderr(Stdio::piped()).spawn().unwrap();
    let part = omniglot.path("downloads/images_background.zip.part");
    let start = Instant::now();
    while fs::metadata(&part).map_or(0, |part| part.len()) < 60 || server.asked().len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing comes");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted"));
    let server = Server::start(|asked, file| sent(asked, file, "one", usize::MAX));
    omniglot.succeeds(&server);
    assert_eq!(server.asked()[0].from, Some(60));
}

/// Writes a set with a folder for each class, of images that have the class's number as their
/// grey.
fn set(at: &Path, classes: &[&str], side: u32) {
    for (number, class) in classes.iter().enumerate() {
        fs::create_dir_all(at.join(class)).unwrap();
        for file in ["1.png", "2.png", "3.png"] {
            fs::write(at.join(class).join(file), png(side, number as u8)).unwrap();
        }
    }
}

#[test]
fn a_folder_of_classes_is_kept() {
    let at = tempfile::tempdir().unwrap();
    let (from, to) = (at.path().join("birds"), at.path().join("kept/here"));
    set(&from, &["finch", "wren"], 6);
    let args = ["data", "classes", "--from", text(&from), "--name", "birds-1", "--to", text(&to)];
    let said = msr(&args);
    assert!(
        said.ok && said.out.contains("birds-1: 2 classes, 6 images of 6 × 6 pixels, grey\n"),
        "{}",
        said.err
    );
    assert!(said.out.contains("| all   | 2       | 3 "), "{}", said.out);
    let images = ImageClasses::load(to.join("birds-1.msr-images")).unwrap();
    assert_eq!((images.name().as_str(), images.shape()), ("birds-1", [1, 6, 6]));
    let said = msr(&[&args[..], &["--size", "4", "--rgb"]].concat());
    assert!(said.out.contains("4 × 4 pixels, coloured"), "{}", said.err);
    fs::write(from.join("wren/2.png"), png(7, 0)).unwrap();
    refuses(&args, &["wren/2.png has 7 × 7 pixels", "--size"]);
    // What was there stays.
    assert_eq!(ImageClasses::load(to.join("birds-1.msr-images")).unwrap().shape(), [3, 4, 4]);
    fs::write(from.join("wren/2.png"), "text").unwrap();
    refuses(&args, &["birds: wren/2.png: no readable PNG or JPEG image"]);
    refuses(&["data", "mini-imagenet", "--from", text(&from), "--to", text(&to)], &["wren/2.png"]);
    fs::remove_file(from.join("wren/2.png")).unwrap();
    refuses(
        &["data", "mini-imagenet", "--from", text(&from), "--to", text(&to)],
        &["no train, val and test"],
    );
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
}

#[test]
fn mini_imagenet_is_kept() {
    let at = tempfile::tempdir().unwrap();
    let from = at.path().join("mini");
    set(&from, &["train/a", "train/b", "val/c", "test/d"], 5);
    let to = text(at.path());
    let said = msr(&["data", "mini-imagenet", "--from", text(&from), "--to", to, "--size", "8"]);
    assert!(said.ok && said.out.contains("12 images of 8 × 8 pixels, coloured"), "{}{}", said.out, said.err);
    let Some(real) = shared("data/mini-imagenet/mini_imagenet_80.zip") else { return };
    let said = msr(&["data", "mini-imagenet", "--from", text(&real), "--to", to]);
    assert!(
        said.ok && said.out.contains("100 classes, 8000 images of 84 × 84 pixels, coloured"),
        "{}",
        said.err
    );
    for row in ["| test  | 20      | 80 ", "| train | 64      | 80 ", "| val   | 16      | 80 "] {
        assert!(said.out.contains(row), "{}", said.out);
    }
}
