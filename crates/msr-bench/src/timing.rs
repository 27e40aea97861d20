//! Times of repeated work: the median and the spread.

use std::fmt;
use std::time::Instant;

use anyhow::Result;
use candle_core::Device;
use serde::Serialize;

/// The times of work that was repeated, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Timing {
    /// The median.
    pub ms: f64,
    /// The first quartile.
    pub lower_ms: f64,
    /// The third quartile.
    pub upper_ms: f64,
}

impl Timing {
    /// Does `work` so often that it takes about `seconds`, at least three times, after two to warm
    /// up: the first may compile kernels. Each time ends when the device has done all that it was
    /// given.
    ///
    /// # Errors
    /// What `work` reports.
    pub fn of(device: &Device, seconds: f64, mut work: impl FnMut() -> Result<()>) -> Result<Self> {
        let mut once = || -> Result<f64> {
            let start = Instant::now();
            work()?;
            device.synchronize()?;
            Ok(1e3 * start.elapsed().as_secs_f64())
        };
        once()?;
        let each = once()?;
        let samples = (1e3 * seconds / each.max(1e-3)).clamp(3.0, 10_000.0) as usize;
        let times = (0..samples).map(|_| once()).collect::<Result<Vec<f64>>>()?;
        Ok(Self::among(&times))
    }

    /// Of these times.
    pub fn among(times: &[f64]) -> Self {
        let at = |fraction| quantile(times, fraction);
        Self { ms: at(0.5), lower_ms: at(0.25), upper_ms: at(0.75) }
    }

    /// How far the quartiles lie from each other, as a fraction of the median.
    pub fn spread(&self) -> f64 {
        (self.upper_ms - self.lower_ms) / self.ms
    }
}

impl fmt::Display for Timing {
    /// `1.234 ± 5 %`, in milliseconds, half of the spread to each side.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.ms {
            ..0.1 => 5,
            ..10.0 => 3,
            _ => 1,
        };
        write!(f, "{:.digits$} ± {:.0} %", self.ms, 50.0 * self.spread())
    }
}

/// What is repeated.
pub type Work = dyn FnMut() -> Result<()>;

/// Work that takes turns with other work, so that what slows a machine down slows both.
pub struct InTurn {
    work: Box<Work>,
    /// How often it is done in a turn.
    repeats: usize,
}

impl InTurn {
    /// Turns of about so many milliseconds, at least once a turn; warms up.
    ///
    /// # Errors
    /// What `work` reports.
    pub fn new(device: &Device, ms: f64, work: Box<Work>) -> Result<Self> {
        let mut turn = Self { work, repeats: 1 };
        turn.ms(device)?;
        let each = turn.ms(device)?;
        turn.repeats = (ms / each.max(1e-4)).clamp(1.0, 1e5) as usize;
        Ok(turn)
    }

    /// The milliseconds of one piece of work in the next turn, after one that is not timed, which
    /// brings operands back into the caches.
    ///
    /// # Errors
    /// What the work reports.
    pub fn ms(&mut self, device: &Device) -> Result<f64> {
        if self.repeats > 1 {
            (self.work)()?;
            device.synchronize()?;
        }
        let start = Instant::now();
        for _ in 0..self.repeats {
            (self.work)()?;
        }
        device.synchronize()?;
        Ok(1e3 * start.elapsed().as_secs_f64() / self.repeats as f64)
    }
}

/// The median; NaN when there is nothing.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The number below which that fraction of the values lies, between two of them by a straight line;
/// NaN when there is nothing.
fn quantile(values: &[f64], fraction: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = fraction * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use anyhow::{Result, bail};
    use candle_core::Device;

    use super::{InTurn, Timing, median};

    #[test]
    fn medians_and_quartiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert!(median(&[]).is_nan());
        let times = Timing::among(&[5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!((times.ms, times.lower_ms, times.upper_ms), (3.0, 2.0, 4.0));
        assert_eq!(times.to_string(), "3.000 ± 33 %");
        assert_eq!(Timing::among(&[2e-3]).to_string(), "0.00200 ± 0 %");
    }

    /// One piece that is not timed before those that are.
    #[test]
    fn turns_repeat_short_work() -> Result<()> {
        let count = Rc::new(Cell::new(0));
        let own = count.clone();
        let work = Box::new(move || {
            own.set(own.get() + 1);
            Ok(())
        });
        let mut turn = InTurn::new(&Device::Cpu, 0.5, work)?;
        let before = count.replace(0);
        assert!(before == 2 && turn.ms(&Device::Cpu)? >= 0.0 && turn.repeats > 1);
        assert_eq!(count.get(), turn.repeats + 1);
        assert!(InTurn::new(&Device::Cpu, 1.0, Box::new(|| bail!("broken"))).is_err());
        Ok(())
    }

    #[test]
    fn work_is_repeated_and_its_errors_arrive() {
        let mut count = 0;
        let found = Timing::of(&Device::Cpu, 0.0, || {
            count += 1;
            Ok(())
        });
        assert!(found.is_ok_and(|times| times.ms >= 0.0) && count == 5);
        assert!(Timing::of(&Device::Cpu, 0.0, || anyhow::bail!("no")).is_err());
    }
}
