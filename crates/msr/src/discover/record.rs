//! What is kept of a verdict: in `verdict.json`, and on stdout with `--json`. All that is printed
//! and reported later comes from here, so that a run can be continued.

use std::path::Path;

use anyhow::{Context, Result};
use msr_data::tasks::TaskData;
use msr_discover::{Comparison, Tested, Verdict, VerdictKind};
use msr_groups::{SignedPattern, SignedPermutation};
use serde::{Deserialize, Serialize};

use super::mark::Mark;
use super::{told, understood, why};
use crate::verdict_file::{BoundsRecord, GeneratorRecord, SymmetryRecord, VerdictFile};

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
    /// What would change the answer, in sentences.
    pub what_would_change_it: Vec<String>,
    /// What in the data may keep a symmetry from being seen.
    pub warnings: Vec<String>,
    /// How the data were read.
    pub notes: Vec<String>,
    /// How much of the variation of the outputs no linear map explains.
    pub unexplained: f64,
    /// Inputs with next to no effect on the outputs, of which nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_effect: Vec<usize>,
    pub tolerance: f64,
    pub signed: bool,
    pub seed: u64,
    pub tasks: usize,
    pub examples: usize,
    pub inputs: usize,
    pub outputs: usize,
    /// The names of the columns, where they have names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_names: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_names: Vec<String>,
    /// The number of tasks that confirm.
    pub confirming: usize,
    pub patterns_tested: usize,
    /// Every pattern that was tested.
    pub tested: Vec<TestedRecord>,
    /// Of products of inputs, the free parameter of each weight, output by output: c + 1, −(c + 1)
    /// for its negative, 0 for zero.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ties_of_products: Vec<i64>,
    /// Held-out errors of ways to learn from the tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<Compared>,
    /// The same in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<String>,
    /// Of the data and settings: the same mark, the same answer.
    pub mark: Mark,
    pub command: String,
    pub version: String,
}

/// A pattern that was tested on the tasks that confirm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestedRecord {
    pub generators: Vec<GeneratorRecord>,
    /// The order of its group, where everything else speaks for it.
    pub order: Option<String>,
    pub free_parameters: usize,
    pub asymmetry: BoundsRecord,
    /// The probability of such a score, were the weights tied.
    pub p_score: Option<f64>,
    /// What ties gain of the log density, a number of an output.
    pub gain: Option<f64>,
    /// How much of what it ties the inputs show; somewhat above one by chance.
    pub visible: Option<f64>,
    pub answer: TestedAnswer,
    pub reason: String,
}

/// What was decided about a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestedAnswer {
    Accepted,
    Open,
    Refused,
}

/// A way to learn, and its error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub model: String,
    pub error: BoundsRecord,
    pub above_tied: Option<BoundsRecord>,
}

impl TestedRecord {
    fn of(tested: &Tested, verdict: &Verdict) -> Self {
        let finite = |number: f64| number.is_finite().then_some(number);
        let cycles = |(y, x): &(SignedPermutation, SignedPermutation)| GeneratorRecord {
            outputs: y.to_string(),
            inputs: x.to_string(),
            strength: None,
            words: None,
        };
        Self {
            generators: tested.pairs.iter().map(cycles).collect(),
            order: tested.order.as_ref().map(ToString::to_string),
            free_parameters: tested.pattern.free_parameters(),
            asymmetry: tested.asymmetry.into(),
            p_score: finite(tested.p_score),
            gain: finite(tested.gain),
            visible: finite(tested.visible),
            answer: match (tested.is_accepted, tested.is_refused) {
                (true, _) => TestedAnswer::Accepted,
                (_, true) => TestedAnswer::Refused,
                _ => TestedAnswer::Open,
            },
            reason: why::reason(tested, verdict),
        }
    }
}

impl Found {
    /// What is kept, before anything is compared.
    ///
    /// # Errors
    /// For a verdict of a kind that is not known here, and a group that is too large.
    pub fn new(verdict: &Verdict, data: &TaskData, command: String, mark: Mark) -> Result<Self> {
        let mut file = VerdictFile::of(verdict, &data.input_shape, &data.output_shape)?;
        let nearest = verdict
            .nearest
            .as_ref()
            .map(|near| SymmetryRecord::of(near, verdict, &data.input_shape, &data.output_shape));
        let more_tasks = match verdict.kind {
            VerdictKind::Undecided { more_tasks, .. } => more_tasks,
            _ => None,
        };
        let names = |names: &[String]| if data.has_names { names.to_vec() } else { Vec::new() };
        file.said = verdict.with_names(&names(&data.input_names));
        let products = verdict.symmetry().filter(|_| verdict.config.pairs);
        Ok(Self {
            file,
            nearest: nearest.transpose()?,
            more_tasks,
            what_would_change_it: why::changes(verdict),
            warnings: understood::warnings(data),
            notes: data.notes.clone(),
            unexplained: verdict.unexplained,
            without_effect: verdict.faint.clone(),
            tolerance: verdict.config.tolerance,
            signed: verdict.config.signed,
            seed: verdict.config.seed,
            tasks: data.tasks.len(),
            examples: data.examples(),
            inputs: data.inputs,
            outputs: data.outputs,
            input_names: names(&data.input_names),
            output_names: names(&data.output_names),
            confirming: verdict.confirming,
            patterns_tested: verdict.tested.len(),
            tested: verdict.tested.iter().map(|tested| TestedRecord::of(tested, verdict)).collect(),
            ties_of_products: products.map(|symmetry| ties(&symmetry.pattern)).unwrap_or_default(),
            compared: Vec::new(),
            worth: None,
            mark,
            command,
            version: env!("CARGO_PKG_VERSION").into(),
        })
    }

    /// Adds how other ways to learn do.
    pub fn compare(&mut self, comparison: &Comparison) {
        let of = |scored: &msr_discover::Scored| Compared {
            model: scored.model.to_string(),
            error: scored.mean.into(),
            above_tied: scored.above_tied.map(Into::into),
        };
        self.compared = comparison.scored.iter().map(of).collect();
        self.worth = told::gained(comparison);
    }

    /// The weights that the symmetry ties, of outputs and inputs (or inputs and their products).
    ///
    /// # Errors
    /// When the file contradicts itself.
    pub fn pattern(&self) -> Result<Option<SignedPattern>> {
        let Some(symmetry) = &self.file.symmetry else { return Ok(None) };
        if !self.file.pairs {
            return Ok(Some(symmetry.pattern()?));
        }
        let label = |&tie: &i64| (tie != 0).then_some((tie.unsigned_abs(), tie < 0));
        let labels: Vec<_> = self.ties_of_products.iter().map(label).collect();
        let features = labels.len() / self.outputs.max(1);
        Ok(Some(SignedPattern::from_labels(self.outputs, features, &labels)?))
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

/// The free parameter of each weight, as the file has it.
fn ties(pattern: &SignedPattern) -> Vec<i64> {
    let weights = (0..pattern.outputs()).flat_map(|y| (0..pattern.inputs()).map(move |x| (y, x)));
    let tie = |(y, x)| match pattern.entry(y, x) {
        None => 0,
        Some((class, is_negative)) => (class as i64 + 1) * if is_negative { -1 } else { 1 },
    };
    weights.map(tie).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use msr_groups::SignedPattern;

    #[test]
    fn ties_are_read_as_they_are_written() {
        let labels = [Some((1, false)), Some((2, true)), None, Some((1, true)), Some((2, false)), None];
        let pattern = SignedPattern::from_labels(2, 3, &labels).unwrap();
        let written = super::ties(&pattern);
        let read: Vec<_> =
            written.iter().map(|&tie| (tie != 0).then_some((tie.unsigned_abs(), tie < 0))).collect();
        assert_eq!(SignedPattern::from_labels(2, 3, &read).unwrap(), pattern);
    }
}
