//! Where axes have numbers, and how these are written.

/// A step of 1, 2 or 5 times a power of ten that divides `span` into at most `most` parts.
fn step(span: f64, most: usize) -> f64 {
    let rough = span / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|&s| s >= rough * (1.0 - 1e-9)).unwrap_or(rough)
}

/// Round numbers from `low` to `high`, at most about `most` of them, as values and text.
pub(super) fn linear(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return vec![(low, written(low, low.abs()))];
    }
    let step = step(span, most.saturating_sub(1));
    let (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
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

/// Powers of ten from `low` to `high` (both positive), at most about `most` of them; with fewer than three of these
/// also their two- and fivefold, and where even that says too little, round numbers.
pub(super) fn logarithmic(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
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

/// What lies between powers of ten: their multiples, for faint lines; none over more than six powers.
pub(super) fn between(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    if last - first > 6 {
        return Vec::new();
    }
    let all = (first..last).flat_map(|p| (2..10).map(move |n| f64::from(n) * 10f64.powi(p)));
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
    let step = (step(count as f64, most).round() as usize).max(1);
    let round = (1..=count).filter(|i| i % step == 0 && 10 * (i - 1) >= 7 * step);
    (1..=count).take(1).chain(round).collect()
}

#[cfg(test)]
mod tests {
    use super::{between, indices, linear, logarithmic};

    fn texts(ticks: Vec<(f64, String)>) -> Vec<String> {
        ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn round_numbers() {
        assert_eq!(texts(linear(-0.87, 0.87, 5)), ["−0.5", "0.0", "0.5"].map(|t| t.replace("0.0", "0")));
        assert_eq!(texts(linear(-1.0, 1.0, 5)), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
        assert_eq!(texts(linear(0.0, 20_000.0, 5)), ["0", "5000", "10000", "15000", "20000"]);
        assert_eq!(texts(linear(0.0, 3e-7, 4)), ["0", "1×10⁻⁷", "2×10⁻⁷", "3×10⁻⁷"]);
        assert_eq!(texts(linear(2.0, 2.0, 4)), ["2"]);
        assert_eq!(linear(f64::NAN, 1.0, 4).len(), 1);
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
        assert_eq!(indices(12, 144), [1, 4, 6, 8, 10, 12]);
        assert_eq!(indices(70, 210), [1, 20, 40, 60]);
        assert_eq!(indices(5, 140), [1, 2, 3, 4, 5]);
        assert_eq!(indices(9, 30), [1]);
        assert!(indices(0, 100).is_empty());
    }
}
