//! Held-out tasks.

use statrs::distribution::{ContinuousCDF, StudentsT};

use msr_episodes::EpisodeSource;

use crate::error::{Error, Result};
use crate::learner::{Learner, device_of};

/// The mean of a loss over tasks, with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// Half the width of the 95 % Student-t interval of the mean: `t_{0.975, n−1} · s / √n`.
    pub half_width: f64,
    /// The number of tasks, n.
    pub tasks: usize,
}

impl Summary {
    /// From one loss per task.
    ///
    /// # Errors
    /// [`Error::Config`] for fewer than two losses, or one that is NaN or infinite.
    ///
    /// # Example
    /// ```
    /// let summary = msr_meta::Summary::new(&[1.0, 2.0, 3.0])?;
    /// // s = 1, t with two degrees of freedom is 4.303: 4.303 / √3 = 2.484.
    /// assert_eq!(summary.mean, 2.0);
    /// assert!((summary.half_width - 2.4841).abs() < 1e-4);
    /// # Ok::<(), msr_meta::Error>(())
    /// ```
    pub fn new(losses: &[f64]) -> Result<Self> {
        let n = losses.len();
        if n < 2 {
            return Err(Error::config(format!("an interval needs at least two tasks, got {n}")));
        }
        if losses.iter().any(|l| !l.is_finite()) {
            return Err(Error::config("a mean over losses that are NaN or infinite says nothing"));
        }
        let mean = losses.iter().sum::<f64>() / n as f64;
        let variance = losses.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        let t = StudentsT::new(0.0, 1.0, (n - 1) as f64)
            .map_err(|e| Error::config(format!("Student's t: {e}")))?
            .inverse_cdf(0.975);
        Ok(Self { mean, half_width: t * (variance / n as f64).sqrt(), tasks: n })
    }
}

/// The query loss over the first `tasks` held-out tasks of `source` (all, if there are fewer), each
/// adapted to its support set; `together` of them at once, which changes memory, not results.
///
/// # Errors
/// When an episode does not fit, or there are fewer than two tasks; [`Error::Evaluation`] when a
/// loss is NaN or infinite.
pub fn evaluate(
    learner: &dyn Learner,
    source: &dyn EpisodeSource,
    tasks: usize,
    together: usize,
) -> Result<Summary> {
    let (tasks, together) = (tasks.min(source.held_out()), together.max(1));
    let device = device_of(learner);
    let mut losses = Vec::with_capacity(tasks);
    for start in (0..tasks).step_by(together) {
        let episode = source.test(start..(start + together).min(tasks))?.to_device(&device)?;
        let found = learner.losses(&episode).map_err(|problem| {
            let task = problem.failed_task().and_then(|at| episode.tasks.get(at).copied());
            Error::InEvaluation { task, problem: Box::new(problem) }
        })?;
        if let Some(i) = found.iter().position(|l| !l.is_finite()) {
            return Err(Error::Evaluation {
                task: episode.tasks.get(i).copied().unwrap_or(i),
                loss: found[i],
            });
        }
        losses.extend(found);
    }
    Summary::new(&losses)
}
