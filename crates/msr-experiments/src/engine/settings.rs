//! The parts of a definition that all experiments have: how training goes, and the ways to learn.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use msr_episodes::Split;
use msr_layers::{Affine, Statistics};
use msr_meta::{AdamConfig, Granularity};
use serde::{Deserialize, Serialize};

use super::mean::Mean;
use super::model::LayerKind;
use super::start::SymmetryStart;
use super::validation::Validation;

/// How training goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Steps of the outer loop.
    pub outer_steps: u64,
    /// After how many outer steps to test, besides the end.
    #[serde(default)]
    pub test_at: Vec<u64>,
    /// Tasks in an outer step.
    pub meta_batch: usize,
    /// The outer learning rate, of Adam.
    pub outer_rate: f64,
    /// What becomes of it in the course of the training.
    #[serde(default)]
    pub outer_schedule: Schedule,
    /// Steps of the inner loop.
    pub inner_steps: usize,
    /// The inner rate at the start, of methods that do not name their own; learned.
    pub inner_rate: f64,
    /// The ridge of exact inner solutions at the start; learned.
    #[serde(default)]
    pub ridge: Option<f64>,
    /// Outer steps from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// Outer steps from one line of metrics to the next.
    pub metrics_every: u64,
    /// How many seeds.
    pub seeds: u64,
    /// What shares an inner rate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rates_per: Granularity,
    /// Whether the logarithms of inner rates are learned, so that they stay positive.
    #[serde(default, skip_serializing_if = "is_default")]
    pub positive_rates: bool,
    /// The largest norm that the outer gradients may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The decay of averages of the outer parameters over steps, which are validated and tested in
    /// their place, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// Validation in the course of the training, where there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What becomes of the outer rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays.
    #[default]
    Constant,
    /// It falls to zero along a cosine.
    Cosine,
}

/// What `--quick` makes of a definition: a smoke run of fewer steps, problems, methods and test
/// tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    /// Steps of the outer loop.
    pub outer_steps: u64,
    /// The problems, by name.
    pub problems: Vec<String>,
    /// The methods, by name; all of them when none is named.
    #[serde(default)]
    pub methods: Vec<String>,
    /// How many seeds, when not those of the training.
    #[serde(default)]
    pub seeds: Option<u64>,
    /// How many test tasks, when not those of the tasks.
    #[serde(default)]
    pub test_tasks: Option<usize>,
}

impl Quick {
    /// Refuses numbers with which nothing can be trained or tested.
    pub fn check(&self) -> Result<()> {
        ensure!(self.outer_steps > 0, "the outer_steps of [quick] must be at least 1");
        ensure!(self.seeds.is_none_or(|seeds| seeds > 0), "the seeds of [quick] must be at least 1");
        ensure!(self.test_tasks.is_none_or(|t| t >= 2), "an interval needs at least two test tasks");
        Ok(())
    }
}

/// How the blocks of a deep network normalise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Norm {
    /// With which mean and variance.
    pub statistics: Statistics,
    /// Who changes their scale and shift.
    pub affine: Affine,
}

impl Norm {
    /// Those of the examples at hand, adapted.
    pub const PLAIN: Self = Self { statistics: Statistics::Batch, affine: Affine::Adapted };
}

/// A way to learn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// As the table calls it.
    pub name: String,
    /// How it adapts and meta-learns.
    pub learner: LearnerKind,
    /// What it adapts.
    pub layer: LayerKind,
    /// Its inner rate at the start, when not that of the training.
    #[serde(default)]
    pub inner_rate: Option<f64>,
    /// Whether that rate is multiplied by the number of outputs.
    #[serde(default)]
    pub per_output: bool,
    /// The channels of every block, of deep networks that do not have those of the tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// What shares an inner rate, when not what the training says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates_per: Option<Granularity>,
    /// How deep networks normalise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub norm: Norm,
    /// What Kronecker factors start from.
    #[serde(default, skip_serializing_if = "is_default")]
    pub symmetry: SymmetryStart,
    /// Factors of the outer rate, by what the name of a parameter ends with; zero for what is to
    /// stay as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outer_factors: BTreeMap<String, f64>,
    /// What a reader of the table should know.
    #[serde(default)]
    pub note: Option<String>,
}

/// The interval in which a mean of the table must lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The name of the method.
    pub method: String,
    /// The name of the problem.
    pub problem: String,
    /// The test after so many outer steps; the last one when it is not said.
    #[serde(default)]
    pub outer_steps: Option<u64>,
    /// The least that is allowed.
    #[serde(default)]
    pub at_least: f64,
    /// The most that is allowed.
    pub at_most: f64,
    /// It holds for means over at least so many seeds.
    #[serde(default)]
    pub min_seeds: u64,
    /// Who says so.
    pub source: String,
}

impl Expectation {
    /// Refuses an interval in which nothing lies.
    pub fn check(&self) -> Result<()> {
        check_interval(&format!("{} on {}", self.method, self.problem), self.at_least, self.at_most)
    }

    /// Why a mean is not in the interval, in words; `None` when it is.
    pub fn outside(&self, what: &str, mean: Mean) -> Option<String> {
        mean.outside(what, self.at_least, self.at_most, &self.source)
    }
}

/// Refuses an interval of values in which nothing lies.
pub fn check_interval(what: &str, at_least: f64, at_most: f64) -> Result<()> {
    ensure!(at_least <= at_most, "{what}: no value is at least {at_least} and at most {at_most}");
    Ok(())
}

/// The learner of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LearnerKind {
    /// Gradient steps, differentiated through.
    Bilevel,
    /// An exact least-squares solution, differentiated through.
    Exact,
    /// One level: the filter parameters of all training tasks are fitted jointly.
    MultiTask,
    /// Features, with the means of classes as the head.
    Prototypes,
    /// Features, with a ridge regression as the head.
    RidgeHead,
}

/// How methods adapt: what `--inner` selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Inner {
    /// All but the exact ones.
    Gradient,
    /// Those whose inner loop solves the least-squares problem exactly.
    Exact,
}

impl Inner {
    /// Whether a method with this learner is among those selected.
    pub fn selects(self, learner: LearnerKind) -> bool {
        (self == Inner::Exact) == (learner == LearnerKind::Exact)
    }
}

impl LearnerKind {
    /// Whether it adapts by gradient steps.
    pub fn takes_inner_steps(self) -> bool {
        self == LearnerKind::Bilevel
    }
}

impl Training {
    /// Refuses numbers with which nothing can be trained.
    pub fn check(&self) -> Result<()> {
        for (name, number) in [
            ("outer_steps", self.outer_steps),
            ("metrics_every", self.metrics_every),
            ("seeds", self.seeds),
            ("meta_batch", self.meta_batch as u64),
            ("checkpoint_every", self.checkpoint_every),
        ] {
            ensure!(number > 0, "{name} must be at least 1");
        }
        let rate = self.outer_rate;
        ensure!(rate.is_finite() && rate >= 0.0, "outer_rate must be a number of at least 0, not {rate}");
        ensure!(self.inner_rate.is_finite(), "inner_rate must be a number, not {}", self.inner_rate);
        if let Some(ridge) = self.ridge {
            ensure!(ridge.is_finite() && ridge > 0.0, "ridge must be a number above 0, not {ridge}");
        }
        if let Some(norm) = self.clip_norm {
            ensure!(norm.is_finite() && norm > 0.0, "clip_norm must be a number above 0, not {norm}");
        }
        self.validation.as_ref().map_or(Ok(()), Validation::check)?;
        if let Some(decay) = self.average {
            ensure!((0.0..1.0).contains(&decay), "average must be at least 0 and less than 1, not {decay}");
            ensure!(
                self.test_at.is_empty(),
                "averages are tested at the end alone; leave out test_at or average"
            );
        }
        ensure!(self.test_at.is_sorted_by(|a, b| a < b), "test_at must increase");
        Ok(())
    }

    /// Refuses tests after the end of the training that the definition names. (A flag may make a
    /// run shorter; then those tests are left out.)
    pub fn check_tests(&self) -> Result<()> {
        let late = self.test_at.iter().find(|&&steps| steps > self.outer_steps);
        if let Some(late) = late {
            bail!("test_at names a test after {late} steps, but there are {} outer_steps", self.outer_steps);
        }
        Ok(())
    }

    /// After how many outer steps there are tests, the last one at the end.
    pub fn tests(&self) -> Vec<u64> {
        let before = self.test_at.iter().copied().filter(|&steps| steps < self.outer_steps);
        before.chain([self.outer_steps]).collect()
    }

    /// The split with the tasks that validation takes.
    pub fn split(&self, split: Split) -> Split {
        split.with_validation(self.validation.as_ref().map_or(0, |validation| validation.tasks))
    }

    /// The outer optimiser.
    pub fn adam(&self) -> AdamConfig {
        let schedule = match self.outer_schedule {
            Schedule::Constant => msr_meta::Schedule::Constant,
            Schedule::Cosine => msr_meta::Schedule::Cosine { steps: self.outer_steps },
        };
        AdamConfig { rate: self.outer_rate, schedule, clip_norm: self.clip_norm, ..AdamConfig::default() }
    }
}
