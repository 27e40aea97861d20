//! Where points are drawn: in the rows and columns in which they lie, or on a ring.

use msr_groups::SignedPermutation;

/// How points lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// On a ring, in their order.
    Ring(usize),
    /// In grids beside each other.
    Grids { planes: usize, rows: usize, cols: usize, is_last: bool },
}

/// The most grids beside each other.
const MOST_PLANES: usize = 6;
/// The most points that are drawn.
pub(super) const MOST_POINTS: usize = 1024;

impl Layout {
    /// Of points of this shape: a matrix is a grid, three dimensions of which one is short are a
    /// few, the short one first or last.
    pub(super) fn new(points: usize, shape: &[usize]) -> Self {
        let long: Vec<usize> = shape.iter().copied().filter(|&size| size > 1).collect();
        match long[..] {
            [rows, cols] => Self::Grids { planes: 1, rows, cols, is_last: false },
            [planes, rows, cols] if planes <= MOST_PLANES => {
                Self::Grids { planes, rows, cols, is_last: false }
            }
            [rows, cols, planes] if planes <= MOST_PLANES => {
                Self::Grids { planes, rows, cols, is_last: true }
            }
            _ => Self::Ring(points),
        }
    }

    /// A point's grid, row and column.
    pub(super) fn place(self, point: usize) -> (usize, usize, usize) {
        match self {
            Self::Ring(_) => (0, 0, point),
            Self::Grids { planes, cols, is_last: true, .. } => {
                (point % planes, point / planes / cols, point / planes % cols)
            }
            Self::Grids { rows, cols, is_last: false, .. } => {
                (point / (rows * cols), point / cols % rows, point % cols)
            }
        }
    }

    /// The permutation of the points of one grid, where all grids are moved alike and none into
    /// another, and the layout of that one.
    pub(super) fn of_each_plane(self, moved: &SignedPermutation) -> Option<(SignedPermutation, Self)> {
        let Self::Grids { planes, rows, cols, is_last } = self else { return None };
        if planes < 2 || moved.degree() != planes * rows * cols {
            return None;
        }
        let size = rows * cols;
        let at = |plane: usize, point: usize| {
            if is_last { point * planes + plane } else { plane * size + point }
        };
        let image = |plane: usize, point: usize| {
            let (to, flip) = moved.apply(at(plane, point));
            let (to_plane, row, col) = self.place(to);
            (to_plane == plane).then_some((row * cols + col, flip))
        };
        let first: Vec<(usize, bool)> = (0..size).map(|point| image(0, point)).collect::<Option<_>>()?;
        let is_alike = (1..planes).all(|plane| (0..size).all(|x| image(plane, x) == Some(first[x])));
        if !is_alike {
            return None;
        }
        let images: Vec<usize> = first.iter().map(|(to, _)| *to).collect();
        let flips: Vec<bool> = first.iter().map(|(_, flip)| *flip).collect();
        let points = msr_groups::Permutation::from_images(&images).ok()?;
        let one = SignedPermutation::new(points, &flips).ok()?;
        Some((one, Self::Grids { planes: 1, rows, cols, is_last: false }))
    }
}

#[cfg(test)]
mod tests {
    use msr_groups::{Permutation, SignedPermutation};

    use super::Layout;

    #[test]
    fn shapes_have_layouts() {
        let grids = |planes, rows, cols, is_last| Layout::Grids { planes, rows, cols, is_last };
        let cases: [(usize, &[usize], Layout); 7] = [
            (5, &[5], Layout::Ring(5)),
            (5, &[], Layout::Ring(5)),
            (6, &[2, 3], grids(1, 2, 3, false)),
            (6, &[1, 2, 3], grids(1, 2, 3, false)),
            (75, &[3, 5, 5], grids(3, 5, 5, false)),
            (192, &[8, 8, 3], grids(3, 8, 8, true)),
            (1000, &[10, 10, 10], Layout::Ring(1000)),
        ];
        for (points, shape, layout) in cases {
            assert_eq!(Layout::new(points, shape), layout, "{shape:?}");
        }
        assert_eq!(grids(3, 8, 8, true).place(3 * (2 * 8 + 5) + 1), (1, 2, 5));
        assert_eq!(grids(3, 4, 5, false).place(20 + 2 * 5 + 3), (1, 2, 3));
    }

    /// The mirror of two columns, in three planes; and one that also exchanges planes.
    #[test]
    fn planes_that_move_alike_are_one() {
        for is_last in [false, true] {
            let layout = Layout::Grids { planes: 3, rows: 2, cols: 2, is_last };
            let at = |plane: usize, x: usize| if is_last { 3 * x + plane } else { 4 * plane + x };
            let mut images = vec![0; 12];
            for plane in 0..3 {
                for x in 0..4 {
                    images[at(plane, x)] = at(plane, x ^ 1);
                }
            }
            let mirror: SignedPermutation = Permutation::from_images(&images).unwrap().into();
            let (one, single) = layout.of_each_plane(&mirror).unwrap();
            assert_eq!((one.to_string(), single.place(3)), ("(0 1)(2 3)".to_string(), (0, 1, 1)));
            images.swap(at(0, 0), at(1, 0));
            let mixed: SignedPermutation = Permutation::from_images(&images).unwrap().into();
            assert_eq!(layout.of_each_plane(&mixed), None);
        }
    }
}
