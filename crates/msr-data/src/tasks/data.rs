//! Tasks, as they were read.

use super::options::TasksFrom;

/// The rows of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRows {
    /// What it is called in the files.
    pub name: String,
    /// Inputs, row by row: `(examples, inputs)`.
    pub x: Vec<f64>,
    /// Outputs, row by row: `(examples, outputs)`.
    pub y: Vec<f64>,
}

/// Tasks with the same inputs and outputs, at least two examples each, all numbers finite.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaskData {
    /// In the order of their names, numbers in these compared as numbers; tasks of one array in the
    /// order in which they lie there.
    pub tasks: Vec<TaskRows>,
    /// How many inputs an example has.
    pub inputs: usize,
    /// How many outputs.
    pub outputs: usize,
    /// What the inputs are called: columns, or `x[0,1]`.
    pub input_names: Vec<String>,
    /// What the outputs are called.
    pub output_names: Vec<String>,
    /// Whether these are names that someone gave, those of columns, and not places in an array.
    pub has_names: bool,
    /// The column, or the array, that says which task a row belongs to.
    pub task_column: Option<String>,
    /// Columns, or arrays, that are not used.
    pub left_out: Vec<String>,
    /// How the inputs lie: as an option says, else what follows the examples in an array.
    pub input_shape: Vec<usize>,
    /// How the outputs lie.
    pub output_shape: Vec<usize>,
    /// The classes, where y held labels, in the order of their outputs or tasks.
    pub classes: Option<Vec<String>>,
    /// How rows were divided, where one set of data became tasks.
    pub divided: Option<Division>,
    /// What a reader of a verdict on these tasks should know, a sentence each, without full stops.
    pub notes: Vec<String>,
}

/// How the rows of one set of data were divided between tasks: each row is in one task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Division {
    /// What the tasks are.
    pub from: TasksFrom,
    /// So many rows.
    pub rows: usize,
    /// Between so many tasks.
    pub tasks: usize,
    /// In the order that this number gives.
    pub seed: u64,
}

impl TaskData {
    /// The number of examples of all tasks.
    pub fn examples(&self) -> usize {
        self.tasks.iter().map(|task| self.rows_of(task)).sum()
    }

    pub(super) fn rows_of(&self, task: &TaskRows) -> usize {
        task.x.len().checked_div(self.inputs).unwrap_or_default()
    }
}

/// What was read, before labels become outputs, and one set of data becomes tasks.
#[derive(Debug)]
pub(super) struct Raw {
    pub tasks: Vec<TaskRows>,
    pub inputs: usize,
    /// One, where y holds labels.
    pub outputs: usize,
    pub input_names: Vec<String>,
    pub output_names: Vec<String>,
    pub has_names: bool,
    pub task_column: Option<String>,
    pub left_out: Vec<String>,
    pub input_shape: Vec<usize>,
    pub output_shape: Vec<usize>,
    /// y holds positions in this list.
    pub labels: Option<Vec<String>>,
    pub notes: Vec<String>,
}

/// Names of the entries of an array: `x`, `x[0]`, `x[1,2]`.
pub(super) fn entry_names(array: &str, shape: &[usize]) -> Vec<String> {
    if shape.is_empty() {
        return vec![array.into()];
    }
    (0..shape.iter().product()).map(|at| format!("{array}{}", entry(shape, at))).collect()
}

/// The index of an entry, of which so many come before: `[1,2]`.
pub(super) fn entry(shape: &[usize], mut at: usize) -> String {
    let mut index: Vec<String> = Vec::new();
    for &size in shape.iter().rev() {
        index.push((at % size.max(1)).to_string());
        at /= size.max(1);
    }
    index.reverse();
    format!("[{}]", index.join(","))
}
