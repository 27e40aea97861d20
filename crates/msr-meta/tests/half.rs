//! Half precision: Table 1's MSR-FC, learned in `f32`, tested in `bf16` and `f16`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, RankK, SamplerConfig};
use msr_episodes::{EpisodeSource, Shots, Split};
use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
use msr_meta::{AdamConfig, Learner, MetaConfig, MetaLearner, Summary, Trainer, learner_from};

const TASKS: usize = 400;
const TOGETHER: usize = 100;

/// The mean query error over the test tasks, all computed in one dtype.
fn test_error(learner: &dyn Learner, sampler: &EpisodeSampler, dtype: DType) -> f64 {
    let mut losses = Vec::new();
    for start in (0..TASKS).step_by(TOGETHER) {
        let episode = sampler.test(start..start + TOGETHER).unwrap().to_dtype(dtype).unwrap();
        losses.extend(learner.losses(&episode).unwrap());
    }
    Summary::new(&losses).unwrap().mean
}

/// Sums in the storage type once made of 1.3 a 1.0: now a test error in half precision is that of
/// `f32`, within two hundredths.
#[test]
fn a_meta_test_in_half_precision() {
    for (rank, k) in [(1, 3), (2, 6)] {
        let vb = SeededVars::new(0).builder(DType::F32, &Device::Cpu);
        let layer = ReparamLinear::new(ReparamLinearConfig::new(70, 68, k), vb).unwrap();
        let learner = MetaLearner::new(layer, MetaConfig::gradient_steps(3)).unwrap();
        let mut trainer = Trainer::new(learner, AdamConfig::default()).unwrap();
        let shots = Shots { support: 1, query: 19 };
        let config = SamplerConfig::new(Split::four_fifths(10_000), shots, 32, 0);
        let sampler = EpisodeSampler::new(Arc::new(RankK::new(rank, 0).unwrap()), config).unwrap();
        assert!(trainer.run(1_000, &sampler, &mut ()).unwrap().is_continue());
        let learned = trainer.learner().learned().unwrap();
        let single = test_error(trainer.learner(), &sampler, DType::F32);
        for dtype in [DType::F64, DType::BF16, DType::F16] {
            let learner = learner_from(&learned.to_dtype(dtype).unwrap()).unwrap();
            let found = test_error(learner.as_ref(), &sampler, dtype);
            println!("rank {rank}: {found:.5} in {dtype:?}, {single:.5} in F32, {:.4} of it", found / single);
            assert!((found / single - 1.0).abs() < 0.02, "rank {rank}, {dtype:?}: {found} beside {single}");
        }
    }
}
