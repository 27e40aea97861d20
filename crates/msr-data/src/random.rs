//! Random streams: one per (seed, role, index), so that nothing depends on the order of access.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream is for; part of its identity, so the numbers must never change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// What is fixed for a whole problem.
    Problem = 1,
    /// One task.
    Task = 2,
    /// Which tasks and examples a training step draws.
    TrainStep = 3,
    /// Which examples of a test task are support.
    Test = 4,
    /// Which examples of a validation task are support.
    Validation = 5,
    /// How the images of a training step are augmented.
    TrainAugmentation = 6,
    /// How those of a held-out task are.
    TestAugmentation = 7,
    /// How the rows of one set of data are divided between tasks.
    Division = 8,
}

/// The stream of (seed, role, index).
pub(crate) fn stream(seed: u64, role: Role, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // ChaCha's stream number is 64 bits: the role in the top byte keeps roles apart.
    rng.set_stream(((role as u64) << 56) | (index & ((1 << 56) - 1)));
    rng
}
