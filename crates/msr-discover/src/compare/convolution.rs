//! The ties of convolutions, where inputs and outputs lie on grids.

use msr_groups::SignedPattern;

use crate::error::{Error, Result};

/// A convolution's ties and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Convolution {
    pub name: &'static str,
    pub pattern: SignedPattern,
}

/// The grids of outputs and inputs: those that are given, a line for each where there are as many
/// outputs as inputs, and none otherwise.
///
/// # Errors
/// [`Error::Config`] when a grid that is given does not have as many points as there are numbers.
pub(crate) fn grids(
    (m, n): (usize, usize),
    (outputs, inputs): (&[usize], &[usize]),
) -> Result<Option<(Vec<usize>, Vec<usize>)>> {
    for (what, grid, count) in [("outputs", outputs, m), ("inputs", inputs, n)] {
        let points = grid.iter().try_fold(1usize, |points, &side| points.checked_mul(side));
        if !grid.is_empty() && points != Some(count) {
            return Err(Error::config(format!(
                "the grid {grid:?} of {what} does not have {count} points, as many as there are {what}"
            )));
        }
    }
    match (outputs.is_empty(), inputs.is_empty()) {
        (false, false) if outputs.len() == inputs.len() => Ok(Some((outputs.to_vec(), inputs.to_vec()))),
        (true, true) if m == n => Ok(Some((vec![m], vec![n]))),
        _ => Ok(None),
    }
}

/// The place of a point in a grid, the last side running fastest.
fn place(mut point: usize, grid: &[usize]) -> Vec<usize> {
    let mut place: Vec<usize> = grid
        .iter()
        .rev()
        .map(|&side| {
            let at = point % side;
            point /= side;
            at
        })
        .collect();
    place.reverse();
    place
}

/// All convolutions between the two grids (of as many sides): with zeros outside, and circular
/// where the grids are the same, each with kernels over the whole range and three wide. Where a
/// side of the inputs is a multiple of the outputs', the kernel moves by that; otherwise it is
/// centred.
///
/// # Errors
/// [`Error::Groups`](crate::Error::Groups) for too many weights.
pub(crate) fn convolutions(outputs: &[usize], inputs: &[usize]) -> Result<Vec<Convolution>> {
    let count = |grid: &[usize]| grid.iter().product::<usize>();
    let (m, n) = (count(outputs), count(inputs));
    let mut found = Vec::new();
    for (name, is_circular, is_narrow) in [
        ("circular", true, false),
        ("circular, three wide", true, true),
        ("zeros outside", false, false),
        ("zeros outside, three wide", false, true),
    ] {
        if is_circular && outputs != inputs {
            continue;
        }
        // How far the input lies from where the kernel is, in each direction; none outside of it.
        let label = |weight: usize| {
            let (from, to) = (place(weight / n, outputs), place(weight % n, inputs));
            let apart = (0..outputs.len()).map(|side| {
                let (few, many) = (outputs[side] as i64, inputs[side] as i64);
                let step = if many % few == 0 { many / few } else { 1 };
                let margin = (many - (few - 1) * step - 1).div_euclid(2);
                let apart = to[side] as i64 - from[side] as i64 * step - margin;
                match is_circular {
                    true => (apart + (many - 1) / 2).rem_euclid(many) - (many - 1) / 2,
                    false => apart,
                }
            });
            let apart: Vec<i64> = apart.collect();
            let is_inside = !is_narrow || apart.iter().all(|apart| apart.abs() <= 1);
            is_inside.then_some((apart, false))
        };
        let labels: Vec<_> = (0..m * n).map(label).collect();
        let pattern = SignedPattern::from_labels(m, n, &labels)?;
        // Where three wide is the whole range, once is enough.
        if !found.iter().any(|known: &Convolution| known.pattern == pattern) {
            found.push(Convolution { name, pattern });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{convolutions, grids, place};

    #[test]
    fn places_and_grids() {
        assert_eq!(place(7, &[3, 4]), [1, 3]);
        assert_eq!(grids((6, 6), (&[], &[])).unwrap(), Some((vec![6], vec![6])));
        assert_eq!(grids((6, 4), (&[], &[])).unwrap(), None);
        assert_eq!(grids((6, 4), (&[2, 3], &[2, 2])).unwrap(), Some((vec![2, 3], vec![2, 2])));
        assert_eq!(grids((6, 4), (&[6], &[2, 2])).unwrap(), None);
        let problem = grids((6, 6), (&[2, 3], &[2, 2])).unwrap_err().to_string();
        assert_eq!(problem, "the grid [2, 2] of inputs does not have 6 points, as many as there are inputs");
        assert!(grids((6, 6), (&[usize::MAX, 3], &[2, 2])).is_err());
    }

    #[test]
    fn a_kernel_has_a_weight_for_each_distance() {
        let of = |outputs: &[usize], inputs: &[usize]| {
            let all = convolutions(outputs, inputs).unwrap();
            all.iter().map(|found| (found.name, found.pattern.free_parameters())).collect::<Vec<_>>()
        };
        let expected = [
            ("circular", 5),
            ("circular, three wide", 3),
            ("zeros outside", 9),
            ("zeros outside, three wide", 3),
        ];
        assert_eq!(of(&[5], &[5]), expected);
        assert_eq!(of(&[3, 4], &[3, 4])[..2], [("circular", 12), ("circular, three wide", 9)]);
        assert_eq!(of(&[3, 4], &[3, 4])[2], ("zeros outside", 35));
        // By two: input 2 y lies under output y.
        let strided = convolutions(&[3], &[6]).unwrap();
        assert_eq!(strided[1].pattern.free_parameters(), 3);
        assert_eq!(strided[1].pattern.entry(1, 2), strided[1].pattern.entry(0, 0));
        // Centred: outputs are the middle three of five.
        let inner = convolutions(&[3], &[5]).unwrap();
        assert_eq!(inner[1].pattern.entry(0, 1), inner[1].pattern.entry(2, 3));
        assert!(inner[1].pattern.entry(0, 1).is_some() && inner[1].pattern.entry(0, 4).is_none());
    }

    #[test]
    fn circular_weights_are_those_of_the_cyclic_group() {
        let pattern = &convolutions(&[6], &[6]).unwrap()[0].pattern;
        for y in 0..6 {
            for x in 0..6 {
                assert_eq!(pattern.entry(y, x), pattern.entry((y + 1) % 6, (x + 1) % 6));
            }
        }
    }
}
