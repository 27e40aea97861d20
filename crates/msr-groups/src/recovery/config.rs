//! What it takes to claim a symmetry.

use crate::error::{Error, Result};

/// What it takes to claim a symmetry. See [recovery.md](crate::derivations::recovery), sections 1
/// and 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecoveryConfig {
    /// The smallest distance between clusters of rows, divided by the longest step that joins rows
    /// of one cluster, must be at least this.
    pub least_gap: f64,
    /// The residual `‖U − P(U)‖ / ‖U‖` must be at most this.
    pub largest_residual: f64,
    /// The probability that chance alone gives such a pattern must be at most this; see
    /// [recovery.md](crate::derivations::recovery), section 2.
    pub largest_chance: f64,
}

impl RecoveryConfig {
    /// Refuses numbers that would switch a guard off.
    pub(super) fn check(&self) -> Result<()> {
        let unit = |x: f64| (0.0..=1.0).contains(&x);
        if self.least_gap.is_finite()
            && self.least_gap >= 1.0
            && unit(self.largest_residual)
            && unit(self.largest_chance)
        {
            return Ok(());
        }
        Err(Error::Config {
            problem: format!("recovery needs least_gap ≥ 1, residual and chance in 0 to 1; got {self:?}"),
        })
    }
}

impl Default for RecoveryConfig {
    /// A gap of at least 1.5, a residual of at most 0.2, a chance of at most one in a million.
    fn default() -> Self {
        Self { least_gap: 1.5, largest_residual: 0.2, largest_chance: 1e-6 }
    }
}
