//! What a verdict costs, before it is asked for.

use crate::config::DiscoverConfig;
use crate::discover::check_size;
use crate::error::Result;
use crate::learn::{MOST_UNKNOWNS, highest_rank};
use crate::tasks::Tasks;

/// Seconds for a weight of 160 tasks, on one core of the machine on which it was measured: where
/// few maps are mixed in all tasks.
const SECONDS: f64 = 3e-3;
/// So many times as long where each task has a map of its own, beside the equations for U.
const TIMES: f64 = 4.0;
/// The same of more weights than these.
const TIMES_OF_MANY: f64 = 18.0;
const MANY: usize = 1_024;
/// Seconds for a number of a system of equations, to the third power: some 150 of them are solved
/// for U, on a core that solves 1.5 · 10⁹ numbers a second, a third of the cube each.
const SOLVED: f64 = 150.0 / 1.5e9 / 3.0;
/// Bytes for a weight.
const BYTES: f64 = 1.8e5;
/// As many tasks as were measured.
const TASKS: f64 = 160.0;

/// An estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Seconds on one core, where tasks mix few common maps.
    pub least_seconds: f64,
    /// Seconds on one core, where each task has a map of its own.
    pub most_seconds: f64,
    /// Memory beside the data.
    pub mebibytes: usize,
}

impl DiscoverConfig {
    /// About what a verdict on these tasks costs: by what verdicts on other tasks took, a time for
    /// each weight, that is, output times input (or input and product of inputs), and at most that
    /// of the equations for U of the highest rank. Between the two lies how much tasks have in
    /// common, which is not known before.
    ///
    /// # Errors
    /// As [`discover`](crate::discover), for settings and data that cannot be used.
    pub fn cost(&self, tasks: &Tasks) -> Result<Cost> {
        self.check()?;
        self.layout.check(tasks.outputs(), tasks.inputs())?;
        let weights = check_size((tasks.outputs(), tasks.inputs()), self.pairs)?;
        let features = weights / tasks.outputs();
        let share = (tasks.count() as f64 / TASKS).max(0.25);
        let least_seconds = SECONDS * weights as f64 * share;
        let unknowns = (features * highest_rank(features, tasks.count())).min(MOST_UNKNOWNS) as f64;
        let times = if weights > MANY { TIMES_OF_MANY } else { TIMES };
        let most_seconds = times * least_seconds + SOLVED * unknowns.powi(3);
        let mebibytes = (BYTES * weights as f64 / 1_048_576.0).ceil() as usize + 8;
        Ok(Cost { least_seconds, most_seconds, mebibytes })
    }
}

#[cfg(test)]
mod tests {
    use crate::{DiscoverConfig, Tasks};

    /// What was measured lies between the two, on the machine of the record.
    #[test]
    fn what_was_measured_lies_between() {
        let of = |(m, n): (usize, usize), count: usize| {
            let mut tasks = Tasks::new(n, m).unwrap_or_else(|e| unreachable!("{e}"));
            for _ in 0..count {
                tasks.add(&vec![1.0; 2 * n], &vec![1.0; 2 * m]).unwrap_or_else(|e| unreachable!("{e}"));
            }
            DiscoverConfig::default().cost(&tasks).unwrap_or_else(|e| unreachable!("{e}"))
        };
        for ((m, n), count, seconds) in [
            ((12, 12), 160, 0.35),
            ((16, 16), 160, 0.88),
            ((16, 16), 150, 2.8),
            ((24, 24), 150, 9.1),
            ((32, 32), 160, 5.04),
            ((36, 36), 300, 112.0),
            ((64, 64), 160, 9.56),
            ((16, 128), 160, 27.3),
            ((16, 256), 160, 234.3),
        ] {
            let cost = of((m, n), count);
            assert!(0.5 * cost.least_seconds <= seconds && seconds <= cost.most_seconds, "{m} {n} {cost:?}");
            assert!(cost.least_seconds <= cost.most_seconds && cost.mebibytes < 1_000);
        }
    }
}
