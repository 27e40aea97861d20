//! How it is decided.

use crate::error::{Error, Result};
use crate::layout::Layout;

/// How [`discover`](crate::discover) decides.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscoverConfig {
    /// Whether components may change their signs: signed permutations.
    pub signed: bool,
    /// Whether the maps are linear in the inputs and their products, and not in the inputs alone:
    /// for maps without a linear part. Not together with signs.
    pub pairs: bool,
    /// How inputs and outputs are laid out: maps of a grid are then tried too, and named.
    pub layout: Layout,
    /// δ: with high confidence, less than this share of the variation of the weights breaks what is
    /// accepted. What clearly breaks a tenth of it is refused.
    pub tolerance: f64,
    /// Twenty times the probability that a bound, or a score, refuses what is true: many patterns
    /// are tried.
    pub level: f64,
    /// Which tasks find and which confirm, and everything else that is drawn.
    pub seed: u64,
}

impl Default for DiscoverConfig {
    /// Without signs and products, nothing known of the layout, 5 %, 1 %, seed 0.
    fn default() -> Self {
        Self { signed: false, pairs: false, layout: Layout::default(), tolerance: 0.05, level: 0.01, seed: 0 }
    }
}

impl DiscoverConfig {
    pub(crate) fn check(&self) -> Result<()> {
        for (name, value) in [("tolerance", self.tolerance), ("level", self.level)] {
            if !(value > 0.0 && value < 1.0) {
                return Err(Error::config(format!("the {name} must be above 0 and below 1, got {value}")));
            }
        }
        if self.signed && self.pairs {
            return Err(Error::config(
                "signs and products of inputs cannot be looked for together; choose one",
            ));
        }
        Ok(())
    }
}
