//! A permutation drawn where its points lie.

use msr_groups::SignedPermutation;

use super::places::Layout;
use crate::Result;
use crate::page::{Anchor, Drawing, Outline, Paint, Tone, cut};
use crate::picture::font;

/// The most arrows that a reader can follow: on grids, and on rings, where they do not cross as
/// much.
const MOST_ARROWS: usize = 40;
const MOST_ON_RING: usize = 72;
/// Pixels that a grid takes, and the largest square in it.
const GRID: f64 = 244.0;
const LARGEST: f64 = 46.0;
/// Pixels from the middle of a ring to its points.
const RADIUS: f64 = 92.0;
/// The most points of a ring that all have labels, and the letters of one.
const LABELLED: usize = 24;
const LETTERS: usize = 12;
const SIZE: f64 = 11.0;

/// A drawn permutation, and how much of it is shown.
pub(super) struct Moves {
    pub(super) drawing: Drawing,
    /// How many points move, and how many of these have an arrow.
    pub(super) moving: usize,
    pub(super) arrows: usize,
}

/// The cycles that get arrows: all, or some of them, evenly, or the start of one that is too long.
fn chosen(moved: &SignedPermutation, most: usize) -> (usize, Vec<Vec<usize>>) {
    let cycles: Vec<Vec<usize>> =
        moved.points().cycles().into_iter().filter(|cycle| cycle.len() > 1).collect();
    let moving = cycles.iter().map(Vec::len).sum();
    if moving <= most {
        return (moving, cycles);
    }
    let longest = cycles.iter().map(Vec::len).max().unwrap_or(1);
    let few = (most / 2 / longest).max(1);
    let some = (0..few).filter_map(|index| cycles.get((2 * index + 1) * cycles.len() / (2 * few)));
    (moving, some.map(|cycle| cycle.iter().copied().take(most / 2 + 1).collect()).collect())
}

/// Draws how points move: an arrow from each to where it goes, in one colour for each cycle, dashed
/// and with a minus where the sign changes.
pub(super) fn draw(moved: &SignedPermutation, layout: Layout, names: &[String]) -> Result<Moves> {
    let most = if matches!(layout, Layout::Ring(_)) { MOST_ON_RING } else { MOST_ARROWS };
    let (moving, cycles) = chosen(moved, most);
    let ground = match layout {
        Layout::Ring(points) => Ground::ring(points, names)?,
        Layout::Grids { planes, rows, cols, .. } => Ground::grids(layout, planes, rows, cols),
    };
    let mut drawing = Drawing::new(ground.size.0, ground.size.1);
    ground.draw(&mut drawing, moved, &cycles, names);
    let mut arrows = 0;
    for (number, cycle) in cycles.iter().enumerate() {
        arrows += ground.cycle(&mut drawing, moved, cycle, Tone::Series(number));
    }
    ground.signs(&mut drawing, moved);
    Ok(Moves { drawing, moving, arrows })
}

/// Points with their places.
struct Ground {
    size: (f64, f64),
    points: Vec<(f64, f64)>,
    /// From the middle of a point to where arrows start.
    radius: f64,
    /// The side of the squares of a grid.
    cell: Option<f64>,
    /// The middle of a ring.
    middle: (f64, f64),
}

impl Ground {
    fn ring(points: usize, names: &[String]) -> Result<Self> {
        let mut room = 0;
        if points <= LABELLED {
            for name in names {
                room = room.max(font::width(&cut(name, LETTERS), SIZE as i32)?);
            }
        }
        let around = f64::from(room.max(16)) + 14.0;
        let radius = match points {
            0..=2 => RADIUS * 0.5,
            3..=5 => RADIUS * 0.8,
            6..=LABELLED => RADIUS,
            _ => 1.2 * RADIUS,
        };
        let dot = match points {
            0..=LABELLED => 6.0,
            25..=72 => 2.4,
            _ => 1.6,
        };
        let middle = (radius + around, radius + 26.0);
        let place = |point: usize| {
            let turn = std::f64::consts::TAU * point as f64 / points.max(1) as f64;
            (middle.0 + radius * turn.sin(), middle.1 - radius * turn.cos())
        };
        Ok(Self {
            size: (2.0 * middle.0, 2.0 * middle.1),
            points: (0..points).map(place).collect(),
            radius: dot,
            cell: None,
            middle,
        })
    }

    fn grids(layout: Layout, planes: usize, rows: usize, cols: usize) -> Self {
        let room = if planes > 1 { 1.6 * GRID } else { GRID };
        let across = (planes * cols) as f64 + (planes - 1) as f64 * 0.6;
        let cell = (room / across).min(GRID / rows as f64).min(LARGEST);
        let place = |point: usize| {
            let (plane, row, col) = layout.place(point);
            let x = plane as f64 * (cols as f64 + 0.6) + col as f64 + 0.5;
            (1.0 + x * cell, 1.0 + (row as f64 + 0.5) * cell)
        };
        let points: Vec<_> = (0..planes * rows * cols).map(place).collect();
        let size = (2.0 + across * cell, 2.0 + rows as f64 * cell);
        Self { size, points, radius: cell * 0.2, cell: Some(cell), middle: (size.0 / 2.0, size.1 / 2.0) }
    }

    fn draw(
        &self,
        drawing: &mut Drawing,
        moved: &SignedPermutation,
        cycles: &[Vec<usize>],
        names: &[String],
    ) {
        let mut tones: Vec<Option<Tone>> = vec![None; self.points.len()];
        for (number, cycle) in cycles.iter().enumerate() {
            for &point in cycle {
                if let Some(tone) = tones.get_mut(point) {
                    *tone = Some(Tone::Series(number));
                }
            }
        }
        if let Some(cell) = self.cell {
            let mut squares = Outline::new();
            for &(x, y) in &self.points {
                squares.rectangle((x - cell / 2.0, y - cell / 2.0), (cell, cell));
            }
            drawing.outline(&squares, Paint::fill(Tone::Raised).and_stroke(Tone::Faint, 1.0));
        } else {
            drawing.circle(self.middle, self.middle.1 - 26.0, Paint::stroke(Tone::Faint, 1.0));
            self.labels(drawing, names);
            if cycles.iter().map(Vec::len).sum::<usize>() < moved.degree() && self.points.len() > MOST_ON_RING
            {
                let mut all = Outline::new();
                for (point, &from) in self.points.iter().enumerate() {
                    let (to, _) = moved.apply(point);
                    if to != point
                        && let Some(&to) = self.points.get(to)
                    {
                        all.segment(from, to);
                    }
                }
                drawing.outline(&all, Paint::stroke(Tone::Faint, 0.8));
            }
        }
        for (point, &at) in self.points.iter().enumerate() {
            let stays = moved.apply(point) == (point, false);
            match (tones.get(point).copied().flatten(), self.cell) {
                (Some(tone), _) => drawing.circle(at, self.radius.clamp(1.6, 6.0), Paint::fill(tone)),
                (None, Some(cell)) if stays => drawing.circle(at, cell * 0.07, Paint::fill(Tone::Rule)),
                (None, Some(_)) => {}
                (None, None) => {
                    drawing.circle(
                        at,
                        self.radius * 0.7,
                        Paint::fill(Tone::Paper).and_stroke(Tone::Rule, 1.2),
                    );
                }
            }
        }
    }

    /// Names or numbers around a ring.
    fn labels(&self, drawing: &mut Drawing, names: &[String]) {
        let points = self.points.len();
        let step = if points <= LABELLED { 1 } else { points.div_ceil(8) };
        for (point, &(x, y)) in self.points.iter().enumerate().step_by(step) {
            let (dx, dy) = (x - self.middle.0, y - self.middle.1);
            let length = dx.hypot(dy).max(1.0);
            let (dx, dy) = (dx / length, dy / length);
            let anchor = match dx {
                dx if dx > 0.3 => Anchor::Start,
                dx if dx < -0.3 => Anchor::End,
                _ => Anchor::Middle,
            };
            let at = (x + dx * 12.0, y + dy * 15.0 + 4.0);
            let number = point.to_string();
            let whole = names.get(point).filter(|_| points <= LABELLED).unwrap_or(&number);
            let shown = cut(whole, LETTERS);
            let style = (SIZE, anchor, Tone::Soft);
            drawing.text(&shown, at, style, (shown != whole.as_str()).then_some(whole));
        }
    }

    /// The arrows of a cycle, and how many there are.
    fn cycle(&self, drawing: &mut Drawing, moved: &SignedPermutation, cycle: &[usize], tone: Tone) -> usize {
        let width = if self.points.len() > 64 { 1.5 } else { 1.9 };
        let (mut lines, mut dashes, mut heads) = (Outline::new(), Outline::new(), Outline::new());
        let mut arrows = 0;
        for &point in cycle {
            let (to, flips) = moved.apply(point);
            let (Some(&from), Some(&at)) = (self.points.get(point), self.points.get(to)) else { continue };
            // One that is cut short ends where it is cut.
            if to == point || !cycle.contains(&to) {
                continue;
            }
            arrows += 1;
            let is_exchange = cycle.len() == 2 && flips == moved.apply(to).1;
            let (start, by, end) = self.bend(from, at, is_exchange);
            let line = if flips { &mut dashes } else { &mut lines };
            // Both ways of an exchange are one line, with two heads.
            if is_exchange && point > to {
                continue;
            }
            let size = (from.0 - at.0).hypot(from.1 - at.1) * 0.45;
            *line = std::mem::take(line).to(start).curve(by, end);
            heads = head(heads, by, end, size);
            if is_exchange {
                heads = head(heads, by, start, size);
            }
        }
        drawing.outline(&lines, Paint::stroke(tone, width));
        drawing.outline(&dashes, Paint::stroke(tone, width).dashed());
        drawing.outline(&heads, Paint::fill(tone));
        arrows
    }

    /// A curve from near one point to near another: straight between neighbours and points of a
    /// ring that are exchanged, else inwards on a ring, to the left of its way on a grid.
    fn bend(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        is_exchange: bool,
    ) -> ((f64, f64), (f64, f64), (f64, f64)) {
        let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-6);
        let by = if self.cell.is_some() {
            // One that stretches over other points goes round them.
            let is_near = self.cell.is_some_and(|cell| length < 1.5 * cell);
            let bend = if is_exchange && is_near { 0.0 } else { 0.16 };
            (middle.0 + dy * bend, middle.1 - dx * bend)
        } else {
            let pull = if is_exchange { 0.0 } else { 0.22 };
            let towards = ((self.middle.0 - middle.0) * pull, (self.middle.1 - middle.1) * pull);
            // Across the middle there is no inwards: two arrows would lie on each other.
            let side = if is_exchange { 0.0 } else { 0.06 };
            (middle.0 + towards.0 + dy * side, middle.1 + towards.1 - dx * side)
        };
        let short = (self.radius.clamp(1.6, 6.0) + 2.5).min(length * 0.3);
        let towards = |a: (f64, f64), b: (f64, f64)| {
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let length = dx.hypot(dy).max(1e-6);
            (a.0 + dx / length * short, a.1 + dy / length * short)
        };
        (towards(from, by), by, towards(to, by))
    }

    /// A minus beside each point whose image has one.
    fn signs(&self, drawing: &mut Drawing, moved: &SignedPermutation) {
        let radius = self.cell.map_or(6.5, |cell| (cell * 0.17).clamp(2.0, 6.5));
        if self.cell.is_none() && self.points.len() > LABELLED {
            return;
        }
        let (mut lines, half) = (Outline::new(), radius * 0.55);
        for (point, &(x, y)) in self.points.iter().enumerate().filter(|(x, _)| moved.apply(*x).1) {
            let stays = moved.apply(point).0 == point;
            let (x, y) = match self.cell {
                Some(_) if stays => (x, y),
                Some(cell) => (x + cell * 0.5 - radius - 2.0, y - cell * 0.5 + radius + 2.0),
                None if stays => (x, y),
                None => {
                    let (dx, dy) = (self.middle.0 - x, self.middle.1 - y);
                    let length = dx.hypot(dy).max(1e-6);
                    (x + dx / length * 17.0, y + dy / length * 17.0)
                }
            };
            drawing.circle((x, y), radius, Paint::fill(Tone::Bad));
            lines.segment((x - half, y), (x + half, y));
        }
        drawing.outline(&lines, Paint::stroke(Tone::Paper, (radius * 0.3).max(1.0)));
    }
}

/// Adds the head of an arrow that comes from `by`, at most `size` pixels long.
fn head(heads: Outline, by: (f64, f64), at: (f64, f64), size: f64) -> Outline {
    let size = size.clamp(3.0, 7.5);
    let (dx, dy) = (at.0 - by.0, at.1 - by.1);
    let length = dx.hypot(dy).max(1e-6);
    let (dx, dy) = (dx / length, dy / length);
    // The tip reaches a little beyond the line.
    let tip = (at.0 + dx * 1.5, at.1 + dy * 1.5);
    let foot = (tip.0 - dx * size, tip.1 - dy * size);
    let half = 0.45 * size;
    let [left, right] = [half, -half].map(|half| (foot.0 - dy * half, foot.1 + dx * half));
    heads.to(tip).line(left).line(right).close()
}

#[cfg(test)]
mod tests {
    use msr_groups::{Permutation, SignedPermutation};

    use super::super::places::Layout;
    use super::draw;
    use crate::page::Figure;

    /// How many points move, how many have arrows, and how many outlines there are.
    fn drawn(moved: &SignedPermutation, shape: &[usize]) -> (usize, usize, usize) {
        let found = draw(moved, Layout::new(moved.degree(), shape), &[]).unwrap();
        let figure = Figure::new("").drawing("", &found.drawing, "moves").unwrap();
        (found.moving, found.arrows, format!("{figure:?}").matches("<path").count())
    }

    fn on_grid(side: usize, to: fn(usize, usize, usize) -> (usize, usize)) -> SignedPermutation {
        let image = |point: usize| {
            let (row, col) = to(point / side, point % side, side - 1);
            row * side + col
        };
        Permutation::from_images(&(0..side * side).map(image).collect::<Vec<_>>()).unwrap().into()
    }

    #[test]
    fn few_moves_all_have_arrows() {
        let turn = |side| on_grid(side, |row, col, last| (col, last - row));
        // The squares of the grid; lines and heads of two cycles.
        assert_eq!(drawn(&turn(3), &[3, 3]), (8, 8, 5));
        let exchange = SignedPermutation::parse("(0 2)", 3).unwrap();
        assert_eq!(drawn(&exchange, &[3]), (2, 2, 2));
        // One way changes the sign, so the two ways are two lines; and the minus.
        let half_turned = SignedPermutation::parse("(0 -2)", 3).unwrap();
        assert_eq!(drawn(&half_turned, &[3]), (2, 2, 4));
        assert_eq!(drawn(&SignedPermutation::identity(2).unwrap(), &[2]), (0, 0, 0));
    }

    #[test]
    fn of_many_moves_some_have_arrows() {
        let turn = on_grid(16, |row, col, last| (col, last - row));
        let (moving, arrows, _) = drawn(&turn, &[16, 16]);
        assert_eq!((moving, arrows), (256, 20));
        let shift: SignedPermutation =
            Permutation::from_images(&(0..256).map(|x| (x + 1) % 256).collect::<Vec<_>>()).unwrap().into();
        let (moving, arrows, _) = drawn(&shift, &[256]);
        assert_eq!((moving, arrows), (256, 36));
    }
}
