//! What the learned C of each layer knows of flips and turns of a filter's taps.
//!
//! C is invertible, or nearly so, and then any filter can be reached: what counts is the metric
//! `M = C Cᵀ` that an inner step puts on the taps. For a permutation P of them:
//!
//! - share, `tr(P M) / tr(M)`: one when a step on a filter makes the same step on its image.
//! - closure, `‖P M Pᵀ − M‖ / ‖M‖`: zero when the metric does not tell taps from their images.
//!
//! Both are compared with all permutations of the same cycle type that are no symmetries of the
//! square themselves, in exact tests, corrected for their number (Holm, "A Simple Sequentially
//! Rejective Multiple Test Procedure", 1979).

use anyhow::Result;
use candle_core::Tensor;
use msr_symmetry::Learned;
use serde::{Deserialize, Serialize};

use crate::engine::entries;

/// Taps along a side of the filters that are looked at.
const SIDE: usize = 3;
const TAPS: usize = SIDE * SIDE;

/// A permutation of the taps: where each goes.
type Taps = [usize; TAPS];

/// The chance of error over all comparisons of a network.
pub const LEVEL: f64 = 0.05;

/// What the C of a layer knows of one transformation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    pub layer: String,
    pub transformation: String,
    pub share: Compared,
    pub closure: Compared,
}

/// A number beside those of other permutations of the same cycle type.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub value: f64,
    /// The mean of all of them.
    pub mean: f64,
    /// The part of them that is at least as extreme.
    pub p: f64,
}

/// A transformation, and where it takes the tap in row i and column j.
type Transformation = (&'static str, fn(usize, usize) -> (usize, usize));

/// All that are looked at.
const TRANSFORMATIONS: [Transformation; 5] = [
    ("left–right flip", |i, j| (i, SIDE - 1 - j)),
    ("top–bottom flip", |i, j| (SIDE - 1 - i, j)),
    ("half turn", |i, j| (SIDE - 1 - i, SIDE - 1 - j)),
    ("quarter turn", |i, j| (SIDE - 1 - j, i)),
    ("transposition", |i, j| (j, i)),
];

/// The measures of all layers with a C over 3 × 3 taps.
pub fn measures(learned: &Learned) -> Result<Vec<Measure>> {
    let mut found = Vec::new();
    for layer in learned.symmetric_layers()? {
        let [.., (_, c)] = &layer.matrices[..] else { continue };
        if layer.matrices.len() == 3 && c.dims() == [TAPS, TAPS] {
            found.extend(of_layer(&layer.layer, c)?);
        }
    }
    Ok(found)
}

fn of_layer(layer: &str, c: &Tensor) -> Result<Vec<Measure>> {
    let metric = entries(&c.matmul(&c.t()?)?)?;
    let mut all = permutations();
    let mut typed: Vec<([usize; TAPS], Taps)> = all.drain(..).map(|p| (cycle_type(&p), p)).collect();
    typed.sort_unstable();
    let taps = |of: &dyn Fn(usize, usize) -> (usize, usize)| -> Taps {
        std::array::from_fn(|tap| {
            let (i, j) = of(tap / SIDE, tap % SIDE);
            i * SIDE + j
        })
    };
    let last = SIDE - 1;
    let square: [Taps; 7] = [
        taps(&|i, j| (i, last - j)),
        taps(&|i, j| (last - i, j)),
        taps(&|i, j| (last - i, last - j)),
        taps(&|i, j| (last - j, i)),
        taps(&|i, j| (j, last - i)),
        taps(&|i, j| (j, i)),
        taps(&|i, j| (last - j, last - i)),
    ];
    let measure = |(name, of): &Transformation| {
        let own = taps(of);
        let kind = cycle_type(&own);
        // Other symmetries of the square are no rivals: a C that knows one often knows several.
        let rival =
            |(other, p): &&([usize; TAPS], Taps)| *other == kind && (*p == own || !square.contains(p));
        let alike: Vec<&Taps> = typed.iter().filter(rival).map(|(_, p)| p).collect();
        let compared = |number: fn(&[f64], &Taps) -> f64, sign: f64| {
            let value = number(&metric, &own);
            let others: Vec<f64> = alike.iter().map(|p| number(&metric, p)).collect();
            // What differs by rounding alone is equal.
            let least = sign * value - 1e-9 * (1.0 + value.abs());
            let extreme = others.iter().filter(|other| sign * **other >= least).count();
            let count = others.len().max(1) as f64;
            Compared { value, mean: others.iter().sum::<f64>() / count, p: extreme as f64 / count }
        };
        let (share, closure) = (compared(share, 1.0), compared(closure, -1.0));
        Measure { layer: layer.into(), transformation: (*name).into(), share, closure }
    };
    Ok(TRANSFORMATIONS.iter().map(measure).collect())
}

fn share(metric: &[f64], p: &Taps) -> f64 {
    let trace: f64 = (0..TAPS).map(|i| metric[i * TAPS + i]).sum();
    (0..TAPS).map(|i| metric[p[i] * TAPS + i]).sum::<f64>() / trace.max(f64::MIN_POSITIVE)
}

fn closure(metric: &[f64], p: &Taps) -> f64 {
    let norm: f64 = metric.iter().map(|m| m * m).sum();
    let off = |at: usize| {
        let (i, j) = (at / TAPS, at % TAPS);
        (metric[p[i] * TAPS + p[j]] - metric[at]).powi(2)
    };
    ((0..TAPS * TAPS).map(off).sum::<f64>() / norm.max(f64::MIN_POSITIVE)).sqrt()
}

/// How many cycles there are of each length.
fn cycle_type(p: &Taps) -> [usize; TAPS] {
    let (mut seen, mut counts) = ([false; TAPS], [0; TAPS]);
    for first in 0..TAPS {
        let (mut at, mut length) = (first, 0);
        while !seen[at] {
            seen[at] = true;
            at = p[at];
            length += 1;
        }
        if length > 0 {
            counts[length - 1] += 1;
        }
    }
    counts
}

/// All permutations of the taps, by Heap's algorithm.
fn permutations() -> Vec<Taps> {
    let mut now: Taps = std::array::from_fn(|i| i);
    let (mut all, mut counters, mut i) = (vec![now], [0; TAPS], 1);
    while i < TAPS {
        if counters[i] < i {
            now.swap(if i % 2 == 0 { 0 } else { counters[i] }, i);
            all.push(now);
            counters[i] += 1;
            i = 1;
        } else {
            counters[i] = 0;
            i += 1;
        }
    }
    all
}

/// Which of these chances are small enough, in Holm's order, for an error in none of them.
pub fn distinguishable(chances: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|&a, &b| chances[a].total_cmp(&chances[b]));
    let mut found = vec![false; chances.len()];
    for (rank, &at) in order.iter().enumerate() {
        if chances[at] * (chances.len() - rank) as f64 > LEVEL {
            break;
        }
        found[at] = true;
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use anyhow::Result;
    use candle_core::{DType, Device, Tensor};

    use super::{TAPS, cycle_type, distinguishable, of_layer, permutations};

    #[test]
    fn all_permutations_once() {
        let all = permutations();
        assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (362_880, 362_880));
        let three_pairs = all.iter().filter(|p| cycle_type(p)[..3] == [3, 3, 0]).count();
        assert_eq!(three_pairs, 1_260);
    }

    /// The identity knows nothing; `(1 + P) / 2` knows the flip P.
    #[test]
    fn a_flip_is_found_where_there_is_one() -> Result<()> {
        let one = Tensor::eye(TAPS, DType::F64, &Device::Cpu)?;
        for m in of_layer("it", &one)? {
            assert!((m.share.value - m.share.mean).abs() < 1e-9 && m.share.p == 1.0, "{m:?}");
            assert!(m.closure.value == 0.0 && m.closure.p == 1.0, "{m:?}");
        }
        let image: Vec<u32> = (0..TAPS as u32).map(|tap| tap / 3 * 3 + 2 - tap % 3).collect();
        let flip = one.index_select(&Tensor::new(image, &Device::Cpu)?, 0)?;
        let all = of_layer("it", &((one + flip)? * 0.5)?)?;
        assert_eq!(all[0].transformation, "left–right flip");
        assert!((all[0].share.value - 1.0).abs() < 1e-12 && all[0].share.p < 2.0 / 1_260.0, "{:?}", all[0]);
        assert!(all[0].closure.value < 1e-12);
        Ok(())
    }

    #[test]
    fn chances_are_corrected_for_their_number() {
        assert_eq!(distinguishable(&[0.01, 0.04, 0.02]), [true, true, true]);
        assert_eq!(distinguishable(&[0.01, 0.06, 0.04]), [true, false, false]);
        assert_eq!(distinguishable(&[0.02, 0.5, 0.02]), [false, false, false]);
        assert!(distinguishable(&[]).is_empty());
    }
}
