//! What this machine can do at most: the rates that a floor is made of.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use candle_core::{Device, Tensor};
use msr_kernels::matmul;
use serde::Serialize;

use crate::median;

/// Measured rates, with all cores.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rates {
    /// f32 operations per second in a 1024³ matrix product (two per multiply–add).
    #[serde(rename = "gemm_flops_per_second")]
    pub gemm: f64,
    /// Bytes per second in a copy larger than the caches, read plus written.
    #[serde(rename = "copy_bytes_per_second")]
    pub copy: f64,
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gemm, copy) = (self.gemm / 1e9, self.copy / 1e9);
        write!(f, "This machine: {gemm:.0} GFLOP/s in GEMM, {copy:.1} GB/s in copies.")
    }
}

impl Rates {
    /// Measures both.
    pub fn measure() -> Result<Self> {
        const N: usize = 1024;
        let matrix = |scale: f32| -> Result<Tensor> {
            let data: Vec<f32> = (0..N * N).map(|i| scale * ((i * 7919 % 1013) as f32 - 506.0)).collect();
            Ok(Tensor::from_vec(data, (N, N), &Device::Cpu)?)
        };
        let (a, b) = (matrix(1e-3)?, matrix(2e-3)?);
        let gemm = times(9, || black_box(matmul(&a, &b)).is_ok());
        // Larger than the last-level cache of most machines; each thread copies its share.
        let source = vec![1u8; 512 << 20];
        let mut target = vec![0u8; source.len()];
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let share = source.len().div_ceil(threads);
        let copy = times(5, || {
            std::thread::scope(|scope| {
                for (from, to) in source.chunks(share).zip(target.chunks_mut(share)) {
                    scope.spawn(|| to.copy_from_slice(from));
                }
            });
            black_box(&target).len() == source.len()
        });
        Ok(Self { gemm: 2.0 * (N as f64).powi(3) / gemm, copy: 2.0 * source.len() as f64 / copy })
    }
}

/// The median time of `work`, after one run to warm up; `work` says whether it succeeded.
fn times(samples: usize, mut work: impl FnMut() -> bool) -> f64 {
    let mut found = Vec::new();
    for i in 0..=samples {
        let start = Instant::now();
        let ok = work();
        if i > 0 && ok {
            found.push(start.elapsed().as_secs_f64());
        }
    }
    median(&found)
}
