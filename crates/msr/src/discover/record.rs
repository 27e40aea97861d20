//! What is kept of a verdict: in `verdict.json`, and on stdout with `--json`.

use std::path::Path;

use anyhow::{Context, Result};
use msr_data::tasks::TaskData;
use msr_discover::{Comparison, DiscoverConfig, Verdict, VerdictKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::verdict_file::{BoundsRecord, SymmetryRecord, VerdictFile};

/// A verdict with what it is of. `msr export` reads the part that is [`VerdictFile`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    #[serde(flatten)]
    pub file: VerdictFile,
    /// The group that the tasks come nearest to, where none was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<SymmetryRecord>,
    /// About how many more tasks would tell.
    pub more_tasks: Option<usize>,
    /// How much of the variation of the outputs no linear map explains.
    pub unexplained: f64,
    pub tolerance: f64,
    pub signed: bool,
    pub pairs: bool,
    pub seed: u64,
    pub tasks: usize,
    pub examples: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub patterns_tested: usize,
    /// Held-out errors of ways to learn from the tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<Compared>,
    /// Of the data and settings: the same mark, the same answer.
    pub mark: String,
    pub command: String,
    pub version: String,
}

/// A way to learn, and its error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub model: String,
    pub error: BoundsRecord,
    pub above_tied: Option<BoundsRecord>,
}

impl Found {
    /// What is kept.
    ///
    /// # Errors
    /// For a verdict of a kind that is not known here, and a group that is too large.
    pub fn new(
        verdict: &Verdict,
        comparison: Option<&Comparison>,
        data: &TaskData,
        command: String,
        mark: String,
    ) -> Result<Self> {
        let file = VerdictFile::of(verdict, &data.input_shape, &data.output_shape)?;
        let nearest = verdict
            .nearest
            .as_ref()
            .map(|near| SymmetryRecord::of(near, verdict, &data.input_shape, &data.output_shape));
        let of = |scored: &msr_discover::Scored| Compared {
            model: scored.model.to_string(),
            error: scored.mean.into(),
            above_tied: scored.above_tied.map(Into::into),
        };
        let more_tasks = match verdict.kind {
            VerdictKind::Undecided { more_tasks, .. } => more_tasks,
            _ => None,
        };
        Ok(Self {
            file,
            nearest: nearest.transpose()?,
            more_tasks,
            unexplained: verdict.unexplained,
            tolerance: verdict.config.tolerance,
            signed: verdict.config.signed,
            pairs: verdict.config.pairs,
            seed: verdict.config.seed,
            tasks: data.tasks.len(),
            examples: data.examples(),
            inputs: data.inputs,
            outputs: data.outputs,
            patterns_tested: verdict.tested.len(),
            compared: comparison.iter().flat_map(|comparison| &comparison.scored).map(of).collect(),
            mark,
            command,
            version: env!("CARGO_PKG_VERSION").into(),
        })
    }

    /// What a file says, if it is there and is one of this version.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = msr_files::read(path)?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// As it is written.
    ///
    /// # Errors
    /// When it has no form as JSON.
    pub fn to_json(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self).context("the verdict has no form as JSON")?;
        text.push('\n');
        Ok(text)
    }
}

/// Of data and settings.
pub fn mark(data: &TaskData, config: &DiscoverConfig, budget: std::time::Duration) -> String {
    let mut hash = Sha256::new();
    hash.update(format!(
        "{} {config:?} {budget:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        (data.inputs, data.outputs)
    ));
    for task in &data.tasks {
        hash.update((task.x.len() as u64).to_le_bytes());
        task.x.iter().chain(&task.y).for_each(|number| hash.update(number.to_le_bytes()));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
