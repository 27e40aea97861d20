//! What is found in the end.

use msr_groups::{SignedPattern, SignedPermutation};
use num_bigint::BigUint;

use crate::config::DiscoverConfig;
use crate::layout::{Layout, words};
use crate::statistics::Interval;

/// A share of the variation with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The estimate; below zero, by chance, where the truth is zero.
    pub value: f64,
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl From<Interval> for Bounds {
    fn from(Interval { value, lower, upper }: Interval) -> Self {
        Self { value, lower, upper }
    }
}

/// A generator of a group.
#[derive(Clone, Debug)]
pub struct Generator {
    /// What it does to outputs and to inputs.
    pub pair: (SignedPermutation, SignedPermutation),
    /// 1 − α: the share of the variation of the weights that it moves which it keeps, with an
    /// interval of 95 %, from the tasks that confirm. One for a symmetry; `None` where the inputs
    /// do not show it.
    pub strength: Option<Bounds>,
    /// What it does to inputs that are laid out in a grid: `quarter turn`.
    pub words: Option<String>,
}

impl Generator {
    pub(crate) fn new(
        pair: (SignedPermutation, SignedPermutation),
        broken: Option<Bounds>,
        layout: &Layout,
    ) -> Self {
        let strength =
            broken.map(|b| Bounds { value: 1.0 - b.value, lower: 1.0 - b.upper, upper: 1.0 - b.lower });
        let is_plain = |of: &SignedPermutation| of.flips().iter().all(|&flip| !flip);
        let words = if is_plain(&pair.1) { words(&layout.inputs, pair.1.points()) } else { None };
        Self { pair, strength, words }
    }
}

/// A symmetry that was confirmed, or the one that tasks come nearest to.
#[derive(Clone, Debug)]
pub struct Symmetry {
    /// How many different maps of the tasks' weights the group makes: its order, where `(−1, −1)`,
    /// which moves none, counts for nothing.
    pub order: BigUint,
    /// Its usual name, when one can be proved.
    pub name: Option<String>,
    /// The weights (m n) that it ties; where products of inputs are features, those of outputs and
    /// features: the inputs, `x_i x_j` for i < j, and the squares, unless they never change.
    pub pattern: SignedPattern,
    /// Generators.
    pub generators: Vec<Generator>,
    /// α: what of the variation of the weights breaks it.
    pub asymmetry: Bounds,
    /// The number of tasks that confirmed it, none of which were used to find it.
    pub confirmed_on: usize,
}

/// What was found of one pattern on the tasks that confirm.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The pattern, of outputs and inputs (or features).
    pub pattern: SignedPattern,
    /// The pairs of permutations of outputs and inputs that were put together in it.
    pub pairs: Vec<(SignedPermutation, SignedPermutation)>,
    /// α: what of the variation of the weights breaks it.
    pub asymmetry: Bounds,
    /// The probability of such a score, were the weights tied.
    pub p_score: f64,
    /// What ties gain of the log density, a number of an output; negative where they lose.
    pub gain: f64,
    /// How much of what they tie the inputs show; below 0.2 nothing can be said.
    pub visible: f64,
    /// A bound of ln of the probability that weights without ties look so tied.
    pub ln_coincidence: f64,
    /// The order of its group, where everything else speaks for it.
    pub order: Option<BigUint>,
    /// Whether it was accepted.
    pub is_accepted: bool,
    /// Whether it was refused; what is neither is open.
    pub is_refused: bool,
    /// What is missing, where it is open.
    pub open: Option<Open>,
}

/// Why a pattern was neither accepted nor refused: the first of these that is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Open {
    /// Equations had no solution, or the inputs show nothing of what it ties.
    Untested,
    /// The inputs hardly show what it ties.
    Invisible,
    /// The bound of what breaks it is above the tolerance.
    Wide,
    /// What breaks it comes out clearly below nothing.
    BelowZero,
    /// Beside one strong direction of the weights little breaks it, but not beside the others.
    Dominated,
    /// Little breaks it, but surely, or a score sees something of it.
    Broken,
    /// Tasks are less likely with it than without, though little breaks it.
    Unlikely,
    /// Its group was not found: it is too large, or there is none.
    NoGroup,
    /// Weights without ties could look like it.
    Chance,
    /// Too few of the tasks could be used.
    FewTasks,
    /// One of its generators is not seen for itself.
    Hidden,
}

/// Why nothing is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// There are fewer tasks than so many.
    FewTasks {
        /// The fewest.
        needed: usize,
    },
    /// No common weights were found.
    NotLearned,
    /// Some patterns could be neither accepted nor refused.
    NotConfirmed,
    /// The same, and what breaks them has no bound: the tasks are few, and what their maps have in
    /// common varies much from one to the other.
    Unbounded,
    /// All patterns were refused, but of three exchanges (or mirrors, where signs are looked for)
    /// that were planted in these data only so many were found again: a symmetry might have been
    /// missed.
    Blind {
        /// How many.
        found: usize,
    },
}

/// The answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum VerdictKind {
    /// The tasks have this symmetry, and none that is larger.
    Found(Symmetry),
    /// They have it; a larger one could be neither confirmed nor refused.
    AtLeast(Symmetry),
    /// Everything that was tried is refused: it breaks more than a tenth of the tolerance, and a
    /// symmetry would have been seen.
    None,
    /// These data do not tell.
    Undecided {
        /// Why not.
        why: Why,
        /// About how many more tasks should: so many that the bound of the asymmetry would be at
        /// the tolerance five times of six, were nothing to break the pattern.
        more_tasks: Option<usize>,
    },
}

/// What [`discover`](crate::discover) has found, with the evidence. Its `Display` says it in a few
/// lines.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The answer.
    pub kind: VerdictKind,
    /// The exact group that the tasks come nearest to, where none was confirmed, less than half of
    /// the variation breaks it, and it is no coincidence. Its asymmetry has an interval of 95 %.
    pub nearest: Option<Symmetry>,
    /// All patterns that were looked at on the tasks that confirm.
    pub tested: Vec<Tested>,
    /// How much of the variation of the outputs no map of the tasks explains that is linear (in the
    /// inputs, or in them and their products): noise, and what is not linear.
    pub unexplained: f64,
    /// Inputs with next to no effect on the outputs, less than a hundredth of the mean: of them a
    /// verdict says little. To exchange two of them, or to leave one out, changes next to nothing.
    pub faint: Vec<usize>,
    /// Whether tasks have fewer examples than twice their inputs (or features), so that a part of a
    /// map can look like noise.
    pub is_thin: bool,
    /// How it was decided.
    pub config: DiscoverConfig,
    /// Outputs and inputs.
    pub shape: (usize, usize),
    /// The number of tasks that confirm.
    pub confirming: usize,
}

impl Verdict {
    pub(crate) fn new(
        config: DiscoverConfig,
        shape: (usize, usize),
        kind: VerdictKind,
        tested: Vec<Tested>,
    ) -> Self {
        let (faint, is_thin) = (Vec::new(), false);
        Self { kind, nearest: None, tested, unexplained: 0.0, faint, is_thin, config, shape, confirming: 0 }
    }

    pub(crate) fn undecided(config: DiscoverConfig, shape: (usize, usize), why: Why) -> Self {
        Self::new(config, shape, VerdictKind::Undecided { why, more_tasks: None }, Vec::new())
    }

    pub(crate) fn with(self, unexplained: f64, confirming: usize) -> Self {
        Self { unexplained, confirming, ..self }
    }

    /// The symmetry, where one was confirmed.
    pub fn symmetry(&self) -> Option<&Symmetry> {
        match &self.kind {
            VerdictKind::Found(symmetry) | VerdictKind::AtLeast(symmetry) => Some(symmetry),
            _ => None,
        }
    }
}
