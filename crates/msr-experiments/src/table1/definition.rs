//! What is in the definition of Table 1, besides what is in all.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::Table1;
use crate::engine::{Definition, Expectation, check_interval};

/// How many tasks there are and how they are tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    pub total: usize,
    pub test_support: usize,
    pub test_query: usize,
    pub test_batch: usize,
    /// How many test tasks to use; all when it is not said.
    #[serde(default)]
    pub test_tasks: Option<usize>,
}

/// A rank-k problem, with so many examples in each training task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub name: String,
    pub rank: usize,
    pub filter_params: usize,
    /// The name of the number of examples.
    pub set: String,
    pub support: usize,
    pub query: usize,
}

/// What the results are compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    #[serde(default)]
    pub reference: Vec<Reference>,
    #[serde(default)]
    pub expect: Vec<Expectation>,
    #[serde(default)]
    pub ratio: Vec<RatioExpectation>,
}

/// A value that someone else measured, for comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    pub method: String,
    pub rank: usize,
    pub inner_steps: usize,
    pub outer_steps: u64,
    pub mean: f64,
    pub half_width: f64,
    pub source: String,
}

/// An interval for the ratio of two cells of the same problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioExpectation {
    pub method: String,
    pub over: String,
    pub problems: Vec<String>,
    #[serde(default)]
    pub at_least: Option<f64>,
    #[serde(default)]
    pub at_most: Option<f64>,
    pub source: String,
}

/// Ranks, columns of U and test tasks are numbers of something.
pub fn check_plan(definition: &Definition<Table1>) -> Result<()> {
    let Definition { tasks, problems, .. } = definition;
    ensure!(tasks.test_batch > 0, "test_batch must be at least 1");
    ensure!(tasks.test_tasks.is_none_or(|t| t >= 2), "an interval needs at least two test tasks");
    for Problem { name, rank, filter_params, .. } in problems {
        ensure!(*rank > 0 && *filter_params > 0, "rank and filter_params of `{name}` must be at least 1");
    }
    Ok(())
}

/// Every name that is used must be defined, and every bound be one.
pub fn check(definition: &Definition<Table1>) -> Result<()> {
    let Bounds { reference, expect, ratio } = &definition.bounds;
    for e in expect {
        definition.check_names(&e.method, &e.problem)?;
        e.check()?;
        ensure!(e.outer_steps.is_none(), "Table 1 is tested at the end alone; leave out outer_steps");
    }
    for r in ratio {
        for problem in &r.problems {
            definition.check_names(&r.method, problem)?;
            definition.check_names(&r.over, problem)?;
        }
        ensure!(r.at_least.is_some() || r.at_most.is_some(), "a ratio without a bound");
        let (low, high) = (r.at_least.unwrap_or(0.0), r.at_most.unwrap_or(f64::INFINITY));
        check_interval(&format!("{} over {}", r.method, r.over), low, high)?;
    }
    for r in reference {
        ensure!(definition.method(&r.method).is_some(), "no method `{}`", r.method);
        ensure!(definition.problems.iter().any(|p| p.rank == r.rank), "no problem of rank {}", r.rank);
    }
    Ok(())
}
