//! What a run will do: the definition with the flags applied. Stored in the run folder, so that a resumed
//! run does the same.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::definition::{Definition, Method, Problem, TrainingSet};
use crate::experiments::choice::{choose, select};
use crate::experiments::learner::Inner;
use crate::workspace::DeviceName;

/// A resolved run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub definition: Definition,
    pub quick: bool,
    pub methods: Vec<String>,
    pub ranks: Vec<usize>,
    pub sets: Vec<String>,
    pub seeds: u64,
    pub outer_steps: u64,
    pub inner_steps: usize,
    /// How many test tasks to use; `None` for all.
    pub test_tasks: Option<usize>,
    pub device: DeviceName,
    /// The folder of the authors' `.npz` files, if they replace our generator.
    pub data: Option<PathBuf>,
}

/// The flags that change a plan.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlanArgs {
    /// A smoke run of some seconds: one problem, one training set, fewer test tasks.
    #[arg(long, conflicts_with = "resume")]
    pub quick: bool,
    /// Only these methods, as `MSR-FC,MAML-Conv`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub methods: Vec<String>,
    /// `exact`: only the methods whose inner loop solves the least-squares problem; `gradient`: all others.
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub inner: Option<Inner>,
    /// Only these ranks, as `1,5`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub ranks: Vec<usize>,
    /// Only these training sets: `small`, `large`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub sets: Vec<String>,
    /// How many seeds; the table shows the mean over them.
    #[arg(long, conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Steps of the outer loop.
    #[arg(long, conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(1..))]
    pub outer_steps: Option<u64>,
    /// Steps of the inner loop.
    #[arg(long, conflicts_with = "resume")]
    pub inner_steps: Option<usize>,
    /// Where to compute.
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub device: Option<DeviceName>,
    /// A folder with the authors' rank1.npz, rank2.npz, rank5.npz, used instead of our generator.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub data: Option<PathBuf>,
}

/// One training run: a cell of the table for one seed.
#[derive(Clone, Debug)]
pub struct Cell {
    pub method: Method,
    pub problem: Problem,
    pub set: TrainingSet,
    pub seed: u64,
}

impl Plan {
    /// Applies the flags; names that the definition does not know are errors that list the known ones.
    pub fn new(definition: Definition, args: &PlanArgs) -> Result<Self> {
        let known_methods: Vec<String> = definition.methods.iter().map(|m| m.name.clone()).collect();
        let known_sets: Vec<String> = definition.sets.iter().map(|s| s.name.clone()).collect();
        let known_ranks: Vec<usize> = definition.problems.iter().map(|p| p.rank).collect();
        let (quick_sets, quick_ranks) = (definition.quick.sets.clone(), definition.quick.ranks.clone());
        let same = |a: &String, b: &String| a.eq_ignore_ascii_case(b);
        let training = &definition.training;
        Ok(Self {
            quick: args.quick,
            methods: {
                let chosen = choose("method", &args.methods, &known_methods, None, same)?;
                let learner =
                    |name: &String| definition.methods.iter().find(|m| m.name == *name).map(|m| m.learner);
                select(args.inner, chosen, learner)?
            },
            sets: choose("set", &args.sets, &known_sets, args.quick.then_some(quick_sets), same)?,
            ranks: choose("rank", &args.ranks, &known_ranks, args.quick.then_some(quick_ranks), |a, b| {
                a == b
            })?,
            seeds: args.seeds.unwrap_or(training.seeds),
            outer_steps: args.outer_steps.unwrap_or(if args.quick {
                definition.quick.outer_steps
            } else {
                training.outer_steps
            }),
            inner_steps: args.inner_steps.unwrap_or(training.inner_steps),
            test_tasks: args.quick.then_some(definition.quick.test_tasks),
            device: args.device.unwrap_or(DeviceName::Cpu),
            data: args.data.clone(),
            definition,
        })
    }

    /// Whether the bounds of the definition apply: nothing that they depend on was changed.
    pub fn is_the_defined_experiment(&self) -> bool {
        let training = &self.definition.training;
        let steps = if self.quick { self.definition.quick.outer_steps } else { training.outer_steps };
        self.outer_steps == steps && self.inner_steps == training.inner_steps && self.data.is_none()
    }

    /// The training runs, in the order of the table, seed by seed.
    pub fn cells(&self) -> Result<Vec<Cell>> {
        let d = &self.definition;
        let mut cells = Vec::new();
        for seed in 0..self.seeds {
            for set in d.sets.iter().filter(|s| self.sets.contains(&s.name)) {
                for problem in d.problems.iter().filter(|p| self.ranks.contains(&p.rank)) {
                    for method in d.methods.iter().filter(|m| self.methods.contains(&m.name)) {
                        let (method, problem, set) = (method.clone(), problem.clone(), set.clone());
                        cells.push(Cell { method, problem, set, seed });
                    }
                }
            }
        }
        ensure!(!cells.is_empty(), "nothing to run");
        Ok(cells)
    }
}
