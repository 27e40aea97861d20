//! Classes: Omniglot's archives, and the episodes that are drawn from them. Sinusoids.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Tensor;
use msr_data::{ClassSource, ClassSplit, Error, FewShot, FewShotConfig, Omniglot, Sinusoid, SinusoidConfig};
use msr_episodes::{EpisodeSource, Examples, Shots, TaskSource};
use msr_testkit::{mutated, shared};

fn image(source: &dyn ClassSource, class: usize, example: usize) -> Vec<f32> {
    let mut x = vec![0.0; source.input_shape().iter().product()];
    source.fill(class, example, &mut x).unwrap();
    x
}

/// The whole of it: counts, and pixels that another program has decoded.
#[test]
fn omniglot_is_read() {
    let archives = ["background", "evaluation"].map(|n| shared(&format!("data/omniglot28/images_{n}.zip")));
    let [Some(background), Some(evaluation)] = archives else { return };
    let all = Omniglot::open(&[background, evaluation]).unwrap();
    assert_eq!((all.classes(), all.examples(), all.input_shape()), (1_623, 20, vec![1, 28, 28]));
    assert_eq!(
        (all.classes_of(0), all.classes_of(1), all.classes_of(2)),
        (Some(0..964), Some(964..1_623), None)
    );
    for (class, example, name, ink, places) in [
        (0, 0, "Alphabet_of_the_Magi/character01", 68, 28_633),
        (1, 19, "Alphabet_of_the_Magi/character02", 46, 18_650),
        (300, 7, "Cyrillic/character01", 61, 24_121),
        (963, 3, "Tifinagh/character55", 33, 14_615),
        (964, 0, "Angelic/character01", 128, 46_463),
        (1_264, 7, "Keble/character20", 72, 30_156),
        (1_622, 3, "ULOG/character26", 56, 20_296),
    ] {
        assert_eq!(all.class_name(class), Some(name));
        let x = image(&all, class, example);
        assert!(x.iter().all(|&ink| ink == 0.0 || ink == 1.0), "paper is 0 and ink is 1");
        let at = |weight: fn(usize) -> usize| -> usize {
            x.iter().enumerate().filter(|(_, ink)| **ink == 1.0).map(|(i, _)| weight(i)).sum()
        };
        assert_eq!((at(|_| 1), at(|i| i)), (ink, places), "{name}");
    }
    let total: usize =
        (0..1_623 * 20).map(|i| image(&all, i / 20, i % 20).iter().filter(|&&ink| ink == 1.0).count()).sum();
    assert_eq!(total, 1_178_110 + 870_778);
}

fn png(width: u32, pixels: &[u8], colour: png::ColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let channels = if colour == png::ColorType::Rgb { 3 } else { 1 };
    let mut encoder = png::Encoder::new(&mut bytes, width, pixels.len() as u32 / channels / width);
    encoder.set_color(colour);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

fn grey(pixels: &[u8]) -> Vec<u8> {
    png(3, pixels, png::ColorType::Grayscale)
}

/// Names and contents of an archive.
type Files = Vec<(String, Vec<u8>)>;

/// An archive of two characters with two drawings each, with changes.
fn archive(folder: &Path, name: &str, change: impl Fn(&mut Files)) -> PathBuf {
    let file =
        |name: &str, first: u8| (format!("images/Greek/{name}.png"), grey(&[first, 255, 255, 0, 255, 204]));
    let mut files = vec![
        file("character02/b", 4),
        file("character01/b", 2),
        file("character02/a", 3),
        file("character01/a", 1),
    ];
    files.push(("__MACOSX/images/Greek/character01/._a.png".into(), b"not an image".to_vec()));
    files.push(("images/Greek/strokes.txt".into(), b"0 0".to_vec()));
    change(&mut files);
    let path = folder.join(name);
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in files {
        let options: zip::write::FileOptions<'_, '_, ()> = zip::write::FileOptions::default();
        zip.start_file(name, options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
    path
}

#[test]
fn characters_are_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = archive(folder.path(), "two.zip", |_| {});
    let all = Omniglot::open(&[&path, &path]).unwrap();
    assert_eq!((all.classes(), all.examples(), all.input_shape()), (4, 2, vec![1, 2, 3]));
    assert_eq!((all.class_name(1), all.class_name(4)), (Some("Greek/character02"), None));
    for (class, example, first) in [(0, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0), (1, 1, 4.0), (3, 1, 4.0)] {
        let x = image(&all, class, example);
        assert!((x[0] - (255.0 - first) / 255.0).abs() < 1e-6, "{x:?}");
        assert_eq!(x[1..], [0.0, 0.0, 1.0, 0.0, 0.2]);
    }
    for (class, example, size) in [(4, 0, 6), (0, 2, 6), (0, 0, 5)] {
        let message = all.fill(class, example, &mut vec![0.0; size]).unwrap_err().to_string();
        assert!(message.contains("4 classes of 2 examples of 6 pixels"), "{message}");
    }
}

#[test]
fn odd_archives_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let says = |path: &Path, words: &[&str]| {
        let message = Omniglot::open(&[path]).unwrap_err().to_string();
        for word in words.iter().chain(&[path.file_name().unwrap().to_str().unwrap()]) {
            assert!(message.contains(word), "`{message}` does not say `{word}`");
        }
    };
    assert!(matches!(Omniglot::open::<PathBuf>(&[]), Err(Error::Config { .. })));
    says(&folder.path().join("none.zip"), &["No such file"]);
    let text = folder.path().join("text.zip");
    std::fs::write(&text, "hello").unwrap();
    says(&text, &["no readable zip archive"]);
    let with = |name: &str, change: &dyn Fn(&mut Files)| archive(folder.path(), name, change);
    says(&with("empty.zip", &|files| files.retain(|f| f.0.ends_with("txt"))), &["no images"]);
    says(&with("few.zip", &|files| drop(files.remove(0))), &["Greek/character02 has 1 images", "have 2"]);
    let wide = png(2, &[0; 6], png::ColorType::Grayscale);
    says(&with("size.zip", &|files| files[2].1 = wide.clone()), &["character02/a.png has 3 × 2", "2 × 3"]);
    let coloured = png(2, &[0; 18], png::ColorType::Rgb);
    says(&with("rgb.zip", &|files| files[0].1 = coloured.clone()), &["character02/b.png", "coloured"]);
    says(
        &with("bad.zip", &|files| files[3].1 = b"hello".to_vec()),
        &["character01/a.png", "no readable PNG"],
    );
    let huge = png(20_000, &[0; 40_000], png::ColorType::Grayscale);
    says(&with("huge.zip", &|files| files[3].1 = huge.clone()), &["2 × 20000 pixels"]);
    // Whatever is damaged, the reader comes back.
    let whole = std::fs::read(archive(folder.path(), "whole.zip", |_| {})).unwrap();
    let path = folder.path().join("damaged.zip");
    for seed in 0..400 {
        std::fs::write(&path, mutated(&whole, seed)).unwrap();
        if let Ok(all) = Omniglot::open(&[&path]) {
            assert!(all.classes() > 0 && all.examples() > 0);
        }
    }
}

/// A class whose every example says which it is.
struct Numbered;

impl ClassSource for Numbered {
    fn name(&self) -> String {
        "numbers".into()
    }
    fn classes(&self) -> usize {
        10
    }
    fn examples(&self) -> usize {
        6
    }
    fn input_shape(&self) -> Vec<usize> {
        vec![2]
    }
    fn fill(&self, class: usize, example: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
        x.copy_from_slice(&[class as f32, example as f32]);
        Ok(())
    }
}

fn config() -> FewShotConfig {
    let shots = Shots { support: 2, query: 3 };
    FewShotConfig { tasks: 40, ..FewShotConfig::new(3, shots, (0..6).collect(), (6..10).collect()) }
}

/// Class, example and label of each example of a task.
fn of_task(set: &Examples, task: usize) -> Vec<(usize, usize, usize)> {
    let x = set.x.get(task).unwrap().to_vec2::<f32>().unwrap();
    let labels = set.y.tensor().get(task).unwrap().to_vec1::<u32>().unwrap();
    x.iter().zip(labels).map(|(x, label)| (x[0] as usize, x[1] as usize, label as usize)).collect()
}

#[test]
fn few_shot_tasks_are_what_they_are_called() {
    let source = FewShot::new(Arc::new(Numbered), config()).unwrap();
    let (train, test) = (source.train(5).unwrap(), source.test(0..40).unwrap());
    assert_eq!((train.support.x.dims(), train.query.x.dims()), (&[4, 6, 2][..], &[4, 9, 2][..]));
    assert_eq!((train.tasks.as_slice(), source.held_out()), (&[20, 21, 22, 23][..], 40));
    let mut labels_of_six = Vec::new();
    for (episode, classes) in [(&train, 0..6), (&test, 6..10)] {
        for task in 0..episode.tasks.len() {
            let (support, query) = (of_task(&episode.support, task), of_task(&episode.query, task));
            let class_of = |label: usize| support[2 * label].0;
            for (set, each) in [(&support, 2), (&query, 3)] {
                for (i, &(class, _, label)) in set.iter().enumerate() {
                    assert!(label == i / each && class == class_of(label) && classes.contains(&class));
                }
            }
            // Different classes, and no example twice.
            let mut all = [support.clone(), query].concat();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 15);
            let mut found: Vec<usize> = (0..3).map(class_of).collect();
            labels_of_six.extend(found.iter().position(|&class| class == 6));
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), 3);
        }
    }
    // Labels are permuted: the same class has each of them in some task.
    labels_of_six.sort_unstable();
    labels_of_six.dedup();
    assert_eq!(labels_of_six, [0, 1, 2]);
}

#[test]
fn few_shot_tasks_depend_on_seed_and_number_alone() {
    let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let source = FewShot::new(Numbered, config()).unwrap();
    let again = FewShot::new(Numbered, config()).unwrap();
    assert_eq!(numbers(&source.train(3).unwrap().query.x), numbers(&again.train(3).unwrap().query.x));
    assert_ne!(numbers(&source.train(3).unwrap().query.x), numbers(&again.train(4).unwrap().query.x));
    let (all, some) = (source.test(0..40).unwrap(), again.test(17..19).unwrap());
    assert_eq!(numbers(&all.query.x.narrow(0, 17, 2).unwrap()), numbers(&some.query.x));
    assert_eq!(some.tasks, [17, 18]);
    let other = FewShot::new(Numbered, FewShotConfig { seed: 1, ..config() }).unwrap();
    assert_ne!(numbers(&other.test(17..19).unwrap().query.x), numbers(&some.query.x));
}

#[test]
fn few_shot_tasks_that_cannot_be_are_refused() {
    let says = |config: FewShotConfig, words: &str| {
        let message = FewShot::new(Numbered, config).unwrap_err().to_string();
        assert!(message.starts_with("numbers: ") && message.contains(words), "`{message}` is not `{words}`");
    };
    let shots = |support, query| FewShotConfig { shots: Shots { support, query }, ..config() };
    says(FewShotConfig { ways: 1, ..config() }, "from two ways on");
    says(FewShotConfig { ways: 5, ..config() }, "5 ways need as many held-out classes, got 4");
    says(FewShotConfig { train: (0..7).collect(), ..config() }, "class 6 is in the split twice");
    says(FewShotConfig { held_out: vec![7, 8, 10], ..config() }, "no class 10 among 10");
    says(shots(0, 1), "at least one support and one query");
    says(shots(2, 5), "there are 6");
    says(shots(usize::MAX, 5), "there are 6");
    says(FewShotConfig { meta_batch: 0, ..config() }, "meta-batch");
    says(FewShotConfig { meta_batch: usize::MAX, ..config() }, "no episode can be as large");
    let source = FewShot::new(Numbered, config()).unwrap();
    assert!(source.test(39..41).is_err() && source.test(3..3).is_err());
    assert!(
        ClassSplit::random(10, (8, 3), 0).is_err() && ClassSplit::random(10, (usize::MAX, 3), 0).is_err()
    );
    let split = ClassSplit::random(10, (5, 2), 3).unwrap();
    let mut all = [split.train.clone(), split.validation.clone(), split.test.clone()].concat();
    all.sort_unstable();
    assert_eq!((all, split.test.len()), ((0..10).collect(), 3));
    assert_ne!(split, ClassSplit::random(10, (5, 2), 4).unwrap());
}

#[test]
fn sinusoids_have_the_ranges_of_the_paper() {
    let curves = Sinusoid::new(SinusoidConfig { examples: 12, ..SinusoidConfig::default() }).unwrap();
    assert_eq!((curves.input_shape(), curves.output_shape(), curves.tasks()), (vec![1], vec![1], None));
    let mut ends = [(f64::INFINITY, f64::NEG_INFINITY); 3];
    for task in 0..2_000 {
        let (mut x, mut y) = ([0f32; 12], [0f32; 12]);
        curves.fill(task, &mut x, &mut y).unwrap();
        let (amplitude, phase) = curves.curve(task);
        assert_eq!(curves.true_weights(task).unwrap().unwrap().1, [amplitude as f32, phase as f32]);
        for (&x, y) in x.iter().zip(y) {
            let exact = amplitude * (f64::from(x) - phase).sin();
            assert!((f64::from(y) - exact).abs() < 1e-6);
            for (end, value) in ends.iter_mut().zip([amplitude, phase, f64::from(x)]) {
                *end = (end.0.min(value), end.1.max(value));
            }
        }
        let mut part = ([0f32; 5], [0f32; 5]);
        curves.fill(task, &mut part.0, &mut part.1).unwrap();
        assert_eq!(part.0, x[..5]);
    }
    for ((least, most), (from, to)) in
        ends.into_iter().zip([(0.1, 5.0), (0.0, std::f64::consts::PI), (-5.0, 5.0)])
    {
        let slack = 0.01 * (to - from);
        assert!(
            least >= from && most <= to && least < from + slack && most > to - slack,
            "{least} to {most}"
        );
    }
    for (bad, words) in [
        (SinusoidConfig { amplitude: (2.0, 1.0), ..SinusoidConfig::default() }, "amplitudes from 2 to 1"),
        (SinusoidConfig { phase: (f64::NAN, 1.0), ..SinusoidConfig::default() }, "phases"),
        (SinusoidConfig { inputs: (-f64::MAX, f64::MAX), ..SinusoidConfig::default() }, "inputs"),
        (SinusoidConfig { examples: 0, ..SinusoidConfig::default() }, "at least one example"),
    ] {
        let message = Sinusoid::new(bad).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    assert!(curves.fill(0, &mut [0.0; 13], &mut [0.0; 13]).is_err());
}
