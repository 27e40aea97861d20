//! What in data keeps a symmetry from being seen, although they can be read.

mod repeated;

use std::fmt;

use super::data::TaskData;
use super::error::{brief, list};

/// Inputs whose correlation within tasks is beyond this are the same but for a factor.
const ALIKE: f64 = 0.999;
/// Spreads that differ by more than this are those of different units.
const APART: f64 = 10.0;
/// Values further from the median than so many robust standard deviations are looked at.
const FAR: f64 = 30.0;
/// So many products are computed for correlations, from so many rows at most, and not from fewer.
const MOST_PRODUCTS: usize = 1 << 29;
const MOST_ROWS: usize = 2_000;
const FEWEST_ROWS: usize = 10;
/// So many pairs are named.
const NAMED: usize = 3;

/// Inputs or outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Inputs.
    Inputs,
    /// Outputs.
    Outputs,
}

/// What may keep a symmetry from being seen. As text it is a line that says what, where, and what
/// to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Concern {
    /// Columns that never change within a task.
    Constant {
        /// Of which side.
        side: Side,
        /// Their names.
        names: Vec<String>,
    },
    /// Pairs of inputs that are the same but for a factor and what is added: |r| > 0.999 within
    /// tasks.
    Alike {
        /// The first of them.
        pairs: Vec<(String, String)>,
        /// So many more.
        more: usize,
    },
    /// Standard deviations within tasks that differ more than tenfold.
    Spreads {
        /// Of which side.
        side: Side,
        /// The column with the smallest, and this.
        least: (String, f64),
        /// The column with the largest, and this.
        most: (String, f64),
    },
    /// Values more than 30 robust standard deviations (1.4826 times the median distance) from their
    /// column's median.
    Outlier {
        /// Of which side.
        side: Side,
        /// The column of the one that is furthest.
        name: String,
        /// Its task.
        task: String,
        /// The value.
        value: f64,
        /// How far it is, in robust standard deviations.
        deviations: f64,
        /// So many more such values.
        more: usize,
    },
    /// Examples that occur more than once, inputs and outputs bit for bit: more than 2 % of all.
    /// Where few different examples are possible they repeat by themselves, and are no concern:
    /// where all inputs are whole numbers from −10 to 10 (ones and zeros, ratings), and where
    /// columns have so few values that fewer than a hundred combinations are there for each
    /// example.
    Repeated {
        /// Examples that occur twice or more, each time counted.
        examples: usize,
        /// Those of them that occur in several tasks.
        in_several_tasks: usize,
        /// All examples.
        of: usize,
    },
}

/// Looks at tasks for what may keep a symmetry from being seen.
///
/// # Example
/// ```
/// use msr_data::tasks::{TaskOptions, quality, read_tasks};
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("measured.csv");
/// std::fs::write(&path, "task,x0,x1,y\na,1,5,3\nb,0,5,1\na,2,5,4\nb,5,5,6\n")?;
/// let found = quality(&read_tasks(&[path], &TaskOptions::default())?);
/// assert!(found[0].to_string().starts_with("the input `x1` never changes within a task"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn quality(data: &TaskData) -> Vec<Concern> {
    let mut found = Vec::new();
    for side in [Side::Inputs, Side::Outputs] {
        // Labels are ones and zeros, some of them seldom.
        if side == Side::Outputs && (data.classes.is_some() || data.divided.is_some()) {
            continue;
        }
        let columns = Columns::new(data, side);
        let constant: Vec<usize> = (0..columns.width).filter(|&at| columns.is_constant(at)).collect();
        if !constant.is_empty() {
            let names = constant.iter().map(|&at| columns.name(at)).collect();
            found.push(Concern::Constant { side, names });
        }
        if side == Side::Inputs {
            found.extend(columns.alike(&constant));
        }
        found.extend(columns.values(&constant));
    }
    found.extend(repeated::repeated(data));
    found
}

/// All values of one side.
struct Columns<'a> {
    data: &'a TaskData,
    side: Side,
    width: usize,
}

impl<'a> Columns<'a> {
    fn new(data: &'a TaskData, side: Side) -> Self {
        let width = if side == Side::Inputs { data.inputs } else { data.outputs };
        Self { data, side, width }
    }

    fn name(&self, at: usize) -> String {
        let names = match self.side {
            Side::Inputs => &self.data.input_names,
            Side::Outputs => &self.data.output_names,
        };
        names.get(at).cloned().unwrap_or_else(|| at.to_string())
    }

    /// The rows of each task.
    fn tasks(&self) -> impl Iterator<Item = &'a [f64]> {
        let side = self.side;
        self.data.tasks.iter().map(move |task| if side == Side::Inputs { &task.x[..] } else { &task.y[..] })
    }

    /// The values of a column in a task.
    fn of(&self, rows: &'a [f64], at: usize) -> impl Iterator<Item = f64> + Clone + use<'a> {
        rows.chunks_exact(self.width.max(1)).filter_map(move |row| row.get(at).copied())
    }

    fn is_constant(&self, at: usize) -> bool {
        let stays = |rows: &'a [f64]| {
            let mut values = self.of(rows, at);
            let first = values.next();
            values.all(|value| Some(value) == first)
        };
        self.tasks().all(stays)
    }

    /// Pairs of columns that are alike, but for those that never change.
    fn alike(&self, constant: &[usize]) -> Option<Concern> {
        let of: Vec<usize> = (0..self.width).filter(|at| !constant.contains(at)).collect();
        let rows: usize = self.tasks().map(|rows| rows.len() / self.width.max(1)).sum();
        let most = (MOST_PRODUCTS / of.len().pow(2).max(1)).clamp(4 * FEWEST_ROWS, MOST_ROWS);
        // Whole tasks, evenly, so that each has its own mean.
        let count = self.data.tasks.len();
        let taken = (count * most).checked_div(rows).unwrap_or(count).clamp(1, count.max(1));
        let chosen: Vec<&[f64]> = self
            .tasks()
            .enumerate()
            .filter(|(t, _)| t * taken % count.max(1) < taken)
            .map(|(_, rows)| rows)
            .collect();
        let centred: Vec<Vec<f64>> = of.iter().map(|&at| self.centred(&chosen, at)).collect();
        let length = centred.first().map_or(0, Vec::len);
        if length < chosen.len() + FEWEST_ROWS {
            return None;
        }
        let (mut pairs, mut more) = (Vec::new(), 0);
        for (i, a) in centred.iter().enumerate() {
            for (j, b) in centred.iter().enumerate().skip(i + 1) {
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                if product.abs() <= ALIKE {
                    continue;
                }
                match (of.get(i), of.get(j)) {
                    (Some(&i), Some(&j)) if pairs.len() < NAMED => pairs.push((self.name(i), self.name(j))),
                    _ => more += 1,
                }
            }
        }
        (!pairs.is_empty()).then_some(Concern::Alike { pairs, more })
    }

    /// A column of these tasks, each less its mean, as a vector of length one (or zero).
    fn centred(&self, tasks: &[&'a [f64]], at: usize) -> Vec<f64> {
        let mut all = Vec::new();
        for rows in tasks {
            let values = self.of(rows, at);
            let mean = values.clone().sum::<f64>() / values.clone().count().max(1) as f64;
            all.extend(values.map(|value| value - mean));
        }
        let length = all.iter().map(|value| value * value).sum::<f64>().sqrt();
        if length > 0.0 {
            all.iter_mut().for_each(|value| *value /= length);
        }
        all
    }

    /// Values that are far out, and spreads that differ.
    fn values(&self, constant: &[usize]) -> Vec<Concern> {
        let mut far: Option<(f64, usize, f64)> = None;
        let mut count = 0;
        let mut spreads: Vec<(f64, usize)> = Vec::new();
        for at in (0..self.width).filter(|at| !constant.contains(at)) {
            let values: Vec<f64> = self.tasks().flat_map(|rows| self.of(rows, at)).collect();
            let (middle, scale) = robust(&values);
            let is_far = |value: f64| scale > 0.0 && (value - middle).abs() > FAR * scale;
            for &value in values.iter().filter(|&&value| is_far(value)) {
                count += 1;
                let deviations = (value - middle).abs() / scale;
                if far.is_none_or(|(most, ..)| deviations > most) {
                    far = Some((deviations, at, value));
                }
            }
            let near = self.tasks().map(|rows| self.of(rows, at).filter(|&value| !is_far(value)).collect());
            let spread = deviation_within(near);
            if spread > 0.0 {
                spreads.push((spread, at));
            }
        }
        let outlier = far.map(|(deviations, at, value)| {
            let task = self
                .data
                .tasks
                .iter()
                .zip(self.tasks())
                .find(|(_, rows)| self.of(rows, at).any(|v| v == value));
            let task = task.map(|(task, _)| task.name.clone()).unwrap_or_default();
            Concern::Outlier {
                side: self.side,
                name: self.name(at),
                task,
                value,
                deviations,
                more: count - 1,
            }
        });
        spreads.sort_by(|a, b| a.0.total_cmp(&b.0));
        let apart = match spreads.as_slice() {
            [(least, a), .., (most, b)] if *most > APART * least => Some(Concern::Spreads {
                side: self.side,
                least: (self.name(*a), *least),
                most: (self.name(*b), *most),
            }),
            _ => None,
        };
        outlier.into_iter().chain(apart).collect()
    }
}

/// The median, and a standard deviation that a few values do not change: 1.4826 times the median
/// distance from it; where more than half of the values are the same, from the distance that a
/// tenth exceed.
fn robust(values: &[f64]) -> (f64, f64) {
    let quantile = |values: &mut [f64], share: f64| {
        let at = ((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1));
        if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(at, f64::total_cmp).1 }
    };
    let middle = quantile(&mut values.to_vec(), 0.5);
    let mut distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let scale = 1.4826 * quantile(&mut distances, 0.5);
    (middle, if scale > 0.0 { scale } else { quantile(&mut distances, 0.9) / 1.645 })
}

/// The standard deviation from the means of tasks.
fn deviation_within(tasks: impl Iterator<Item = Vec<f64>>) -> f64 {
    let (mut squares, mut count) = (0.0, 0);
    for values in tasks {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        squares += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        count += values.len();
    }
    (squares / count.max(1) as f64).sqrt()
}

/// A number in as many digits as one reads.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e7).contains(&size) => format!("{value:.1e}"),
        size => {
            let digits = (1.0 - size.log10().floor()).clamp(0.0, 4.0) as usize;
            format!("{value:.digits$}")
        }
    }
}

impl Side {
    fn called(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::Inputs, 1) => "input",
            (Self::Inputs, _) => "inputs",
            (Self::Outputs, 1) => "output",
            (Self::Outputs, _) => "outputs",
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { side, names } => {
                let all = match names.as_slice() {
                    [one] => format!("`{}` never changes", brief(one)),
                    several => format!("{} never change", list(several.iter().map(String::as_str))),
                };
                let them = if names.len() == 1 { "it" } else { "them" };
                let what = side.called(names.len());
                write!(
                    f,
                    "the {what} {all} within a task, so that nothing can be said of {them}; leave {them} out"
                )
            }
            Self::Alike { pairs, more } => {
                let shown: Vec<String> =
                    pairs.iter().map(|(a, b)| format!("`{}` and `{}`", brief(a), brief(b))).collect();
                let more = if *more > 0 { format!(" (and {more} more pairs)") } else { String::new() };
                write!(
                    f,
                    "the inputs {}{more} are the same but for a factor, so that it cannot be told which of them the \
                     outputs follow; leave one of each pair out",
                    shown.join(", ")
                )
            }
            Self::Spreads { side, least, most } => write!(
                f,
                "the spreads of the {} differ {:.0} times, from {} (`{}`) to {} (`{}`): no permutation exchanges kilograms \
                 with metres, so where units differ, divide by what people in your field divide by",
                side.called(2),
                most.1 / least.1,
                short(least.1),
                brief(&least.0),
                short(most.1),
                brief(&most.0)
            ),
            Self::Repeated { examples, in_several_tasks, of } => {
                let (several, why) = match in_several_tasks {
                    0 => (
                        ", within a task".to_string(),
                        "what is used twice makes everything look more certain than it is",
                    ),
                    many => (
                        format!(", {many} of them in several tasks"),
                        "tasks that share examples bias every test",
                    ),
                };
                write!(
                    f,
                    "{examples} of {of} examples occur twice or more{several}: {why}; keep each of them once"
                )
            }
            Self::Outlier { side, name, task, value, deviations, more } => {
                let more = if *more > 0 { format!(" (and {more} more such values)") } else { String::new() };
                let task =
                    if task.is_empty() { String::new() } else { format!(" in task `{}`", brief(task)) };
                write!(
                    f,
                    "the {} `{}` is {}{task}, {} times its spread from the middle{more}: one such value hides a symmetry; \
                     correct it, or leave its row out",
                    side.called(1),
                    brief(name),
                    short(*value),
                    short(*deviations)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
