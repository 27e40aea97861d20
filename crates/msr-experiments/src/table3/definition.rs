//! What is in the definition of Table 3, besides what is in all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use msr_data::Augmentation;
use serde::{Deserialize, Serialize};

use super::Table3;
use super::images::DataSet;
use crate::engine::{Definition, Expectation, stored_path};

/// How tasks are made and tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    /// Query images of each class of a training task.
    pub query: usize,
    /// Query images of each class of a validation or test task.
    pub test_query: usize,
    pub test_tasks: usize,
    pub test_batch: usize,
    /// Inner steps after which to test.
    pub test_inner_steps: Vec<usize>,
    /// Channels of every block.
    pub channels: usize,
    /// How query images are augmented; not at all, where it is not said.
    #[serde(default)]
    pub augmentation: Option<Augmented>,
    /// Whether training classes are turned by quarters to make four times as many.
    #[serde(default)]
    pub quarter_turns: bool,
    /// The images of a run, which a continued run must find again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<DataSet, File>,
    /// What was learned before, for methods whose symmetry matrices start from it; the same holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symmetry: Option<File>,
    /// What `--profile full` makes of it.
    pub full: Full,
}

/// A file or folder that a run reads, and what tells it from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(with = "stored_path")]
    pub path: Option<PathBuf>,
    /// A SHA-256 of what was read.
    pub digest: String,
}

impl File {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Refuses another content than when the run began.
    pub fn check(&self, digest: &str) -> Result<()> {
        ensure!(
            self.digest == digest,
            "{} holds something else than when the run began; put back what was there, or begin a new run",
            self.path().display()
        );
        Ok(())
    }
}

/// As [`Augmentation`] of msr-data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmented {
    pub area: (f64, f64),
    pub aspect: (f64, f64),
    /// Left to right, top to bottom.
    pub flips: (bool, bool),
    pub degrees: f64,
}

impl Augmented {
    pub fn augmentation(self) -> Augmentation {
        let Self { area, aspect, flips, degrees } = self;
        Augmentation { area, aspect, flips, degrees }
    }
}

/// The sizes of a run on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Full {
    pub channels: usize,
    /// Of methods that have channels of their own.
    pub big_channels: usize,
    pub meta_batch: usize,
    pub outer_steps: u64,
}

/// Which classes train, validate and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitKind {
    /// Characters of all alphabets at random: 1,100 train, 100 validate, the rest test.
    Published,
    /// The alphabets of the first archive train, but for five that validate; those of the second
    /// test.
    NewAlphabets,
    /// The groups train, val and test.
    Groups,
    /// So many classes at random; the others test.
    Random {
        /// How many train.
        train: usize,
        /// How many validate.
        validation: usize,
    },
}

/// More tasks in an outer step, from some step on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Late {
    /// After this share of the outer steps.
    pub after: f64,
    pub meta_batch: usize,
}

impl Late {
    /// The first outer step that has them, of so many.
    pub fn first_step(self, outer_steps: u64) -> u64 {
        (self.after * outer_steps as f64) as u64
    }
}

/// N-way k-shot tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub name: String,
    pub ways: usize,
    pub shots: usize,
    /// The images.
    #[serde(default)]
    pub data: DataSet,
    /// Of which classes train, validate and test.
    pub split: SplitKind,
    /// Steps of the outer loop, when not those of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outer_steps: Option<u64>,
    /// Tasks in an outer step, when not those of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_batch: Option<usize>,
    /// Another number of tasks in the outer steps at the end, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
    /// The decay of averages of the outer parameters, when not that of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// The outer learning rate, when not that of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outer_rate: Option<f64>,
    /// More factors of the outer rate, of methods by name, by what the names of parameters end
    /// with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outer_factors: BTreeMap<String, BTreeMap<String, f64>>,
    /// The inner rate at the start, in place of that of the training and of every method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_rate: Option<f64>,
    /// Query images of each class of a training task, when not those of all tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<usize>,
    /// Test tasks, when not as many as of all problems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_tasks: Option<usize>,
    /// How query images are augmented, when not as all tasks are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<Augmented>,
    /// The methods that learn it, when not all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
}

impl Problem {
    /// Query images of each class of a training task.
    pub fn query(&self, tasks: &Tasks) -> usize {
        self.query.unwrap_or(tasks.query)
    }

    /// How many test tasks there are.
    pub fn test_tasks(&self, tasks: &Tasks) -> usize {
        self.test_tasks.unwrap_or(tasks.test_tasks)
    }
}

/// What the results are compared with; accuracies in percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    #[serde(default)]
    pub reference: Vec<Reference>,
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// A value that someone else measured, for comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    pub method: String,
    pub problem: String,
    pub mean: f64,
    /// Where it was published.
    #[serde(default)]
    pub half_width: Option<f64>,
    pub source: String,
}

/// Numbers with which nothing can be trained or tested.
pub fn check_plan(definition: &Definition<Table3>) -> Result<()> {
    let Definition { tasks, problems, .. } = definition;
    for (name, number) in [
        ("query", tasks.query),
        ("test_query", tasks.test_query),
        ("test_batch", tasks.test_batch),
        ("channels", tasks.channels),
        ("the number of test_inner_steps", tasks.test_inner_steps.len()),
    ] {
        ensure!(number > 0, "{name} must be at least 1");
    }
    let increasing =
        tasks.test_inner_steps.is_sorted_by(|a, b| a < b) && tasks.test_inner_steps.first() > Some(&0);
    ensure!(increasing, "test_inner_steps must be at least 1, and increase");
    ensure!(
        definition.training.validation.is_some(),
        "the number of inner steps, and the best state, are chosen on validation tasks: [training.validation] is missing"
    );
    if let Some(augmented) = tasks.augmentation {
        augmented.augmentation().check()?;
    }
    if let Some(validation) = &definition.training.validation {
        let budgets = problems.iter().filter_map(|p| p.outer_steps).chain([definition.training.outer_steps]);
        for steps in budgets {
            // What is tested is the best state of those that were validated.
            ensure!(
                steps.is_multiple_of(validation.every) || steps < validation.every,
                "{steps} outer steps end between two validations, of which there is one every {} steps; use a multiple",
                validation.every
            );
        }
    }
    let all_tasks = problems.iter().map(|problem| problem.test_tasks(tasks)).chain([tasks.test_tasks]);
    ensure!(all_tasks.min() >= Some(2), "test_tasks must be at least 2, for an interval");
    for problem in problems {
        let Problem { name, ways, shots, outer_steps, meta_batch, query, augmentation, .. } = problem;
        ensure!(*ways >= 2 && *shots > 0, "{name}: classes are told apart from two ways and one shot on");
        ensure!(*outer_steps != Some(0), "the outer_steps of {name} must be at least 1");
        ensure!(*meta_batch != Some(0), "the meta_batch of {name} must be at least 1");
        let rates = [("outer_rate", problem.outer_rate), ("inner_rate", problem.inner_rate)];
        for (what, rate) in rates.iter().filter_map(|(what, rate)| Some((what, (*rate)?))) {
            ensure!(rate.is_finite(), "the {what} of {name} must be a number, not {rate}");
        }
        if let Some(Late { after, meta_batch }) = problem.late {
            ensure!((0.0..=1.0).contains(&after), "{name}: `after` must be from 0 to 1, not {after}");
            ensure!(meta_batch > 0, "the late meta_batch of {name} must be at least 1");
        }
        if let Some(decay) = problem.average {
            ensure!(
                (0.0..1.0).contains(&decay),
                "the average of {name} must be at least 0 and less than 1, not {decay}"
            );
        }
        if let Some(rate) = problem.outer_rate {
            ensure!(rate >= 0.0, "the outer_rate of {name} must be at least 0, not {rate}");
        }
        ensure!(*query != Some(0), "the query images of {name} must be at least 1");
        if let Some(augmented) = augmentation {
            augmented.augmentation().check().with_context(|| format!("the augmentation of {name}"))?;
        }
    }
    Ok(())
}

/// Every name that is used must be defined, and every bound be one.
pub fn check(definition: &Definition<Table3>) -> Result<()> {
    let Bounds { reference, expect } = &definition.bounds;
    for e in expect {
        definition.check_names(&e.method, &e.problem)?;
        e.check()?;
        ensure!(e.outer_steps.is_none(), "Table 3 is tested at the end alone; leave out outer_steps");
    }
    for r in reference {
        definition.check_names(&r.method, &r.problem)?;
    }
    for problem in &definition.problems {
        for (ending, factor) in problem.outer_factors.values().flatten() {
            ensure!(
                factor.is_finite() && *factor >= 0.0,
                "the factor of {} for the outer rate of `{ending}` must be a number of at least 0, not {factor}",
                problem.name
            );
        }
        for name in problem.methods.iter().chain(problem.outer_factors.keys()) {
            ensure!(definition.method(name).is_some(), "no method `{name}`, which {} names", problem.name);
        }
    }
    Ok(())
}
