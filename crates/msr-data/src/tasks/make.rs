//! From what was read to tasks: labels become outputs, one set of data becomes several tasks.

use std::collections::HashMap;
use std::path::Path;

use rand::seq::SliceRandom;

use super::data::{Division, Raw, TaskData, TaskRows};
use super::error::{Result, TaskError, brief, list};
use super::natural::natural;
use super::options::{TaskOptions, TasksFrom};
use super::rows::limit;
use crate::random::{Role, stream};

/// Makes the tasks; `path` is what messages name.
pub(super) fn make(path: &Path, mut raw: Raw, options: &TaskOptions) -> Result<TaskData> {
    let refuse = |problem: String| Err(TaskError::file(path, problem));
    let divides = options.divides();
    let rows: usize = raw.tasks.iter().map(|task| task.x.len() / raw.inputs.max(1)).sum();
    if raw.labels.is_none() && (options.classes || divides == Some(&TasksFrom::Labels)) {
        label(path, &mut raw)?;
    }
    if let Some(labels) = &mut raw.labels {
        sort(labels, &mut raw.tasks);
        let problem = match labels.as_slice() {
            [] | [_] => Some(format!(
                "all rows have the label `{}`; a class is told from others, so give rows of at least two",
                brief(labels.first().map_or("", String::as_str))
            )),
            labels if labels.len() >= rows => Some(format!(
                "each of the {rows} rows has a label of its own ({}); labels are shared by many rows, so name another \
                 column with --y, or leave out --classes",
                list(labels.iter().map(String::as_str))
            )),
            _ => None,
        };
        if let Some(problem) = problem {
            return refuse(problem);
        }
    }
    let classes = raw.labels.take();
    let mut divided = None;
    match (divides, &classes) {
        (Some(TasksFrom::Outputs), Some(_)) => {
            return refuse("the outputs are labels of classes; use --tasks-from labels, not outputs".into());
        }
        (Some(TasksFrom::Outputs), None) => {
            if raw.outputs < 2 {
                return refuse(
                    "there is one output, which makes one task; name several with --y, or use --task-column"
                        .into(),
                );
            }
            let part = divide(rows, raw.outputs, options.seed);
            raw.tasks = by_output(&raw, &part);
        }
        (Some(_), Some(labels)) => {
            raw.tasks = by_label(path, &raw, labels, options.seed)?;
        }
        (_, Some(labels)) => {
            let numbers = rows as u128 * (raw.inputs as u128 + labels.len() as u128);
            limit(path, numbers, options.most_numbers)?;
            for task in &mut raw.tasks {
                task.y = one_hot(&task.y, labels.len());
            }
            let of = raw.output_names.first().cloned().unwrap_or_default();
            raw.output_names = labels.iter().map(|label| format!("{of}={label}")).collect();
            raw.outputs = labels.len();
            raw.output_shape = vec![labels.len()];
        }
        _ => {}
    }
    if let Some(from) = divides {
        raw.outputs = 1;
        let tasks = raw.tasks.len();
        raw.output_names = vec!["output".into()];
        raw.output_shape = vec![1];
        let seed = options.seed;
        raw.notes.push(format!(
            "the {rows} rows of one set of data were divided between {tasks} tasks, each row in one of them (seed {seed})"
        ));
        divided = Some(Division { from: from.clone(), rows, tasks, seed });
    }
    shape(path, "--shape", options.input_shape.as_ref(), &mut raw.input_shape, raw.inputs, "inputs")?;
    shape(
        path,
        "--output-shape",
        options.output_shape.as_ref(),
        &mut raw.output_shape,
        raw.outputs,
        "outputs",
    )?;
    let data = TaskData {
        tasks: raw.tasks,
        inputs: raw.inputs,
        outputs: raw.outputs,
        input_names: raw.input_names,
        output_names: raw.output_names,
        has_names: raw.has_names,
        task_column: raw.task_column,
        left_out: raw.left_out,
        input_shape: raw.input_shape,
        output_shape: raw.output_shape,
        classes,
        divided,
        notes: raw.notes,
    };
    if let Some(task) = data.tasks.iter().find(|task| data.rows_of(task) < 2) {
        let (name, count) = (brief(&task.name), data.rows_of(task));
        let advice = if data.divided.is_some() { "give more rows" } else { "give it more, or leave it out" };
        let s = if count == 1 { "" } else { "s" };
        return refuse(format!(
            "task `{name}` has {count} example{s}, and at least two are needed; {advice}"
        ));
    }
    Ok(data)
}

/// Makes labels of the numbers in y.
fn label(path: &Path, raw: &mut Raw) -> Result<()> {
    let refuse = |problem: String| Err(TaskError::file(path, problem));
    if raw.outputs != 1 {
        return refuse(format!(
            "there are {} outputs, and labels are one; name one column or array of labels with --y",
            raw.outputs
        ));
    }
    let mut labels: Vec<String> = Vec::new();
    let mut by_label: HashMap<u64, usize> = HashMap::new();
    for task in &mut raw.tasks {
        for y in &mut task.y {
            if y.fract() != 0.0 {
                return refuse(format!(
                    "there is {y} in the outputs, and labels are whole numbers or texts; leave out --classes and \
                     --tasks-from labels, or name other outputs with --y"
                ));
            }
            // Zero has two signs.
            let own = *by_label.entry((*y + 0.0).to_bits()).or_insert_with(|| {
                labels.push(format!("{}", *y + 0.0));
                labels.len() - 1
            });
            *y = own as f64;
        }
    }
    raw.labels = Some(labels);
    Ok(())
}

/// Brings labels into their order.
fn sort(labels: &mut Vec<String>, tasks: &mut [TaskRows]) {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    let of = |at: usize| labels.get(at).map_or("", String::as_str);
    order.sort_by(|&a, &b| match (of(a).parse::<f64>(), of(b).parse::<f64>()) {
        (Ok(left), Ok(right)) => left.total_cmp(&right),
        _ => natural(of(a), of(b)),
    });
    let mut place = vec![0usize; labels.len()];
    for (new, &old) in order.iter().enumerate() {
        if let Some(place) = place.get_mut(old) {
            *place = new;
        }
    }
    for y in tasks.iter_mut().flat_map(|task| &mut task.y) {
        *y = place.get(*y as usize).copied().unwrap_or_default() as f64;
    }
    *labels = order.iter().map(|&old| of(old).to_string()).collect();
}

fn one_hot(labels: &[f64], classes: usize) -> Vec<f64> {
    let mut y = vec![0.0; labels.len() * classes];
    for (row, &label) in y.chunks_exact_mut(classes.max(1)).zip(labels) {
        if let Some(own) = row.get_mut(label as usize) {
            *own = 1.0;
        }
    }
    y
}

/// For each of the tasks its rows, in their order: as many for each as can be, all drawn anew for
/// another seed.
fn divide(rows: usize, tasks: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut stream(seed, Role::Division, 0));
    let mut parts = vec![Vec::new(); tasks];
    for (at, row) in order.into_iter().enumerate() {
        if let Some(part) = parts.get_mut(at % tasks.max(1)) {
            part.push(row);
        }
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    parts
}

/// These rows of the only task, with one output each.
fn rows_of(raw: &Raw, name: &str, rows: &[usize], y: impl Fn(usize) -> f64) -> TaskRows {
    let all = raw.tasks.first().map_or(&[][..], |task| &task.x);
    let mut x = Vec::with_capacity(rows.len() * raw.inputs);
    for &row in rows {
        x.extend(all.get(row * raw.inputs..(row + 1) * raw.inputs).unwrap_or_default());
    }
    TaskRows { name: name.into(), x, y: rows.iter().map(|&row| y(row)).collect() }
}

fn all_y(raw: &Raw) -> &[f64] {
    raw.tasks.first().map_or(&[], |task| &task.y)
}

fn by_output(raw: &Raw, parts: &[Vec<usize>]) -> Vec<TaskRows> {
    let y = all_y(raw);
    let task = |(output, (name, rows)): (usize, (&String, &Vec<usize>))| {
        rows_of(raw, name, rows, |row| y.get(row * raw.outputs + output).copied().unwrap_or_default())
    };
    raw.output_names.iter().zip(parts).enumerate().map(task).collect()
}

/// Each class against the others. The rows of each class go to the tasks in turn, its own first:
/// all tasks see the same mixture of classes, so their inputs have the same distribution.
fn by_label(path: &Path, raw: &Raw, labels: &[String], seed: u64) -> Result<Vec<TaskRows>> {
    let y = all_y(raw);
    let mut of_class = vec![Vec::new(); labels.len()];
    for (row, &label) in y.iter().enumerate() {
        if let Some(rows) = of_class.get_mut(label as usize) {
            rows.push(row);
        }
    }
    let mut parts = vec![Vec::new(); labels.len()];
    for (class, rows) in of_class.iter_mut().enumerate() {
        rows.shuffle(&mut stream(seed, Role::Division, class as u64 + 1));
        for (at, &row) in rows.iter().enumerate() {
            if let Some(part) = parts.get_mut((class + at) % labels.len().max(1)) {
                part.push(row);
            }
        }
    }
    let mut tasks = Vec::new();
    for (class, (name, mut rows)) in labels.iter().zip(parts).enumerate() {
        rows.sort_unstable();
        let is_own = |row: usize| y.get(row).is_some_and(|&label| label as usize == class);
        let own = rows.iter().filter(|&&row| is_own(row)).count();
        if own == 0 || own == rows.len() {
            return Err(TaskError::file(
                path,
                format!(
                    "the class `{}` would be a task of {} rows, {own} of them its own; each task needs both kinds, so give \
                     more rows",
                    brief(name),
                    rows.len()
                ),
            ));
        }
        tasks.push(rows_of(raw, name, &rows, |row| f64::from(u8::from(is_own(row)))));
    }
    Ok(tasks)
}

/// The shape that an option gives, when it fits.
fn shape(
    path: &Path,
    flag: &str,
    asked: Option<&Vec<usize>>,
    shape: &mut Vec<usize>,
    count: usize,
    what: &str,
) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let product = asked.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    if product != Some(count) {
        let sizes: Vec<String> = asked.iter().map(ToString::to_string).collect();
        let all = product.map_or("too many".into(), |product| product.to_string());
        return Err(TaskError::file(
            path,
            format!(
                "{flag} {} has room for {all} {what}, and there are {count}; the sizes have to multiply to {count}",
                sizes.join("x")
            ),
        ));
    }
    shape.clone_from(asked);
    Ok(())
}
