//! Images of classes, from folders and archives in every layout.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::ImageFormat;
use msr_data::{
    ClassSource, Error, FewShot, FewShotConfig, ImageClasses, ImageError, ImageOptions, Omniglot,
};
use msr_episodes::{EpisodeSource, Shots};
use msr_testkit::shared;
use pictures::{Files, archive, coloured, folder, grey, two_classes};

mod pictures;

fn read<P: AsRef<Path>>(paths: &[P], options: &ImageOptions) -> ImageClasses {
    ImageClasses::read(paths, options, |_, _| {}).unwrap()
}

fn image(source: &dyn ClassSource, class: usize, example: usize) -> Vec<f32> {
    let mut x = vec![0.0; source.input_shape().iter().product()];
    source.fill(class, example, &mut x).unwrap();
    x
}

fn names(images: &ImageClasses) -> Vec<&str> {
    (0..images.classes()).map(|class| images.class_name(class).unwrap()).collect()
}

/// The same set from a folder and from an archive.
fn both(files: &Files, options: &ImageOptions) -> [ImageClasses; 2] {
    let at = tempfile::tempdir().unwrap();
    let paths = [folder(&at.path().join("set"), files), archive(&at.path().join("set.zip"), files)];
    let [a, b] = paths.map(|path| read(&[path], options));
    assert_eq!((names(&a), a.groups(), a.shape()), (names(&b), b.groups(), b.shape()));
    for class in 0..a.classes() {
        assert_eq!(a.images_in(class), b.images_in(class));
        for example in 0..a.images_in(class).unwrap() {
            assert_eq!(image(&a, class, example), image(&b, class, example));
        }
    }
    [a, b]
}

#[test]
fn folders_are_classes_in_the_order_of_their_names() {
    for around in ["", "birds/", "all/of/them/"] {
        let mut files = two_classes(around);
        files.push((format!("{around}README.txt"), b"about".to_vec()));
        files.push((format!("{around}a/.3.png"), b"hidden".to_vec()));
        files.push(("__MACOSX/a/._1.png".into(), b"hidden".to_vec()));
        let [images, _] = both(&files, &ImageOptions::new().name("birds"));
        assert_eq!((images.name().as_str(), names(&images)), ("birds", vec!["a", "b"]));
        assert_eq!((images.shape(), images.examples(), images.images()), ([1, 2, 3], 2, 4));
        assert!(images.groups().is_empty() && images.split().is_none() && images.group_of(0).is_none());
        for (class, example, first) in [(0, 0, 10), (0, 1, 20), (1, 0, 30), (1, 1, 40)] {
            let expected: Vec<f32> = (first..first + 6).map(|byte| byte as f32 / 255.0).collect();
            assert_eq!(image(&images, class, example), expected);
        }
        assert_eq!((images.class_name(2), images.images_in(2), images.digest()), (None, None, None));
    }
}

#[test]
fn progress_is_told_and_more_images_of_a_class_are_kept() {
    let at = tempfile::tempdir().unwrap();
    let files: Files = (0..150).map(|i| (format!("{}/{i:03}.png", i % 3 / 2), grey(2, 2, i as u8))).collect();
    let path = folder(at.path(), &files);
    let mut told = Vec::new();
    let images =
        ImageClasses::read(&[path], &ImageOptions::new(), |done, all| told.push((done, all))).unwrap();
    assert_eq!(told, [(64, 150), (128, 150), (150, 150)]);
    assert_eq!((images.images_in(0), images.images_in(1), images.examples()), (Some(100), Some(50), 50));
    // The hundredth of the first is image 148.
    assert_eq!(image(&images, 0, 99)[0], 148.0 / 255.0);
    let message = images.fill(1, 50, &mut [0.0; 4]).unwrap_err().to_string();
    assert!(message.contains("example 50 of class 1"), "{message}");
}

#[test]
fn splits_and_archives_are_groups() {
    let mut files = two_classes("set/test/");
    files.extend(two_classes("set/train/"));
    files.extend(two_classes("set/valid/"));
    let [images, _] = both(&files, &ImageOptions::new());
    assert_eq!(names(&images), ["test/a", "test/b", "train/a", "train/b", "valid/a", "valid/b"]);
    assert_eq!(images.groups(), ["test", "train", "val"]);
    assert_eq!((images.classes_of("train"), images.classes_of("dev")), (Some(2..4), None));
    let split = images.split().unwrap();
    assert_eq!((split.train, split.validation, split.test), (vec![2, 3], vec![4, 5], vec![0, 1]));

    // Characters of alphabets: a folder of both parts, and an archive for each.
    let mut files = two_classes("images_background/Greek/");
    files.extend(two_classes("images_evaluation/Keble/"));
    let characters = ImageOptions::new().name("Omniglot").ink().class_levels(2).unwrap();
    let [images, _] = both(&files, &characters);
    let at = tempfile::tempdir().unwrap();
    let part = |name: &str, skip: usize| {
        archive(&at.path().join(name), &files.iter().skip(skip).take(4).cloned().collect())
    };
    let parts = read(&[part("images_background.zip", 0), part("images_evaluation.zip", 4)], &characters);
    let plain = part("a.zip", 0);
    for images in [images, parts] {
        assert_eq!(names(&images), ["Greek/a", "Greek/b", "Keble/a", "Keble/b"]);
        assert_eq!(images.groups(), ["images_background", "images_evaluation"]);
        assert_eq!((images.classes_of("images_evaluation"), images.is_ink()), (Some(2..4), true));
        assert_eq!(image(&images, 0, 0)[0], 245.0 / 255.0);
        let omniglot = Omniglot::open(&[&plain]).unwrap();
        assert_eq!((image(&omniglot, 1, 1), omniglot.class_name(1)), (image(&images, 1, 1), Some("Greek/b")));
    }
    // An archive may be such a part itself.
    let images = read(&[&plain], &ImageOptions::new());
    assert_eq!((names(&images), images.groups()), (vec!["Greek/a", "Greek/b"], vec!["images_background"]));
    // What is called otherwise is a group, too, when there are several.
    let (a, b) = (archive(&at.path().join("new.zip"), &two_classes("x/")), at.path().join("old"));
    let images = read(&[a, folder(&b, &two_classes("y/"))], &ImageOptions::new());
    assert_eq!((images.groups(), names(&images)), (vec!["new", "old"], vec!["a", "b", "a", "b"]));
    assert_eq!(images.from(), ["new.zip", "old"]);
}

#[test]
fn tables_name_the_classes_of_a_folder() {
    for around in ["", "mini/"] {
        let image = |name: &str, value: u8| {
            (format!("{around}images/{name}"), coloured(4, 2, [value, 0, 0], ImageFormat::Png))
        };
        let files = vec![
            (format!("{around}train.csv"), b"filename,label\nx2.png,n01\r\nx1.png,n01\n\n".to_vec()),
            (
                format!("{around}val.csv"),
                b"\xef\xbb\xbfLabel,Filename\nn02,x3.png\nn02,\"x4.png\"\n".to_vec(),
            ),
            (format!("{around}test.csv"), b"filename,label\nx5.png,n03\nx6.png,n03".to_vec()),
            image("x1.png", 1),
            image("x2.png", 2),
            image("x3.png", 3),
            image("x4.png", 4),
            image("x5.png", 5),
            image("x6.png", 6),
            image("unused.png", 7),
        ];
        let [images, _] = both(&files, &ImageOptions::new());
        assert_eq!(names(&images), ["test/n03", "train/n01", "val/n02"]);
        assert!(images.split().is_some());
        assert_eq!((images.shape(), self::image(&images, 1, 0)[0]), ([3, 2, 4], 1.0 / 255.0));
    }
}

#[test]
fn sizes_and_channels_are_made_alike_where_they_are_named() {
    let mut files = two_classes("");
    files[0].1 = coloured(8, 8, [255, 0, 0], ImageFormat::Jpeg);
    files[2].1 = coloured(5, 9, [0, 0, 255], ImageFormat::Jpeg);
    let options = ImageOptions::new().size(4).unwrap();
    let [images, _] = both(&files, &options.clone().channels(3).unwrap());
    assert_eq!(images.shape(), [3, 4, 4]);
    // Images of b are in the order of their names; red, then blue, up to what JPEG makes of it.
    let (blue, red) = (image(&images, 1, 0), image(&images, 1, 1));
    for (x, channel) in [(red, 0), (blue, 2)] {
        for (at, &value) in x.iter().enumerate() {
            let expected = if at / 16 == channel { 1.0 } else { 0.0 };
            assert!((value - expected).abs() < 0.02, "{value} at {at}");
        }
    }
    let [grey, _] = both(&files, &options.channels(1).unwrap());
    assert_eq!(grey.shape(), [1, 4, 4]);
    assert!((image(&grey, 1, 1)[0] - 0.2126).abs() < 0.02);
}

#[test]
fn tasks_are_drawn_from_images() {
    let at = tempfile::tempdir().unwrap();
    let mut files = two_classes("train/");
    files.extend(two_classes("val/"));
    files.extend(two_classes("test/"));
    let images = read(&[folder(at.path(), &files)], &ImageOptions::new());
    let split = images.split().unwrap();
    let config = FewShotConfig::new(2, Shots { support: 1, query: 1 }, split.train, split.test);
    let episode = FewShot::new(images, config).unwrap().train(0).unwrap();
    assert_eq!(episode.query.x.dims(), [4, 2, 1, 2, 3]);
}

/// Counts, and the very pixels of [`Omniglot`].
#[test]
fn the_whole_of_omniglot_is_read_and_kept() {
    let archives = ["background", "evaluation"].map(|n| shared(&format!("data/omniglot28/images_{n}.zip")));
    let [Some(background), Some(evaluation)] = archives else { return };
    let paths = [background, evaluation];
    let options = ImageOptions::new().name("Omniglot").size(28).unwrap().ink().class_levels(2).unwrap();
    let start = Instant::now();
    let images = read(&paths, &options);
    let reading = start.elapsed();
    let groups = ["images_background", "images_evaluation"].map(|group| images.classes_of(group));
    assert_eq!(groups, [Some(0..964), Some(964..1_623)]);
    assert!((0..1_623).all(|class| images.images_in(class) == Some(20)));
    let omniglot = Omniglot::open(&paths).unwrap();
    let kept = kept(&images, "Omniglot", reading.as_secs_f64());
    let same = |class: usize| {
        (0..20).all(|example| {
            let expected = image(&omniglot, class, example);
            expected == image(&images, class, example) && expected == image(&kept, class, example)
        })
    };
    assert!((0..1_623).all(|class| omniglot.class_name(class) == images.class_name(class) && same(class)));
}

#[test]
fn a_part_of_mini_imagenet_is_read_and_kept() {
    let Some(path) = shared("data/mini-imagenet/mini_imagenet_80.zip") else { return };
    let start = Instant::now();
    let options = ImageOptions::new().name("mini-ImageNet").size(84).unwrap().channels(3).unwrap();
    let images = read(&[path], &options);
    let reading = start.elapsed();
    let split = images.split().unwrap();
    let counts = [split.train, split.validation, split.test].map(|classes| classes.len());
    assert_eq!((counts, images.images(), images.shape()), ([64, 16, 20], 8_000, [3, 84, 84]));
    assert!((0..100).all(|class| images.images_in(class) == Some(80)));
    assert_eq!(images.class_name(20), Some("train/n01532829"));
    let kept = kept(&images, "mini-ImageNet", reading.as_secs_f64());
    assert!((0..100).all(|class| image(&images, class, 79) == image(&kept, class, 79)));
}

/// The images after saving and loading; says how long that took.
fn kept(images: &ImageClasses, name: &str, reading: f64) -> ImageClasses {
    let at = tempfile::tempdir().unwrap();
    let path: PathBuf = at.path().join("set.msr-images");
    let start = Instant::now();
    let saved = images.save(&path).unwrap();
    let saving = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let kept = ImageClasses::load(&path).unwrap();
    let loading = start.elapsed().as_secs_f64();
    println!(
        "{name}: read {reading:.2} s, saved {saving:.2} s, loaded {loading:.3} s, {} bytes",
        saved.bytes
    );
    assert_eq!(
        (fs::metadata(&path).unwrap().len(), kept.digest()),
        (saved.bytes, Some(saved.digest.as_str()))
    );
    kept
}

#[test]
fn options_are_checked_when_they_are_made() {
    for size in [0, 4_097, usize::MAX] {
        assert!(matches!(ImageOptions::new().size(size), Err(Error::Config { .. })));
    }
    assert!(ImageOptions::new().channels(4).is_err() && ImageOptions::new().class_levels(3).is_err());
    assert!(matches!(
        ImageClasses::read::<PathBuf>(&[], &ImageOptions::new(), |_, _| {}),
        Err(Error::Images { problem: ImageError::Layout { .. }, .. } | Error::Config { .. })
    ));
}
