//! Tasks and a layer that several tests use.
#![allow(clippy::unwrap_used, dead_code, reason = "tests; no test file uses all of it")]

use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device};
use msr_episodes::{Episode, EpisodeSource, Examples};
use msr_layers::{Layer, ReparamLinear, ReparamLinearConfig, SeededVars};
use msr_testkit::normal;

/// Tasks y = W_t x whose W_t all lie in one fixed subspace of dimension `k`.
pub fn episode(seed: u64, tasks: usize, support: usize, k: usize, dtype: DType) -> Episode {
    let (n, m) = (6, 5);
    let basis = normal(999, (k, m * n), dtype);
    let w = normal(seed, (tasks, k), dtype).matmul(&basis).unwrap().reshape((tasks, m, n)).unwrap();
    let set = |seed, count| {
        let x = normal(seed, (tasks, count, n), dtype);
        let y = x.matmul(&w.t().unwrap()).unwrap();
        Examples::values(x, y).unwrap()
    };
    let numbers = (0..tasks).map(|t| 100 * seed as usize + t).collect();
    Episode::new(numbers, set(seed + 1, support), set(seed + 2, 7)).unwrap()
}

/// A small reparameterized layer with a bias.
pub fn msr(seed: u64, k: usize, dtype: DType) -> (Arc<dyn Layer>, SeededVars) {
    let vars = SeededVars::new(seed);
    let config = ReparamLinearConfig {
        symmetry_std: 0.3,
        filter_std: 0.5,
        bias: true,
        ..ReparamLinearConfig::new(6, 5, k)
    };
    (Arc::new(ReparamLinear::new(config, vars.builder(dtype, &Device::Cpu).pp("fc")).unwrap()), vars)
}

/// The same tasks at each test.
pub struct HeldOut(pub Episode);

impl EpisodeSource for HeldOut {
    fn name(&self) -> String {
        "held-out tasks".into()
    }
    fn train(&self, _: u64) -> msr_episodes::Result<Episode> {
        Ok(self.0.clone())
    }
    fn held_out(&self) -> usize {
        self.0.tasks.len()
    }
    fn test(&self, tasks: Range<usize>) -> msr_episodes::Result<Episode> {
        assert_eq!(tasks, 0..self.held_out());
        Ok(self.0.clone())
    }
}
