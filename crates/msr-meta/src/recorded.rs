//! Outer steps on a GPU as recorded work: one launch a step, and one answer.

use candle_core::{DType, Tensor};
use msr_episodes::{Episode, Examples, Targets};
use msr_kernels::adam::Taken;
use msr_kernels::{Graph, Slot, checked_index};

use crate::adam::Adam;
use crate::error::Result;
use crate::learner::Learner;

/// Recorded steps, and whether it is worth trying to record them.
#[derive(Debug, Default)]
pub(crate) enum Recorded {
    /// No step was taken.
    #[default]
    Nothing,
    /// A step was taken with examples like these: what it loads and keeps is there.
    Warm(Slots),
    /// Steps on examples like these.
    Ready(Box<Step>),
    /// Steps that cannot be recorded.
    Impossible,
}

/// The examples of an episode, at places that stay.
#[derive(Debug)]
pub(crate) struct Slots {
    tasks: usize,
    support: [Slot; 2],
    query: [Slot; 2],
}

/// A recorded step.
#[derive(Debug)]
pub(crate) struct Step {
    graph: Graph,
    slots: Slots,
    /// What was watched, and the squares of the gradients.
    report: Tensor,
    /// The number of steps that were taken, on the device, and what it is now.
    steps_taken: Slot,
    steps: u64,
}

/// Both tensors of a set.
fn tensors(set: &Examples) -> [&Tensor; 2] {
    [&set.x, set.y.tensor()]
}

impl Slots {
    fn new(episode: &Episode) -> Result<Self> {
        let of = |set: &Examples| -> Result<[Slot; 2]> {
            let [x, y] = tensors(set);
            Ok([Slot::new(x)?, Slot::new(y)?])
        };
        Ok(Self { tasks: episode.tasks.len(), support: of(&episode.support)?, query: of(&episode.query)? })
    }

    fn pairs<'a>(&'a self, episode: &'a Episode) -> impl Iterator<Item = (&'a Slot, &'a Tensor)> {
        let slots = self.support.iter().chain(&self.query);
        slots.zip(tensors(&episode.support).into_iter().chain(tensors(&episode.query)))
    }

    /// Whether an episode can be put here.
    fn take(&self, episode: &Episode) -> bool {
        self.tasks == episode.tasks.len() && self.pairs(episode).all(|(slot, tensor)| slot.takes(tensor))
    }

    fn set(&self, episode: &Episode) -> Result<()> {
        self.pairs(episode).try_for_each(|(slot, tensor)| Ok(slot.set(tensor)?))
    }

    /// An episode that reads these places. Tasks have no numbers of their own.
    fn episode(&self, like: &Episode) -> Episode {
        let set =
            |[x, y]: &[Slot; 2], like: &Examples| Examples { x: x.tensor(), y: like.y.with(y.tensor()) };
        Episode {
            tasks: (0..self.tasks).collect(),
            support: set(&self.support, &like.support),
            query: set(&self.query, &like.query),
        }
    }
}

impl Recorded {
    /// The step on this episode, when steps like it were recorded or can be now; what it reports.
    /// `None` when it is to be taken without.
    ///
    /// # Errors
    /// When the schedule is at its end; what the driver reports.
    pub(crate) fn step(
        &mut self,
        learner: &dyn Learner,
        adam: &mut Adam,
        episode: &Episode,
    ) -> Result<Option<Taken>> {
        if matches!(self, Self::Nothing | Self::Impossible) {
            return Ok(None);
        }
        adam.config().schedule.check(adam.steps() + 1)?;
        know_labels(episode)?;
        *self = match std::mem::take(self) {
            Self::Ready(step) if step.slots.take(episode) => Self::Ready(step),
            Self::Warm(slots) if slots.take(episode) => match Step::record(learner, adam, slots, episode) {
                Ok(step) => Self::Ready(Box::new(step)),
                Err(problem) => Self::impossible(&problem.to_string()),
            },
            // Of other sizes: another step must be taken first.
            _ => Self::Nothing,
        };
        let Self::Ready(step) = self else { return Ok(None) };
        if let Err(problem) = step.replay(adam, episode) {
            // Nothing was changed: there may be no memory for the graph.
            *self = Self::impossible(&problem.to_string());
            return Ok(None);
        }
        step.taken(adam).map(Some)
    }

    /// A step was taken without, on this episode.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub(crate) fn after(&mut self, learner: &dyn Learner, episode: &Episode) -> Result<()> {
        if episode.support.x.device().is_cpu() || !matches!(self, Self::Nothing) {
            return Ok(());
        }
        *self = if learner.is_same_each_step() {
            know_labels(episode)?;
            Self::Warm(Slots::new(episode)?)
        } else {
            Self::impossible("they are not the same each time, or wait for the device")
        };
        Ok(())
    }

    fn impossible(why: &str) -> Self {
        tracing::info!("outer steps are launched one by one: {}", why.lines().next().unwrap_or_default());
        Self::Impossible
    }
}

/// Reads labels on a GPU back, once for each tensor, unless it is known how large they are: what is
/// put in the place of others must not be larger.
fn know_labels(episode: &Episode) -> Result<()> {
    for set in [&episode.support, &episode.query] {
        if let Targets::Labels(labels) = &set.y {
            checked_index("labels", labels, u32::MAX as usize)?;
        }
    }
    Ok(())
}

impl Step {
    /// Records a step; nothing is changed.
    fn record(learner: &dyn Learner, adam: &mut Adam, slots: Slots, like: &Episode) -> Result<Self> {
        let device = like.support.x.device();
        let parameters = learner.outer_parameters();
        let report = Tensor::zeros(slots.tasks + parameters.len(), DType::F64, device)?;
        let steps = adam.steps();
        let steps_taken = Slot::new(&Tensor::new(&[steps as f64], device)?)?;
        let (episode, counter) = (slots.episode(like), steps_taken.tensor());
        let graph = Graph::record(device, || {
            // No step has this number: what it leads to, should there be anything, is on no device
            // yet, and so an error, before it could be frozen.
            let found = learner.unread_gradients_at(u64::MAX, &episode)?;
            adam.launch(parameters, &found.gradients, &found.losses, &counter, &report)
        })?;
        Ok(Self { graph, slots, report, steps_taken, steps })
    }

    /// Launches the step on this episode.
    fn replay(&mut self, adam: &Adam, episode: &Episode) -> Result<()> {
        if self.steps != adam.steps() {
            self.steps = adam.steps();
            self.steps_taken.set(&Tensor::new(&[self.steps as f64], self.report.device())?)?;
        }
        self.slots.set(episode)?;
        Ok(self.graph.replay()?)
    }

    /// What became of it.
    fn taken(&mut self, adam: &Adam) -> Result<Taken> {
        let taken = adam.taken(&self.report, self.slots.tasks)?;
        self.steps += u64::from(taken.is_taken);
        Ok(taken)
    }
}
