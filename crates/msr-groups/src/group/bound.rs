//! A number that the order of a permutation group divides, from its generators alone.

use super::chain::orbits;
use crate::limits::{Work, commute};
use crate::permutation::Permutation;

/// The natural logarithm of such a number. The group permutes each of its orbits O, so its order
/// divides `Π |O|!`; of the signs that its elements have on the orbits only those occur that its
/// generators make, so it divides `Π (|O|!/2) · 2^rank`, with the rank of the generators' signs
/// over the field of two elements. An abelian group acts regularly on each orbit, so its order
/// divides `Π |O|`.
pub(super) fn ln_bound(degree: usize, generators: &[Permutation], work: &mut Work) -> f64 {
    work.spend(2 * degree * (generators.len() + 1));
    let orbits = orbits(degree, generators);
    let long = || orbits.iter().filter(|orbit| orbit.len() > 1);
    if commute(generators, work) == Some(true) {
        return long().map(|orbit| (orbit.len() as f64).ln()).sum();
    }
    let signs = generators.iter().map(|g| signs(g, &orbits)).collect();
    let even: f64 = long().map(|orbit| ln_factorial(orbit.len()) - std::f64::consts::LN_2).sum();
    even + rank(signs) as f64 * std::f64::consts::LN_2
}

/// The orbits on which a generator is odd, as bits.
fn signs(generator: &Permutation, orbits: &[Vec<usize>]) -> Vec<u64> {
    let mut bits = vec![0u64; orbits.len().div_ceil(64)];
    let mut seen = vec![false; generator.degree()];
    for (i, orbit) in orbits.iter().enumerate() {
        let mut cycles = 0;
        for &start in orbit {
            let mut x = start;
            cycles += usize::from(!seen[x]);
            while !std::mem::replace(&mut seen[x], true) {
                x = generator.apply(x);
            }
        }
        bits[i / 64] |= (((orbit.len() - cycles) % 2) as u64) << (i % 64);
    }
    bits
}

/// The rank of some vectors of bits.
fn rank(vectors: Vec<Vec<u64>>) -> usize {
    // Each has a leading bit that those after it do not have.
    let mut basis: Vec<(usize, u64, Vec<u64>)> = Vec::new();
    for mut vector in vectors {
        for (word, bit, other) in &basis {
            if vector[*word] & bit != 0 {
                vector.iter_mut().zip(other).for_each(|(a, b)| *a ^= b);
            }
        }
        if let Some(word) = vector.iter().position(|&word| word != 0) {
            basis.push((word, 1 << vector[word].trailing_zeros(), vector));
        }
    }
    basis.len()
}

/// `ln n!`, to an error below 1e-6 of one.
fn ln_factorial(n: usize) -> f64 {
    const EXACT: usize = 64;
    if n <= EXACT {
        return (2..=n).map(|i| (i as f64).ln()).sum();
    }
    // Stirling's series.
    let x = n as f64;
    x * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI * x).ln() + 1.0 / (12.0 * x)
}

#[cfg(test)]
mod tests {
    use super::{ln_bound, ln_factorial};
    use crate::limits::Work;
    use crate::permutation::Permutation;

    fn bound(degree: usize, generators: &[&str]) -> f64 {
        let parsed: Vec<Permutation> =
            generators.iter().map(|g| Permutation::parse(g, degree).unwrap()).collect();
        ln_bound(degree, &parsed, &mut Work::unlimited()).exp().round()
    }

    #[test]
    fn signs_and_commuting_generators_make_the_bound_smaller() {
        assert_eq!(bound(4, &["(0 1 2 3)", "(0 1)"]), 24.0);
        assert_eq!(bound(4, &["(0 1 2)", "(1 2 3)"]), 12.0);
        // Even on the whole, odd on both orbits: 6 · 6 / 2.
        assert_eq!(bound(6, &["(0 1 2)", "(3 4 5)", "(0 1)(3 4)"]), 18.0);
        assert_eq!(bound(6, &["(0 1 2)", "(3 4 5)", "(0 1)", "(3 4)"]), 36.0);
        assert_eq!(bound(6, &["(0 1 2 3)", "(4 5)"]), 8.0);
    }

    #[test]
    fn stirlings_series_meets_the_sum() {
        for n in [65usize, 100, 1000] {
            let sum: f64 = (2..=n).map(|i| (i as f64).ln()).sum();
            assert!((ln_factorial(n) - sum).abs() < 1e-6 * sum, "{n}");
        }
    }
}
