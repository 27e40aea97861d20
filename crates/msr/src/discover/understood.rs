//! How the data were understood.

use msr_data::tasks::{Concern, TaskData, quality};
use msr_discover::{Cost, Tasks};
use msr_experiments::console::Console;
use msr_files::printable;
use serde::Serialize;

/// So many names are listed, and so many of the first and the last where there are more.
const LISTED: usize = 12;
const FIRST: usize = 8;
const LAST: usize = 2;

/// What `--check` says.
#[derive(Debug, Serialize)]
pub struct Checked<'a> {
    tasks: usize,
    examples: usize,
    examples_of_a_task: [usize; 2],
    inputs: &'a [String],
    outputs: &'a [String],
    input_shape: &'a [usize],
    output_shape: &'a [usize],
    task_column: Option<&'a str>,
    left_out: &'a [String],
    classes: Option<&'a [String]>,
    notes: &'a [String],
    warnings: Vec<String>,
    least_seconds: f64,
    most_seconds: f64,
    mebibytes: usize,
}

impl<'a> Checked<'a> {
    /// Of these data, for which a verdict costs so much.
    pub fn new(data: &'a TaskData, tasks: &Tasks, cost: &Cost) -> Self {
        let (least, most) = examples(tasks);
        Self {
            tasks: tasks.count(),
            examples: data.examples(),
            examples_of_a_task: [least, most],
            inputs: &data.input_names,
            outputs: &data.output_names,
            input_shape: &data.input_shape,
            output_shape: &data.output_shape,
            task_column: data.task_column.as_deref(),
            left_out: &data.left_out,
            classes: data.classes.as_deref(),
            notes: &data.notes,
            warnings: warnings(data),
            least_seconds: cost.least_seconds,
            most_seconds: cost.most_seconds,
            mebibytes: cost.mebibytes,
        }
    }

    /// What each column is used for, and what a verdict costs.
    pub fn say(&self, console: &Console) {
        let task = self.task_column.map(|name| printable(name).into_owned());
        let left_out = (!self.left_out.is_empty()).then(|| listed(self.left_out));
        for (what, names) in [
            ("inputs", Some(listed(self.inputs))),
            ("outputs", Some(listed(self.outputs))),
            ("tasks", task),
            ("left out", left_out),
        ] {
            if let Some(names) = names {
                console.say(&format!("  {what:8}  {names}"));
            }
        }
        console.say(&format!(
            "a verdict takes {} of one core, depending on how much the tasks have in common, and about {} MiB of memory",
            span(self.least_seconds, self.most_seconds),
            self.mebibytes
        ));
    }
}

/// Names, of many of them the first and the last.
fn listed(names: &[String]) -> String {
    let shown = |names: &[String]| names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ");
    match (names.get(..FIRST), names.len().checked_sub(LAST).and_then(|at| names.get(at..))) {
        (Some(first), Some(last)) if names.len() > LISTED => {
            format!("{}, …, {} ({})", shown(first), shown(last), names.len())
        }
        _ => shown(names),
    }
}

/// What may keep a symmetry from being seen, a line each.
pub fn warnings(data: &TaskData) -> Vec<String> {
    quality(data).iter().map(Concern::to_string).collect()
}

/// The fewest and the most examples of a task.
fn examples(tasks: &Tasks) -> (usize, usize) {
    let sizes = || (0..tasks.count()).filter_map(|task| tasks.examples(task));
    (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0))
}

/// `a second`, `4 s`, `3 minutes`.
pub fn lasting(seconds: f64) -> String {
    match seconds {
        s if s < 1.5 => "a second".into(),
        s if s < 100.0 => format!("{s:.0} s"),
        s => format!("{:.0} minutes", (s / 60.0).ceil()),
    }
}

/// `about 4 s`, `4 s to 3 minutes`.
pub fn span(least: f64, most: f64) -> String {
    let (least, most) = (lasting(least), lasting(most));
    if least == most { format!("about {least}") } else { format!("{least} to {most}") }
}

/// How the data were understood, in a line.
pub fn understood(data: &TaskData, tasks: &Tasks) -> String {
    let (least, most) = examples(tasks);
    let examples = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    let of = |count: usize, shape: &[usize], what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        match shape {
            [] | [_] => format!("{count} {what}{plural}"),
            more => format!(
                "{} {what}{plural}",
                more.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
            ),
        }
    };
    let classes =
        data.classes.as_ref().map_or(String::new(), |classes| format!(" ({} classes)", classes.len()));
    format!(
        "{} tasks of {examples} examples each, {} and {}{classes}",
        tasks.count(),
        of(data.inputs, &data.input_shape, "input"),
        of(data.outputs, &data.output_shape, "output"),
    )
}

#[cfg(test)]
mod tests {
    use super::{listed, span};

    #[test]
    fn times_that_are_said_alike_are_said_once() {
        assert_eq!(span(0.1, 1.2), "about a second");
        assert_eq!([span(0.1, 4.2), span(80.0, 200.0)], ["a second to 4 s", "80 s to 4 minutes"]);
    }

    #[test]
    fn of_many_names_the_first_and_the_last_are_listed() {
        let names = |count: usize| (0..count).map(|i| format!("p{i}")).collect::<Vec<_>>();
        assert_eq!(listed(&names(3)), "p0, p1, p2");
        assert_eq!(listed(&names(64)), "p0, p1, p2, p3, p4, p5, p6, p7, …, p62, p63 (64)");
        assert_eq!(listed(&["a\u{1b}[31m".into()]), "a\\u{1b}[31m");
    }
}
