//! The metrics of a training run, and what writes them while it goes on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, bail};
use candle_core::Var;
use indicatif::ProgressBar;
use msr_meta::{Learner, Observer, StepReport, ValidationReport};
use serde::{Deserialize, Serialize};

use super::entries::entries;
use super::truth::Truth;
use super::validation::{VALIDATIONS, ValidationLine};

/// The file's name.
pub const METRICS: &str = "metrics.jsonl";

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsLine {
    /// The outer step, counted from zero.
    pub step: u64,
    /// The mean query loss of the step's tasks, before the update.
    pub loss: f64,
    /// The inner rates (`rate`, or `rate.LAYER`) and the ridge λ (`ridge`) after the update, where
    /// they are learned.
    #[serde(flatten)]
    pub rates: BTreeMap<String, f64>,
    /// How far the learned symmetry matrix is from the symmetry of the tasks, where that is known,
    /// after the update; as [`Truth::distance`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equivariance_error: Option<f64>,
}

/// Metrics as JSON lines, appended; can be cut back to a point that a checkpoint remembers.
struct Metrics {
    file: File,
}

impl Metrics {
    /// Opens the file and cuts it back to its first `length` bytes.
    fn open(path: &Path, length: u64) -> Result<Self> {
        let context = || format!("{}", path.display());
        let mut file = msr_files::open_to_write(path)?;
        let has = file.metadata().with_context(context)?.len();
        if has < length {
            bail!("{} has {has} bytes, but the checkpoint was written after {length}", path.display());
        }
        file.set_len(length).with_context(context)?;
        file.seek(std::io::SeekFrom::End(0)).with_context(context)?;
        Ok(Self { file })
    }

    /// Appends one line.
    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(value)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Makes the lines durable and returns how many bytes there are.
    fn sync(&mut self) -> Result<u64> {
        self.file.sync_all()?;
        Ok(self.file.stream_position()?)
    }
}

/// How many bytes of metrics and, where there is validation, of its lines a checkpoint was written
/// after: the note that is stored with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    metrics: u64,
    validations: u64,
}

impl std::str::FromStr for Lengths {
    type Err = std::num::ParseIntError;

    fn from_str(note: &str) -> Result<Self, Self::Err> {
        let (metrics, validations) = note.split_once(' ').unwrap_or((note, "0"));
        Ok(Self { metrics: metrics.parse()?, validations: validations.parse()? })
    }
}

/// Shows progress and writes metrics.
pub struct Watcher<'a> {
    metrics: Metrics,
    /// The lines of validation, where there is any.
    validations: Option<Metrics>,
    every: u64,
    steps: u64,
    bar: &'a ProgressBar,
    /// The learned rates and ridges; they share their storage with the learner.
    rates: Vec<(String, Var)>,
    /// Whether the variables of rates are their logarithms, as those of ridges are.
    logarithms: bool,
    truth: Option<&'a Truth>,
}

impl<'a> Watcher<'a> {
    /// Watches the training of `learner`, and writes a line after every `every` of `steps` steps to
    /// the folder's metrics, and `validates` one after every validation; both are cut back to the
    /// lengths that they had. Where the symmetry of the tasks is known, the lines say how far the
    /// learner is from it.
    pub fn new(
        folder: &Path,
        (lengths, validates): (Lengths, bool),
        learner: &dyn Learner,
        (every, steps): (u64, u64),
        truth: Option<&'a Truth>,
        bar: &'a ProgressBar,
    ) -> Result<Self> {
        let is_rate =
            |name: &str| name.split('.').next().is_some_and(|first| first == "rate" || first == RIDGE);
        let rates = learner.outer_parameters().iter().filter(|p| is_rate(&p.name));
        let rates = rates.map(|p| (p.name.clone(), p.variable.clone())).collect();
        let spec = learner.spec();
        let positive = spec.pointer("/meta_learner/adaptation/gradient_steps/rates/learned/positive");
        let logarithms = positive.and_then(serde_json::Value::as_bool) == Some(true);
        let metrics = Metrics::open(&folder.join(METRICS), lengths.metrics)?;
        let validations = validates.then(|| Metrics::open(&folder.join(VALIDATIONS), lengths.validations));
        Ok(Self {
            metrics,
            validations: validations.transpose()?,
            every,
            steps,
            bar,
            rates,
            logarithms,
            truth,
        })
    }
}

/// The name of a learned ridge, whose variable is ln λ.
pub const RIDGE: &str = "ridge";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Observer for Watcher<'_> {
    fn on_step(&mut self, report: &StepReport, learner: &dyn Learner) -> Result<ControlFlow<()>, BoxError> {
        self.bar.inc(1);
        if report.step.is_multiple_of(self.every) || report.step + 1 == self.steps {
            self.bar.set_message(format!("loss {:.4}", report.mean()));
            let mut rates = BTreeMap::new();
            for (name, variable) in &self.rates {
                let values = entries(variable.as_tensor())?;
                let number = |x: &f64| if self.logarithms || name == RIDGE { x.exp() } else { *x };
                let mean = values.iter().map(number).sum::<f64>() / values.len().max(1) as f64;
                rates.insert(name.clone(), mean);
            }
            let equivariance_error = match self.truth {
                Some(truth) => truth.distance(learner)?,
                None => None,
            };
            let line = MetricsLine { step: report.step, loss: report.mean(), rates, equivariance_error };
            self.metrics.line(&line)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn on_validation(&mut self, report: &ValidationReport) -> Result<(), BoxError> {
        if let Some(validations) = &mut self.validations {
            validations.line(&ValidationLine::of(report))?;
        }
        Ok(())
    }

    fn note(&mut self) -> Result<String, BoxError> {
        let metrics = self.metrics.sync()?;
        Ok(match &mut self.validations {
            None => metrics.to_string(),
            Some(validations) => format!("{metrics} {}", validations.sync()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Lengths, MetricsLine};

    #[test]
    fn notes_of_runs_without_validation_stay_as_they_were() {
        assert_eq!("12".parse(), Ok(Lengths { metrics: 12, validations: 0 }));
        assert_eq!("12 34".parse(), Ok(Lengths { metrics: 12, validations: 34 }));
        assert!("12 x".parse::<Lengths>().is_err());
    }

    #[test]
    fn lines_without_an_equivariance_error_stay_as_they_were() -> serde_json::Result<()> {
        for (text, error) in [
            (r#"{"step":10,"loss":0.5,"rate":0.1}"#, None),
            (r#"{"step":10,"loss":0.5,"rate":0.1,"equivariance_error":0.25}"#, Some(0.25)),
        ] {
            let line: MetricsLine = serde_json::from_str(text)?;
            assert_eq!((line.equivariance_error, line.rates.len()), (error, 1));
            assert_eq!(serde_json::to_string(&line)?, text);
        }
        Ok(())
    }
}
