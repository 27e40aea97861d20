//! Means over seeds.

use std::fmt::{self, Display};

use msr_report::number;
use serde::{Deserialize, Serialize};

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Half of its interval.
    pub half_width: f64,
}

impl Mean {
    /// A mean with half of its interval.
    pub fn new(mean: f64, half_width: f64) -> Self {
        Self { mean, half_width }
    }

    /// The mean of the seeds' means; `None` of none. Seeds are strata: the half width is that of
    /// the mean of independent means, `√(Σ h²) / seeds`.
    pub fn over(seeds: impl Iterator<Item = Mean>) -> Option<Self> {
        // Squares of small numbers vanish and those of large ones are infinite; `hypot` takes none.
        Self::each(seeds, f64::hypot)
    }

    /// The same for seeds that were tested on the same tasks: their means may err together, so the
    /// half width is the mean of the seeds'.
    pub fn over_same_tasks(seeds: impl Iterator<Item = Mean>) -> Option<Self> {
        Self::each(seeds, |sum, half_width| sum + half_width)
    }

    /// The mean of means; half widths are put together by `add` and divided by their number.
    fn each(seeds: impl Iterator<Item = Mean>, add: fn(f64, f64) -> f64) -> Option<Self> {
        let seeds: Vec<Mean> = seeds.collect();
        let count = seeds.len() as f64;
        // Divided first: the sum of large numbers is none.
        let mean = seeds.iter().map(|seed| seed.mean / count).sum();
        let half_width = seeds.iter().map(|seed| seed.half_width / count).fold(0.0, add);
        (count > 0.0).then_some(Self { mean, half_width })
    }

    /// Why the mean is not in the interval that a definition allows, in words; `None` when it is.
    pub fn outside(&self, what: &str, at_least: f64, at_most: f64, source: &str) -> Option<String> {
        let inside = (at_least..=at_most).contains(&self.mean);
        let mean = number(self.mean);
        (!inside).then(|| format!("{what} is {mean}, allowed is {at_least} to {at_most} ({source})"))
    }
}

impl Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ± {}", number(self.mean), number(self.half_width))
    }
}

/// A cell of a table; a dash where there is nothing.
pub fn shown(mean: Option<Mean>) -> String {
    mean.map_or_else(|| "–".into(), |m| m.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Mean, shown};

    #[test]
    fn seeds_are_strata() {
        let seeds = [(1.0, 0.3), (2.0, 0.4)].map(|(mean, half_width)| Mean::new(mean, half_width));
        let mean = Mean::over(seeds.into_iter());
        assert_eq!(mean, Some(Mean::new(1.5, 0.25)));
        for scale in [1e-300, 1e-200, 1e200, 1e300] {
            let scaled = seeds.map(|m| Mean::new(scale * m.mean, scale * m.half_width));
            let found = Mean::over(scaled.into_iter());
            let is_close = |m: Mean| (m.half_width / scale - 0.25).abs() < 1e-12;
            assert!(found.is_some_and(is_close), "{scale:e}: {found:?}");
        }
        let largest = [Mean::new(1e308, 1e308); 3];
        for found in [Mean::over_same_tasks(largest.into_iter()), Mean::over(largest.into_iter())] {
            assert!(
                found.is_some_and(|m| m.mean > 0.9e308 && m.mean < 1.1e308 && m.half_width.is_finite()),
                "{found:?}"
            );
        }
        assert_eq!(shown(mean), "1.5000 ± 0.2500");
        assert_eq!(shown(Mean::over(std::iter::empty())), "–");
        let together = Mean::over_same_tasks(seeds.into_iter());
        assert_eq!(together, Some(Mean::new(1.5, 0.35)));
        assert_eq!(Mean::over_same_tasks(std::iter::empty()), None);
        let outside = |low, high| mean.and_then(|m| m.outside("it", low, high, "paper"));
        assert_eq!(outside(1.5, 1.5), None);
        assert_eq!(outside(0.0, 1.0).as_deref(), Some("it is 1.5000, allowed is 0 to 1 (paper)"));
        assert!(Mean::new(f64::NAN, 0.0).outside("it", 0.0, 1.0, "").is_some());
    }
}
