//! Where a training run leaves what it learned.

/// The file of [`msr_symmetry::Learned`], in the folder of a training run.
pub const LEARNED: &str = "learned.safetensors";
