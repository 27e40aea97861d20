//! What is said of the data of a user, beside where they lie.

use std::str::FromStr;

use super::error::{Result, TaskError};

/// How the files of a user are read. Without any of it: arrays `x` and `y`, or the columns of a
/// table that begin so (`x0`, `x_left`, `y[1]`, `y`).
///
/// # Example
/// ```
/// use msr_data::tasks::TaskOptions;
///
/// let options = TaskOptions {
///     x: Some("pixel0..pixel15".into()),
///     y: Some("left,right".into()),
///     task_column: Some("participant".into()),
///     input_shape: Some(vec![4, 4]),
///     ..TaskOptions::default()
/// };
/// assert_eq!(options.most_numbers, 1 << 28);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOptions {
    /// The inputs: the name of an array; of a table, names of columns (`a,b,c`), ranges
    /// (`p0..p15`, both ends with it) and patterns (`pixel*`).
    pub x: Option<String>,
    /// The outputs, in the same way.
    pub y: Option<String>,
    /// The column, or the array, whose value says which task a row belongs to.
    pub task_column: Option<String>,
    /// How one set of data becomes tasks.
    pub tasks_from: Option<TasksFrom>,
    /// Whether y holds labels of classes, of which each becomes an output (1 for the rows of the
    /// class, 0 for the others). Labels that are texts imply it.
    pub classes: bool,
    /// What the inputs are laid out as; the product of the sizes is their number.
    pub input_shape: Option<Vec<usize>>,
    /// What the outputs are laid out as.
    pub output_shape: Option<Vec<usize>>,
    /// How rows are divided between tasks.
    pub seed: u64,
    /// The most numbers that are kept, eight bytes each.
    pub most_numbers: u64,
}

impl Default for TaskOptions {
    fn default() -> Self {
        Self {
            x: None,
            y: None,
            task_column: None,
            tasks_from: None,
            classes: false,
            input_shape: None,
            output_shape: None,
            seed: 0,
            most_numbers: 1 << 28,
        }
    }
}

/// How one set of data becomes tasks. But for a column, rows are divided between the tasks: those
/// that share rows are not independent, and every test would find more than there is.
///
/// As text: `outputs`, `labels`, `column:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TasksFrom {
    /// Each output is a task with one output.
    Outputs,
    /// Each class is a task, it against the others: one output, 1 or 0.
    Labels,
    /// The rows with the same value in this column are a task.
    Column(String),
}

impl FromStr for TasksFrom {
    type Err = TaskError;

    fn from_str(text: &str) -> Result<Self> {
        let column = text.strip_prefix("column").and_then(|rest| rest.strip_prefix([':', '=', ' ']));
        match (text.trim(), column.map(str::trim)) {
            ("outputs", _) => Ok(Self::Outputs),
            ("labels", _) => Ok(Self::Labels),
            (_, Some(name)) if !name.is_empty() => Ok(Self::Column(name.into())),
            _ => Err(TaskError::options(format!(
                "tasks come from `outputs`, `labels` or `column:NAME`, not from `{}`",
                super::error::brief(text)
            ))),
        }
    }
}

/// A shape as it is typed: sizes with `x` between them, `4x4`.
///
/// # Errors
/// [`TaskError::Options`] for anything else, and for sizes of zero.
///
/// # Example
/// ```
/// use msr_data::tasks::parse_shape;
///
/// assert_eq!(parse_shape("4x4")?, [4, 4]);
/// assert!(parse_shape("4*4").is_err());
/// # Ok::<(), msr_data::tasks::TaskError>(())
/// ```
pub fn parse_shape(text: &str) -> Result<Vec<usize>> {
    let size = |part: &str| part.trim().parse().ok().filter(|&size: &usize| size > 0);
    text.split(['x', 'X', '×']).map(size).collect::<Option<Vec<_>>>().ok_or_else(|| {
        let shown = super::error::brief(text);
        TaskError::options(format!("a shape is sizes from 1 on with x between them, as 4x4, not `{shown}`"))
    })
}

impl TaskOptions {
    /// The column that says which task a row belongs to, if one is named.
    pub(super) fn column(&self) -> Option<&str> {
        match (&self.task_column, &self.tasks_from) {
            (Some(name), _) | (None, Some(TasksFrom::Column(name))) => Some(name),
            _ => None,
        }
    }

    /// What divides the rows of one set of data, if anything does.
    pub(super) fn divides(&self) -> Option<&TasksFrom> {
        self.tasks_from.as_ref().filter(|from| !matches!(from, TasksFrom::Column(_)))
    }

    /// Refuses options that contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |problem: &str| Err(TaskError::options(problem));
        if let (Some(column), Some(from)) = (&self.task_column, &self.tasks_from)
            && !matches!(from, TasksFrom::Column(name) if name == column)
        {
            return refuse("tasks come either from --task-column or from --tasks-from; give one of them");
        }
        for (name, value) in
            [("--x", &self.x), ("--y", &self.y), ("--task-column", &self.column().map(String::from))]
        {
            if value.as_ref().is_some_and(|value| value.trim().is_empty()) {
                return refuse(&format!("{name} is empty; name an array or columns, or leave it out"));
            }
        }
        for (name, shape) in [("--shape", &self.input_shape), ("--output-shape", &self.output_shape)] {
            let is_odd = |shape: &Vec<usize>| {
                let product = shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
                shape.is_empty() || product.is_none_or(|product| product == 0)
            };
            if shape.as_ref().is_some_and(is_odd) {
                return refuse(&format!("{name} needs sizes from 1 on, as 4x4"));
            }
        }
        if self.tasks_from == Some(TasksFrom::Outputs) && self.classes {
            return refuse(
                "outputs that are labels of classes become tasks with --tasks-from labels, not outputs",
            );
        }
        Ok(())
    }
}
