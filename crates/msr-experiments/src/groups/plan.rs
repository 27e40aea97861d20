//! What a run will do: the definition with the flags applied.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::definition::{Definition, Method, Problem};
use crate::device::DeviceName;
use crate::runner::{RunCell, RunPlan};

/// A resolved run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub experiment: String,
    pub definition: Definition,
    pub quick: bool,
    pub problems: Vec<String>,
    pub seeds: u64,
    pub outer_steps: u64,
    pub inner_steps: usize,
    pub device: DeviceName,
}

/// The flags that change a plan.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlanArgs {
    /// A smoke run of some seconds: few problems, fewer steps.
    #[arg(long, conflicts_with = "resume")]
    pub quick: bool,
    /// Only the problems with these names, separated by semicolons.
    #[arg(long, value_delimiter = ';', conflicts_with = "resume")]
    pub problems: Vec<String>,
    /// How many seeds; the table shows the mean over them.
    #[arg(long, conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Steps of the outer loop.
    #[arg(long, conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(1..))]
    pub outer_steps: Option<u64>,
    /// Steps of the inner loop.
    #[arg(long, conflicts_with = "resume", value_parser = at_least_one)]
    pub inner_steps: Option<usize>,
    /// Where to compute.
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub device: Option<DeviceName>,
}

fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    text.parse().ok().filter(|&steps| steps > 0).ok_or_else(|| "a whole number from 1 is needed".into())
}

/// One training run: a problem, a method, a seed.
#[derive(Clone, Debug)]
pub struct Cell {
    pub problem: Problem,
    pub method: Method,
    pub seed: u64,
}

impl RunCell for Cell {
    fn name(&self) -> String {
        // Names of problems are for people; those of folders have no blanks, and letters that all systems know.
        let plain: String = crate::report::picture::ascii(&self.problem.name)
            .chars()
            .filter(|c| *c != ',')
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
            .collect();
        format!("{plain}-{}-seed{}", self.method.name, self.seed)
    }
}

impl Plan {
    /// Applies the flags; problems that the definition does not know are errors that list the known ones.
    pub fn new(experiment: &str, definition: Definition, args: &PlanArgs) -> Result<Self> {
        let known: Vec<String> = definition.problems.iter().map(|p| p.name.clone()).collect();
        // However it is typed: `C_7 ⋊ C_3`, `c_7:c_3`, or the name of the folder.
        let plain = |name: &str| -> String {
            let letters = crate::report::picture::ascii(name).to_lowercase();
            letters.chars().filter(char::is_ascii_alphanumeric).collect()
        };
        let same = |a: &str, b: &str| plain(a) == plain(b);
        if let Some(unknown) = args.problems.iter().find(|a| !known.iter().any(|k| same(a, k))) {
            bail!(
                "there is no problem `{unknown}`; separate several by semicolons; there are {}",
                known.join("; ")
            );
        }
        let (quick, training) = (&definition.quick, &definition.training);
        let problems = match (args.problems.is_empty(), args.quick) {
            (false, _) => known.into_iter().filter(|k| args.problems.iter().any(|a| same(a, k))).collect(),
            (true, true) => quick.problems.clone(),
            (true, false) => known,
        };
        let defined = if args.quick {
            (quick.seeds, quick.outer_steps)
        } else {
            (training.seeds, training.outer_steps)
        };
        Ok(Self {
            experiment: experiment.into(),
            quick: args.quick,
            problems,
            seeds: args.seeds.unwrap_or(defined.0),
            outer_steps: args.outer_steps.unwrap_or(defined.1),
            inner_steps: args.inner_steps.unwrap_or(training.inner_steps),
            device: args.device.unwrap_or(DeviceName::Cpu),
            definition,
        })
    }

    /// Whether the bounds of the definition apply: nothing that they depend on was changed.
    pub fn is_the_defined_experiment(&self) -> bool {
        let training = &self.definition.training;
        let steps = if self.quick { self.definition.quick.outer_steps } else { training.outer_steps };
        self.outer_steps == steps && self.inner_steps == training.inner_steps
    }
}

impl RunPlan for Plan {
    type Cell = Cell;

    fn cells(&self) -> Vec<Cell> {
        let d = &self.definition;
        let mut cells = Vec::new();
        for seed in 0..self.seeds {
            for problem in d.problems.iter().filter(|p| self.problems.contains(&p.name)) {
                for method in &d.methods {
                    cells.push(Cell { problem: problem.clone(), method: method.clone(), seed });
                }
            }
        }
        cells
    }

    fn device(&self) -> DeviceName {
        self.device
    }

    fn is_whole(&self) -> bool {
        let all = self.problems.len() == self.definition.problems.len();
        self.is_the_defined_experiment() && !self.quick && all && self.seeds >= self.definition.training.seeds
    }

    fn record_name(&self) -> String {
        self.experiment.clone()
    }
}
