//! The meta-learner: an inner loop that adapts filter parameters to a task, an outer loop that
//! learns the symmetry matrices, the initial values and the inner rates.
//!
//! - [`MetaLearner`]: MAML and MSR for any [`Layer`](msr_layers::Layer) or stack; which of the two
//!   it is depends on the layers alone.
//! - [`MultiTask`]: MTSR, the single-level counterpart.
//! - [`RidgeHead`]: features that are learned, with a last layer that is solved for;
//!   [`Prototypes`]: with the means of classes as the last layer.
//! - [`Trainer`]: Adam, checkpoints, resuming, validation, the best state, and errors for losses
//!   that diverge.
//! - [`Adapted`]: the model adapted to new tasks: predicts, shows its weights, is saved and loaded.
//! - [`evaluate`]: mean and Student-t interval over held-out tasks; [`evaluate_in_detail`]:
//!   accuracy, likelihood and calibration of classes too, after any numbers of inner steps.
//!
//! Nothing here knows a data set: training takes [`Episode`](msr_episodes::Episode)s of tensors
//! from any [`EpisodeSource`](msr_episodes::EpisodeSource).
//!
//! # Choosing k, the adaptation and the rates
//! Measured on 200 noisy tasks (deviation 0.05) with the symmetry of the dihedral group of ten
//! points, whose 100 weights fall into six classes, 15 examples each (`cargo run --example
//! 06-choosing-k`):
//!
//! | k | adaptation | rate of U | test error |
//! |---|---|---|---|
//! | 3 | exact | 3e-3, cosine | 0.4234 |
//! | 6 | exact | 3e-3, cosine | 0.0009 |
//! | 20 | exact | 3e-3, cosine | 0.0011 |
//! | 20 | exact | 1e-3, constant | 0.0014 |
//! | 20 | three gradient steps | 3e-3, cosine | 0.0232 |
//!
//! - **k, the number of filter parameters**: twice the number of inputs when nothing is known. Too
//!   many cost little. With fewer than there are classes the tasks cannot be fitted, whatever the
//!   learner; a symmetry that was read says when as many kinds of weights were found as there are
//!   parameters
//!   (`LayerSymmetry::too_few_parameters` of msr-symmetry).
//! - **Adaptation**: the exact solution ([`MetaConfig::least_squares`]) for models that are linear
//!   in their filter parameters, with the squared error; gradient steps for everything else.
//! - **Rate of the outer loop**: 3e-3, falling along a cosine over the whole run. Inner rates are
//!   learned, and belong to the model: save both with [`Learner::save`].
//!
//! # Example
//! Two steps of MSR on two toy tasks, and what it says of new inputs.
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use msr_episodes::{Episode, Examples};
//! use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
//! use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Trainer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let vars = SeededVars::new(0);
//! let layer = ReparamLinear::new(ReparamLinearConfig::new(4, 3, 2), vars.builder(DType::F32, &Device::Cpu))?;
//! let learner = MetaLearner::new(layer, MetaConfig::default())?;
//! let ones = |shape: &[usize]| Tensor::ones(shape, DType::F32, &Device::Cpu);
//! let support = Examples::values(ones(&[2, 1, 4])?, ones(&[2, 1, 3])?)?;
//! let query = Examples::values(ones(&[2, 5, 4])?, ones(&[2, 5, 3])?)?;
//! let episode = Episode::new(vec![0, 1], support, query)?;
//! let mut trainer = Trainer::new(learner, AdamConfig::default())?;
//! let first = trainer.step(&episode)?.mean();
//! let second = trainer.step(&episode)?.mean();
//! assert!(second < first);
//! let adapted = trainer.learner().adapt(&episode.support)?;
//! assert_eq!(adapted.predict(&ones(&[2, 7, 4])?)?.dims(), [2, 7, 3]);
//! assert_eq!(adapted.weight()?.dims(), [2, 3, 4]);
//! # Ok(())
//! # }
//! ```

mod adam;
mod adapted;
mod average;
mod checkpoint;
mod checks;
mod classification;
mod error;
mod evaluate;
mod evaluation;
mod known_tasks;
mod learner;
mod load;
mod loss;
mod methods;
mod observer;
mod parameters;
mod pool;
mod rates;
mod recorded;
mod statistics;
mod task_data;
mod trainer;
mod validation;

pub use adam::{Adam, AdamConfig, Schedule};
pub use adapted::Adapted;
pub use checkpoint::Checkpoint;
pub use classification::{Bin, Calibration, Classification};
pub use error::{Error, Result};
pub use evaluate::{Summary, evaluate};
pub use evaluation::{Evaluation, EvaluationConfig, Outputs, evaluate_in_detail};
pub use known_tasks::KnownSets;
pub use learner::{Gradients, Learner, OuterParameter, Predictions};
pub use load::{learner_from, load_learner};
pub use loss::{LabelSmoothing, Loss, Reduction};
pub use methods::bilevel::MetaLearner;
pub use methods::config::{Adaptation, GradientSteps, LeastSquares, MetaConfig, Order};
pub use methods::multi_task::{MultiTask, MultiTaskConfig};
pub use methods::prototypes::{Prototypes, PrototypesConfig};
pub use methods::ridge_head::{HeadTargets, RidgeHead, RidgeHeadConfig};
pub use msr_autodiff::Recompute;
pub use observer::{Observer, StepReport};
pub use rates::{Granularity, Rates};
pub use trainer::Trainer;
pub use validation::{Best, Measure, ValidationConfig, ValidationReport};
