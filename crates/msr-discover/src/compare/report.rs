//! A comparison as a table.

use std::fmt;

use crate::compare::Comparison;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = &self.sizes;
        let (least, most) = sizes.adapting;
        let adapting = if least == most { most.to_string() } else { format!("{least} to {most}") };
        writeln!(
            f,
            "{} tasks taught, {} tested, each after {adapting} examples; error relative to the variance",
            sizes.learning, sizes.testing
        )?;
        writeln!(
            f,
            "{:18} {:>8}  {:19} {:>9}  {:22}  chosen",
            "model", "error", "95 %", "less tied", "95 %"
        )?;
        for scored in &self.scored {
            let mean = &scored.mean;
            write!(f, "{:18} {:8.4}  [{:8.4}, {:8.4}]", scored.model, mean.value, mean.lower, mean.upper)?;
            write!(f, " {:8.4}", scored.median)?;
            match &scored.above_tied {
                Some(apart) => {
                    write!(f, " {:9.5}  [{:9.5}, {:9.5}]", apart.value, apart.lower, apart.upper)?;
                }
                None => write!(f, " {:>9}  {:22}", "", "")?,
            }
            writeln!(f, "  {}", scored.chosen)?;
        }
        for (model, why) in &self.skipped {
            writeln!(f, "{model:18} skipped: {why}")?;
        }
        for (tasks, errors) in &self.curve {
            write!(f, "{tasks} learning tasks:")?;
            for (model, error) in errors {
                write!(f, " {model} {error:.4}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
