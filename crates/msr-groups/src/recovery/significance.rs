//! How likely it is that chance alone ties weights as closely as those that were found.

/// An upper bound of the natural logarithm of the probability that some partition of `rows`
/// independent normal rows leaves a residual `‖U − P(U)‖ / ‖U‖` of at most `residual`, taken over
/// those `tied` rows that are tied to others, in `classes` classes. `spectrum` holds the
/// eigenvalues of `Uᵀ U` of the tied rows: columns that repeat each other, or hold next to nothing,
/// are no evidence of their own.
///
/// For one partition, with `d = tied − classes`, `x = residual²` and `α_i = λ_i / λ_1`, Chernoff's
/// bound is `min_θ Σ_i [−(d/2) ln(1 + θ α_i (1 − x)/x) − (K/2) ln(1 − θ α_i)]` over `0 < θ < 1`;
/// the number of partitions of all N rows is at most the Bell number, below `(0.792 N / ln(N +
/// 1))^N` (Berend and Tassa, 2010). See [recovery.md](crate::derivations::recovery), section
/// 2.
pub(super) fn ln_chance(rows: usize, tied: usize, classes: usize, residual: f64, spectrum: &[f64]) -> f64 {
    let largest = spectrum.iter().copied().fold(0.0, f64::max);
    if classes >= tied || classes == 0 || largest <= 0.0 {
        return 0.0;
    }
    let n = rows as f64;
    // Residuals below single precision are rounding errors.
    let x = (residual * residual).clamp(1e-14, 1.0);
    let partitions = n * (0.792 * n / (n + 1.0).ln()).ln().max(0.0);
    (ln_tail(tied - classes, classes, x, spectrum) + partitions).min(0.0)
}

/// Chernoff's bound of the natural logarithm of the probability that of independent normal rows no
/// more than the part `x` of the squares is within the parts of one fixed partition, where `within`
/// degrees of freedom of each column are within parts and `between` are between them. See
/// [recovery.md](crate::derivations::recovery), section 2.
pub(super) fn ln_tail(within: usize, between: usize, x: f64, spectrum: &[f64]) -> f64 {
    let largest = spectrum.iter().copied().fold(0.0, f64::max);
    let weights: Vec<f64> = spectrum.iter().map(|l| (l / largest).max(0.0)).collect();
    let (within, between) = (within as f64, between as f64);
    let exponent = |theta: f64| -> f64 {
        let term = |a: &f64| {
            -0.5 * within * (theta * a * (1.0 - x) / x).ln_1p() - 0.5 * between * (-theta * a).ln_1p()
        };
        weights.iter().map(term).sum()
    };
    least(exponent).min(0.0)
}

/// The same for `columns` columns that are all alike: the least value is at a θ that can be
/// written down.
pub(super) fn ln_tail_alike(within: usize, between: usize, x: f64, columns: usize) -> f64 {
    let (a, b) = (0.5 * within as f64, 0.5 * between as f64);
    let odds = (1.0 - x) / x;
    let theta = (a * odds - b) / (odds * (a + b));
    if !(theta > 0.0 && theta < 1.0) {
        return 0.0;
    }
    (columns as f64 * (-a * (theta * odds).ln_1p() - b * (-theta).ln_1p())).min(0.0)
}

/// What the choice among all refinements of a partition costs: the natural logarithm of one over
/// the part of the probability that goes to the one with these `parts`, `(size, parts)` for each of
/// the classes that it splits, of `classes` that could be split. The number of classes that are
/// split, the choice of them, the number of parts of each, and the partition into so many parts get
/// equal shares, one after the other. See [recovery.md](crate::derivations::recovery), section 6.
pub(super) fn ln_refinements(classes: usize, split: &[(usize, usize)]) -> f64 {
    let choices = (classes.max(1) as f64).ln() + ln_choose(classes, split.len());
    let parts =
        |&(size, parts): &(usize, usize)| ((size.max(2) - 1) as f64).ln() + ln_partitions(size, parts);
    choices + split.iter().map(parts).sum::<f64>()
}

/// An upper bound of the logarithm of the number of partitions of `n` things into `k` parts, which
/// is at most `kⁿ / k!` and, for k < n, at most `C(n, k) kⁿ⁻ᵏ / 2` (Rennie and Dobson, 1969).
fn ln_partitions(n: usize, k: usize) -> f64 {
    if k == 0 || k >= n {
        return 0.0;
    }
    let ln_k = (k as f64).ln();
    let ordered = n as f64 * ln_k - ln_factorial(k);
    ordered.min(ln_choose(n, k) + (n - k) as f64 * ln_k - std::f64::consts::LN_2).max(0.0)
}

fn ln_choose(n: usize, k: usize) -> f64 {
    if k > n { 0.0 } else { ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k) }
}

/// `ln n!`, by Stirling's series for large n.
fn ln_factorial(n: usize) -> f64 {
    if n < 32 {
        return (2..=n).map(|i| (i as f64).ln()).sum();
    }
    let n = n as f64;
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3))
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
    use super::{ln_chance, ln_partitions, ln_refinements, ln_tail, ln_tail_alike};

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

    #[test]
    fn columns_that_are_alike_need_no_search() {
        for (within, between, x) in [(10, 1, 0.1), (30, 4, 0.3), (3, 3, 1e-6), (5, 20, 0.01)] {
            let (searched, found) =
                (ln_tail(within, between, x, &[2.0; 3]), ln_tail_alike(within, between, x, 3));
            assert!((searched - found).abs() < 1e-6 * found.abs(), "{searched} {found}");
            assert!(found < 0.0);
        }
        // As much inside as noise would have there, or more.
        assert_eq!((ln_tail_alike(10, 1, 0.95, 3), ln_tail_alike(10, 1, 1.0, 3)), (0.0, 0.0));
    }

    /// The numbers of partitions by their recursion.
    fn stirling(n: usize, k: usize) -> f64 {
        match (n, k) {
            (0, 0) => 1.0,
            (0, _) | (_, 0) => 0.0,
            _ => k as f64 * stirling(n - 1, k) + stirling(n - 1, k - 1),
        }
    }

    #[test]
    fn the_number_of_partitions_is_bounded_from_above() {
        for n in 1..13 {
            for k in 1..=n {
                let (bound, exact) = (ln_partitions(n, k), stirling(n, k).ln());
                assert!(bound >= exact - 1e-9 && bound <= 1.5 * exact + 0.7, "{n} {k}: {bound} {exact}");
            }
        }
        assert!(ln_partitions(100, 2) > 98.0 * 2f64.ln() && ln_partitions(100, 2) < 99.1 * 2f64.ln());
    }

    /// The shares of all refinements of a partition are at most one together.
    #[test]
    fn all_refinements_share_one_probability() {
        // Of classes of three and of two: whether each is split, and into how many parts.
        let three = [(None, 1.0), (Some((3, 2)), 3.0), (Some((3, 3)), 1.0)];
        let two = [(None, 1.0), (Some((2, 2)), 1.0)];
        let mut sum = 0.0;
        for (a, ways) in three {
            for (b, more) in two {
                let split: Vec<(usize, usize)> = a.into_iter().chain(b).collect();
                if !split.is_empty() {
                    sum += ways * more * (-ln_refinements(2, &split)).exp();
                }
            }
        }
        assert!(sum <= 1.0 + 1e-9 && sum > 0.7, "{sum}");
    }
}
