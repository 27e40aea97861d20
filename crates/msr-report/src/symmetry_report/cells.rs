//! A matrix as coloured squares, with names or numbers beside it.

use crate::Result;
use crate::page::{Anchor, Drawing, Outline, Paint, Tone, cut};
use crate::picture::font;

/// Pixels that the squares of a matrix take together: on wide screens, and on narrow ones.
pub(super) const WIDE: f64 = 430.0;
/// See [`WIDE`].
pub(super) const NARROW: f64 = 252.0;
/// More squares than so many are drawn as a picture of pixels.
const MOST_SHAPES: usize = 2500;
/// The largest square.
const LARGEST: f64 = 34.0;
/// The smallest square that has a name beside it, and one that has a sign in it.
const NAMED: f64 = 12.0;
const SIGNED: f64 = 9.0;
/// Letters of names, and their pixels.
const LETTERS: usize = 14;
const SIZE: f64 = 11.0;

/// How a square looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Its colour, if it has one.
    pub(super) colour: Option<[u8; 3]>,
    /// Whether it has a minus.
    pub(super) is_negative: bool,
}

/// A matrix to be drawn.
pub(super) struct Cells<'a> {
    pub(super) looks: &'a [Look],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_names: &'a [String],
    pub(super) col_names: &'a [String],
}

/// Darker by so much.
fn darker([r, g, b]: [u8; 3]) -> [u8; 3] {
    [r, g, b].map(|channel| (f64::from(channel) * 0.5) as u8)
}

/// Black or white, whichever is told better from a colour.
fn on([r, g, b]: [u8; 3]) -> [u8; 3] {
    let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
    let light = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    if light > 0.22 { [0; 3] } else { [255; 3] }
}

impl Cells<'_> {
    /// Pixels of a square when all of them take at most `room` either way.
    fn cell(&self, room: f64) -> f64 {
        let cell = (room / self.rows.max(self.cols).max(1) as f64).min(LARGEST);
        if cell > 8.0 { cell.floor() } else { cell }
    }

    /// Whether squares with a minus have a sign in them when they take `room`; else they are
    /// darker.
    pub(super) fn has_signs(&self, room: f64) -> bool {
        self.cell(room) >= SIGNED && self.rows * self.cols <= MOST_SHAPES
    }

    /// Whether rows or columns have numbers beside them in place of names when they take `room`.
    pub(super) fn is_numbered(&self, room: f64) -> bool {
        let has = |names: &[String], count: usize| names.len() == count && self.cell(room) >= NAMED;
        !(has(self.row_names, self.rows) && has(self.col_names, self.cols))
    }

    /// The matrix, its squares within `room` pixels either way.
    pub(super) fn drawing(&self, room: f64) -> Result<Drawing> {
        Ok(self.drawing_above(room, 0.0)?.0)
    }

    /// The same with so many pixels below it, and where these start and how wide the squares are.
    pub(super) fn drawing_above(&self, room: f64, below: f64) -> Result<(Drawing, (f64, f64), f64)> {
        let cell = self.cell(room);
        let (wide, high) = (cell * self.cols as f64, cell * self.rows as f64);
        let of_rows = beside(self.row_names, self.rows, cell);
        let of_cols = beside(self.col_names, self.cols, cell);
        let left = longest(&of_rows)? + 8.0;
        let is_slanted = longest(&of_cols)? > cell - 4.0 && !self.col_names.is_empty() && cell >= NAMED;
        let above = if is_slanted { longest(&of_cols)? * 0.87 + 12.0 } else { SIZE + 7.0 };
        // Slanted names lean over the right edge.
        let right = if is_slanted { longest(&of_cols)? * 0.5 + 4.0 } else { 4.0 };
        let mut drawing = Drawing::new((left + wide + right).ceil(), (above + high + 1.0 + below).ceil());
        let corner = (left, above);
        if self.rows * self.cols > MOST_SHAPES {
            let colour = |look: &Look| look.colour.map(|c| if look.is_negative { darker(c) } else { c });
            let colours: Vec<_> = self.looks.iter().map(colour).collect();
            drawing.pixels(corner, (wide, high), &colours, self.cols)?;
        } else {
            self.squares(&mut drawing, corner, cell, self.has_signs(room));
        }
        drawing.rectangle(corner, (wide, high), Paint::stroke(Tone::Rule, 1.0));
        for (index, name) in &of_rows {
            let y = above + (*index as f64 + 0.5) * cell + SIZE * 0.36;
            let whole = self.row_names.get(*index).filter(|whole| *whole != name);
            let style = (SIZE, Anchor::End, Tone::Soft);
            drawing.text(name, (left - 6.0, y), style, whole.map(String::as_str));
        }
        for (index, name) in &of_cols {
            let x = left + (*index as f64 + 0.5) * cell;
            let whole = self.col_names.get(*index).filter(|whole| *whole != name).map(String::as_str);
            if is_slanted {
                drawing.slanted(name, (x + 3.0, above - 6.0), (SIZE, Tone::Soft), whole);
            } else {
                drawing.text(name, (x, above - 6.0), (SIZE, Anchor::Middle, Tone::Soft), whole);
            }
        }
        Ok((drawing, (left, above + high), wide))
    }

    /// All squares of one colour are one shape.
    fn squares(&self, drawing: &mut Drawing, (left, top): (f64, f64), cell: f64, has_signs: bool) {
        let mut colours: std::collections::BTreeMap<[u8; 3], Outline> = std::collections::BTreeMap::new();
        let mut signs: std::collections::BTreeMap<[u8; 3], Outline> = std::collections::BTreeMap::new();
        for (index, look) in self.looks.iter().enumerate() {
            let (row, col) = (index / self.cols.max(1), index % self.cols.max(1));
            let (x, y) = (left + cell * col as f64, top + cell * row as f64);
            let Some(colour) = look.colour else { continue };
            let shown = if look.is_negative && !has_signs { darker(colour) } else { colour };
            colours.entry(shown).or_default().rectangle((x, y), (cell, cell));
            if look.is_negative && has_signs {
                let (half, y) = ((cell * 0.26).max(2.5), y + cell / 2.0);
                let x = x + cell / 2.0;
                signs.entry(on(colour)).or_default().segment((x - half, y), (x + half, y));
            }
        }
        for (colour, outline) in &colours {
            drawing.outline(outline, Paint::fill(Tone::Fixed(*colour)).crisp());
        }
        let width = (cell * 0.09).max(1.4);
        for (colour, outline) in &signs {
            drawing.outline(outline, Paint::stroke(Tone::Fixed(*colour), width));
        }
    }
}

/// What stands beside rows or above columns: their names where there is room, else some numbers.
fn beside(names: &[String], count: usize, cell: f64) -> Vec<(usize, String)> {
    if names.len() == count && cell >= NAMED {
        return names.iter().map(|name| cut(name, LETTERS).into_owned()).enumerate().collect();
    }
    let step = [1, 2, 5, 10, 20, 50, 100, 200, 500]
        .into_iter()
        .find(|&step| step as f64 * cell >= 17.0)
        .unwrap_or(1000);
    (0..count).step_by(step).map(|index| (index, index.to_string())).collect()
}

/// Pixels of the longest of these.
fn longest(names: &[(usize, String)]) -> Result<f64> {
    let all = names.iter().map(|(_, name)| font::width(name, SIZE as i32));
    Ok(f64::from(all.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or(0)))
}
