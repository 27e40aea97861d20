//! How likely chance alone would tie so many weights so closely.

use statrs::function::beta::ln_beta;

/// An upper bound of the natural logarithm of the probability that some partition of `rows` independent standard
/// normal rows with `columns` entries into `parts` classes leaves a residual `‖U − P(U)‖ / ‖U‖` of at most `residual`.
///
/// For one partition the squared residual follows Beta(c (N − K) / 2, c K / 2); the number of partitions is at most
/// the Bell number, below `(0.792 N / ln(N + 1))^N` (Berend and Tassa, 2010).
/// See `docs/derivations/recovery.md`, section 2.
pub(super) fn ln_chance(rows: usize, columns: usize, parts: usize, residual: f64) -> f64 {
    let (n, c, k) = (rows as f64, columns as f64, parts as f64);
    if parts >= rows || parts == 0 {
        return 0.0;
    }
    let (a, b) = (c * (n - k) / 2.0, c * k / 2.0);
    // Residuals below single precision are rounding errors.
    let x = (residual * residual).clamp(1e-14, 1.0);
    // ∫₀ˣ t^{a−1} (1 − t)^{b−1} dt ≤ x^a / a · max(1, (1 − x)^{b−1}).
    let tail = a * x.ln() - a.ln() + ((b - 1.0).min(0.0) * (-x).ln_1p()).max(0.0) - ln_beta(a, b);
    let partitions = n * (0.792 * n / (n + 1.0).ln()).ln();
    (tail.min(0.0) + partitions).min(0.0)
}
