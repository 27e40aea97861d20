//! Held-out tasks, in detail.

use candle_core::{Device, Tensor};
use msr_episodes::{EpisodeSource, Targets};

use crate::classification::{Classification, Tally};
use crate::error::{Error, Result};
use crate::evaluate::{Summary, check_losses, each_episode};
use crate::learner::{Learner, Predictions};

/// What to find out of held-out tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationConfig {
    /// The number of held-out tasks; all of them, if there are fewer.
    pub tasks: usize,
    /// How many of them are adapted to at once, which changes memory, not results.
    pub together: usize,
    /// Numbers of inner steps after which to test, all in one pass; as in training where there are
    /// none. See [`Learner::predictions`].
    pub steps: Vec<usize>,
    /// The number of bins of the [calibration](crate::Calibration).
    pub bins: usize,
    /// Whether to hand out all outputs, the logits of classes.
    pub keep_outputs: bool,
}

impl Default for EvaluationConfig {
    /// All tasks, 50 at once, as in training, 15 bins, without outputs.
    fn default() -> Self {
        Self { tasks: usize::MAX, together: 50, steps: Vec::new(), bins: 15, keep_outputs: false }
    }
}

/// What was found of held-out tasks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// After so many inner steps; `None` for the adaptation of the training.
    pub steps: Option<usize>,
    /// The outer loss of the query sets.
    pub loss: Summary,
    /// How well classes are told, where targets are labels.
    pub classification: Option<Classification>,
    /// The outputs, where they were asked for.
    pub outputs: Option<Outputs>,
}

/// All that a learner says of query sets, with what it should say.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The number of each task in its data set.
    pub tasks: Vec<usize>,
    /// The outputs `(tasks, examples, …)`, logits where targets are labels; on the CPU.
    pub outputs: Tensor,
    /// The targets.
    pub targets: Targets,
}

/// The query sets of held-out tasks of `source`, each task adapted to its support set: loss,
/// accuracy, likelihood and calibration, with their uncertainty; one entry for each number of
/// inner steps that is asked for.
///
/// # Errors
/// As [`evaluate`](crate::evaluate); [`Error::Config`] for zero bins, and for numbers of steps of a
/// learner that takes none.
///
/// # Example
/// A learner of two classes, after no, one and ten inner steps.
/// ```
/// use candle_core::{DType, Device};
/// use msr_layers::{Linear, LinearConfig, SeededVars};
/// use msr_meta::{EvaluationConfig, Loss, MetaConfig, MetaLearner, evaluate_in_detail};
/// # use std::ops::Range;
/// # use candle_core::Tensor;
/// # use msr_episodes::{Episode, EpisodeSource, Examples, Result};
/// # struct Signs;
/// # impl EpisodeSource for Signs {
/// #     fn name(&self) -> String { "signs".into() }
/// #     fn held_out(&self) -> usize { 4 }
/// #     fn train(&self, _: u64) -> Result<Episode> { self.test(0..4) }
/// #     fn test(&self, tasks: Range<usize>) -> Result<Episode> {
/// #         let set = || {
/// #             let x = Tensor::new(&[[-1f32], [-2.], [1.], [2.]], &Device::Cpu)?;
/// #             let x = x.unsqueeze(0)?.repeat((tasks.len(), 1, 1))?;
/// #             let y = Tensor::new(&[[0u32, 0, 1, 1]], &Device::Cpu)?.repeat((tasks.len(), 1))?;
/// #             Examples::labels(x, y)
/// #         };
/// #         Episode::new(tasks.clone().collect(), set()?, set()?)
/// #     }
/// # }
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let vars = SeededVars::new(0);
/// let model = Linear::new(LinearConfig::new(1, 2), vars.builder(DType::F32, &Device::Cpu))?;
/// let config = MetaConfig { loss: Loss::CrossEntropy, ..MetaConfig::gradient_steps(1) };
/// let learner = MetaLearner::new(model, config)?;
/// let config = EvaluationConfig { steps: vec![0, 1, 10], ..EvaluationConfig::default() };
/// let found = evaluate_in_detail(&learner, &Signs, &config)?;
/// assert!(found[2].loss.mean < found[1].loss.mean && found[1].loss.mean < found[0].loss.mean);
/// let classes = found[2].classification.as_ref().ok_or("labels")?;
/// assert_eq!(classes.accuracy.mean, 1.0);
/// // Classes that are told with less than full confidence, and always rightly.
/// assert!(classes.calibration.expected_error() > 0.0);
/// # Ok(())
/// # }
/// ```
pub fn evaluate_in_detail(
    learner: &dyn Learner,
    source: &dyn EpisodeSource,
    config: &EvaluationConfig,
) -> Result<Vec<Evaluation>> {
    if config.bins == 0 {
        return Err(Error::config("a calibration needs at least one bin, got 0"));
    }
    let mut parts: Vec<Part> = match config.steps.as_slice() {
        [] => vec![Part::new(None, config)],
        steps => steps.iter().map(|&steps| Part::new(Some(steps), config)).collect(),
    };
    each_episode(learner, source, (config.tasks, config.together), &mut |episode| {
        let found = learner.predictions(episode, &config.steps)?;
        if found.len() != parts.len() {
            return Err(Error::config(format!(
                "the learner made {} predictions where {} were asked for",
                found.len(),
                parts.len()
            )));
        }
        for (part, predictions) in parts.iter_mut().zip(found) {
            check_losses(&predictions.losses, episode)?;
            part.add(predictions, &episode.query.y, &episode.tasks)?;
        }
        Ok(())
    })?;
    parts.into_iter().map(Part::finish).collect()
}

/// What was found so far after some number of steps.
struct Part {
    steps: Option<usize>,
    losses: Vec<f64>,
    tally: Option<Tally>,
    bins: usize,
    /// Outputs and targets, episode by episode, and the numbers of their tasks.
    kept: Option<(Vec<usize>, Vec<Tensor>, Vec<Targets>)>,
}

impl Part {
    fn new(steps: Option<usize>, config: &EvaluationConfig) -> Self {
        let kept = config.keep_outputs.then(Default::default);
        Self { steps, losses: Vec::new(), tally: None, bins: config.bins, kept }
    }

    fn add(&mut self, found: Predictions, targets: &Targets, tasks: &[usize]) -> Result<()> {
        self.losses.extend(&found.losses);
        if let Targets::Labels(labels) = targets {
            let bins = self.bins;
            self.tally.get_or_insert_with(|| Tally::new(bins)).add(&found.outputs, labels)?;
        }
        if let Some((numbers, outputs, all)) = &mut self.kept {
            numbers.extend(tasks);
            outputs.push(found.outputs.to_device(&Device::Cpu)?);
            all.push(targets.clone());
        }
        Ok(())
    }

    fn finish(self) -> Result<Evaluation> {
        let outputs = match self.kept {
            Some((tasks, outputs, targets)) => {
                Some(Outputs { tasks, outputs: Tensor::cat(&outputs, 0)?, targets: joined(&targets)? })
            }
            None => None,
        };
        Ok(Evaluation {
            steps: self.steps,
            loss: Summary::new(&self.losses)?,
            classification: self.tally.map(Tally::finish).transpose()?,
            outputs,
        })
    }
}

/// The targets of all episodes, one behind the other, on the CPU.
fn joined(targets: &[Targets]) -> Result<Targets> {
    let tensors = targets.iter().map(|t| t.tensor().to_device(&Device::Cpu));
    let all = Tensor::cat(&tensors.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
    Ok(match targets.first() {
        Some(Targets::Labels(_)) => Targets::Labels(all),
        _ => Targets::Values(all),
    })
}
