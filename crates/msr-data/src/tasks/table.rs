//! Tables of either kind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::columns::{Chosen, choose};
use super::data::{Raw, entry_names};
use super::error::{Result, TaskError, brief, list};
use super::natural::natural;
use super::options::TaskOptions;
use super::parquet::Parquet;
use super::rows::{Rows, limit};
use super::sniff::{Kind, stem};
use super::survey::Sizes;
use super::text::Text;

/// A table whose columns are known.
enum Table {
    Text(Box<Text>),
    Parquet(Box<Parquet>),
}

impl Table {
    fn open(path: &Path, kind: Kind) -> Result<Self> {
        Ok(match kind {
            Kind::Parquet => Self::Parquet(Box::new(Parquet::open(path)?)),
            _ => Self::Text(Box::new(Text::open(path)?)),
        })
    }

    fn names(&self) -> &[String] {
        match self {
            Self::Text(table) => &table.names,
            Self::Parquet(table) => &table.names,
        }
    }

    /// How many numbers a row has in a column.
    fn width(&self, column: usize) -> usize {
        match self {
            Self::Text(_) => 1,
            Self::Parquet(table) => table.widths.get(column).copied().unwrap_or(1),
        }
    }

    /// What the entries of columns are called.
    fn entries(&self, columns: &[usize]) -> Vec<String> {
        let entries = |&column: &usize| {
            let name = self.names().get(column).map_or("", String::as_str);
            match self.width(column) {
                1 => vec![name.to_string()],
                width => entry_names(name, &[width]),
            }
        };
        columns.iter().flat_map(entries).collect()
    }

    fn numbers_in_row(&self, chosen: &Chosen) -> u128 {
        chosen.x.iter().chain(&chosen.y).map(|&column| self.width(column) as u128).sum()
    }
}

/// The columns that are needed of a table, and that all is there that makes tasks of it.
fn chosen(path: &Path, table: &Table, options: &TaskOptions, alone: bool) -> Result<Chosen> {
    let chosen = choose(path, table.names(), options, alone)?;
    if chosen.task.is_none() && alone && options.divides().is_none() {
        let free = |(at, _): &(usize, &String)| !chosen.x.contains(at) && !chosen.y.contains(at);
        let others: Vec<&str> =
            table.names().iter().enumerate().filter(free).map(|(_, name)| name.as_str()).collect();
        let columns = if others.is_empty() {
            "no column is left that could".into()
        } else {
            format!("one of {}", list(others))
        };
        return Err(TaskError::file(
            path,
            format!(
                "this is one table, and nothing says which task a row belongs to: name the column that does with \
                 --task-column ({columns}), or make tasks with --tasks-from outputs or labels"
            ),
        ));
    }
    Ok(chosen)
}

/// Reads the rows of all files: each is a task, or a column says so, whatever file they are in.
pub(super) fn read(files: &[PathBuf], kind: Kind, options: &TaskOptions) -> Result<Raw> {
    let Some(first) = files.first() else { return Err(TaskError::options("there are no files")) };
    let alone = files.len() == 1;
    let mut rows = Rows::new(first, options);
    let mut named = BTreeSet::new();
    let mut notes = Vec::new();
    let (mut task_column, mut others) = (None, Vec::new());
    let mut common: Option<(Vec<String>, Vec<String>)> = None;
    let mut at_most = 0u128;
    for path in files {
        let table = Table::open(path, kind)?;
        let chosen = chosen(path, &table, options, alone)?;
        let names = (table.entries(&chosen.x), table.entries(&chosen.y));
        if options.classes && names.1.len() != 1 {
            let problem = format!(
                "--classes needs one column of labels, and {} are named ({}); name one with --y",
                names.1.len(),
                list(names.1.iter().map(String::as_str))
            );
            return Err(TaskError::file(path, problem));
        }
        let before = common.get_or_insert_with(|| names.clone());
        for (own, other, what) in [(&names.0, &before.0, "inputs"), (&names.1, &before.1, "outputs")] {
            if own != other {
                let listed = |names: &[String]| list(names.iter().map(String::as_str));
                let problem = format!(
                    "its {what} are {}, and those of {} are {}; all files need the same columns",
                    listed(own),
                    brief(&first.file_name().unwrap_or_default().to_string_lossy()),
                    listed(other)
                );
                return Err(TaskError::file(path, problem));
            }
        }
        if path == first {
            if chosen.is_task_found {
                notes.push("the column `task` says which task a row belongs to".into());
            }
            task_column = chosen.task.and_then(|at| table.names().get(at).cloned());
            others = left_out(&table, &chosen);
            if !others.is_empty() {
                notes
                    .push(format!("columns that were left out: {}", list(others.iter().map(String::as_str))));
            }
        }
        let whole = match chosen.task {
            None if !alone => {
                let name = stem(path);
                if !named.insert(name.clone()) {
                    let problem = format!("two files are called `{}`; rename one of them", brief(&name));
                    return Err(TaskError::file(path, problem));
                }
                Some(rows.task(&name))
            }
            _ => None,
        };
        match table {
            Table::Text(table) => table.read(&chosen, whole, &mut rows)?,
            Table::Parquet(ref parquet) => {
                at_most += u128::from(parquet.rows) * table.numbers_in_row(&chosen);
                limit(path, at_most, options.most_numbers)?;
                let Table::Parquet(parquet) = table else { continue };
                parquet.read(&chosen, whole, &mut rows)?;
            }
        }
    }
    let (input_names, output_names) = common.unwrap_or_default();
    let labels = (rows.is_labelled == Some(true)).then_some(rows.labels);
    let mut tasks = rows.tasks;
    tasks.sort_by(|a, b| natural(&a.name, &b.name));
    let (inputs, outputs) = (input_names.len(), output_names.len());
    Ok(Raw {
        tasks,
        inputs,
        outputs,
        input_names,
        output_names,
        has_names: true,
        task_column,
        left_out: others,
        input_shape: vec![inputs],
        output_shape: vec![outputs],
        labels,
        notes,
    })
}

/// The columns that have no use.
fn left_out(table: &Table, chosen: &Chosen) -> Vec<String> {
    let is_used = |at: &usize| chosen.x.contains(at) || chosen.y.contains(at) || chosen.task == Some(*at);
    let names = table.names().iter().enumerate();
    names.filter(|(at, name)| !is_used(at) && !name.is_empty()).map(|(_, name)| name.clone()).collect()
}

/// How large tables are, without reading them to their ends.
pub(super) fn survey(files: &[PathBuf], kind: Kind, options: &TaskOptions) -> Result<Sizes> {
    let alone = files.len() == 1;
    let mut sizes = Sizes { is_exact: kind == Kind::Parquet, ..Sizes::default() };
    for path in files {
        let table = Table::open(path, kind)?;
        let chosen = chosen(path, &table, options, alone)?;
        sizes.inputs = table.entries(&chosen.x).len() as u64;
        sizes.outputs = table.entries(&chosen.y).len() as u64;
        sizes.tasks = (chosen.task.is_none() && !alone).then_some(files.len() as u64);
        sizes.examples = sizes.examples.saturating_add(match table {
            Table::Text(table) => table.estimate()?,
            Table::Parquet(table) => table.rows,
        });
    }
    Ok(sizes)
}
