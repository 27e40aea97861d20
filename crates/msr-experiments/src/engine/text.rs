//! The text around the numbers of a table that compares methods.

use msr_report::{Table, number, seeds};

use super::experiment::{Experiment, Run};

/// `3 inner and 1000 outer steps, 1 seed`; only the outer steps when no method of the run takes
/// inner ones, and the fewest and the most where problems have steps of their own.
pub fn steps<E: Experiment>(run: &Run<E>) -> String {
    let training = &run.definition.training;
    let own: Vec<u64> = run.definition.cells_of(0).map(|cell| E::plan(run, &cell).1.outer_steps).collect();
    let outer = match (own.iter().min(), own.iter().max()) {
        (Some(fewest), Some(most)) if fewest < most => format!("{fewest} to {most}"),
        (Some(steps), _) => steps.to_string(),
        _ => training.outer_steps.to_string(),
    };
    let (inner, seeds) = (training.inner_steps, seeds(training.seeds));
    if run.definition.methods.iter().any(|m| m.learner.takes_inner_steps()) {
        format!("{inner} inner and {outer} outer steps, {seeds}")
    } else {
        format!("{outer} outer steps, {seeds}")
    }
}

/// What stands below a table: where reference values come from (the source of each that is shown),
/// and what is to be known of the methods.
pub fn notes<E: Experiment>(run: &Run<E>, mut sources: Vec<&str>) -> String {
    sources.dedup();
    let sources = sources.iter().map(|source| format!("Reference: {source}.\n"));
    let methods = run.definition.methods.iter();
    let notes = methods.filter_map(|m| Some(format!("{}: {}.\n", m.name, m.note.as_ref()?)));
    let left_out = run.left_out.iter().map(|line| format!("{line}.\n"));
    sources.chain(notes).chain(left_out).collect()
}

/// A table of the means of each seed, when there are several: a row per cell, with its name in
/// three columns and what each seed gave.
pub fn seed_by_seed<E: Experiment>(
    run: &Run<E>,
    head: [&str; 3],
    cells: impl Iterator<Item = ([String; 3], Vec<Option<f64>>)>,
) -> String {
    let count = run.definition.training.seeds;
    if count < 2 {
        return String::new();
    }
    let seeds = (0..count).map(|seed| format!("seed {seed}"));
    let head: Vec<String> = head.map(String::from).into_iter().chain(seeds).collect();
    let rows: Vec<Vec<String>> = cells
        .map(|(name, values)| {
            let values = values.into_iter().map(|v| v.map_or_else(|| "–".into(), number));
            name.into_iter().chain(values).collect()
        })
        .collect();
    let own = E::own_of_a_seed(run);
    format!("\nSeed by seed (each has {own}):\n\n{}", Table::new(head, rows))
}

/// What is to be said when the bounds of the definition do not apply.
pub fn not_checked<E: Experiment>(run: &Run<E>) -> &'static str {
    if run.is_defined {
        ""
    } else {
        "\nOther steps or data than the definition's: its bounds were not checked.\n"
    }
}
