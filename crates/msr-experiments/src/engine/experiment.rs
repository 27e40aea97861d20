//! What makes an experiment: the one trait, its definition, and a run of it.

use std::fmt::Debug;
use std::path::PathBuf;

use anyhow::Result;
use candle_core::Device;
use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::choice::by_name;
use super::device::DeviceName;
use super::files::ArrayNames;
use super::folder::Folder;
use super::prepared::Prepared;
use super::settings::{Method, Quick, Training};
use super::stored_path;
use super::training::CellFolder;

/// Data that is read from a definition, or stored in a run folder.
pub trait Part: Clone + Debug + Serialize + DeserializeOwned + Send + Sync {}

impl<T: Clone + Debug + Serialize + DeserializeOwned + Send + Sync> Part for T {}

/// An experiment: training runs of (problem × method × seed), and a report of what came out.
///
/// In the order in which it is read: the types of its definition, its flags, how one training run
/// goes, and the report.
pub trait Experiment: Clone + Debug + Send + Sync + Sized + 'static {
    /// How tasks are made and tested: `[tasks]` of the definition.
    type Tasks: Part;
    /// A problem: an entry of `[[problems]]`.
    type Problem: Part;
    /// What the results are compared with: `[bounds]`.
    type Bounds: Part;
    /// The flags that other experiments do not have.
    type Flags: Args + Clone + Debug;
    /// What remains of a training run.
    type Outcome: Part;

    /// The name of a problem, by which the definition and the flags mean it.
    fn name(problem: &Self::Problem) -> &str;

    /// The name of a training run's folder.
    fn cell_name(cell: &Cell<Self>) -> String;

    /// Whether this method learns this problem; every one does where nothing else is said.
    fn has_cell(_problem: &Self::Problem, _method: &Method) -> bool {
        true
    }

    /// The work of a training run beside that of others, in any unit: for the time that is left.
    fn work(run: &Run<Self>, _cell: &Cell<Self>) -> f64 {
        run.definition.training.outer_steps as f64
    }

    /// Whether two names mean the same problem: those that differ in nothing that a flag tells.
    fn same(a: &str, b: &str) -> bool {
        by_name(a, b)
    }

    /// The method and the training of a cell, with what its problem changes of them.
    fn plan(run: &Run<Self>, cell: &Cell<Self>) -> (Method, Training) {
        (cell.method.clone(), run.definition.training.clone())
    }

    /// What each seed has of its own, in words.
    fn own_of_a_seed(run: &Run<Self>) -> &'static str {
        if run.data.is_none() { "its own problem and its own start" } else { "its own start" }
    }

    /// Refuses what cannot run, beyond what is checked of all: when a run begins, and when it is
    /// continued.
    fn check_plan(definition: &Definition<Self>) -> Result<()>;

    /// Refuses what a definition file cannot mean, beyond what is checked of all: bounds for what
    /// is not defined.
    fn check(definition: &Definition<Self>) -> Result<()>;

    /// Leaves in the run what its own flags ask for.
    fn narrow(run: &mut Run<Self>, flags: &Self::Flags) -> Result<()>;

    /// The data of a training run and the shape of its model, which refuses what cannot work. Tried
    /// out before anything is written, or continued, and made again when the cell trains.
    fn prepare(run: &Run<Self>, cell: &Cell<Self>, device: Device) -> Result<Prepared>;

    /// Trains and tests one model, from its checkpoint when there is one. Runs on the calling
    /// thread.
    fn run(run: &Run<Self>, cell: &Cell<Self>, folder: &CellFolder) -> Result<Self::Outcome>;

    /// An outcome in a line.
    fn line(outcome: &Self::Outcome) -> String;

    /// The table of all outcomes and its check against the bounds; pictures of all of them go to
    /// the run folder.
    fn report(run: &Run<Self>, outcomes: &[Self::Outcome], folder: &Folder) -> Result<Report>;
}

/// One training run.
#[derive(Clone, Debug)]
pub struct Cell<E: Experiment> {
    /// What is learned.
    pub problem: E::Problem,
    /// How.
    pub method: Method,
    /// Of the tasks and of the model's start.
    pub seed: u64,
}

/// What came out of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The table as text.
    pub text: String,
    /// How many bounds, and groups that must be found, were checked.
    pub checked: usize,
    /// Those that do not hold, in words.
    pub outside: Vec<String>,
}

/// The definition of an experiment: a file in `data/experiments`, not code.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct Definition<E: Experiment> {
    /// The first line of the table.
    pub title: String,
    /// How tasks are made and tested.
    pub tasks: E::Tasks,
    /// How training goes.
    pub training: Training,
    /// What `--quick` makes of it.
    pub quick: Quick,
    /// What is learned.
    pub problems: Vec<E::Problem>,
    /// How.
    pub methods: Vec<Method>,
    /// What the results are compared with.
    pub bounds: E::Bounds,
}

/// What a run does: the definition with the flags applied. Stored in the run folder, so that a
/// resumed run does the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Run<E: Experiment> {
    /// Only what runs is left in it.
    pub definition: Definition<E>,
    /// Where the definition is from, for messages.
    pub source: String,
    /// Whether it is a smoke run.
    pub quick: bool,
    /// Where to compute.
    pub device: DeviceName,
    /// The folder of the authors' `.npz` files, if they replace our generator.
    #[serde(default, with = "stored_path")]
    pub data: Option<PathBuf>,
    /// What the arrays in those files are called.
    #[serde(default)]
    pub arrays: ArrayNames,
    /// Whether a flag says how many outer steps there are.
    #[serde(default)]
    pub has_own_steps: bool,
    /// What the definition asks for and is left out, and why, in lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Whether nothing was changed on which the bounds of the definition depend.
    pub is_defined: bool,
    /// The name under which the table is recorded; nothing when this is not the whole experiment.
    pub recorded_as: Option<String>,
}
