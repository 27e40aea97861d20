//! How fast something grows.

/// The exponent p of `y ≈ c · xᵖ`: the slope of the straight line through the logarithms that is
/// nearest to them in the sum of squares. `None` without two different x, or with numbers that are
/// not positive.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (x, y) = logs.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let along: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let spread: f64 = logs.iter().map(|point| (point.0 - x) * (point.0 - x)).sum();
    let slope = along / spread;
    (spread > 0.0 && slope.is_finite()).then_some(slope)
}

/// What one more x adds to y, from the first point to the last. `None` without two different x.
pub fn added(points: &[(f64, f64)]) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let slope = (last.1 - first.1) / (last.0 - first.0);
    slope.is_finite().then_some(slope)
}

#[cfg(test)]
mod tests {
    use super::{added, exponent};

    #[test]
    fn powers_have_their_exponents() {
        let powers = |p: f64| [1.0, 2.0, 4.0, 7.0].map(|x: f64| (x, 3.0 * x.powf(p)));
        for p in [-1.0, 0.0, 1.0, 2.5] {
            assert!(exponent(&powers(p)).is_some_and(|found| (found - p).abs() < 1e-12), "{p}");
        }
        assert_eq!(exponent(&[(2.0, 1.0), (2.0, 3.0)]), None);
        assert_eq!(exponent(&[(1.0, 0.0), (2.0, 3.0)]), None);
        assert_eq!((exponent(&[]), added(&[]), added(&[(1.0, 2.0)])), (None, None, None));
        assert_eq!(added(&[(1.0, 2.0), (2.0, 9.0), (3.0, 6.0)]), Some(2.0));
    }
}
