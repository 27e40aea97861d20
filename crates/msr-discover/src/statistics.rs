//! Intervals and tests over tasks.

use statrs::distribution::{Beta, ContinuousCDF, StudentsT};
use statrs::function::beta::ln_beta;
use statrs::function::gamma::ln_gamma;

/// A mean with the error of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub mean: f64,
    /// The standard error of the mean.
    pub error: f64,
    pub count: usize,
}

impl Sample {
    pub fn of(values: &[f64]) -> Self {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count.max(1) as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let variance = squares / count.saturating_sub(1).max(1) as f64;
        Self { mean, error: (variance / count.max(1) as f64).sqrt(), count }
    }

    /// The mean in units of its error.
    pub fn t(self) -> f64 {
        self.mean / self.error.max(f64::MIN_POSITIVE)
    }

    /// The probability of a t as large or larger, were the mean zero.
    pub fn p_above(self) -> f64 {
        let t = self.t();
        // Of numbers that are none nothing is claimed.
        if t.is_nan() {
            return 1.0;
        }
        student(self.count).map_or(1.0, |distribution| distribution.sf(t.clamp(-1e12, 1e12)))
    }
}

/// The values, none further from zero than four times the middle magnitude: a mean of which a few
/// of them do not decide.
pub(crate) fn clamped(values: &[f64]) -> Vec<f64> {
    let mut sizes: Vec<f64> = values.iter().map(|v| v.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let most = 4.0 * sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
    values.iter().map(|v| v.clamp(-most, most)).collect()
}

fn student(count: usize) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, count.checked_sub(1).filter(|&free| free > 0)? as f64).ok()
}

/// An estimate with one-sided bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub value: f64,
    pub lower: f64,
    pub upper: f64,
}

impl Interval {
    /// Of what nothing is known.
    pub const UNKNOWN: Self = Self { value: f64::INFINITY, lower: f64::NEG_INFINITY, upper: f64::INFINITY };
}

/// So many errors above zero a mean is one time of six.
const LUCK: f64 = 1.0;

/// How many tasks it takes for the one-sided bound of a mean at `level` to be at most `most`, five
/// times of six, were the mean zero, where so many tasks have the distance `width` from the mean to
/// its bound; `None` above ten million.
pub(crate) fn tasks_for(width: f64, tasks: usize, most: f64, level: f64) -> Option<usize> {
    let quantile = |tasks: usize| Some(student(tasks)?.inverse_cdf(1.0 - level));
    let error = width / quantile(tasks)? * (tasks as f64).sqrt();
    let is_enough = |tasks: usize| {
        quantile(tasks).is_some_and(|t| (t + LUCK) * error / (tasks as f64).sqrt() <= most * (1.0 + 1e-9))
    };
    let mut enough = tasks.max(2);
    while !is_enough(enough) {
        enough = enough.checked_mul(2).filter(|&enough| enough < 10_000_000)?;
    }
    let mut least = enough / 2;
    while enough - least > 1 {
        let middle = least + (enough - least) / 2;
        if is_enough(middle) { enough = middle } else { least = middle }
    }
    Some(enough)
}

/// How many tasks it would take for the ratio of two means, which has no bound yet, to have one
/// that is at most `most` above zero, were it zero: the mean below must surely not be zero, and the
/// error of the one above be small beside it. `None` above ten million.
pub(crate) fn tasks_for_ratio(above: &[f64], below: &[f64], most: f64, level: f64) -> Option<usize> {
    let (a, b) = (Sample::of(above), Sample::of(below));
    let t = student(b.count)?.inverse_cdf(1.0 - level);
    let of_one = |width: f64, most: f64| {
        Some(most)
            .filter(|&most| most > 0.0 && width.is_finite())
            .and_then(|most| tasks_for(width, b.count, most, level))
    };
    Some(of_one(t * b.error, 0.9 * b.mean)?.max(of_one(t * a.error / b.mean, most)?))
}

/// The ratio of two means over tasks, with a one-sided bound at `level` on each side (Fieller).
///
/// Source: Fieller, "Some Problems in Interval Estimation" (1954).
pub(crate) fn ratio(above: &[f64], below: &[f64], level: f64) -> Interval {
    let (a, b) = (Sample::of(above), Sample::of(below));
    let value = a.mean / b.mean;
    let unknown = Interval { value, ..Interval::UNKNOWN };
    let Some(t) = student(a.count).map(|distribution| distribution.inverse_cdf(1.0 - level)) else {
        return unknown;
    };
    let products = above.iter().zip(below).map(|(x, y)| (x - a.mean) * (y - b.mean));
    let n = a.count as f64;
    let covariance = products.sum::<f64>() / (n - 1.0) / n;
    let (va, vb) = (a.error.powi(2), b.error.powi(2));
    let g = t * t * vb / (b.mean * b.mean);
    if g.is_nan() || g >= 1.0 || b.mean <= 0.0 {
        return unknown;
    }
    let correction = if vb > 0.0 { va - covariance * covariance / vb } else { 0.0 };
    let q = va - 2.0 * value * covariance + value * value * vb - g * correction;
    let width = t / b.mean * q.max(0.0).sqrt();
    let shift = if vb > 0.0 { g * covariance / vb } else { 0.0 };
    Interval { value, lower: (value - shift - width) / (1.0 - g), upper: (value - shift + width) / (1.0 - g) }
}

/// What a coincidence is asked of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coincidence {
    pub outputs: usize,
    pub inputs: usize,
    /// Whether signs are looked for.
    pub signed: bool,
    /// Whether the group moves points, and does not only change signs.
    pub moves: bool,
    /// ln |G|.
    pub ln_order: f64,
    /// N, the weights in which it is seen.
    pub tied: usize,
    /// K, the kinds of them.
    pub kinds: usize,
    /// The effective rank of the weights.
    pub rank: f64,
    /// The share of the variation that the pattern leaves.
    pub asymmetry: f64,
}

/// The ln of the probability of a coincidence that is accepted: of one in a thousand.
const LN_ACCEPTED: f64 = -6.907_755_278_982_137;

impl Coincidence {
    /// Whether it can be ruled out.
    pub fn is_ruled_out(self) -> bool {
        self.ln_bound() < LN_ACCEPTED
    }

    /// A bound of the logarithm of the probability that weights without ties look as tied as this:
    /// the number of conjugates of the group, `m! n! / |G|`, times `2^(m + n)` with signs, times
    /// ten (of changes of sign alone there are `2^(m + n)`), times the probability that independent
    /// normal weights leave so little outside one pattern (Beta with half of `rank (N − K)` and of
    /// `rank K`).
    pub fn ln_bound(self) -> f64 {
        let Self { outputs: m, inputs: n, signed, moves, ln_order, tied, kinds, rank, asymmetry } = self;
        let factorials = ln_gamma(m as f64 + 1.0) + ln_gamma(n as f64 + 1.0);
        let signs = if signed { (m + n) as f64 * 2f64.ln() } else { 0.0 };
        let moved = if moves { factorials - ln_order } else { 0.0 };
        let conjugates = moved + signs + 10f64.ln();
        let left = tied.saturating_sub(kinds) as f64 * rank;
        let kept = (kinds as f64).max(0.5) * rank;
        if left <= 0.0 {
            return conjugates;
        }
        let share = asymmetry.clamp(1e-6, 0.999) * left / (left + kept);
        conjugates + ln_beta_below(left / 2.0, kept / 2.0, share)
    }
}

/// The logarithm of the probability that a number with a beta distribution is below `x`; a bound of
/// it where the probability is too small for a number: of the series of the incomplete beta
/// function, whose terms fall at least as fast as the first two.
fn ln_beta_below(a: f64, b: f64, x: f64) -> f64 {
    let chance = Beta::new(a, b).map_or(1.0, |beta| beta.cdf(x));
    let ratio = x * ((a + b) / (a + 1.0)).max(1.0);
    if chance > 1e-280 || ratio >= 1.0 {
        return chance.max(f64::MIN_POSITIVE).ln();
    }
    a * x.ln() + b * (1.0 - x).ln() - a.ln() - ln_beta(a, b) - (1.0 - ratio).ln()
}

#[cfg(test)]
mod tests {
    use super::{Coincidence, Sample, ln_beta_below, ratio, tasks_for, tasks_for_ratio};

    #[test]
    fn a_sample_and_its_t() {
        let sample = Sample::of(&[1.0, 2.0, 3.0, 4.0]);
        assert!((sample.mean - 2.5).abs() < 1e-12 && (sample.error - 0.645_497_224_367_903).abs() < 1e-12);
        // R: pt(2.5 / 0.6454972, 3, lower.tail = FALSE)
        assert!((sample.p_above() - 0.015_233_1).abs() < 1e-4, "{}", sample.p_above());
    }

    #[test]
    fn the_interval_of_a_ratio_closes_on_it() {
        let below: Vec<f64> = (0..400).map(|i| 2.0 + 0.1 * f64::from(i % 7)).collect();
        let above: Vec<f64> =
            below.iter().enumerate().map(|(i, b)| 0.25 * b + 0.01 * ((i % 5) as f64 - 2.0)).collect();
        let found = ratio(&above, &below, 0.01);
        assert!(found.lower < 0.25 && 0.25 < found.upper && found.upper - found.lower < 0.005, "{found:?}");
        let wide = ratio(&[1.0, -1.0], &[1.0, -1.0], 0.01);
        assert!(wide.lower.is_infinite() && wide.upper.is_infinite());
        // A constant denominator is the interval of a mean.
        let mean = ratio(&[1.0, 2.0, 3.0, 4.0], &[1.0; 4], 0.025);
        assert!((mean.upper - 2.5 - 3.182_446 * 0.645_497).abs() < 1e-4, "{mean:?}");
    }

    #[test]
    fn four_times_the_tasks_halve_a_width() {
        let all = |tasks, width| tasks_for(width, tasks, 0.1, 0.01);
        // Four times as many halve it; the luck of one error takes ((2.33 + 1) / 2.33)² as many.
        assert!(all(400, 0.2).is_some_and(|found| (3_240..3_290).contains(&found)), "{:?}", all(400, 0.2));
        assert!(all(50, 0.1).is_some_and(|found| (97..103).contains(&found)), "{:?}", all(50, 0.1));
        // Few tasks have wider bounds than their error says.
        assert_eq!(all(5, 0.2), Some(19));
        assert!(all(5, 1e9).is_none() && all(1, 0.2).is_none() && all(5, f64::INFINITY).is_none());
    }

    #[test]
    fn a_ratio_without_a_bound_gets_one_from_so_many_tasks() {
        // Little breaks it; the mean below it is uncertain.
        let below = [0.01, 4.0, 0.02, 0.3, 0.01, 3.0, 0.02, 0.01];
        let above = below.map(|b| 1e-3 * b);
        assert!(ratio(&above, &below, 1e-4).upper.is_infinite());
        let needed = tasks_for_ratio(&above, &below, 0.05, 1e-4).unwrap_or(0);
        let times = needed.div_ceil(below.len());
        let many = |of: &[f64]| of.repeat(times);
        assert!(ratio(&many(&above), &many(&below), 1e-4).upper < 0.05, "{needed}");
        assert!(
            ratio(&above.repeat(times / 4), &below.repeat(times / 4), 1e-4).upper.is_infinite(),
            "{needed}"
        );
        // Of noise above it takes more.
        let noisy: Vec<f64> = (0..8).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert!(tasks_for_ratio(&noisy, &below, 0.05, 1e-4).is_some_and(|more| more > 10 * needed));
        assert_eq!(tasks_for_ratio(&above, &below.map(|b| -b), 0.05, 1e-4), None);
    }

    #[test]
    fn small_probabilities_have_logarithms() {
        // I_x(a, 1) = x^a.
        for (a, x) in [(3.0f64, 0.2f64), (400.0, 1e-3), (4000.0, 1e-2)] {
            let (found, expected) = (ln_beta_below(a, 1.0, x), a * x.ln());
            assert!(
                (found - expected).abs() < 1e-3 * expected.abs() && found >= expected - 1e-9,
                "{found} {expected}"
            );
        }
        assert!(Sample::of(&[f64::NAN, 1.0]).p_above() == 1.0 && Sample::of(&[0.0; 4]).p_above() > 0.4);
    }

    #[test]
    fn coincidences_are_rarer_where_more_is_tied() {
        let of = |tied, asymmetry| {
            let (outputs, inputs, signed, ln_order, kinds, rank) = (6, 6, false, 0.0, 3, 2.0);
            Coincidence { outputs, inputs, signed, moves: true, ln_order, tied, kinds, rank, asymmetry }
                .ln_bound()
        };
        assert!(of(36, 0.01) < of(18, 0.01) && of(36, 0.01) < of(36, 0.1));
        assert!(of(36, 0.001) < -20.0 && of(4, 0.9) > 0.0);
    }
}
