//! Files are replaced whole, and nothing but regular files is.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use msr_files::{AtomicFile, Error, is_temporary, open_to_write, read, write_atomic, write_new};

/// The first temporary file of `file`.
const TEMPORARY: &str = ".file.msr-tmp-0";

type Writer = fn(&Path, &[u8]) -> msr_files::Result<()>;

fn in_place(path: &Path, bytes: &[u8]) -> msr_files::Result<()> {
    let mut file = open_to_write(path)?;
    file.write_all(bytes).unwrap();
    Ok(())
}

/// All ways to write.
const WRITERS: [Writer; 3] =
    [|path, bytes| write_atomic(path, bytes), |path, bytes| write_new(path, bytes), in_place];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Devices, pipes, sockets and folders, by themselves and behind links, are refused and stay what
/// they are. (A test that may not be root has no device of its own; /dev/null must not be tried by
/// one that is, so a pipe stands for it.)
#[test]
fn only_regular_files_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    for name in ["pipe", "socket", "folder", "missing"] {
        symlink(at(name), at(&format!("link-{name}"))).unwrap();
    }
    let before = names(folder.path());
    for write in WRITERS {
        for name in ["pipe", "socket", "folder", "link-pipe", "link-socket", "link-folder", "link-missing"] {
            let problem = write(&at(name), b"new").unwrap_err();
            assert!(matches!(problem, Error::NotRegular { .. } | Error::Exists { .. }), "{name}: {problem}");
            assert!(problem.to_string().contains(name) && problem.to_string().contains("name another path"));
        }
    }
    assert!(matches!(write_atomic("/dev/null/", b""), Err(Error::NoName { .. })));
    let kind = |name: &str| fs::symlink_metadata(at(name)).unwrap().file_type();
    assert!(kind("pipe").is_fifo() && kind("socket").is_socket() && kind("folder").is_dir());
    assert!(kind("link-pipe").is_symlink() && kind("link-missing").is_symlink());
    assert_eq!(names(folder.path()), before, "nothing is left behind");
}

/// A path without a name leaves no temporary file.
#[test]
fn a_path_that_names_no_file_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let slash = folder.path().join("new/");
    for write in WRITERS {
        for path in [Path::new(""), Path::new("."), Path::new("/"), &folder.path().join(".."), &slash] {
            assert!(matches!(write(path, b"x"), Err(Error::NoName { .. })), "{path:?}");
        }
        assert!(write(&folder.path().join("no/such/file"), b"x").is_err());
    }
    assert_eq!(names(folder.path()), [""; 0]);
    assert!(!Path::new(".tmp").exists());
}

/// A link to a file stays a link, and the file that it leads to is replaced where it lies.
#[test]
fn links_are_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    fs::create_dir(&here).unwrap();
    fs::create_dir(&there).unwrap();
    fs::write(there.join("file"), "old").unwrap();
    fs::set_permissions(there.join("file"), Permissions::from_mode(0o640)).unwrap();
    symlink(there.join("file"), here.join("link")).unwrap();
    symlink(here.join("link"), here.join("again")).unwrap();
    write_atomic(here.join("again"), b"new").unwrap();
    assert_eq!(read(there.join("file")).unwrap(), b"new");
    assert_eq!(
        (names(&here), names(&there)),
        (vec!["again".into(), "link".into()], vec!["file".to_string()])
    );
    assert!(fs::symlink_metadata(here.join("link")).unwrap().is_symlink());
    assert_eq!(fs::metadata(there.join("file")).unwrap().permissions().mode() & 0o777, 0o640);
    in_place(&here.join("link"), b"NEW").unwrap();
    assert_eq!(read(there.join("file")).unwrap(), b"NEW");
}

/// A link where the temporary file goes is removed, not followed.
#[test]
fn a_planted_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (outside, path) = (folder.path().join("outside"), folder.path().join("file"));
    for write in [WRITERS[0], WRITERS[1]] {
        fs::write(&outside, "precious").unwrap();
        symlink(&outside, folder.path().join(TEMPORARY)).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!((read(&outside).unwrap(), read(&path).unwrap()), (b"precious".to_vec(), b"new".to_vec()));
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(names(folder.path()), ["file", "outside"]);
        fs::remove_file(&path).unwrap();
    }
}

/// A file of someone else is not removed because of its name.
#[test]
fn a_file_that_ends_in_tmp_is_its_owners() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let others = ["notes.tmp", "notes.1.tmp", ".notes.tmp", "notes~", ".notes.swp", "notes.msr-tmp-0"];
    for name in others {
        fs::write(at(name), "mine").unwrap();
        assert!(!is_temporary(name, "notes"), "{name}");
    }
    write_atomic(at("notes"), b"1").unwrap();
    write_new(at("notes-2"), b"2").unwrap();
    for name in others {
        assert_eq!(read(at(name)).unwrap(), b"mine", "{name}");
    }
    assert!(is_temporary(TEMPORARY, "file") && !is_temporary(TEMPORARY, "notes"));
}

/// What a killed process left is cleared away; what another is writing is left alone. Both get
/// their file, and it is a whole one.
#[test]
fn temporary_files_of_the_dead_go_and_those_of_the_living_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(folder.path().join(TEMPORARY), "half of").unwrap();
    let mut slow = AtomicFile::create(&path).unwrap();
    slow.write_all(b"slow").unwrap();
    assert_eq!(read(folder.path().join(TEMPORARY)).unwrap(), b"slow");
    write_atomic(&path, b"fast").unwrap();
    assert_eq!((read(&path).unwrap(), names(folder.path()).len()), (b"fast".to_vec(), 2));
    slow.commit().unwrap();
    assert_eq!(read(&path).unwrap(), b"slow");
    drop(AtomicFile::create(&path).unwrap());
    assert_eq!(names(folder.path()), ["file"]);
}

/// Many at once: the file is always that of one of them.
#[test]
fn writers_at_the_same_time_leave_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::thread::scope(|scope| {
        for writer in 0..4u8 {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..25 {
                    write_atomic(path, &[writer; 5000]).unwrap();
                    let found = read(path).unwrap();
                    assert!(found.len() == 5000 && found.iter().all(|b| *b == found[0]));
                }
            });
        }
    });
    assert_eq!(names(folder.path()), ["file"]);
}

/// What must be new is refused when anything is there, a link that leads nowhere too.
#[test]
fn a_new_file_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write_new(&path, b"first").unwrap();
    assert!(matches!(write_new(&path, b"second"), Err(Error::Exists { .. })));
    symlink("/no/such/file", folder.path().join("nowhere")).unwrap();
    assert!(matches!(write_new(folder.path().join("nowhere"), b"x"), Err(Error::Exists { .. })));
    assert_eq!((read(&path).unwrap(), names(folder.path()).len()), (b"first".to_vec(), 2));
}

/// Devices may have no end, folders no bytes.
#[test]
fn what_has_no_end_is_not_read() {
    for path in ["/dev/zero", "/dev", "/no/such/file"] {
        let message = read(path).unwrap_err().to_string();
        assert!(message.starts_with(path), "{message}");
    }
}
