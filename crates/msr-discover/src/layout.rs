//! How inputs and outputs are laid out, and the maps of a grid that are known without looking.

use msr_groups::Permutation;

use crate::error::{Error, Result};

/// The shapes of inputs and outputs: `[4, 4]` for a picture of 4 × 4 points, `[10]` for ten numbers
/// in a row. Empty: nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Of the inputs; its product is their number.
    pub inputs: Vec<usize>,
    /// Of the outputs.
    pub outputs: Vec<usize>,
}

impl Layout {
    pub(crate) fn check(&self, outputs: usize, inputs: usize) -> Result<()> {
        for (what, shape, count) in [("inputs", &self.inputs, inputs), ("outputs", &self.outputs, outputs)] {
            let product = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
            if !shape.is_empty() && product != Some(count) {
                let shape = by(shape);
                return Err(Error::config(format!("there are {count} {what}, which is not {shape}")));
            }
        }
        Ok(())
    }

    /// The maps of the grid of the inputs; none where no layout is known.
    pub(crate) fn known_inputs(&self) -> Vec<Permutation> {
        known(&self.inputs)
    }
}

/// `4 × 4`.
pub(crate) fn by(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
}

/// Where each point of a grid goes.
fn map(shape: &[usize], to: impl Fn(&mut Vec<usize>)) -> Option<Permutation> {
    let count = shape.iter().product();
    let images: Vec<usize> = (0..count)
        .map(|point| {
            let mut at = position(shape, point);
            to(&mut at);
            at.iter().zip(shape).fold(0, |index, (&at, &size)| index * size + at)
        })
        .collect();
    Permutation::from_images(&images).ok()
}

/// The position of a point, the last dimension running fastest.
fn position(shape: &[usize], mut point: usize) -> Vec<usize> {
    let mut at = vec![0; shape.len()];
    for (at, &size) in at.iter_mut().zip(shape).rev() {
        *at = point % size;
        point /= size;
    }
    at
}

/// Shifts by one, with the points of an edge coming in at the other, and flips of each dimension;
/// half turns of two, and where they are equal quarter turns and both transpositions.
fn known(shape: &[usize]) -> Vec<Permutation> {
    if shape.iter().product::<usize>() < 2 {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (a, &size) in shape.iter().enumerate().filter(|&(_, &size)| size > 1) {
        found.push(map(shape, |at| at[a] = (at[a] + 1) % size));
        found.push(map(shape, |at| at[a] = size - 1 - at[a]));
        for (b, &other) in shape.iter().enumerate().skip(a + 1).filter(|&(_, &size)| size > 1) {
            let turn = |at: &mut Vec<usize>| (at[a], at[b]) = (size - 1 - at[a], other - 1 - at[b]);
            found.push(map(shape, turn));
            if size == other {
                found.push(map(shape, |at| (at[a], at[b]) = (at[b], size - 1 - at[a])));
                found.push(map(shape, |at| at.swap(a, b)));
                found.push(map(shape, |at| (at[a], at[b]) = (size - 1 - at[b], size - 1 - at[a])));
            }
        }
    }
    let mut found: Vec<Permutation> = found.into_iter().flatten().collect();
    found.sort();
    found.dedup();
    found.retain(|map| !map.is_identity());
    found
}

/// What a permutation of the points of a grid does, in words: `quarter turn`, `shift by (1, 0)`;
/// `None` when it is no such map. A grid of one dimension is a row.
pub fn words(shape: &[usize], permutation: &Permutation) -> Option<String> {
    let shape: Vec<usize> = shape.iter().copied().filter(|&size| size > 1).collect();
    let count: usize = shape.iter().product();
    if count != permutation.degree() || shape.is_empty() || permutation.is_identity() {
        return None;
    }
    let image = |at: &[usize]| {
        let point = at.iter().zip(&shape).fold(0, |index, (&at, &size)| index * size + at);
        position(&shape, permutation.apply(point))
    };
    let origin = image(&vec![0; shape.len()]);
    // Along which dimension, and whether backwards, each one goes.
    let mut axes: Vec<(usize, bool)> = Vec::new();
    for a in 0..shape.len() {
        let mut at = vec![0; shape.len()];
        at[a] = 1;
        let to = image(&at);
        let moved: Vec<usize> = (0..shape.len()).filter(|&b| to[b] != origin[b]).collect();
        let [b] = moved[..] else { return None };
        let forwards = (origin[b] + 1) % shape[b] == to[b];
        if shape[a] != shape[b] || axes.iter().any(|&(taken, _)| taken == b) {
            return None;
        }
        // Of two points, forwards and backwards are one; a flip is what one says.
        axes.push((b, !forwards || (shape[b] == 2 && origin[b] == 1)));
    }
    let is_it = (0..count).all(|point| {
        let at = position(&shape, point);
        let to = image(&at);
        axes.iter().zip(&at).all(|(&(b, back), &at)| {
            let size = shape[b];
            to[b] == if back { (origin[b] + size - at) % size } else { (origin[b] + at) % size }
        })
    });
    if !is_it {
        return None;
    }
    let mut shift = origin;
    for &(b, back) in &axes {
        if back {
            shift[b] = (shift[b] + 1) % shape[b];
        }
    }
    let turned = turned(&axes);
    let is_shifted = shift.iter().any(|&by| by != 0);
    let by = match &shift[..] {
        [one] => format!("shift by {one}"),
        more => format!("shift by ({})", more.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    };
    match (turned, is_shifted) {
        (Some(turned), true) if turned.is_empty() => Some(by),
        (Some(turned), true) => Some(format!("{turned} and {by}")),
        (Some(turned), false) => Some(turned),
        (None, _) => None,
    }
}

/// What dimensions that go along others, forwards or backwards, are called.
fn turned(axes: &[(usize, bool)]) -> Option<String> {
    let text = match axes {
        [(0, false)] => "",
        [(0, true)] => "reversal",
        [(0, false), (1, false)] => "",
        [(0, true), (1, false)] => "flip top to bottom",
        [(0, false), (1, true)] => "flip left to right",
        [(0, true), (1, true)] => "half turn",
        [(1, false), (0, false)] => "transposition",
        [(1, true), (0, true)] => "transposition along the other diagonal",
        // Rows go where columns were, backwards: the top comes to the right.
        [(1, true), (0, false)] => "quarter turn",
        [(1, false), (0, true)] => "quarter turn back",
        more => {
            let is_still = more.iter().enumerate().all(|(a, &(b, _))| a == b);
            let backwards: Vec<String> =
                more.iter().filter(|axis| axis.1).map(|axis| axis.0.to_string()).collect();
            return match (is_still, backwards.is_empty()) {
                (true, true) => Some(String::new()),
                (true, false) => Some(format!("flip of dimensions {}", backwards.join(", "))),
                (false, _) => None,
            };
        }
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use msr_groups::Permutation;

    use super::{Layout, known, words};

    fn said(shape: &[usize], images: &[usize]) -> Option<String> {
        words(shape, &Permutation::from_images(images).unwrap_or_else(|e| unreachable!("{e}")))
    }

    #[test]
    fn maps_of_a_grid_have_words() {
        // 0 1 2      6 3 0
        // 3 4 5  ->  7 4 1, where the point 0 comes to the place 2.
        // 6 7 8      8 5 2
        for (shape, images, words) in [
            (&[3, 3][..], &[2, 5, 8, 1, 4, 7, 0, 3, 6][..], "quarter turn"),
            (&[3, 3], &[6, 3, 0, 7, 4, 1, 8, 5, 2], "quarter turn back"),
            (&[3, 3], &[8, 7, 6, 5, 4, 3, 2, 1, 0], "half turn"),
            (&[3, 3], &[0, 3, 6, 1, 4, 7, 2, 5, 8], "transposition"),
            (&[3, 3], &[8, 5, 2, 7, 4, 1, 6, 3, 0], "transposition along the other diagonal"),
            (&[3, 3], &[2, 1, 0, 5, 4, 3, 8, 7, 6], "flip left to right"),
            (&[3, 3], &[6, 7, 8, 3, 4, 5, 0, 1, 2], "flip top to bottom"),
            (&[3, 3], &[3, 4, 5, 6, 7, 8, 0, 1, 2], "shift by (1, 0)"),
            (&[2, 3], &[1, 2, 0, 4, 5, 3], "shift by (0, 1)"),
            (&[2, 3], &[0, 2, 1, 3, 5, 4], "flip left to right and shift by (0, 1)"),
            (&[2, 2], &[1, 0, 3, 2], "flip left to right"),
            (&[5], &[1, 2, 3, 4, 0], "shift by 1"),
            (&[5], &[4, 3, 2, 1, 0], "reversal"),
            (&[1, 5, 1], &[4, 3, 2, 1, 0], "reversal"),
            (&[2, 2, 2], &[1, 0, 3, 2, 5, 4, 7, 6], "flip of dimensions 2"),
        ] {
            assert_eq!(said(shape, images).as_deref(), Some(words), "{shape:?} {images:?}");
        }
        // No map of a grid, no move, and no such grid.
        assert_eq!(said(&[3, 3], &[1, 0, 2, 3, 4, 5, 6, 7, 8]), None);
        assert_eq!(said(&[4], &[0, 1, 2, 3]), None);
        assert_eq!(said(&[2, 3], &[1, 0, 2, 3]), None);
    }

    #[test]
    fn known_maps_are_different_ones_and_move() {
        for (shape, count) in [(&[3, 3][..], 8), (&[2, 3], 4), (&[6], 2), (&[2, 2], 6), (&[1], 0), (&[], 0)] {
            let found = known(shape);
            assert_eq!(found.len(), count, "{shape:?}");
            assert!(found.iter().all(|map| words(shape, map).is_some()), "{shape:?}");
        }
        assert_eq!(known(&[3, 4, 4]).len(), 3 * 2 + 3 + 3);
        let layout = Layout { inputs: vec![2, 3], outputs: vec![] };
        assert!(layout.check(4, 6).is_ok() && layout.check(4, 7).is_err());
        assert!(Layout { outputs: vec![usize::MAX, 2], ..Layout::default() }.check(4, 6).is_err());
    }
}
