//! Images, folders and archives that are refused, and files of images that were cut or changed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use image::ImageFormat;
use msr_data::{ClassSource, Error, ImageClasses, ImageError, ImageOptions};
use msr_testkit::{mutated, zip};
use pictures::{Files, archive, coloured, folder, grey, seen_through, two_classes};

mod pictures;

fn refused(path: &Path, options: &ImageOptions) -> (ImageError, String) {
    let error = ImageClasses::read(&[path], options, |_, _| {}).unwrap_err();
    let message = error.to_string();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(message.contains(name), "`{message}` does not say `{name}`");
    let Error::Images { problem, .. } = error else { panic!("{message}") };
    (problem, message)
}

/// What a folder and an archive with these files are refused with; all words are in both messages.
fn both(files: &Files, words: &[&str]) -> [ImageError; 2] {
    let at = tempfile::tempdir().unwrap();
    [folder(&at.path().join("folder"), files), archive(&at.path().join("files.zip"), files)].map(|path| {
        let (problem, message) = refused(&path, &ImageOptions::new());
        for word in words {
            assert!(message.contains(word), "`{message}` does not say `{word}`");
        }
        problem
    })
}

/// Two classes with changes.
fn with(change: impl FnOnce(&mut Files)) -> Files {
    let mut files = two_classes("");
    change(&mut files);
    files
}

#[test]
fn images_that_are_none_are_named() {
    let changed = |bytes: Vec<u8>| with(|files| files[2].1 = bytes);
    let is_none = |problems: [ImageError; 2]| {
        assert!(problems.iter().all(|p| matches!(p, ImageError::NotImage { .. })), "{problems:?}");
    };
    is_none(both(&changed(b"hello".to_vec()), &["b/1.png", "no readable PNG or JPEG", "repair or remove"]));
    is_none(both(&changed(Vec::new()), &["b/1.png"]));
    let whole = grey(30, 20, 0);
    is_none(both(&changed(whole[..whole.len() / 2].to_vec()), &["b/1.png"]));
    let whole = coloured(64, 64, [1, 2, 3], ImageFormat::Jpeg);
    is_none(both(&changed(whole[..whole.len() - 20].to_vec()), &["b/1.png", "too early"]));
    is_none(both(&changed(b"GIF89a\x01\x00\x01\x00\x00\x00\x00".to_vec()), &["b/1.png", "Gif"]));
    let problems = both(&with(|files| files.push(("b/3.bmp".into(), vec![0]))), &["b/3.bmp", "convert it"]);
    assert!(matches!(problems, [ImageError::Layout { .. }, ImageError::Layout { .. }]));
    let problems = both(&changed(seen_through(254)), &["b/1.png", "transparent"]);
    assert!(matches!(problems, [ImageError::Transparent { .. }, ImageError::Transparent { .. }]));
}

#[test]
fn images_that_claim_too_much_are_not_decoded() {
    let changed = |bytes: Vec<u8>| with(|files| files[2].1 = bytes);
    let is_large = |problems: [ImageError; 2]| {
        assert!(problems.iter().all(|p| matches!(p, ImageError::TooLarge { .. })), "{problems:?}");
    };
    is_large(both(&changed(claims(20_000, 1)), &["b/1.png", "1 × 20000 pixels", "16384"]));
    is_large(both(&changed(claims(16_000, 16_000)), &["16000 × 16000 pixels", "bytes cannot hold"]));
    is_large(both(&changed(grey(4_097, 1, 0)), &["1 × 4097 pixels", "name a smaller size"]));
}

/// A PNG that says it has so many pixels.
fn claims(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = grey(1, 1, 0);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| (c >> 1) ^ if c & 1 == 1 { 0xedb8_8320 } else { 0 })
    };
    !data.iter().fold(u32::MAX, step)
}

#[test]
fn classes_that_do_not_fit_together_are_named() {
    let of = |files: Files, words: &[&str]| both(&files, words);
    let [a, b] = of(with(|f| f[0].1 = grey(2, 3, 0)), &["b/2.png has 3 × 2", "have 2 × 3", "name a size"]);
    assert!(matches!((a, b), (ImageError::Sizes { .. }, ImageError::Sizes { .. })));
    let rgb = coloured(3, 2, [1, 2, 3], ImageFormat::Png);
    let [a, b] = of(with(|f| f[0].1 = rgb), &["b/2.png is coloured", "are grey", "1 or 3"]);
    assert!(matches!((a, b), (ImageError::Channels { .. }, ImageError::Channels { .. })));
    let [a, b] = of(with(|f| drop(f.remove(0))), &["class b", "1 of at least 2"]);
    assert!(matches!((a, b), (ImageError::TooFew { .. }, ImageError::TooFew { .. })));
    let none = vec![("notes.txt".to_string(), b"1".to_vec())];
    of(none, &["no images are in it", "a folder for each class"]);
    of(with(|f| f.push(("3.png".into(), grey(3, 2, 0)))), &["the top", "folders deep"]);
    of(with(|f| f.push(("a/b/3.png".into(), grey(3, 2, 0)))), &["a/b", "2 folders deep"]);
    of(with(|f| f.iter_mut().for_each(|f| f.0 = format!("{}/x/y/{}", &f.0[..1], f.0))), &["4 folders deep"]);
    // Folders without images, at each level.
    let at = tempfile::tempdir().unwrap();
    for (around, empty) in [("", "c"), ("train/", "train/c"), ("train/", "val"), ("Greek/x", "Greek/xc")] {
        let mut files = two_classes(around);
        files.extend(two_classes(if around == "Greek/x" { "Keble/" } else { around }));
        files.sort();
        files.dedup();
        let name = empty.replace('/', "-");
        let path = folder(&at.path().join(&name), &files);
        fs::create_dir_all(path.join(empty)).unwrap();
        // What lies below the classes may be empty.
        fs::create_dir_all(path.join(&files[0].0).parent().unwrap().join("below")).unwrap();
        let (problem, _) = refused(&path, &ImageOptions::new());
        assert!(matches!(&problem, ImageError::Empty { class } if class == empty), "{problem}");
        files.push((format!("{empty}/"), Vec::new()));
        let (problem, _) = refused(&archive(&at.path().join(name + ".zip"), &files), &ImageOptions::new());
        assert!(matches!(&problem, ImageError::Empty { class } if class == empty), "{problem}");
    }
    let twice = archive(&at.path().join("twice.zip"), &two_classes(""));
    let error = ImageClasses::read(&[&twice, &twice], &ImageOptions::new(), |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("twice.zip: a is there twice"), "{error}");
}

#[test]
fn tables_that_cannot_be_followed_say_the_line() {
    let table = |text: &str| {
        let mut files: Files =
            ["1", "2"].iter().map(|n| (format!("images/{n}.png"), grey(2, 2, 0))).collect();
        files.push(("train.csv".into(), text.as_bytes().to_vec()));
        files
    };
    for (text, words) in [
        ("", &["train.csv, line 1", "filename,label"][..]),
        ("1.png,a\n2.png,a\n", &["train.csv, line 1"]),
        ("filename,label\n1.png,a\n2.png\n", &["train.csv, line 3", "2 columns, got 1"]),
        ("filename,label\n1.png,a\n3.png,a\n", &["line 3", "no 3.png in images"]),
        ("filename,label\n1.png,\n", &["line 2", "no name of a class"]),
        ("filename,label\n1.png,a/b\n", &["line 2", "`a/b`"]),
        ("filename,label\n../1.png,a\n", &["../1.png leads outside"]),
        ("filename,label\n/etc/passwd,a\n", &["/etc/passwd leads outside"]),
        ("filename,label\n1.png,a\n1.png,b\n", &["images/1.png is there twice"]),
        ("filename,label\n", &["name no images"]),
        ("filename,label\n1.png,a\n2.png,b\n", &["1 of at least 2"]),
    ] {
        both(&table(text), words);
    }
}

#[test]
fn archives_that_lead_outside_or_lie_are_refused() {
    let at = tempfile::tempdir().unwrap();
    let says = |name: &str, bytes: Vec<u8>, words: &[&str]| {
        let path = at.path().join(name);
        fs::write(&path, bytes).unwrap();
        let (problem, message) = refused(&path, &ImageOptions::new());
        for word in words {
            assert!(message.contains(word), "`{message}` does not say `{word}`");
        }
        problem
    };
    let image = grey(2, 2, 0);
    for outside in ["../a/1.png", "/etc/a.png", "a/../../b.png", "C:/a.png", "..\\a.png", "a/../b/1.png"] {
        let bytes = zip(&[(outside, 0, &image[..]), ("a/1.png", 0, &image)]);
        assert!(matches!(says("outside.zip", bytes, &[outside]), ImageError::Outside { .. }));
    }
    let again = zip(&[("a/1.png", 0, &image[..]), ("a/./1.png", 0, &image)]);
    assert!(matches!(says("again.zip", again, &["a/1.png is there twice"]), ImageError::Duplicate { .. }));
    let again = zip(&[("a/1.png", 0, &image[..]), ("a/1.png", 0, &image)]);
    assert!(matches!(says("same.zip", again, &["the same name"]), ImageError::Archive { .. }));
    assert!(matches!(says("text.zip", b"hello".to_vec(), &["no readable zip"]), ImageError::Archive { .. }));
    says(
        "changed.zip",
        changed_in_place(&zip(&[("a/1.png", 0, &image[..]), ("a/2.png", 0, &image)])),
        &["a/1.png"],
    );
    says("method.zip", zip(&[("a/1.png", 99, &image[..]), ("a/2.png", 0, &image)]), &["a/1.png"]);
    // A link.
    let path = at.path().join("link.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options: zip::write::FileOptions<'_, '_, ()> = zip::write::FileOptions::default();
    writer.add_symlink("a/1.png", "/etc/passwd", options).unwrap();
    writer.finish().unwrap();
    assert!(matches!(refused(&path, &ImageOptions::new()).0, ImageError::Link { .. }));
    // Much in little, and less said than there is.
    let bomb = with(|files| files[1].1 = vec![0; (1 << 26) + 1]);
    let path = archive(&at.path().join("bomb.zip"), &bomb);
    assert!(fs::metadata(&path).unwrap().len() < 1 << 18);
    let (problem, message) = refused(&path, &ImageOptions::new());
    assert!(matches!(problem, ImageError::TooLarge { .. }) && message.contains("a/1.png"), "{message}");
    let path = archive(&at.path().join("lies.zip"), &with(|files| files[1].1 = vec![7; 100_000]));
    let bytes = fs::read(&path).unwrap();
    let less = replaced(&bytes, &100_000u32.to_le_bytes(), &1_000u32.to_le_bytes());
    assert_ne!(bytes, less);
    says("lies.zip", less, &["a/1.png"]);
}

/// The bytes with one bit of the first image's changed.
fn changed_in_place(archive: &[u8]) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    bytes[30 + "a/1.png".len() + 20] ^= 1;
    bytes
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    while let Some(at) = bytes.windows(old.len()).position(|window| window == old) {
        bytes[at..at + old.len()].copy_from_slice(new);
    }
    bytes
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_only() {
    use std::os::unix::fs::symlink;
    let at = tempfile::tempdir().unwrap();
    let set = |name: &str| folder(&at.path().join(name), &two_classes(""));
    let path = set("inside");
    symlink("../b/1.png", path.join("a/3.png")).unwrap();
    let images = ImageClasses::read(&[&path], &ImageOptions::new(), |_, _| {}).unwrap();
    assert_eq!((images.images_in(0), images.images_in(1)), (Some(3), Some(2)));
    // The folder itself may be a link.
    symlink(set("real"), at.path().join("alias")).unwrap();
    assert!(ImageClasses::read(&[at.path().join("alias")], &ImageOptions::new(), |_, _| {}).is_ok());
    let path = set("outside");
    fs::write(at.path().join("secret.png"), grey(3, 2, 0)).unwrap();
    symlink("../../secret.png", path.join("a/3.png")).unwrap();
    assert!(matches!(refused(&path, &ImageOptions::new()).0, ImageError::Outside { .. }));
    let path = set("nowhere");
    symlink("nothing.png", path.join("a/3.png")).unwrap();
    assert!(matches!(refused(&path, &ImageOptions::new()).0, ImageError::Read { .. }));
    let path = set("circle");
    symlink("..", path.join("a/up")).unwrap();
    assert!(matches!(refused(&path, &ImageOptions::new()).0, ImageError::TooLarge { .. }));
    let missing = ImageClasses::read(&[at.path().join("none")], &ImageOptions::new(), |_, _| {});
    assert!(matches!(missing, Err(Error::Io { .. })));
}

#[test]
fn a_kept_file_that_was_cut_or_changed_says_so() {
    let at = tempfile::tempdir().unwrap();
    let files = [two_classes("train/"), two_classes("val/"), two_classes("test/")].concat();
    let path = at.path().join("set.msr-images");
    for (scale, stored) in [(3, "deflate"), (1, "plain")] {
        // Noise does not shrink.
        let mut files = files.clone();
        if stored == "plain" {
            for (number, file) in files.iter_mut().enumerate() {
                let noise: Vec<u8> = (0u32..64 * 64)
                    .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 ^ (i * number as u32) as u8)
                    .collect();
                let image = image::GrayImage::from_raw(64, 64, noise).unwrap();
                let mut bytes = std::io::Cursor::new(Vec::new());
                image.write_to(&mut bytes, ImageFormat::Png).unwrap();
                file.1 = bytes.into_inner();
            }
        } else {
            files.iter_mut().for_each(|file| file.1 = coloured(8 * scale, 8, [1, 2, 3], ImageFormat::Png));
        }
        let set = folder(&at.path().join(stored), &files);
        let options = ImageOptions::new().name("set");
        let images = ImageClasses::read(&[&set], &options, |_, _| {}).unwrap();
        let saved = images.save(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        assert!(String::from_utf8_lossy(&whole).contains(&format!("\"stored\":\"{stored}\"")), "{stored}");
        // The same images give the same bytes.
        assert_eq!(ImageClasses::load(&path).unwrap().save(at.path().join("again")).unwrap(), saved);
        let loaded = ImageClasses::load(&path).unwrap();
        assert_eq!(
            (loaded.name(), loaded.groups(), loaded.from()),
            (images.name(), images.groups(), images.from())
        );
        assert_eq!(
            (loaded.shape(), loaded.split(), loaded.is_ink()),
            (images.shape(), images.split(), false)
        );
        let mut x = [vec![0.0; images.shape().iter().product()], vec![1.0; images.shape().iter().product()]];
        for (source, x) in [&images, &loaded].iter().zip(&mut x) {
            source.fill(5, 1, x).unwrap();
        }
        assert_eq!(x[0], x[1]);
        // Every cut, and every changed byte.
        let refuse = |bytes: Vec<u8>| ImageClasses::from_bytes(bytes).unwrap_err();
        for end in (0..whole.len()).step_by(1 + whole.len() / 500) {
            assert!(matches!(
                refuse(whole[..end].to_vec()),
                ImageError::Damaged { .. } | ImageError::NotKept
            ));
            let mut changed = whole.clone();
            changed[end] ^= 4;
            let problem = refuse(changed);
            match end {
                0..8 => assert!(matches!(problem, ImageError::NotKept)),
                8..12 => assert!(matches!(problem, ImageError::Version { .. })),
                _ => assert!(matches!(problem, ImageError::Damaged { .. }), "{problem}"),
            }
            assert!(problem.to_string().contains("with `msr data`"), "{problem}");
        }
        for seed in 0..300 {
            drop(ImageClasses::from_bytes(mutated(&whole, seed)));
        }
    }
    fs::write(&path, "hello").unwrap();
    let message = ImageClasses::load(&path).unwrap_err().to_string();
    assert!(message.contains("set.msr-images: this is no file of images"), "{message}");
    assert!(matches!(ImageClasses::load(at.path().join("none")), Err(Error::Io { .. })));
    assert!(matches!(ImageClasses::load(at.path()), Err(Error::File { .. })));
}

#[test]
fn descriptions_that_cannot_be_are_refused_though_their_digest_is_right() {
    let one = r#"{"name":"c","images":2}"#;
    let file = |shape: &str, stored: &str, classes: &str, pixels: &[u8]| {
        let json = format!(
            r#"{{"name":"x","from":[],"shape":{shape},"ink":false,"stored":"{stored}","classes":[{classes}]}}"#
        );
        let mut bytes = b"MSRIMAGE\x01\0\0\0".to_vec();
        bytes.extend((json.len() as u32).to_le_bytes());
        bytes.extend(json.bytes());
        bytes.extend(pixels);
        signed(bytes)
    };
    assert_eq!(ImageClasses::from_bytes(file("[1,1,2]", "plain", one, &[0; 4])).unwrap().examples(), 2);
    for bytes in [
        file("[1,1,2]", "plain", one, &[0; 5]),
        file("[2,1,1]", "plain", one, &[0; 4]),
        file("[1,0,2]", "plain", one, &[]),
        file("[1,4097,1]", "plain", one, &[0; 8_194]),
        file("[1,1,2]", "plain", "", &[]),
        file("[1,1,2]", "plain", r#"{"name":"c","images":0}"#, &[]),
        file("[1,1,2]", "plain", r#"{"name":"c","images":18446744073709551615}"#, &[]),
        file("[1,1,1]", "plain", &format!("{one},{one}"), &[0; 4]),
        file(
            "[1,1,1]",
            "plain",
            r#"{"name":"a","group":"x","images":1},{"name":"a","images":1},{"name":"b","group":"x","images":1}"#,
            &[0; 3],
        ),
        file("[1,1,2]", "deflate", one, &[0; 4]),
        file("[1,1,2]", "packed", one, &[0; 4]),
        // Four zeros are not a million.
        file("[1,1,500000]", "deflate", one, &[0x63, 0, 0, 0]),
        signed(b"MSRIMAGE\x01\0\0\0\xff\xff\xff\xff{}".to_vec()),
    ] {
        assert!(matches!(ImageClasses::from_bytes(bytes), Err(ImageError::Damaged { .. })));
    }
}

fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(&bytes);
    bytes.extend(digest);
    bytes
}

#[test]
fn damaged_archives_come_back() {
    let at = tempfile::tempdir().unwrap();
    let mut files = two_classes("train/");
    files[0].1 = coloured(3, 2, [1, 2, 3], ImageFormat::Jpeg);
    let whole = fs::read(archive(&at.path().join("whole.zip"), &files)).unwrap();
    let options = ImageOptions::new().size(4).unwrap().channels(3).unwrap();
    for seed in 0..500 {
        if let Ok(images) = ImageClasses::read_archive(&mutated(&whole, seed), "damaged.zip", &options) {
            assert!(images.classes() > 0 && images.examples() > 1);
        }
    }
}
