//! Where axes have numbers, and how these are written.

/// The smallest step of 1, 2 or 5 times a power of ten with which `count` is at most `most`. It
/// starts at a step so small that `span` has more than a hundred parts.
fn step(span: f64, most: usize, count: impl Fn(f64) -> usize) -> f64 {
    let power = span.log10().floor() as i32 - 2;
    let steps = (power..).take(8).flat_map(|p| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(p)));
    steps.into_iter().find(|&step| count(step) <= most).unwrap_or(span)
}

/// Round numbers from `low` to `high`, as many as `most` allows but two at least, as values and
/// text.
pub(crate) fn linear(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return vec![(low, written(low, low.abs()))];
    }
    let ends = |step: f64| ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
    let count = |step: f64| {
        let (first, last) = ends(step);
        usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0)
    };
    let step = [most.max(2), most + 1, most + 2]
        .map(|most| step(span, most, count))
        .into_iter()
        .find(|&s| count(s) > 1);
    let step = step.unwrap_or(span);
    let (first, last) = ends(step);
    (first..=last).map(|i| (i as f64 * step, written(i as f64 * step, step))).collect()
}

/// A number on an axis whose neighbours are `step` away.
fn written(value: f64, step: f64) -> String {
    let size = value.abs().max(step);
    let text = if value == 0.0 {
        "0".to_string()
    } else if (1e-3..1e6).contains(&step) || (step >= 1e-4 && size < 1e6) {
        let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    } else {
        let power = value.abs().log10().floor();
        let digits = ((power - (step.log10() + 1e-9).floor()).max(0.0) as usize).min(6);
        let factor = format!("{:.digits$}", value / 10f64.powf(power));
        format!("{factor}×10{}", raised(power as i32))
    };
    text.replace('-', "−")
}

/// Powers of ten from `low` to `high` (both positive), at most about `most` of them; with fewer
/// than three of these also their two- and fivefold, and where even that says too little, round
/// numbers.
pub(crate) fn logarithmic(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let within = |value: &f64| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(value);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let powers: Vec<i32> = (first..=last).filter(|&p| within(&10f64.powi(p))).collect();
    if powers.len() >= 3 {
        let every = powers.len().div_ceil(most.max(1)) as i32;
        return powers.into_iter().filter(|p| p % every == 0).map(|p| (10f64.powi(p), power(p))).collect();
    }
    let parts = (first..=last).flat_map(|p| [1.0, 2.0, 5.0].map(|n| (n, p)));
    let ticks: Vec<_> = parts
        .map(|(n, p)| (n * 10f64.powi(p), if n == 1.0 { power(p) } else { short(n, p) }))
        .filter(|(value, _)| within(value))
        .collect();
    if ticks.len() >= 2 { ticks } else { linear(low, high, most) }
}

/// What lies between powers of ten: their multiples, for faint lines; none over more than four
/// powers.
pub(super) fn between(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    if last - first > 4 {
        return Vec::new();
    }
    let times =
        |n: u8, p: i32| if p < 0 { f64::from(n) / 10f64.powi(-p) } else { f64::from(n) * 10f64.powi(p) };
    let all = (first..last).flat_map(|p| (2..10).map(move |n| times(n, p)));
    all.filter(|value| (low..=high).contains(value)).collect()
}

/// A power of ten.
fn power(exponent: i32) -> String {
    match exponent {
        -3..=4 => short(1.0, exponent),
        _ => format!("10{}", raised(exponent)),
    }
}

/// One digit times a power of ten.
fn short(digit: f64, exponent: i32) -> String {
    match exponent {
        -3..=4 => format!("{:.*}", usize::try_from(-exponent).unwrap_or(0), digit * 10f64.powi(exponent)),
        _ => format!("{digit}×10{}", raised(exponent)),
    }
}

/// An exponent in small digits above the line.
fn raised(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let above = |letter: char| letter.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]);
    exponent.to_string().chars().map(above).collect()
}

/// Which of the indices 1 … `count` to write along a side of `pixels`: the first, and round ones.
pub(super) fn indices(count: usize, pixels: i32) -> Vec<usize> {
    const APART: i32 = 22;
    let most = usize::try_from(pixels / APART).unwrap_or(1).clamp(1, 6);
    let round = |step: usize| -> Vec<usize> {
        // From 1 in steps of one or two; else at multiples that are not too near to it.
        let all = (1..=count).filter(move |i| if step < 5 { i % step == 1 % step } else { i % step == 0 });
        if step < 5 { all.collect() } else { (1..=count).take(1).chain(all).collect() }
    };
    let steps = (0..10).flat_map(|power| [1, 2, 5].map(|n| n * 10usize.pow(power)));
    steps.map(round).find(|indices| indices.len() <= most).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{between, indices, linear, logarithmic};

    fn texts(ticks: Vec<(f64, String)>) -> Vec<String> {
        ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn round_numbers() {
        assert_eq!(texts(linear(-0.87, 0.87, 5)), ["−0.5", "0", "0.5"]);
        assert_eq!(texts(linear(-1.2, 1.2, 3)), ["−1", "0", "1"]);
        assert_eq!(texts(linear(-1.9, 1.9, 5)), ["−1", "0", "1"]);
        assert_eq!(texts(linear(-1.0, 1.0, 5)), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
        assert_eq!(texts(linear(0.0, 20_000.0, 5)), ["0", "5000", "10000", "15000", "20000"]);
        assert_eq!(texts(linear(0.0, 1900.0, 4)), ["0", "500", "1000", "1500"]);
        assert_eq!(texts(linear(0.0, 3e-7, 4)), ["0", "1×10⁻⁷", "2×10⁻⁷", "3×10⁻⁷"]);
        assert_eq!(texts(linear(2.0, 2.0, 4)), ["2"]);
        assert_eq!(linear(f64::NAN, 1.0, 4).len(), 1);
    }

    /// Whatever the range, there are two numbers to read it by, and not too many.
    #[test]
    fn two_numbers_at_least() {
        for most in 2..9 {
            for (low, span) in [(0.0, 1.0), (-3.3, 6.6), (0.7, 1e-5), (1e9, 1e8), (-1e-9, 2e-9), (0.51, 0.48)]
            {
                let count = linear(low, low + span, most).len();
                assert!((2..=most + 2).contains(&count), "{low}, {span}: {count} of {most}");
            }
        }
    }

    #[test]
    fn powers_of_ten() {
        assert_eq!(texts(logarithmic(0.004, 30.0, 6)), ["0.01", "0.1", "1", "10"]);
        assert_eq!(texts(logarithmic(1e-6, 1.0, 4)), ["10⁻⁶", "10⁻⁴", "0.01", "1"]);
        assert_eq!(texts(logarithmic(0.15, 1.5, 6)), ["0.2", "0.5", "1"]);
        assert_eq!(texts(logarithmic(1.1, 1.4, 4)), ["1.1", "1.2", "1.3", "1.4"]);
        assert_eq!(between(0.5, 3.0), [0.5, 0.6, 0.7, 0.8, 0.9, 2.0, 3.0]);
        assert!(between(1e-9, 1.0).is_empty());
    }

    #[test]
    fn the_first_index_and_round_ones() {
        assert_eq!(indices(12, 144), [1, 3, 5, 7, 9, 11]);
        assert_eq!(indices(70, 210), [1, 20, 40, 60]);
        assert_eq!(indices(28, 140), [1, 5, 10, 15, 20, 25]);
        assert_eq!(indices(5, 140), [1, 2, 3, 4, 5]);
        assert_eq!(indices(9, 30), [1]);
        assert!(indices(0, 100).is_empty());
    }
}
