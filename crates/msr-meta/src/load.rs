//! The learner in a file.

use std::path::Path;

use candle_core::Device;
use msr_symmetry::Learned;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::learner::Learner;
use crate::methods::bilevel::MetaLearner;
use crate::methods::config::MetaConfig;
use crate::methods::multi_task::{MultiTask, MultiTaskConfig};
use crate::methods::prototypes::{Prototypes, PrototypesConfig};
use crate::methods::ridge_head::{RidgeHead, RidgeHeadConfig};

/// The learners of this program, as [`Learner::spec`] describes them.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LearnerSpec {
    MetaLearner(MetaConfig),
    MultiTask(MultiTaskConfig),
    RidgeHead(RidgeHeadConfig),
    Prototypes(PrototypesConfig),
}

/// The learner in a file that [`Learner::save`] wrote: it adapts to new tasks as the one that was
/// saved, and can be trained further.
///
/// # Errors
/// When the file holds nothing learned, or nothing that says how to adapt; the message names the
/// file.
pub fn load_learner(path: impl AsRef<Path>, device: &Device) -> Result<Box<dyn Learner>> {
    let learned = Learned::load(&path, device)?;
    learner_from(&learned)
        .map_err(|problem| Error::Learner { path: path.as_ref().into(), problem: Box::new(problem) })
}

/// The learner that was saved with a model, as [`load_learner`] gives it.
///
/// # Errors
/// [`Error::Config`] when nothing says how to adapt the model.
pub fn learner_from(learned: &Learned) -> Result<Box<dyn Learner>> {
    let spec = learned.learner().ok_or_else(|| {
        Error::config("it does not say how to adapt the model; Learned::build makes the model of it")
    })?;
    let spec: LearnerSpec = serde_json::from_value(spec.clone())
        .map_err(|e| Error::config(format!("this version does not know its learner ({e})")))?;
    let model = learned.build()?;
    let learner: Box<dyn Learner> = match spec {
        LearnerSpec::MetaLearner(config) => Box::new(MetaLearner::on_trained(model, config)?),
        LearnerSpec::MultiTask(config) => Box::new(MultiTask::new(model, config)?),
        LearnerSpec::RidgeHead(config) => Box::new(RidgeHead::new(model, config)?),
        LearnerSpec::Prototypes(config) => Box::new(Prototypes::new(model, config)?),
    };
    let names: Vec<String> = learner.model().parameters().iter().map(|p| p.name.clone()).collect();
    for p in learner.outer_parameters().iter().filter(|p| !names.contains(&p.name)) {
        let stored = learned.tensor(&p.name)?;
        if stored.dims() != p.variable.dims() || stored.dtype() != p.variable.dtype() {
            return Err(Error::config(format!(
                "`{}` is {:?} {:?}, the learner needs {:?} {:?}",
                p.name,
                stored.dims(),
                stored.dtype(),
                p.variable.dims(),
                p.variable.dtype()
            )));
        }
        p.variable.set(stored)?;
    }
    Ok(learner)
}
