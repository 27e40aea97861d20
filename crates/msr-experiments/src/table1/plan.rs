//! What a run will do: the definition with the flags applied. Stored in the run folder, so that a resumed
//! run does the same.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::NAME;
use super::definition::{Definition, LayerKind, Problem, TrainingSet};
use crate::choice::{by_name, choose};
use crate::comparison::{Method, Settings, SettingsArgs};
use crate::device::DeviceName;
use crate::runner::RunPlan;

/// A resolved run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub definition: Definition,
    pub settings: Settings,
    pub ranks: Vec<usize>,
    pub sets: Vec<String>,
    /// How many test tasks to use; `None` for all.
    pub test_tasks: Option<usize>,
}

/// The flags that change a plan.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Only these ranks, as `1,5`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub ranks: Vec<usize>,
    /// Only these training sets: `small`, `large`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub sets: Vec<String>,
}

/// One training run: a cell of the table for one seed.
#[derive(Clone, Debug)]
pub struct Cell {
    pub method: Method<LayerKind>,
    pub problem: Problem,
    pub set: TrainingSet,
    pub seed: u64,
}

impl Plan {
    /// Applies the flags; names that the definition does not know are errors that list the known ones.
    pub fn new(definition: Definition, args: &PlanArgs) -> Result<Self> {
        let sets: Vec<String> = definition.sets.iter().map(|s| s.name.clone()).collect();
        let ranks: Vec<usize> = definition.problems.iter().map(|p| p.rank).collect();
        let quick = args.settings.quick.then_some(&definition.quick);
        let steps = definition.quick.outer_steps;
        Ok(Self {
            settings: Settings::new(&args.settings, &definition.methods, &definition.training, None, steps)?,
            sets: choose("set", &args.sets, &sets, quick.map(|q| q.sets.clone()), by_name)?,
            ranks: choose("rank", &args.ranks, &ranks, quick.map(|q| q.ranks.clone()), |a, b| a == b)?,
            test_tasks: quick.map(|q| q.test_tasks),
            definition,
        })
    }
}

impl RunPlan for Plan {
    type Cell = Cell;

    // In the order of the table, seed by seed.
    fn cells(&self) -> Vec<Cell> {
        let d = &self.definition;
        let mut cells = Vec::new();
        for seed in 0..self.settings.seeds {
            for set in d.sets.iter().filter(|s| self.sets.contains(&s.name)) {
                for problem in d.problems.iter().filter(|p| self.ranks.contains(&p.rank)) {
                    for method in d.methods.iter().filter(|m| self.settings.has(m)) {
                        let (method, problem, set) = (method.clone(), problem.clone(), set.clone());
                        cells.push(Cell { method, problem, set, seed });
                    }
                }
            }
        }
        cells
    }

    fn device(&self) -> DeviceName {
        self.settings.device
    }

    fn is_whole(&self) -> bool {
        let d = &self.definition;
        let all = (self.ranks.len(), self.sets.len()) == (d.problems.len(), d.sets.len());
        all && self.settings.is_whole(&d.methods)
    }

    fn record_name(&self) -> String {
        self.settings.record_name(NAME)
    }
}
