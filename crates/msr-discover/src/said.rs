//! A verdict in words.

use std::fmt;

use crate::layout::by;
use crate::verdict::{Symmetry, Verdict, VerdictKind, Why};

/// So much that is not explained is worth a word.
const MUCH: f64 = 0.1;

/// So many inputs are called by their names.
const MOST_NAMED: usize = 8;

/// A bound in percent, rounded up to as many digits as it needs.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = if percent < 0.095 { 2 } else { 1 };
    let scale = 10f64.powi(digits);
    // What is a round number but for its last bit stays one.
    let up = (percent * scale * (1.0 - 1e-12)).ceil() / scale;
    format!("{up:.*} %", digits as usize)
}

impl Symmetry {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("a group without a name here")
    }
}

impl Verdict {
    /// `10 inputs and 3 outputs`, `the 4 × 4 inputs and outputs`.
    fn points(&self) -> String {
        let (m, n) = self.shape;
        let layout = &self.config.layout;
        if layout.inputs.len() > 1 && layout.inputs == layout.outputs {
            return format!("the {} inputs and outputs", by(&layout.inputs));
        }
        let of = |shape: &[usize], count: usize, what: &str| {
            let plural = if count == 1 { "" } else { "s" };
            if shape.len() > 1 { format!("{} {what}s", by(shape)) } else { format!("{count} {what}{plural}") }
        };
        format!("{} and {}", of(&layout.inputs, n, "input"), of(&layout.outputs, m, "output"))
    }

    /// What it is said of, where that is not the map itself.
    fn of_what(&self) -> String {
        let part = if self.config.pairs {
            "the part that is linear in the inputs and their products"
        } else {
            "the linear part"
        };
        match (self.unexplained > MUCH, self.config.pairs) {
            (true, _) => format!(
                "; said of {part}, which leaves {:.0} % of the variation of the outputs unexplained: {}",
                100.0 * self.unexplained,
                if self.is_thin {
                    "noise, what is not linear, or what so few examples of a task do not show"
                } else {
                    "noise, or what is not linear"
                }
            ),
            (false, true) => format!("; said of {part}"),
            (false, false) => String::new(),
        }
    }
}

impl Verdict {
    /// Of which inputs nothing is said.
    fn of_faint(&self, names: &[String]) -> String {
        let name = |&x: &usize| names.get(x).cloned().unwrap_or_else(|| x.to_string());
        let mut told: Vec<String> = self.faint.iter().map(name).collect();
        if told.len() > MOST_NAMED {
            let more = told.split_off(MOST_NAMED - 1).len();
            told.push(format!("{more} more"));
        }
        let (are, them) = if told.len() == 1 { ("has", "it") } else { ("have", "them") };
        match told.split_last() {
            None => String::new(),
            Some((last, others)) => format!(
                "; input{} {}{last} {are} next to no effect on the outputs, so that this says little of {them}",
                if others.is_empty() { "" } else { "s" },
                if others.is_empty() { String::new() } else { format!("{} and ", others.join(", ")) },
            ),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.say(f, &[])
    }
}

/// A verdict with the names of the inputs.
struct Named<'a>(&'a Verdict, &'a [String]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.say(f, self.1)
    }
}

impl Verdict {
    /// The verdict in words, as `Display` has it, with inputs called by these names.
    pub fn with_names(&self, inputs: &[String]) -> String {
        Named(self, inputs).to_string()
    }

    fn say(&self, f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
        let tolerance = percent(self.config.tolerance);
        let symmetry = |f: &mut fmt::Formatter<'_>, symmetry: &Symmetry| {
            write!(
                f,
                "{}, order {}, on {}; confirmed on {} tasks that were not used to find it: what breaks it is at most {} \
                 of the variation (tolerance {tolerance})",
                symmetry.name(),
                symmetry.order,
                self.points(),
                symmetry.confirmed_on,
                percent(symmetry.asymmetry.upper.max(0.0)),
            )
        };
        match &self.kind {
            VerdictKind::Found(found) => symmetry(f, found)?,
            VerdictKind::AtLeast(found) => {
                f.write_str("at least ")?;
                symmetry(f, found)?;
                f.write_str(" (a larger group could be neither confirmed nor refused)")?;
            }
            VerdictKind::None => write!(
                f,
                "no symmetry (tolerance {tolerance}): everything that was tried is clearly broken, and an exchange{} planted in \
                 these data would have been seen",
                if self.config.signed { ", or a mirror where there can be one," } else { "" }
            )?,
            VerdictKind::Undecided { why, more_tasks } => {
                f.write_str("undecided: ")?;
                self.why(f, *why)?;
                if let Some(more) = more_tasks {
                    let or_examples = match why {
                        // Only tasks help.
                        Why::Unbounded => String::new(),
                        _ => self.or_examples(*more),
                    };
                    write!(f, "; about {more} more tasks{or_examples} should tell")?;
                }
            }
        }
        if let Some(near) = &self.nearest {
            write!(
                f,
                "; nearest comes {}, order {}, of strength {:.0} % ({:.0} to {:.0}), which is {}",
                near.name(),
                near.order,
                100.0 * (1.0 - near.asymmetry.value.max(0.0)),
                100.0 * (1.0 - near.asymmetry.upper),
                100.0 * (1.0 - near.asymmetry.lower.max(0.0)),
                if near.asymmetry.lower > 0.0 { "not exact" } else { "not confirmed" },
            )?;
        }
        f.write_str(&self.of_what())?;
        f.write_str(&self.of_faint(names))
    }
}

impl Verdict {
    fn why(&self, f: &mut fmt::Formatter<'_>, why: Why) -> fmt::Result {
        match why {
            Why::FewTasks { needed } => write!(f, "fewer than {needed} tasks, of which half are to confirm"),
            Why::NotLearned => f.write_str("the tasks have nothing in common that could be learned"),
            Why::NotConfirmed if self.tested.is_empty() => f.write_str("there was no pattern to test"),
            Why::NotConfirmed => f.write_str("no pattern could be confirmed, and not all could be refused"),
            Why::Unbounded => f.write_str(
                "so few tasks, whose maps vary in few ways or much in size, put no bound on what breaks a pattern",
            ),
            Why::Blind { found } => write!(
                f,
                "nothing was found, but of {} exchanges{} planted in these data only {found} were found again",
                crate::guard::PLANTS,
                if self.config.signed { " or mirrors" } else { "" }
            ),
        }
    }

    /// So many times the examples in each task are worth so many more tasks: the error of the
    /// estimates falls with the root of the number of tasks, and with the number of examples, where
    /// noise makes it wide. Rounded up to a tenth.
    pub fn times_the_examples(&self, more_tasks: usize) -> f64 {
        let tasks = self.confirming.max(1) as f64 * 2.0;
        let times = (1.0 + more_tasks as f64 / tasks).sqrt();
        // What rounds to one would be no advice.
        ((times * 10.0).ceil() / 10.0).max(1.1)
    }

    fn or_examples(&self, more_tasks: usize) -> String {
        let times = self.times_the_examples(more_tasks);
        if self.unexplained > 1e-4 { format!(", or {times:.1} times the examples,") } else { String::new() }
    }
}
