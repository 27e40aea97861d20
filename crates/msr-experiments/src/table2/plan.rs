//! What a run will do: the definition with the flags applied. Stored in the run folder, so that a resumed
//! run does the same.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::NAME;
use super::definition::{Definition, LayerKind, Problem};
use crate::choice::{by_name, choose};
use crate::comparison::{Method, Settings, SettingsArgs};
use crate::device::DeviceName;
use crate::runner::RunPlan;

/// A resolved run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub definition: Definition,
    pub settings: Settings,
    pub problems: Vec<String>,
    pub test_tasks: usize,
}

/// The flags that change a plan.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Only these problems: `C8`, `D8`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub problems: Vec<String>,
}

/// One training run: a cell of the table for one seed.
#[derive(Clone, Debug)]
pub struct Cell {
    pub method: Method<LayerKind>,
    pub problem: Problem,
    pub seed: u64,
}

impl Plan {
    /// Applies the flags; names that the definition does not know are errors that list the known ones.
    pub fn new(definition: Definition, args: &PlanArgs) -> Result<Self> {
        let problems: Vec<String> = definition.problems.iter().map(|p| p.name.clone()).collect();
        let (quick, training) = (&definition.quick, &definition.training);
        let (methods, steps) = (Some(&quick.methods[..]), quick.outer_steps);
        let is_quick = args.settings.quick;
        let by_default = is_quick.then(|| quick.problems.clone());
        Ok(Self {
            settings: Settings::new(&args.settings, &definition.methods, training, methods, steps)?,
            problems: choose("problem", &args.problems, &problems, by_default, by_name)?,
            test_tasks: if is_quick { quick.test_tasks } else { definition.tasks.test_tasks },
            definition,
        })
    }

    /// After how many outer steps there are tests, the last one at the end.
    pub fn tests(&self) -> Vec<u64> {
        let last = self.settings.outer_steps;
        let before = self.definition.training.test_at.iter().copied().filter(|&s| s < last);
        before.chain([last]).collect()
    }
}

impl RunPlan for Plan {
    type Cell = Cell;

    // In the order of the table, seed by seed.
    fn cells(&self) -> Vec<Cell> {
        let d = &self.definition;
        let mut cells = Vec::new();
        for seed in 0..self.settings.seeds {
            for problem in d.problems.iter().filter(|p| self.problems.contains(&p.name)) {
                for method in d.methods.iter().filter(|m| self.settings.has(m)) {
                    cells.push(Cell { method: method.clone(), problem: problem.clone(), seed });
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
        self.problems.len() == d.problems.len() && self.settings.is_whole(&d.methods)
    }

    fn record_name(&self) -> String {
        self.settings.record_name(NAME)
    }
}
