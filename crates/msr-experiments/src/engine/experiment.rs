//! What makes an experiment: the one trait, and its line in the list.

use std::fmt::Debug;

use anyhow::Result;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::definition::{Definition, Method};
use super::flags::Flags;
use super::folder::Folder;
use super::reproduce::reproduce;
use super::run::Run;
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

    /// Refuses a definition that cannot be meant, beyond what is checked of all.
    fn check(definition: &Definition<Self>) -> Result<()>;

    /// Leaves in the run what its own flags ask for.
    fn narrow(run: &mut Run<Self>, flags: &Self::Flags) -> Result<()>;

    /// Refuses what cannot work before anything is written, or continued; lines that say what was
    /// read.
    fn try_out(run: &Run<Self>) -> Result<Vec<String>> {
        let _ = run;
        Ok(Vec::new())
    }

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

/// An experiment in the list of all: its name, what it is, its definition, and the type that runs
/// it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// As the user calls it.
    pub name: &'static str,
    about: &'static str,
    definition: &'static str,
    flags: fn(Command) -> Command,
    run: fn(&Entry, &ArgMatches) -> Result<()>,
}

impl Entry {
    /// An experiment of type `E`, with the text of `data/experiments/<name>.toml`.
    pub fn new<E: Experiment>(name: &'static str, about: &'static str, definition: &'static str) -> Self {
        let run: fn(&Entry, &ArgMatches) -> Result<()> = |entry, matches| {
            let flags = Flags::<E::Flags>::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
            reproduce::<E>(entry.name, entry.definition, &flags)
        };
        Self { name, about, definition, flags: Flags::<E::Flags>::augment_args, run }
    }

    /// The command, with its flags.
    pub fn command(&self) -> Command {
        // Afterwards: what the flags say of themselves is for readers of the code.
        (self.flags)(Command::new(self.name)).about(self.about).long_about(None)
    }

    /// Runs the experiment as these flags say.
    ///
    /// # Errors
    /// When the request cannot work, a training run fails, or a bound of the definition does not
    /// hold.
    pub fn run(&self, matches: &ArgMatches) -> Result<()> {
        (self.run)(self, matches)
    }
}
