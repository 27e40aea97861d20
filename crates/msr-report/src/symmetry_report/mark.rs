//! A mark without any symmetry on a grid, before and after it is moved: what a turn or a mirror
//! does can be seen at a glance.

use msr_groups::SignedPermutation;

use super::places::Layout;
use crate::page::{Drawing, Outline, Paint, Tone};

/// The fewest rows and columns on which a mark can be told.
const FEWEST: usize = 7;
/// Pixels of a grid.
const SIDE: f64 = 112.0;

/// An F, which no turn and no mirror leaves as it is.
fn is_marked((row, col): (usize, usize), rows: usize, cols: usize) -> bool {
    let (y, x) = ((row as f64 + 0.5) / rows as f64, (col as f64 + 0.5) / cols as f64);
    let stem = (0.22..0.42).contains(&x) && (0.14..0.86).contains(&y);
    let top = (0.22..0.8).contains(&x) && (0.14..0.3).contains(&y);
    let middle = (0.22..0.64).contains(&x) && (0.44..0.58).contains(&y);
    stem || top || middle
}

/// The mark before and after; none for what is no single grid, or too small a one.
pub(super) fn draw(moved: &SignedPermutation, layout: Layout) -> Option<Drawing> {
    let Layout::Grids { planes: 1, rows, cols, .. } = layout else { return None };
    if rows.min(cols) < FEWEST || moved.degree() != rows * cols {
        return None;
    }
    let cell = SIDE / rows.max(cols) as f64;
    let (wide, high) = (cell * cols as f64, cell * rows as f64);
    let between = 34.0;
    let mut drawing = Drawing::new(2.0 * wide + between + 2.0, high + 2.0);
    let [mut plain, mut turned] = [Outline::new(), Outline::new()];
    let mut square = |point: usize, left: f64, is_turned: bool| {
        let (_, row, col) = layout.place(point);
        let at = (left + cell * col as f64, 1.0 + cell * row as f64);
        let outline = if is_turned { &mut turned } else { &mut plain };
        outline.rectangle(at, (cell, cell));
    };
    for point in 0..rows * cols {
        let (_, row, col) = layout.place(point);
        if is_marked((row, col), rows, cols) {
            square(point, 1.0, false);
            let (to, flips) = moved.apply(point);
            square(to, 1.0 + wide + between, flips);
        }
    }
    for left in [1.0, 1.0 + wide + between] {
        let paint = Paint::fill(Tone::Raised).and_stroke(Tone::Faint, 1.0);
        drawing.rectangle((left, 1.0), (wide, high), paint);
    }
    drawing.outline(&plain, Paint::fill(Tone::Ink).crisp());
    drawing.outline(&turned, Paint::fill(Tone::Bad).crisp());
    let (x, y) = (1.0 + wide + between / 2.0, 1.0 + high / 2.0);
    let arrow = Outline::new().to((x - 9.0, y)).line((x + 9.0, y)).to((x + 4.0, y - 5.0));
    drawing.outline(&arrow.line((x + 9.0, y)).line((x + 4.0, y + 5.0)), Paint::stroke(Tone::Soft, 1.6));
    Some(drawing)
}

#[cfg(test)]
mod tests {
    use super::is_marked;

    /// Of a row and a column, given the last of both.
    type Move = fn(usize, usize, usize) -> (usize, usize);

    /// None of the eight turns and mirrors of a square, but the first, leaves the mark as it is.
    #[test]
    fn the_mark_has_no_symmetry() {
        for side in [super::FEWEST, 8, 16, 28] {
            let last = side - 1;
            let moves: [Move; 7] = [
                |y, x, last| (x, last - y),
                |y, x, last| (last - y, last - x),
                |y, x, last| (last - x, y),
                |y, x, last| (y, last - x),
                |y, x, last| (last - y, x),
                |y, x, _| (x, y),
                |y, x, last| (last - x, last - y),
            ];
            for moved in moves {
                let differs = (0..side * side).any(|point| {
                    let at = (point / side, point % side);
                    is_marked(at, side, side) != is_marked(moved(at.0, at.1, last), side, side)
                });
                assert!(differs, "{side}");
            }
        }
    }
}
