//! The meta-learner: an inner loop that adapts filter parameters to a task, an outer loop that learns the
//! symmetry matrices, the initial values and the inner rates.
//!
//! - [`MetaLearner`]: MAML and MSR for any [`Layer`](msr_layers::Layer) or stack; which of the two it is
//!   depends on the layers alone.
//! - [`MultiTask`]: MTSR, the single-level counterpart.
//! - [`Trainer`]: Adam, checkpoints, resuming, and errors for losses that diverge.
//! - [`evaluate`]: mean and Student-t interval over held-out tasks.
//!
//! Nothing here knows a data set: training takes [`Batch`]es of tensors.
//!
//! # Example
//! Two steps of MSR on two toy tasks.
//! ```
//! use std::sync::Arc;
//! use candle_core::{DType, Device, Tensor};
//! use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
//! use msr_meta::{AdamConfig, Batch, Examples, MetaConfig, MetaLearner, Trainer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let vars = SeededVars::new(0);
//! let layer = ReparamLinear::new(ReparamLinearConfig::new(4, 3, 2), vars.builder(DType::F32, &Device::Cpu))?;
//! let learner = MetaLearner::new(Arc::new(layer), MetaConfig::default())?;
//! let ones = |shape: &[usize]| Tensor::ones(shape, DType::F32, &Device::Cpu);
//! let batch = Batch {
//!     tasks: vec![0, 1],
//!     support: Examples { x: ones(&[2, 1, 4])?, y: ones(&[2, 1, 3])? },
//!     query: Examples { x: ones(&[2, 5, 4])?, y: ones(&[2, 5, 3])? },
//! };
//! let mut trainer = Trainer::new(Box::new(learner), AdamConfig::default())?;
//! let first = trainer.step(&batch)?.mean();
//! let second = trainer.step(&batch)?.mean();
//! assert!(second < first);
//! # Ok(())
//! # }
//! ```

mod adam;
mod batch;
mod checkpoint;
mod error;
mod evaluate;
mod loss;
mod methods;
mod objective;
mod parameters;
mod rates;
mod task_data;
mod trainer;

pub use adam::{Adam, AdamConfig, Schedule};
pub use batch::{Batch, Examples};
pub use checkpoint::{Checkpoint, write_atomic};
pub use error::{Error, Result};
pub use evaluate::{Summary, evaluate};
pub use loss::{Loss, Reduction};
pub use methods::bilevel::{Adaptation, MetaConfig, MetaLearner, Order};
pub use methods::multi_task::{MultiTask, MultiTaskConfig};
pub use msr_autodiff::Recompute;
pub use objective::{Gradients, Objective, OuterParameter};
pub use rates::{Granularity, Rates};
pub use trainer::{Observer, StepReport, Trainer};
