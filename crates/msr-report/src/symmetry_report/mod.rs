//! The report of a search for the symmetry of tasks: one page with the verdict, what it rests on,
//! and what would change it.
//!
//! [`SymmetryReport`] is plain data, and [`page`] makes HTML of it. Parts that are empty are left
//! out. Points are numbered from 0, as in the cycles of `msr-groups`.
//!
//! # Example
//! ```
//! use msr_report::symmetry_report::{Kind, SymmetryReport, page};
//!
//! # fn main() -> msr_report::Result<()> {
//! let report = SymmetryReport {
//!     title: "prices.npz".into(),
//!     kind: Kind::Undecided,
//!     verdict: "undecided: fewer than 16 tasks, of which half are to confirm".into(),
//!     what_would_change_it: vec!["About 9 more tasks would tell.".into()],
//!     inputs: 5,
//!     outputs: 1,
//!     ..SymmetryReport::default()
//! };
//! let html = page(&report)?;
//! assert!(html.contains("Undecided: fewer than 16 tasks"));
//! assert!(html.contains("What would change the answer") && !html.contains("Generators"));
//! # Ok(())
//! # }
//! ```

mod assemble;
mod cells;
mod check;
mod evidence;
mod generators;
mod intervals;
mod mark;
mod moves;
mod named;
mod places;
mod small_bars;
mod weights;
mod words;

use msr_groups::{SignedPattern, SignedPermutation};

use crate::Result;

pub use self::named::named_cycles;

/// A number with its bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl From<(f64, f64, f64)> for Interval {
    /// The estimate, its lower and its upper bound.
    fn from((value, lower, upper): (f64, f64, f64)) -> Self {
        Self { value, lower, upper }
    }
}

/// Which answer it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The tasks have this symmetry, and none that is larger.
    Found,
    /// They have it; a larger one is open.
    AtLeast,
    /// They have none.
    None,
    /// The data do not tell.
    #[default]
    Undecided,
}

/// What moves inputs and outputs together and changes no task.
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    /// How it moves the outputs.
    pub outputs: SignedPermutation,
    /// How it moves the inputs.
    pub inputs: SignedPermutation,
    /// The number that [`Symmetry::strength`] names, with bounds.
    pub strength: Option<Interval>,
    /// What people call it: `quarter turn`.
    pub words: Option<String>,
}

/// A symmetry that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Symmetry {
    /// Its usual name; empty when it has none.
    pub name: String,
    /// Its order, in digits.
    pub order: String,
    /// The weights that it ties, `outputs × inputs`, or `outputs × features` where
    /// [`SymmetryReport::features`] names any.
    pub pattern: SignedPattern,
    /// What generates it.
    pub generators: Vec<Generator>,
    /// What the strength of a generator is: `share of the variation of the weights that it keeps`.
    pub strength: String,
    /// Whether signs were looked for; then each generator is known up to a sign on both sides.
    pub signed: bool,
    /// The mean of the tasks' weights, as many as the pattern has, row by row; or none.
    pub weights: Option<Vec<f64>>,
}

/// What was decided about a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Status {
    /// The tasks have it.
    Accepted,
    /// Neither could be shown.
    Open,
    /// They do not.
    Refused,
}

/// A pattern that was tested on tasks that did not suggest it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it is: the name of a group, or signed cycles.
    pub what: String,
    /// More of it, on a line of its own.
    pub below: Option<String>,
    /// The order of its group in digits, where it is known.
    pub order: Option<String>,
    /// How many weights it leaves free.
    pub free: usize,
    /// α: the share of the variation of the weights that breaks it.
    pub asymmetry: Interval,
    /// The probability of such a score, were the weights tied.
    pub score_p: f64,
    /// What ties gain of the log density, a number of an output; negative where they lose.
    pub gain: f64,
    /// How much of what it ties the inputs show, from 0 to 1; somewhat more by chance.
    pub visible: f64,
    /// What was decided.
    pub status: Status,
    /// Why.
    pub reason: String,
}

/// A model and its error on examples that it has not seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its error.
    pub error: Interval,
    /// Its error minus that of the model with tied weights, task by task: positive when it is
    /// worse.
    pub against_tied: Option<Interval>,
    /// A remark, or nothing.
    pub note: String,
}

/// A model's error against the number of tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The model's name.
    pub name: String,
    /// How many tasks, and the error with so many.
    pub points: Vec<(f64, f64)>,
}

/// All that the page says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SymmetryReport {
    /// What the report is about: the name of a file.
    pub title: String,
    /// The answer in words.
    pub verdict: String,
    /// Which answer it is.
    pub kind: Kind,
    /// Sentences that say what would change the answer.
    pub what_would_change_it: Vec<String>,
    /// How the data were understood, each with what it is. What is called a `warning` stands out.
    pub data: Vec<(String, String)>,
    /// How much of the variation may break what is accepted, as a share.
    pub tolerance: Option<f64>,
    /// The number of outputs.
    pub outputs: usize,
    /// The number of inputs.
    pub inputs: usize,
    /// How inputs lie: rows and columns, or more; empty when nothing is known.
    pub input_shape: Vec<usize>,
    /// How outputs lie.
    pub output_shape: Vec<usize>,
    /// Names of the inputs, or none.
    pub input_names: Vec<String>,
    /// Names of the outputs, or none.
    pub output_names: Vec<String>,
    /// What the weights are of, where that is not the inputs alone but these and their products:
    /// names, one for each column of the pattern; else none.
    pub features: Vec<String>,
    /// What was found; for [`Kind::Found`] and [`Kind::AtLeast`] alone.
    pub symmetry: Option<Symmetry>,
    /// What was tested.
    pub candidates: Vec<Candidate>,
    /// What the errors are: `mean squared error on held-out examples`.
    pub error_name: String,
    /// Models, and how well they predict.
    pub models: Vec<Model>,
    /// Errors against the number of tasks.
    pub curve: Vec<Series>,
    /// Settings, each with its value.
    pub settings: Vec<(String, String)>,
    /// The command that made the report.
    pub command: String,
    /// The program's version, and when it ran.
    pub made: String,
}

impl SymmetryReport {
    /// How many columns the weights have: of inputs, or of features.
    fn columns(&self) -> usize {
        if self.features.is_empty() { self.inputs } else { self.features.len() }
    }
}

/// The report as one HTML page, which loads nothing.
///
/// # Errors
/// [`Error::Mismatch`](crate::Error::Mismatch) when sizes, names or the kind do not fit together,
/// [`Error::NotFinite`](crate::Error::NotFinite) for a number that cannot be drawn. The message
/// says which.
pub fn page(report: &SymmetryReport) -> Result<String> {
    check::check(report)?;
    assemble::page(report)?.html()
}

#[cfg(test)]
mod tests;
