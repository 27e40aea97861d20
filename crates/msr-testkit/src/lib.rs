//! Helpers shared by the tests of this workspace and its fuzzer; of no crate that is published.
//!
//! - [`assert_close`]: closeness that says where the worst element is.
//! - [`gradcheck`]: gradients of any order against central finite differences.
//! - [`peak_memory`]: what the allocator saw.
//! - [`normal`]: reproducible random tensors.
//! - [`odd_files`], [`ODD_TEXTS`], [`mutated`]: files and names that readers must refuse or read,
//!   and never stumble over.
//! - [`shared`]: the big reference data beside a developer's checkout, where there is any.

// Test helpers fail by panicking: that is how a test reports.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "helpers of tests report by panicking and say on stderr what they skip"
)]

mod close;
mod gradcheck;
mod memory;
mod odd;
mod shared;

pub use close::{assert_close, assert_same_bits, relative_error};
pub use gradcheck::{FiniteDifference, gradcheck};
pub use memory::{CountingAllocator, peak_memory};
pub use odd::{ODD_TEXTS, OddFile, VALID_TEXTS, mutated, npy, odd_files, safetensors, whole_files, zip};
pub use shared::shared;

use candle_core::{DType, Device, Shape, Tensor};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// A tensor of independent N(0, 1) numbers: the same for the same seed, in `f64` or `f32`.
pub fn normal(seed: u64, shape: impl Into<Shape>, dtype: DType) -> Tensor {
    let shape = shape.into();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let data: Vec<f64> = (0..shape.elem_count()).map(|_| StandardNormal.sample(&mut rng)).collect();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}
