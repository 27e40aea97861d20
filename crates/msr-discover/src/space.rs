//! Where symmetries are looked for.

use msr_groups::{Permutation, SignedPattern};
use nalgebra::DMatrix;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::features::Features;
use crate::search::{Candidate, Pair, laid_out, search};

/// Outputs, features of inputs, and what is known of them beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    /// The number of outputs, m.
    pub outputs: usize,
    pub features: Features,
    /// Permutations of the inputs that are tried whatever the search finds.
    pub known: Vec<Permutation>,
    /// Whether signs are looked for.
    pub signed: bool,
}

impl Space {
    /// Outputs and features: the shape of the weights.
    pub fn shape(&self) -> (usize, usize) {
        (self.outputs, self.features.count())
    }

    /// The weights that pairs of permutations of outputs and inputs tie.
    pub fn pattern(&self, pairs: &[Pair]) -> Result<SignedPattern> {
        self.features.pattern(self.outputs, pairs)
    }

    /// Pairs under which the rows of U stay almost where they are.
    pub fn search(&self, u: &DMatrix<f64>, most: usize, rng: &mut ChaCha8Rng) -> Vec<Candidate> {
        search(u, self.outputs, &self.features, &self.known, (self.signed, most), rng)
    }

    /// The permutations of the inputs that are known beforehand, with those of the outputs that go
    /// best with them.
    pub fn laid_out(&self, u: &DMatrix<f64>) -> Vec<Candidate> {
        laid_out(u, self.outputs, &self.features, &self.known, self.signed)
    }
}
