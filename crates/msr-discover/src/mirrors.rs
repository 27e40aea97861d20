//! Changes of sign alone, which move no point: the mirrors z → −z of components.
//!
//! Signs s of outputs and inputs keep the weight of y and x where `s_y s_x = 1`, and ask that it
//! vanishes elsewhere. In bits these are linear equations. They are added one after the other, the
//! largest weights first: each that is new halves the number of solutions, and one of those that
//! are lost is a candidate, which keeps all larger weights.

use msr_groups::{Permutation, SignedPermutation};

use crate::search::{Candidate, Pair};

/// What vanishes is, weight by weight, less than this of what is kept.
const MOST: f64 = 0.5;

/// Candidates by the squares of the rows of U (m n).
pub(crate) fn mirrors(squares: &[f64], (m, n): (usize, usize)) -> Vec<Candidate> {
    let mut weights: Vec<usize> = (0..squares.len()).collect();
    weights.sort_by(|&a, &b| squares[b].total_cmp(&squares[a]).then(a.cmp(&b)));
    // Of outputs, then inputs.
    let mut solutions: Vec<Vec<bool>> =
        (0..m + n).map(|at| (0..m + n).map(|other| other == at).collect()).collect();
    let mut found = Vec::new();
    for weight in weights {
        let breaks = |signs: &[bool]| signs[weight / n] != signs[m + weight % n];
        let broken: Vec<usize> = (0..solutions.len()).filter(|&at| breaks(&solutions[at])).collect();
        // Of those the one with the fewest minuses.
        let minuses = |at: &usize| solutions[*at].iter().filter(|&&sign| sign).count();
        let Some(lost) = broken.iter().copied().min_by_key(minuses) else { continue };
        let signs = solutions[lost].clone();
        for &at in broken.iter().filter(|&&at| at != lost) {
            solutions[at].iter_mut().zip(&signs).for_each(|(a, b)| *a ^= b);
        }
        solutions.swap_remove(lost);
        let (outputs, inputs) = signs.split_at(m);
        let asymmetry = asymmetry(squares, outputs, inputs).filter(|&share| share < MOST);
        found.extend(
            asymmetry.zip(pair(outputs, inputs)).map(|(asymmetry, pair)| Candidate { pair, asymmetry }),
        );
    }
    found
}

fn pair(outputs: &[bool], inputs: &[bool]) -> Option<Pair> {
    let half = |signs: &[bool]| {
        let all: Vec<usize> = (0..signs.len()).collect();
        SignedPermutation::new(Permutation::from_images(&all).ok()?, signs).ok()
    };
    Some((half(outputs)?, half(inputs)?))
}

/// The mean square of the weights that should vanish, of that of the weights between points whose
/// sign changes, or between those whose sign does not, whichever is less. `None` where one of the
/// three is empty, and where nothing is kept: a point by itself would only be left out.
fn asymmetry(squares: &[f64], outputs: &[bool], inputs: &[bool]) -> Option<f64> {
    // Sums and counts of what vanishes, what is kept with signs, and without.
    let mut sums = [(0.0, 0usize); 3];
    for (row, &y) in squares.chunks_exact(inputs.len()).zip(outputs) {
        for (square, &x) in row.iter().zip(inputs) {
            let of = &mut sums[if y != x { 0 } else { 1 + usize::from(y) }];
            (of.0, of.1) = (of.0 + square, of.1 + 1);
        }
    }
    let [vanishes, one, other] = sums.map(|(sum, count)| (count > 0).then(|| sum / count as f64));
    let kept = one?.min(other?);
    vanishes.filter(|_| kept > 0.0).map(|vanishes| vanishes / kept)
}

#[cfg(test)]
mod tests {
    use super::mirrors;

    fn told(squares: &[f64], m: usize, n: usize) -> Vec<(String, f64)> {
        let found = mirrors(squares, (m, n));
        found.iter().map(|c| (format!("{} {}", c.pair.0, c.pair.1), c.asymmetry)).collect()
    }

    #[test]
    fn blocks_are_mirrored_and_nothing_else_is() {
        // z by itself, in two vectors.
        let z = |at: usize| at % 3 == 2;
        let blocks: Vec<f64> = (0..36).map(|w| if z(w / 6) == z(w % 6) { 1.0 } else { 1e-4 }).collect();
        let found = told(&blocks, 6, 6);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "(-2)(-5) (-2)(-5)");
        assert!((found[0].1 - 1e-4).abs() < 1e-9, "{found:?}");
        assert!(told(&[1.0; 36], 6, 6).is_empty());
        // An input of no effect, and an output without inputs, are mirrored by nothing.
        let dead: Vec<f64> = (0..36).map(|w| if w % 6 == 4 { 1e-6 } else { 1.0 }).collect();
        assert!(told(&dead, 6, 6).is_empty());
        assert!(told(&[1.0, 1.0, 1e-9], 1, 3).is_empty());
        // Each output has its own input: two mirrors, and with −1 the third.
        let diagonal: Vec<f64> = (0..9).map(|w| if w % 4 == 0 { 1.0 } else { 0.0 }).collect();
        assert_eq!(told(&diagonal, 3, 3).len(), 2);
    }
}
