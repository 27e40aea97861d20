//! Few-shot tasks whose query images are augmented, and classes that are turned.
#![allow(clippy::unwrap_used, reason = "tests")]

use candle_core::Tensor;
use msr_data::{Augmentation, ClassSource, FewShot, FewShotConfig, QuarterTurns};
use msr_episodes::{EpisodeSource, Prefetch, Shots};

/// Images of their own in which no two pixels are the same.
#[derive(Clone)]
struct Images([usize; 3]);

impl ClassSource for Images {
    fn name(&self) -> String {
        "images".into()
    }
    fn classes(&self) -> usize {
        12
    }
    fn examples(&self) -> usize {
        7
    }
    fn input_shape(&self) -> Vec<usize> {
        self.0.to_vec()
    }
    fn fill(&self, class: usize, example: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
        for (at, x) in x.iter_mut().enumerate() {
            *x = ((at * 37 + class * 11 + example * 5) % 101) as f32 / 101.0;
        }
        Ok(())
    }
}

fn config(augmentation: Option<Augmentation>) -> FewShotConfig {
    let shots = Shots { support: 2, query: 3 };
    let config = FewShotConfig::new(3, shots, (0..8).collect(), (8..12).collect());
    FewShotConfig { tasks: 10, augmentation, ..config }
}

fn numbers(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn query_images_are_augmented_and_nothing_else() {
    let plain = FewShot::new(Images([2, 9, 8]), config(None)).unwrap();
    let augmented = FewShot::new(Images([2, 9, 8]), config(Some(Augmentation::default()))).unwrap();
    let none = FewShot::new(Images([2, 9, 8]), config(Some(Augmentation::NONE))).unwrap();
    let episodes =
        |source: &FewShot| [source.train(0), source.train(5), source.test(0..10)].map(Result::unwrap);
    for ((plain, augmented), none) in episodes(&plain).iter().zip(&episodes(&augmented)).zip(&episodes(&none))
    {
        assert_eq!(numbers(&plain.support.x), numbers(&augmented.support.x));
        assert_eq!(plain.query.x.dims(), augmented.query.x.dims());
        let labels = |e: &msr_episodes::Episode| e.query.y.tensor().to_vec2::<u32>().unwrap();
        assert_eq!(labels(plain), labels(augmented));
        // Every image is another one, and differently so.
        let image = |e: &msr_episodes::Episode, at: usize| {
            numbers(&e.query.x.flatten(0, 1).unwrap().get(at).unwrap())
        };
        for at in 0..plain.query.x.dims()[0] * 9 {
            assert_ne!(image(plain, at), image(augmented, at));
        }
        assert_eq!(numbers(&plain.query.x), numbers(&none.query.x));
    }
    // Test tasks are the same in any order of access.
    let (all, some) = (augmented.test(0..10).unwrap(), augmented.test(4..5).unwrap());
    assert_eq!(numbers(&all.query.x.narrow(0, 4, 1).unwrap()), numbers(&some.query.x));
}

#[test]
fn episodes_made_in_the_background_are_the_same() {
    let source = || FewShot::new(Images([1, 8, 8]), config(Some(Augmentation::default()))).unwrap();
    let plain = source();
    for ahead in [1, 3] {
        let prefetched = Prefetch::ahead(source(), ahead.try_into().unwrap());
        for step in [0, 1, 2, 9, 10, 3, 3, u64::MAX, 0] {
            let [expected, found] = [plain.train(step), prefetched.train(step)].map(Result::unwrap);
            assert_eq!(numbers(&expected.query.x), numbers(&found.query.x), "step {step}, {ahead} ahead");
            assert_eq!(expected.tasks, found.tasks);
        }
        let [expected, found] = [plain.test(3..5), prefetched.test(3..5)].map(Result::unwrap);
        assert_eq!(numbers(&expected.query.x), numbers(&found.query.x));
    }
}

#[test]
fn turned_classes_train_and_others_test() {
    let turned = QuarterTurns::new(Images([1, 8, 8])).unwrap();
    let train = turned.of_all(&(0..8).collect::<Vec<_>>());
    let source = FewShot::new(turned, FewShotConfig { train, ..config(None) }).unwrap();
    let episode = source.train(0).unwrap();
    assert_eq!(episode.support.x.dims(), [4, 6, 1, 8, 8]);
    assert_eq!(source.config().train.len(), 32);
}

#[test]
fn what_cannot_be_augmented_is_refused() {
    let bad = Augmentation { degrees: f64::NAN, ..Augmentation::default() };
    let message = FewShot::new(Images([1, 8, 8]), config(Some(bad))).unwrap_err().to_string();
    assert!(message.contains("augmentation: the largest angle"), "{message}");
    struct Vectors;
    impl ClassSource for Vectors {
        fn name(&self) -> String {
            "vectors".into()
        }
        fn classes(&self) -> usize {
            12
        }
        fn examples(&self) -> usize {
            7
        }
        fn input_shape(&self) -> Vec<usize> {
            vec![4]
        }
        fn fill(&self, _: usize, _: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
            x.fill(0.0);
            Ok(())
        }
    }
    let message = FewShot::new(Vectors, config(Some(Augmentation::default()))).unwrap_err().to_string();
    assert!(message.contains("only images (channels, height, width) are augmented, got [4]"), "{message}");
    assert!(QuarterTurns::new(Vectors).is_err());
}
