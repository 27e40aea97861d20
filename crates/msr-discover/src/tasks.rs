//! Tasks as they are given, and on one scale.

use nalgebra::DMatrix;

use crate::error::{Error, Result};
use crate::features::Features;
use crate::moments::Moments;

/// Where no task has so many examples, means are not taken away: it would cost too much.
pub(crate) const CENTRED_FROM: usize = 6;

/// Regression tasks with the same inputs and outputs: task t has `s_t` examples of inputs x (n
/// numbers) and outputs y (m numbers). Tasks are to be independent draws, to share no examples, and
/// to have inputs with the same mean and covariance.
///
/// # Example
/// ```
/// use msr_discover::Tasks;
///
/// # fn main() -> Result<(), msr_discover::Error> {
/// let mut tasks = Tasks::new(2, 1)?;
/// tasks.add(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], &[2.0, 3.0, 5.0])?;
/// assert_eq!((tasks.count(), tasks.examples(0)), (1, Some(3)));
/// assert!(tasks.add(&[1.0, 0.0], &[f64::NAN]).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tasks {
    inputs: usize,
    outputs: usize,
    tasks: Vec<(DMatrix<f64>, DMatrix<f64>)>,
}

impl Tasks {
    /// No tasks yet, of `inputs` inputs and `outputs` outputs.
    ///
    /// # Errors
    /// [`Error::Data`] when there are none of either.
    pub fn new(inputs: usize, outputs: usize) -> Result<Self> {
        if inputs == 0 || outputs == 0 {
            return Err(Error::data(format!(
                "{inputs} inputs and {outputs} outputs; there must be at least one of each"
            )));
        }
        Ok(Self { inputs, outputs, tasks: Vec::new() })
    }

    /// Adds a task: x `(s, n)` and y `(s, m)`, example by example.
    ///
    /// # Errors
    /// [`Error::Data`], which names the task, the example and the number, when the lengths do not
    /// fit, there are fewer than two examples, or a number is NaN or infinite.
    pub fn add(&mut self, x: &[f64], y: &[f64]) -> Result<()> {
        let (n, m, task) = (self.inputs, self.outputs, self.tasks.len());
        let s = x.len() / n;
        if !x.len().is_multiple_of(n) || Some(y.len()) != s.checked_mul(m) {
            return Err(Error::data(format!(
                "task {task}: {} numbers of inputs and {} of outputs are not the same number of examples of {n} inputs \
                 and {m} outputs",
                x.len(),
                y.len()
            )));
        }
        if s < 2 {
            let plural = if s == 1 { "" } else { "s" };
            return Err(Error::data(format!("task {task} has {s} example{plural}; at least two are needed")));
        }
        for (what, values, width) in [("input", x, n), ("output", y, m)] {
            if let Some(at) = values.iter().position(|v| !v.is_finite()) {
                return Err(Error::data(format!(
                    "task {task}, example {}, {what} {}: {} is no finite number",
                    at / width,
                    at % width,
                    values[at]
                )));
            }
        }
        self.tasks.push((DMatrix::from_row_slice(s, n, x), DMatrix::from_row_slice(s, m, y)));
        Ok(())
    }

    /// Inputs (s × n) and outputs (s × m) of each task.
    pub(crate) fn all(&self) -> &[(DMatrix<f64>, DMatrix<f64>)] {
        &self.tasks
    }

    /// The same tasks with the inputs and their products as inputs, in the order of the pattern
    /// that [`discover`](crate::discover) finds with [`pairs`](crate::DiscoverConfig::pairs): the
    /// inputs, `x_i x_j` for i < j, and the squares, unless they never change.
    ///
    /// # Errors
    /// [`Error::Data`] when all inputs are the same number.
    pub fn with_products(&self) -> Result<Self> {
        Ok(Features::of_pairs(self)?.1)
    }

    /// The number of tasks.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// The number of inputs, n.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of outputs, m.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Refuses tasks of which nothing can be said, whatever they hold.
    ///
    /// # Errors
    /// [`Error::Data`] for fewer than two tasks, and when all examples have the same inputs.
    pub fn check(&self) -> Result<()> {
        if self.tasks.len() < 2 {
            let (count, s) = (self.tasks.len(), if self.tasks.len() == 1 { "" } else { "s" });
            return Err(Error::data(format!(
                "{count} task{s}; a symmetry is what several tasks share, so at least two are needed"
            )));
        }
        scaled(self).map(drop)
    }

    /// The number of examples of a task; `None` when there is no such task.
    pub fn examples(&self, task: usize) -> Option<usize> {
        self.tasks.get(task).map(|(x, _)| x.nrows())
    }
}

/// A task on the scale of all of them.
#[derive(Clone, Debug)]
pub(crate) struct Scaled {
    /// Inputs (s × n), less the mean over all tasks, over one number.
    pub x: DMatrix<f64>,
    /// Outputs (s × m), over one number for the task.
    pub y: DMatrix<f64>,
    /// Of x and y, less their means over the task, unless all tasks are small.
    pub moments: Moments,
    /// Whether means were taken away.
    pub is_centred: bool,
}

/// Less the mean of each column.
pub(crate) fn centred(of: &DMatrix<f64>) -> DMatrix<f64> {
    let means = of.row_mean();
    DMatrix::from_fn(of.nrows(), of.ncols(), |i, j| of[(i, j)] - means[j])
}

/// x less its mean over all tasks and divided by one number, y of each task divided by one number:
/// permutations ask for comparable units, and a scale of its own for each input would undo them.
pub(crate) fn scaled(tasks: &Tasks) -> Result<Vec<Scaled>> {
    let examples: usize = tasks.tasks.iter().map(|(x, _)| x.nrows()).sum();
    // Near the ends of the range of numbers squares would leave it.
    let largest = |of: &DMatrix<f64>| of.iter().fold(0.0f64, |l, v| l.max(v.abs()));
    let unit = tasks.tasks.iter().map(|(x, _)| largest(x)).fold(0.0, f64::max);
    if unit == 0.0 {
        return Err(Error::data("all inputs are zero"));
    }
    let mut means = DMatrix::<f64>::zeros(1, tasks.inputs);
    for (x, _) in &tasks.tasks {
        for row in x.row_iter() {
            means += row / unit / examples as f64;
        }
    }
    let shifted: Vec<DMatrix<f64>> = tasks
        .tasks
        .iter()
        .map(|(x, _)| DMatrix::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] / unit - means[j]))
        .collect();
    let squares: f64 = shifted.iter().map(DMatrix::norm_squared).sum();
    let spread = (squares / (examples * tasks.inputs) as f64).sqrt();
    if spread < 1e-12 {
        return Err(Error::data("all examples have the same inputs"));
    }
    let is_centred = tasks.tasks.iter().any(|(x, _)| x.nrows() >= CENTRED_FROM);
    let scale = |(x, (_, y)): (DMatrix<f64>, &(DMatrix<f64>, DMatrix<f64>))| {
        let x = x / spread;
        let unit = Some(largest(y)).filter(|&unit| unit > 0.0).unwrap_or(1.0);
        let y = y / unit;
        let of = if is_centred { centred(&y) } else { y.clone() };
        let size = (of.norm_squared() / of.len() as f64).sqrt();
        let y = if size > 1e-12 { y / size } else { y };
        let moments = match is_centred {
            true => Moments::new(&centred(&x), &centred(&y), true),
            false => Moments::new(&x, &y, false),
        };
        Scaled { x, y, moments, is_centred }
    };
    Ok(shifted.into_iter().zip(&tasks.tasks).map(scale).collect())
}
