//! What a run will do: the definition with the flags applied. Stored in the run folder, so that a resumed
//! run does the same.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::definition::{Definition, Method, Problem};
use crate::experiments::choice::{choose, select};
use crate::experiments::learner::Inner;
use crate::workspace::DeviceName;

/// A resolved run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub definition: Definition,
    pub quick: bool,
    pub methods: Vec<String>,
    pub problems: Vec<String>,
    pub seeds: u64,
    pub outer_steps: u64,
    pub inner_steps: usize,
    pub test_tasks: usize,
    pub device: DeviceName,
    /// The folder of the authors' `.npz` files, if they replace our generator.
    pub data: Option<PathBuf>,
}

/// The flags that change a plan.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlanArgs {
    /// A smoke run: one problem, two methods, fewer steps and test tasks.
    #[arg(long, conflicts_with = "resume")]
    pub quick: bool,
    /// Only these methods, as `MSR-Conv,MAML-Conv`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub methods: Vec<String>,
    /// `exact`: only the methods whose inner loop solves the least-squares problem; `gradient`: all others.
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub inner: Option<Inner>,
    /// Only these problems: `C8`, `D8`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub problems: Vec<String>,
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
    /// A folder with the authors' files, 2d_rot8.npz and 2d_rot8_flip.npz, used instead of our generator. They may be
    /// larger than memory.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub data: Option<PathBuf>,
}

/// One training run: a cell of the table for one seed.
#[derive(Clone, Debug)]
pub struct Cell {
    pub method: Method,
    pub problem: Problem,
    pub seed: u64,
}

impl Plan {
    /// Applies the flags; names that the definition does not know are errors that list the known ones.
    pub fn new(definition: Definition, args: &PlanArgs) -> Result<Self> {
        let names: Vec<String> = definition.methods.iter().map(|m| m.name.clone()).collect();
        let problems: Vec<String> = definition.problems.iter().map(|p| p.name.clone()).collect();
        let (quick, training) = (&definition.quick, &definition.training);
        let same = |a: &String, b: &String| a.eq_ignore_ascii_case(b);
        let by_default = args.quick.then(|| quick.methods.clone());
        let chosen = choose("method", &args.methods, &names, by_default, same)?;
        let learner = |name: &String| definition.methods.iter().find(|m| m.name == *name).map(|m| m.learner);
        Ok(Self {
            quick: args.quick,
            methods: select(args.inner, chosen, learner)?,
            problems: choose(
                "problem",
                &args.problems,
                &problems,
                args.quick.then(|| quick.problems.clone()),
                same,
            )?,
            seeds: args.seeds.unwrap_or(training.seeds),
            outer_steps: args.outer_steps.unwrap_or(if args.quick {
                quick.outer_steps
            } else {
                training.outer_steps
            }),
            inner_steps: args.inner_steps.unwrap_or(training.inner_steps),
            test_tasks: if args.quick { quick.test_tasks } else { definition.tasks.test_tasks },
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

    /// After how many outer steps there are tests, the last one at the end.
    pub fn tests(&self) -> Vec<u64> {
        let before = self.definition.training.test_at.iter().copied().filter(|&s| s < self.outer_steps);
        before.chain([self.outer_steps]).collect()
    }

    /// The training runs, in the order of the table, seed by seed.
    pub fn cells(&self) -> Result<Vec<Cell>> {
        let d = &self.definition;
        let mut cells = Vec::new();
        for seed in 0..self.seeds {
            for problem in d.problems.iter().filter(|p| self.problems.contains(&p.name)) {
                for method in d.methods.iter().filter(|m| self.methods.contains(&m.name)) {
                    cells.push(Cell { method: method.clone(), problem: problem.clone(), seed });
                }
            }
        }
        ensure!(!cells.is_empty(), "nothing to run");
        Ok(cells)
    }
}
