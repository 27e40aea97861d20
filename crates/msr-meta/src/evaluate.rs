//! Held-out tasks.

use statrs::distribution::{ContinuousCDF, StudentsT};

use msr_episodes::{Episode, EpisodeSource};

use crate::error::{Error, Result};
use crate::learner::{Learner, device_of, on_device};

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
    /// [`Error::Config`] for fewer than two losses, one that is NaN or infinite, or losses that are
    /// so large and so different that the interval is wider than any number.
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
        // Sums and squares of losses near the ends of the range of numbers leave it; those of
        // losses near one do not.
        let scale = power_of_two(losses);
        let scaled = || losses.iter().map(|l| l / scale);
        let mean = scaled().sum::<f64>() / n as f64;
        let variance = scaled().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        let t = StudentsT::new(0.0, 1.0, (n - 1) as f64)
            .map_err(|e| Error::config(format!("Student's t: {e}")))?
            .inverse_cdf(0.975);
        let half_width = t * (variance / n as f64).sqrt() * scale;
        if !half_width.is_finite() {
            return Err(Error::config(
                "the losses are so far apart that no number is the width of their interval",
            ));
        }
        Ok(Self { mean: mean * scale, half_width, tasks: n })
    }
}

/// The mean of finite numbers; zero of none. It is finite, however large they are.
pub(crate) fn mean(numbers: &[f64]) -> f64 {
    let scale = power_of_two(numbers);
    numbers.iter().map(|x| x / scale).sum::<f64>() / numbers.len().max(1) as f64 * scale
}

/// A power of two near the largest magnitude of these finite numbers; one of zeros. Dividing by it
/// changes no bit but of what is lost beside the largest, so results of ordinary numbers stay what
/// they were.
fn power_of_two(numbers: &[f64]) -> f64 {
    /// Where the exponent begins in the bits.
    const EXPONENT: u32 = f64::MANTISSA_DIGITS - 1;
    let largest = numbers.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    // Numbers below the normal ones have no exponent; the smallest normal one serves them.
    let normal = largest.max(f64::MIN_POSITIVE);
    if largest > 0.0 { f64::from_bits(normal.to_bits() >> EXPONENT << EXPONENT) } else { 1.0 }
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
    let mut losses = Vec::new();
    each_episode(learner, source, (tasks, together), &mut |episode| {
        let found = learner.losses(episode)?;
        check_losses(&found, episode)?;
        losses.extend(found);
        Ok(())
    })?;
    Summary::new(&losses)
}

/// Hands out the first `tasks` held-out tasks of `source` (all, if there are fewer), `together` of
/// them at a time, where the learner's parameters are; names the task in errors.
pub(crate) fn each_episode(
    learner: &dyn Learner,
    source: &dyn EpisodeSource,
    (tasks, together): (usize, usize),
    test: &mut dyn FnMut(&Episode) -> Result<()>,
) -> Result<()> {
    let (tasks, together) = (tasks.min(source.held_out()), together.max(1));
    let device = device_of(learner);
    for start in (0..tasks).step_by(together) {
        let episode = on_device(&source.test(start..(start + together).min(tasks))?, &device)?;
        test(&episode).map_err(|problem| match problem {
            Error::Evaluation { .. } => problem,
            problem => {
                let task = problem.failed_task().and_then(|at| episode.tasks.get(at).copied());
                Error::InEvaluation { task, problem: Box::new(problem) }
            }
        })?;
    }
    Ok(())
}

/// Refuses losses that are NaN or infinite.
pub(crate) fn check_losses(losses: &[f64], episode: &Episode) -> Result<()> {
    match losses.iter().position(|l| !l.is_finite()) {
        Some(i) => {
            Err(Error::Evaluation { task: episode.tasks.get(i).copied().unwrap_or(i), loss: losses[i] })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Summary, mean, power_of_two};
    use crate::error::Result;

    #[test]
    fn a_summary_of_tiny_and_of_huge_losses_is_that_of_ordinary_ones() -> Result<()> {
        let losses = [1.0, 2.0, 3.0, 7.5, 0.25];
        let ordinary = Summary::new(&losses)?;
        for scale in [1e-307, 1e-200, 1e-160, 1e-30, 1e30, 1e154, 1e200, 1e306] {
            let found = Summary::new(&losses.map(|l| scale * l))?;
            for (got, expected) in [(found.mean, ordinary.mean), (found.half_width, ordinary.half_width)] {
                assert!((got / scale / expected - 1.0).abs() < 1e-12, "{scale:e}: {found:?}");
            }
        }
        assert_eq!(Summary::new(&[0.0, 0.0])?, Summary { mean: 0.0, half_width: 0.0, tasks: 2 });
        let subnormal = Summary::new(&[5e-324, 15e-324])?;
        assert!(subnormal.mean > 0.0 && subnormal.half_width > 0.0, "{subnormal:?}");
        assert_eq!(Summary::new(&[f64::MAX; 3])?.mean, f64::MAX);
        assert!(Summary::new(&[f64::MAX, -f64::MAX]).is_err(), "a width beyond all numbers is no width");
        Ok(())
    }

    /// What runs have recorded must not move by a bit.
    #[test]
    fn a_summary_of_ordinary_losses_has_the_bits_of_the_plain_formula() -> Result<()> {
        let losses: Vec<f64> = (1..400).map(|i| (f64::from(i) * 0.37).sin().abs() * 3.1).collect();
        let n = losses.len() as f64;
        let plain = losses.iter().sum::<f64>() / n;
        let variance = losses.iter().map(|l| (l - plain).powi(2)).sum::<f64>() / (n - 1.0);
        let found = Summary::new(&losses)?;
        assert_eq!((found.mean, mean(&losses)), (plain, plain));
        let t = found.half_width / (variance / n).sqrt();
        assert!((1.9..2.0).contains(&t), "{t}");
        Ok(())
    }

    #[test]
    fn scales_are_powers_of_two() {
        for (numbers, scale) in
            [(&[0.0][..], 1.0), (&[], 1.0), (&[3.0, -5.0], 4.0), (&[f64::MAX], 2f64.powi(1023))]
        {
            assert_eq!(power_of_two(numbers), scale);
        }
        assert_eq!(power_of_two(&[5e-324]), f64::MIN_POSITIVE);
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(mean(&[]), 0.0);
    }
}
