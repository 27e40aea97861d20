//! What is in the definition of Table 2, besides what is in all.

use anyhow::{Result, ensure};
use msr_groups::PlaneGroup;
use serde::{Deserialize, Serialize};

use super::Table2;
use crate::engine::{Definition, Expectation, check_file};

/// How many tasks there are, and examples in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    pub train: usize,
    pub test: usize,
    pub test_tasks: usize,
    pub support: usize,
    pub query: usize,
    pub test_batch: usize,
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub name: String,
    pub rotations: usize,
    pub flips: bool,
    pub filter_params: usize,
    /// The name of the authors' file.
    pub file: String,
}

impl Problem {
    /// The group of the problem.
    pub fn group(&self) -> PlaneGroup {
        match self.flips {
            false => PlaneGroup::Rotations(self.rotations),
            true => PlaneGroup::RotationsAndFlips(self.rotations),
        }
    }
}

/// What the results are compared with. Besides, every method with a symmetry matrix must name the
/// problem's group.
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
    pub inner_steps: usize,
    pub outer_steps: u64,
    pub mean: f64,
    pub half_width: f64,
    pub source: String,
}

/// Test tasks and columns of U are numbers of something, and files lie in the folder of `--data`.
pub fn check_plan(definition: &Definition<Table2>) -> Result<()> {
    let Definition { tasks, problems, .. } = definition;
    ensure!(tasks.test_batch > 0, "test_batch must be at least 1");
    ensure!(tasks.test_tasks >= 2 && tasks.test >= 2, "an interval needs at least two test tasks");
    for Problem { name, filter_params, file, .. } in problems {
        ensure!(*filter_params > 0, "filter_params of `{name}` must be at least 1");
        check_file(&format!("the file of `{name}`"), file)?;
    }
    Ok(())
}

/// Every name and every number of steps that is used must be defined.
pub fn check(definition: &Definition<Table2>) -> Result<()> {
    let Definition { bounds, training, .. } = definition;
    bounds.expect.iter().try_for_each(Expectation::check)?;
    let expected = bounds.expect.iter().map(|e| (&e.method, &e.problem, e.outer_steps));
    let referred = bounds.reference.iter().map(|r| (&r.method, &r.problem, Some(r.outer_steps)));
    for (method, problem, steps) in expected.chain(referred) {
        definition.check_names(method, problem)?;
        let steps = steps.unwrap_or(training.outer_steps);
        ensure!(
            training.tests().contains(&steps),
            "{method} on {problem} after {steps} steps: no test is made then"
        );
    }
    Ok(())
}
