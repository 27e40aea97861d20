//! Rows of tables, gathered into tasks as they are read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::data::TaskRows;
use super::error::{Place, Result, TaskError, brief};
use super::number::{Odd, number};
use super::options::TaskOptions;

/// Tasks that grow row by row.
#[derive(Debug)]
pub(super) struct Rows {
    pub tasks: Vec<TaskRows>,
    by_name: HashMap<String, usize>,
    /// Whether y is a label, once that is known.
    pub is_labelled: Option<bool>,
    /// The labels, in the order in which they came.
    pub labels: Vec<String>,
    by_label: HashMap<String, usize>,
    kept: u64,
    most: u64,
    /// Where the first row was, which all that is too much is said of.
    first: PathBuf,
}

/// Where a value stands, for messages.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub path: &'a Path,
    /// Asked only when something is wrong: the line of a text is looked for then.
    pub place: &'a dyn Fn() -> Place,
    pub column: &'a str,
}

impl At<'_> {
    pub fn odd(&self, text: &str, odd: Odd) -> TaskError {
        self.value(if text.trim().is_empty() { "nothing".into() } else { quoted(text) }, odd.expected())
    }

    pub fn value(&self, found: String, expected: impl Into<String>) -> TaskError {
        TaskError::Value {
            path: self.path.into(),
            place: (self.place)(),
            column: self.column.into(),
            found,
            expected: expected.into(),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("`{}`", brief(text))
}

impl Rows {
    pub fn new(first: &Path, options: &TaskOptions) -> Self {
        Self {
            tasks: Vec::new(),
            by_name: HashMap::new(),
            is_labelled: options.classes.then_some(true),
            labels: Vec::new(),
            by_label: HashMap::new(),
            kept: 0,
            most: options.most_numbers,
            first: first.into(),
        }
    }

    /// The task of this name, a new one if there is none yet.
    pub fn task(&mut self, name: &str) -> usize {
        if let Some(&at) = self.by_name.get(name) {
            return at;
        }
        let at = self.tasks.len();
        self.tasks.push(TaskRows { name: name.into(), x: Vec::new(), y: Vec::new() });
        self.by_name.insert(name.into(), at);
        at
    }

    /// The task that a value of the task column names.
    pub fn task_of(&mut self, text: &str, at: At<'_>) -> Result<usize> {
        let name = text.trim();
        if name.is_empty() {
            return Err(at.value("nothing".into(), "the name or number of a task; fill it in"));
        }
        if name.contains(char::is_control) {
            return Err(at.value(quoted(name), "the name of a task on one line; close an open quote"));
        }
        Ok(self.task(name))
    }

    /// The position of a label.
    pub fn label(&mut self, text: &str, at: At<'_>) -> Result<f64> {
        let text = text.trim();
        if text.contains(char::is_control) {
            return Err(at.value(quoted(text), "a label on one line; close an open quote"));
        }
        // The same number is the same label, however it is written.
        let name = match number(text) {
            Ok(value) if text.parse::<f64>().is_ok() => format!("{value}"),
            Ok(_) | Err(Odd::Text | Odd::Unit) => text.to_string(),
            Err(Odd::Missing) => {
                let found = if text.is_empty() { "nothing".into() } else { quoted(text) };
                return Err(at.value(found, "a label; fill in or remove rows without one"));
            }
            Err(odd) => return Err(at.odd(text, odd)),
        };
        if let Some(&label) = self.by_label.get(&name) {
            return Ok(label as f64);
        }
        let label = self.labels.len();
        self.by_label.insert(name.clone(), label);
        self.labels.push(name);
        Ok(label as f64)
    }

    /// Whether the only output is a label, which its first value decides.
    pub fn is_label(&mut self, first: &str) -> bool {
        *self.is_labelled.get_or_insert_with(|| number(first) == Err(Odd::Text))
    }

    /// Counts numbers that are about to be kept.
    pub fn keep(&mut self, numbers: usize) -> Result<()> {
        self.kept = self.kept.saturating_add(numbers as u64);
        limit(&self.first, self.kept.into(), self.most)
    }
}

/// Refuses more numbers than are kept.
pub(super) fn limit(path: &Path, numbers: u128, most: u64) -> Result<()> {
    if numbers > u128::from(most) {
        return Err(TaskError::TooLarge { path: path.into(), numbers, most });
    }
    Ok(())
}
