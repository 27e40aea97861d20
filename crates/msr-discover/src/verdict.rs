//! What is said in the end.

use std::fmt;

use msr_groups::{SignedPattern, SignedPermutation};
use num_bigint::BigUint;

use crate::config::DiscoverConfig;

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

/// A symmetry that was confirmed.
#[derive(Clone, Debug)]
pub struct Symmetry {
    /// How many different maps of the tasks' weights the group makes: its order, where `(−1, −1)`,
    /// which moves none, counts for nothing.
    pub order: BigUint,
    /// Its usual name, when one can be proved.
    pub name: Option<String>,
    /// The weights that it ties.
    pub pattern: SignedPattern,
    /// Generators, as pairs of signed permutations of outputs and inputs.
    pub generators: Vec<(SignedPermutation, SignedPermutation)>,
    /// α: what of the variation of the weights breaks it.
    pub asymmetry: Bounds,
    /// The number of tasks that confirmed it, none of which were used to find it.
    pub confirmed_on: usize,
}

/// What was found of one pattern on the tasks that confirm.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The pattern.
    pub pattern: SignedPattern,
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
    /// All patterns were refused, but of three exchanges that were planted in these data only so
    /// many were found again: a symmetry might have been missed.
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
        /// About how many more tasks would.
        more_tasks: Option<usize>,
    },
}

/// What [`discover`](crate::discover) has found, with the evidence. Its `Display` says it in a few
/// lines.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The answer.
    pub kind: VerdictKind,
    /// All patterns that were looked at on the tasks that confirm.
    pub tested: Vec<Tested>,
    /// How it was decided.
    pub config: DiscoverConfig,
    /// Outputs and inputs.
    pub shape: (usize, usize),
}

impl Verdict {
    pub(crate) fn new(
        config: DiscoverConfig,
        shape: (usize, usize),
        kind: VerdictKind,
        tested: Vec<Tested>,
    ) -> Self {
        Self { kind, tested, config, shape }
    }

    pub(crate) fn undecided(
        config: DiscoverConfig,
        shape: (usize, usize),
        why: Why,
        tested: Vec<Tested>,
        more_tasks: Option<usize>,
    ) -> Self {
        Self::new(config, shape, VerdictKind::Undecided { why, more_tasks }, tested)
    }

    /// The symmetry, where one was confirmed.
    pub fn symmetry(&self) -> Option<&Symmetry> {
        match &self.kind {
            VerdictKind::Found(symmetry) | VerdictKind::AtLeast(symmetry) => Some(symmetry),
            _ => None,
        }
    }
}

/// A bound in percent, rounded up to as many digits as it needs.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = if percent < 0.095 { 2 } else { 1 };
    let scale = 10f64.powi(digits);
    // What is a round number but for its last bit stays one.
    let up = (percent * scale * (1.0 - 1e-12)).ceil() / scale;
    format!("{up:.*} %", digits as usize)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (m, n) = self.shape;
        let tolerance = percent(self.config.tolerance);
        let symmetry = |f: &mut fmt::Formatter<'_>, symmetry: &Symmetry| {
            let name = symmetry.name.as_deref().unwrap_or("a group without a name here");
            write!(
                f,
                "{name}, order {}, on {n} inputs and {m} outputs; confirmed on {} tasks that were not used to find it: what \
                 breaks it is at most {} of the variation",
                symmetry.order,
                symmetry.confirmed_on,
                percent(symmetry.asymmetry.upper.max(0.0))
            )
        };
        match &self.kind {
            VerdictKind::Found(found) => symmetry(f, found),
            VerdictKind::AtLeast(found) => {
                f.write_str("at least ")?;
                symmetry(f, found)?;
                f.write_str(" (a larger group could be neither confirmed nor refused)")
            }
            VerdictKind::None => write!(
                f,
                "no symmetry up to a tolerance of {tolerance}, and an exchange planted in these data would have been seen"
            ),
            VerdictKind::Undecided { why, more_tasks } => {
                f.write_str("undecided: ")?;
                match why {
                    Why::FewTasks { needed } => {
                        write!(f, "fewer than {needed} tasks, of which half are to confirm")?
                    }
                    Why::NotLearned => {
                        f.write_str("the tasks have nothing in common that could be learned")?
                    }
                    Why::NotConfirmed if self.tested.is_empty() => {
                        f.write_str("there was no pattern to test")?;
                    }
                    Why::NotConfirmed => {
                        f.write_str("no pattern could be confirmed, and not all could be refused")?
                    }
                    Why::Blind { found } => write!(
                        f,
                        "nothing was found, but of {} exchanges planted in these data only {found} were found again",
                        crate::guard::PLANTS
                    )?,
                }
                match more_tasks {
                    Some(more) => write!(f, "; about {more} more tasks would tell"),
                    None => Ok(()),
                }
            }
        }
    }
}
