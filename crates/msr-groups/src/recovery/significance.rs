//! How likely it is that chance alone ties weights as closely as those that were found.

/// An upper bound of the natural logarithm of the probability that some partition of `rows`
/// independent normal rows leaves a residual `‖U − P(U)‖ / ‖U‖` of at most `residual`, taken over
/// those `tied` rows that are tied to others, in `classes` classes. `spectrum` holds the
/// eigenvalues of `Uᵀ U` of the tied rows: columns that repeat each other, or hold next to nothing,
/// are no evidence of their own.
///
/// For one partition, with `d = tied − classes`, `x = residual²` and `α_i = λ_i / λ_1`, Chernoff's
/// bound is `min_θ Σ_i [−(d/2) ln(1 + θ α_i (1 − x)/x) − (K/2) ln(1 − θ α_i)]` over `0 < θ < 1`;
/// the number of partitions of all N rows is at most the Bell number, below
/// `(0.792 N / ln(N + 1))^N` (Berend and Tassa, 2010). See `docs/derivations/recovery.md`, section
/// 2.
pub(super) fn ln_chance(rows: usize, tied: usize, classes: usize, residual: f64, spectrum: &[f64]) -> f64 {
    let largest = spectrum.iter().copied().fold(0.0, f64::max);
    if classes >= tied || classes == 0 || largest <= 0.0 {
        return 0.0;
    }
    let (n, k) = (rows as f64, classes as f64);
    let d = tied as f64 - k;
    // Residuals below single precision are rounding errors.
    let x = (residual * residual).clamp(1e-14, 1.0);
    let weights: Vec<f64> = spectrum.iter().map(|l| (l / largest).max(0.0)).collect();
    let exponent = |theta: f64| -> f64 {
        let term = |a: &f64| -0.5 * d * (theta * a * (1.0 - x) / x).ln_1p() - 0.5 * k * (-theta * a).ln_1p();
        weights.iter().map(term).sum()
    };
    let partitions = n * (0.792 * n / (n + 1.0).ln()).ln().max(0.0);
    (least(exponent).min(0.0) + partitions).min(0.0)
}

/// The smallest value of a convex function on (0, 1), by golden sections.
fn least(f: impl Fn(f64) -> f64) -> f64 {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.0, 1.0);
    let (mut a, mut b) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_a, mut at_b) = (f(a), f(b));
    for _ in 0..60 {
        if at_a < at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - ratio * (high - low);
            at_a = f(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + ratio * (high - low);
            at_b = f(b);
        }
    }
    at_a.min(at_b)
}

#[cfg(test)]
mod tests {
    use super::ln_chance;

    #[test]
    fn the_bound_is_above_the_exact_probability() {
        // One partition of four rows with two columns into two classes: Beta(2, 2), whose
        // distribution function is 3 x² − 2 x³; the Bell bound of four rows is added.
        let bell = 4.0 * (0.792 * 4.0 / 5f64.ln()).ln();
        for residual in [0.3f64, 0.1, 0.01, 1e-4] {
            let x = residual * residual;
            let exact = (3.0 * x * x - 2.0 * x.powi(3)).ln();
            let bound = ln_chance(4, 4, 2, residual, &[1.0, 1.0]) - bell;
            assert!(bound >= exact && bound <= exact + 3.0, "{residual}: {bound} for {exact}");
        }
    }

    #[test]
    fn idle_columns_are_no_evidence() {
        let alone = ln_chance(10, 10, 4, 0.01, &[3.0]);
        let idle = ln_chance(10, 10, 4, 0.01, &[3.0, 1e-12, 0.0]);
        assert!((alone - idle).abs() < 1e-3, "{alone} {idle}");
        assert!(ln_chance(10, 10, 4, 0.01, &[3.0, 3.0]) < 1.5 * alone);
    }
}
