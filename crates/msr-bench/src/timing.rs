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

    /// Half of it.
    pub fn half(self) -> Self {
        Self { ms: self.ms / 2.0, lower_ms: self.lower_ms / 2.0, upper_ms: self.upper_ms / 2.0 }
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
    use candle_core::Device;

    use super::{Timing, median};

    #[test]
    fn medians_and_quartiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert!(median(&[]).is_nan());
        let times = Timing::among(&[5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!((times.ms, times.lower_ms, times.upper_ms), (3.0, 2.0, 4.0));
        assert_eq!((times.half().ms, times.half().lower_ms, times.half().upper_ms), (1.5, 1.0, 2.0));
        assert_eq!(times.to_string(), "3.000 ± 33 %");
        assert_eq!(Timing::among(&[2e-3]).to_string(), "0.00200 ± 0 %");
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
