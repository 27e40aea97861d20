//! The text around the numbers of a comparison.

use std::fmt::{self, Display};

use super::{Method, Settings};
use crate::report::table::{aligned, number};

/// `1 seed`, `3 seeds`.
pub fn seeds(count: u64) -> String {
    format!("{count} seed{}", if count == 1 { "" } else { "s" })
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

/// The mean of each seed below a table of means, and whether the bounds were checked: a row per cell, with its name in three
/// columns and the value of each seed.
pub fn seed_by_seed(
    f: &mut fmt::Formatter<'_>,
    settings: &Settings,
    head: [&str; 3],
    cells: impl Iterator<Item = ([String; 3], Vec<Option<f64>>)>,
) -> fmt::Result {
    if settings.seeds > 1 {
        let seeds = (0..settings.seeds).map(|seed| format!("seed {seed}"));
        let head: Vec<String> = head.map(String::from).into_iter().chain(seeds).collect();
        let rows: Vec<Vec<String>> = cells
            .map(|(name, values)| {
                let values = values.into_iter().map(|v| v.map_or_else(|| "–".into(), number));
                name.into_iter().chain(values).collect()
            })
            .collect();
        writeln!(f, "\nSeed by seed (each has its own problem and its own start):\n")?;
        f.write_str(&aligned(&head, &rows))?;
    }
    if !settings.is_defined {
        writeln!(f, "\nOther steps or data than the definition's: its bounds were not checked.")?;
    }
    Ok(())
}
