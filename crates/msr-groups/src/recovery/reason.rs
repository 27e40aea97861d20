//! Why no symmetry is claimed.

use std::fmt;

/// Why no symmetry is claimed. See [recovery.md](crate::derivations::recovery), sections 1 and 2.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// There are fewer than two weights, so none can be tied.
    FewWeights,
    /// All entries are zero.
    AllZero,
    /// The rows form no clear clusters.
    UnclearClusters {
        /// How many times as far apart rows of different clusters are as rows of one.
        gap: f64,
        /// [`RecoveryConfig::least_gap`](crate::RecoveryConfig::least_gap).
        least: f64,
    },
    /// The rows of a cluster differ too much.
    LargeResidual {
        /// `‖U − P(U)‖ / ‖U‖`.
        residual: f64,
        /// [`RecoveryConfig::largest_residual`](crate::RecoveryConfig::largest_residual).
        largest: f64,
    },
    /// The clear clusters have finer ones inside, so close that they are not clear, but too far
    /// apart for noise: the ties would be too many.
    HiddenDifference {
        /// How many times as far apart the finer ones are as the noise is wide.
        separation: f64,
    },
    /// Rows without ties could look like this.
    Chance {
        /// An upper bound of the probability.
        bound: f64,
        /// [`RecoveryConfig::largest_chance`](crate::RecoveryConfig::largest_chance).
        largest: f64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewWeights => write!(f, "there are fewer than two weights"),
            Self::AllZero => write!(f, "all entries are zero"),
            Self::UnclearClusters { gap, least } => write!(
                f,
                "rows form no clear clusters: those between clusters are only {gap:.2} times as far apart as \
                 those within (at least {least} is asked for)"
            ),
            Self::LargeResidual { residual, largest } => {
                write!(f, "the clusters leave a residual of {residual:.3} (at most {largest} is allowed)")
            }
            Self::HiddenDifference { separation } => write!(
                f,
                "within the clear clusters there is a difference of {separation:.1} noise widths that noise \
                 does not explain, and the finer clusters that it makes are not clear"
            ),
            Self::Chance { bound, largest } => write!(
                f,
                "chance could tie weights as closely as this: the bound of its probability is {bound:.0e} (at \
                 most {largest:.0e} is allowed)"
            ),
        }
    }
}
