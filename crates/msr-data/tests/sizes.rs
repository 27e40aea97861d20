//! Sizes that no machine can hold are errors, and no sum or product of them wraps.
#![allow(clippy::unwrap_used, reason = "tests")]

use msr_data::{EpisodeSampler, Equivariant, EquivariantConfig, RankK, SamplerConfig, export_npz};
use msr_episodes::{EpisodeSource, Error, Result, Shots, Split, TaskSource};
use msr_groups::SharingPattern;

const HUGE: [usize; 4] = [1 << 62, (1 << 63) - 1, usize::MAX / 3, usize::MAX];

/// A source that claims any shapes, and has nothing.
#[derive(Clone)]
struct Claims {
    examples: usize,
    input: Vec<usize>,
    output: Vec<usize>,
}

impl TaskSource for Claims {
    fn name(&self) -> String {
        "claims".into()
    }

    fn tasks(&self) -> Option<usize> {
        None
    }

    fn examples(&self) -> usize {
        self.examples
    }

    fn input_shape(&self) -> Vec<usize> {
        self.input.clone()
    }

    fn output_shape(&self) -> Vec<usize> {
        self.output.clone()
    }

    fn fill(&self, _: usize, x: &mut [f32], y: &mut [f32]) -> Result<()> {
        self.check_buffers(x, y)
    }
}

fn config(split: Split, shots: Shots, meta_batch: usize) -> SamplerConfig {
    SamplerConfig::new(split, shots, meta_batch, 0)
}

#[test]
fn huge_numbers_of_tasks_and_examples_are_refused() {
    let source = || Claims { examples: usize::MAX, input: vec![3], output: vec![2] };
    let (split, shots) = (Split::new(8, 4), Shots { support: 1, query: 2 });
    for huge in HUGE {
        for bad in [
            config(Split::four_fifths(huge), shots, 4),
            config(Split::new(huge, 4), shots, 4),
            config(Split::new(8, huge), shots, 4),
            config(split, shots, huge),
            config(Split::new(1 << 39, 4), Shots { support: 1 << 30, query: 1 }, 1 << 38),
            config(split, Shots { support: huge, query: 1 }, 4),
            config(split, Shots { support: 1, query: huge }, 4),
            config(split, Shots { support: huge, query: huge }, 4),
        ] {
            assert!(EpisodeSampler::new(source(), bad).is_err(), "{bad:?}");
            assert!(EpisodeSampler::new(RankK::new(1, 0).unwrap(), bad).is_err(), "{bad:?}");
        }
        let config = EquivariantConfig::new(huge, 0);
        assert!(Equivariant::new(SharingPattern::untied(4, 3).unwrap(), config).is_err());
    }
    let wide = Claims { examples: 3, input: vec![1 << 30], output: vec![2] };
    let sampler = EpisodeSampler::new(wide, config(Split::new(8, 1 << 39), shots, 4)).unwrap();
    assert!(matches!(sampler.test(0..1 << 39), Err(Error::TooLarge { .. })));
}

#[test]
fn huge_shapes_are_refused() {
    for huge in HUGE {
        for shape in [vec![huge], vec![huge, huge], vec![1 << 40, 1 << 40]] {
            for (input, output) in
                [(shape.clone(), vec![1]), (vec![1], shape.clone()), (shape.clone(), shape)]
            {
                let source = Claims { examples: 20, input, output };
                let config = config(Split::new(8, 4), Shots { support: 1, query: 2 }, 4);
                assert!(matches!(source.fill(0, &mut [0.0; 3], &mut [0.0; 3]), Err(Error::Buffers { .. })));
                let found = EpisodeSampler::new(source, config);
                assert!(found.is_err_and(|e| e.to_string().contains("no episode can be as large")));
            }
        }
    }
}

/// A file of tasks that no machine can hold is refused, and not begun.
#[test]
fn huge_tasks_are_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |source: &dyn TaskSource| {
        let found = export_npz(source, 0..1, folder.path().join("tasks.npz"));
        assert!(matches!(found, Err(msr_data::Error::Episodes(Error::TooLarge { .. }))), "{found:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    for huge in HUGE.into_iter().chain([1 << 60]) {
        refused(&Claims { examples: huge, input: vec![3], output: vec![2] });
        refused(&Claims { examples: 2, input: vec![huge, 4], output: vec![2] });
        refused(&Claims { examples: 2, input: vec![3], output: vec![huge] });
    }
    let pattern = SharingPattern::untied(4, 3).unwrap();
    refused(&Equivariant::new(pattern, EquivariantConfig::new(1 << 60, 0)).unwrap());
}
