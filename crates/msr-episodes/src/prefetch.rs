//! Episodes made in the background, while the learner is at work.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::episode::Episode;
use crate::error::Result;
use crate::source::{EpisodeSource, NumberedTasks};

/// A source whose next training episodes are made by other threads while the last one is used. The
/// episodes are those of the source, bit by bit: an episode depends on its step alone.
///
/// # Panics
/// [`train`](EpisodeSource::train) goes on with the panic of a source that panicked.
///
/// # Example
/// ```
/// use std::ops::Range;
/// # use candle_core::{DType, Device, Tensor};
/// use msr_episodes::{Episode, EpisodeSource, Examples, Prefetch, Result};
///
/// struct Steps;
/// impl EpisodeSource for Steps {
///     fn name(&self) -> String {
///         "steps".into()
///     }
///     fn train(&self, step: u64) -> Result<Episode> {
///         let set = || {
///             let x = Tensor::full(step as f32, (1, 2, 3), &Device::Cpu)?;
///             Examples::values(x, Tensor::zeros((1, 2, 1), DType::F32, &Device::Cpu)?)
///         };
///         Episode::new(vec![step as usize], set()?, set()?)
///     }
///     fn held_out(&self) -> usize {
///         1
///     }
///     fn test(&self, _: Range<usize>) -> Result<Episode> {
///         self.train(0)
///     }
/// }
/// # fn main() -> Result<()> {
/// let source = Prefetch::new(Steps);
/// for step in [0, 1, 2, 7] {
///     assert_eq!(source.train(step)?.tasks, [step as usize]);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Prefetch<S> {
    source: Arc<S>,
    ahead: NonZeroUsize,
    /// The steps that are being made, in order, and who makes them.
    next: Mutex<VecDeque<(u64, JoinHandle<Result<Episode>>)>>,
}

impl<S: EpisodeSource> std::fmt::Debug for Prefetch<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.source.name();
        f.debug_struct("Prefetch").field("source", &name).field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

impl<S: EpisodeSource + 'static> Prefetch<S> {
    /// Episodes of `source`, one made ahead.
    pub fn new(source: S) -> Self {
        Self::ahead(source, NonZeroUsize::MIN)
    }

    /// Episodes of `source`, with `episodes` of them made ahead, each by a thread of its own. More
    /// than one is for a learner that is faster than one thread makes episodes, such as one on a
    /// GPU; each takes the memory of an episode. After a step out of order, one is made until the
    /// next step is in order.
    pub fn ahead(source: S, episodes: NonZeroUsize) -> Self {
        Self { source: Arc::new(source), ahead: episodes, next: Mutex::default() }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<S: EpisodeSource + 'static> EpisodeSource for Prefetch<S> {
    fn name(&self) -> String {
        self.source.name()
    }

    fn train(&self, step: u64) -> Result<Episode> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = next.front().is_some_and(|(of, _)| *of != step);
        if is_other {
            // What was made is dropped, whenever it is ready.
            next.clear();
        }
        let ahead = if is_other { 1 } else { self.ahead.get() };
        let made = next.pop_front();
        // Where no thread can be had, an episode is made when it is asked for.
        let mut following = next.back().map_or(step, |(of, _)| *of);
        while next.len() < ahead {
            following = following.wrapping_add(1);
            let (source, of) = (self.source.clone(), following);
            let maker = std::thread::Builder::new().name("episodes".into());
            let Ok(maker) = maker.spawn(move || source.train(of)) else { break };
            next.push_back((of, maker));
        }
        drop(next);
        match made {
            Some((_, maker)) => match maker.join() {
                Ok(made) => made,
                // What it panicked with is the caller's to see.
                Err(panic) => std::panic::resume_unwind(panic),
            },
            None => self.source.train(step),
        }
    }

    fn held_out(&self) -> usize {
        self.source.held_out()
    }

    fn test(&self, tasks: Range<usize>) -> Result<Episode> {
        self.source.test(tasks)
    }

    fn numbered(&self) -> Option<&dyn NumberedTasks> {
        self.source.numbered()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::Range;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use candle_core::{DType, Device, Tensor};

    use super::Prefetch;
    use crate::{Episode, EpisodeSource, Examples, Result};

    /// Keeps the steps that were asked for.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<BTreeSet<u64>>>);

    impl EpisodeSource for Seen {
        fn name(&self) -> String {
            "seen".into()
        }
        fn train(&self, step: u64) -> Result<Episode> {
            self.0.lock().unwrap().insert(step);
            let set = || {
                let zeros = || Tensor::zeros((1, 1, 1), DType::F32, &Device::Cpu);
                Examples::values(zeros()?, zeros()?)
            };
            Episode::new(vec![step as usize], set()?, set()?)
        }
        fn held_out(&self) -> usize {
            1
        }
        fn test(&self, _: Range<usize>) -> Result<Episode> {
            self.train(0)
        }
    }

    /// Waits for threads to have begun what they are there for.
    fn made(seen: &Seen, expected: &[u64]) {
        let started = Instant::now();
        loop {
            let found: Vec<u64> = seen.0.lock().unwrap().iter().copied().collect();
            if found == expected {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{found:?} were made, not {expected:?}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn as_many_as_asked_for_are_made_ahead() {
        let seen = Seen::default();
        let source = Prefetch::ahead(seen.clone(), 3.try_into().unwrap());
        assert_eq!(source.train(4).unwrap().tasks, [4]);
        made(&seen, &[4, 5, 6, 7]);
        assert_eq!(source.train(5).unwrap().tasks, [5]);
        made(&seen, &[4, 5, 6, 7, 8]);
        // Out of order: one, and as many again from the next step on.
        assert_eq!(source.train(20).unwrap().tasks, [20]);
        made(&seen, &[4, 5, 6, 7, 8, 20, 21]);
        assert_eq!(source.train(21).unwrap().tasks, [21]);
        made(&seen, &[4, 5, 6, 7, 8, 20, 21, 22, 23, 24]);
    }
}
