//! What a forward pass is for.

use std::sync::Arc;

/// What a forward pass is for. Normalisations and dropout do not do the same in each.
///
/// | | [`Support`](Phase::Support) | [`Train`](Phase::Train) | [`Query`](Phase::Query) |
/// |---|---|---|---|
/// | `Statistics::Batch` | own | own | own |
/// | `Statistics::Support` | own | support set's | support set's |
/// | `Statistics::Running` | own | own | running averages |
/// | [`Dropout`](crate::Dropout) | on | on | off |
///
/// The rows are those of [`BatchNorm`](crate::BatchNorm), which normalises with the
/// [`Statistics`](crate::Statistics) of the examples at hand (own), those of the task's support
/// set, or averages. Dropout is on where there are draws (see [`Pass`]).
///
/// All other layers do the same in every phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The model is adapted to these examples: an inner loop, or an exact solution.
    Support,
    /// The loss that is trained on: query sets of training tasks, or ordinary training.
    Train,
    /// Evaluation and prediction.
    #[default]
    Query,
}

/// The phase of a forward pass, and what is drawn in it.
///
/// It is part of the [`Values`](crate::Values) of the pass, so that every layer of a stack sees
/// it, and nothing about it is global.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// What the pass is for.
    pub phase: Phase,
    /// A number for each task, from which a layer that draws makes its random numbers, together
    /// with its own seed and name; without them nothing is drawn. The same numbers give the same
    /// draws, so that a pass that is computed again is the same pass.
    pub draws: Option<Arc<[u64]>>,
}

impl Pass {
    /// A pass of this phase without draws.
    pub fn new(phase: Phase) -> Self {
        Self { phase, draws: None }
    }

    /// The same with these numbers, one for each task.
    #[must_use]
    pub fn with_draws(self, draws: impl Into<Arc<[u64]>>) -> Self {
        Self { draws: Some(draws.into()), ..self }
    }

    /// The same phase at another time: every number of the draws mixed with `time`, an inner step
    /// for instance.
    #[must_use]
    pub fn at(&self, time: u64) -> Self {
        let mixed = |draws: &Arc<[u64]>| draws.iter().map(|&draw| mix(draw, time)).collect();
        Self { phase: self.phase, draws: self.draws.as_ref().map(mixed) }
    }

    /// The same with the draws of some tasks alone.
    #[must_use]
    pub fn of_tasks(&self, tasks: std::ops::Range<usize>) -> Self {
        let draws = self.draws.as_ref().and_then(|draws| draws.get(tasks)).map(Arc::from);
        Self { phase: self.phase, draws }
    }
}

/// One number of two, such that different pairs give numbers that look unrelated.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), the
/// finaliser of SplitMix64.
pub fn mix(a: u64, b: u64) -> u64 {
    let finalise = |mut x: u64| {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let step = |x: u64| x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    finalise(step(finalise(step(a)) ^ b))
}

#[cfg(test)]
mod tests {
    use super::{Pass, Phase, mix};

    #[test]
    fn draws_depend_on_both_numbers_in_their_order() {
        assert_eq!(mix(1, 2), mix(1, 2));
        assert_ne!(mix(1, 2), mix(2, 1));
        assert_ne!(mix(0, 0), 0);
        let pass = Pass::new(Phase::Support).with_draws(vec![5, 6, 7]);
        let later = pass.at(3);
        assert_eq!(later.draws.as_deref(), Some(&[mix(5, 3), mix(6, 3), mix(7, 3)][..]));
        assert_eq!(pass.of_tasks(1..3).draws.as_deref(), Some(&[6, 7][..]));
        assert!(Pass::default().at(1).draws.is_none());
    }
}
