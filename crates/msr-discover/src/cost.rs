//! What a verdict costs, before it is asked for.

use crate::config::DiscoverConfig;
use crate::discover::check_size;
use crate::error::Result;
use crate::tasks::Tasks;

/// Seconds for a weight of 160 tasks, on one core of the machine on which it was measured.
const SECONDS: f64 = 4e-3;
/// Bytes for a weight.
const BYTES: f64 = 1.8e5;
/// As many tasks as were measured.
const TASKS: f64 = 160.0;

/// An estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Seconds on one core.
    pub seconds: f64,
    /// Memory beside the data.
    pub mebibytes: usize,
}

impl DiscoverConfig {
    /// About what a verdict on these tasks costs: by what verdicts on other tasks took, a time for
    /// each weight, that is, output times input (or input and product of inputs), and a half with
    /// half as many tasks. Within a factor of about three.
    ///
    /// # Errors
    /// As [`discover`](crate::discover), for settings and data that cannot be used.
    pub fn cost(&self, tasks: &Tasks) -> Result<Cost> {
        self.check()?;
        self.layout.check(tasks.outputs(), tasks.inputs())?;
        let weights = check_size((tasks.outputs(), tasks.inputs()), self.pairs)? as f64;
        let seconds = SECONDS * weights * (tasks.count() as f64 / TASKS).max(0.25);
        Ok(Cost { seconds, mebibytes: (BYTES * weights / 1_048_576.0).ceil() as usize + 8 })
    }
}
