//! The text around the numbers of a comparison.

use std::fmt::{self, Display};

use super::{Method, Settings};
use crate::report::table::{aligned, number};

/// `3 inner and 1000 outer steps`; only the outer ones when no method of the run takes inner steps.
pub fn steps<L>(settings: &Settings, methods: &[Method<L>]) -> String {
    let outer = settings.outer_steps;
    if methods.iter().any(|m| settings.has(m) && m.learner.takes_inner_steps()) {
        format!("{} inner and {outer} outer steps", settings.inner_steps)
    } else {
        format!("{outer} outer steps")
    }
}

/// What stands below a table: where reference values come from, and what is to be known of the methods.
pub struct Notes<'a, L> {
    pub settings: &'a Settings,
    pub methods: &'a [Method<L>],
    /// The source of each reference value that the table shows.
    pub sources: Vec<&'a str>,
}

impl<L> Display for Notes<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sources = self.sources.clone();
        sources.dedup();
        for source in sources {
            writeln!(f, "Reference: {source}.")?;
        }
        for method in self.methods.iter().filter(|m| self.settings.has(m)) {
            if let Some(note) = &method.note {
                writeln!(f, "{}: {note}.", method.name)?;
            }
        }
        Ok(())
    }
}

/// A table of the means of each seed, when there are several: a row per cell, with its name in three columns and what each
/// seed gave.
pub fn seed_by_seed(
    settings: &Settings,
    head: [&str; 3],
    cells: impl Iterator<Item = ([String; 3], Vec<Option<f64>>)>,
) -> String {
    if settings.seeds < 2 {
        return String::new();
    }
    let seeds = (0..settings.seeds).map(|seed| format!("seed {seed}"));
    let head: Vec<String> = head.map(String::from).into_iter().chain(seeds).collect();
    let rows: Vec<Vec<String>> = cells
        .map(|(name, values)| {
            let values = values.into_iter().map(|v| v.map_or_else(|| "–".into(), number));
            name.into_iter().chain(values).collect()
        })
        .collect();
    let own = if settings.data.is_none() { "its own problem and its own start" } else { "its own start" };
    format!("\nSeed by seed (each has {own}):\n\n{}", aligned(&head, &rows))
}

/// What is to be said when the bounds of the definition do not apply.
pub fn not_checked(settings: &Settings) -> &'static str {
    if settings.is_defined {
        ""
    } else {
        "\nOther steps or data than the definition's: its bounds were not checked.\n"
    }
}
