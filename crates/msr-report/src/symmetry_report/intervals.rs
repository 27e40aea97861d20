//! Estimates with their bounds, one under the other on one axis.

use super::Interval;
use super::words::percent;
use crate::Result;
use crate::page::{Anchor, Drawing, Paint, Tone, cut};
use crate::picture::{font, ticks};

/// Pixels across: on wide screens, and on narrow ones.
pub(super) const WIDE: f64 = 640.0;
/// See [`WIDE`].
pub(super) const NARROW: f64 = 330.0;
const SIZE: f64 = 12.5;
const SMALL: f64 = 11.0;
/// The most pixels of names on the left.
const NAMES: f64 = 220.0;

/// A name with its interval.
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    pub(super) interval: Interval,
    pub(super) tone: Tone,
}

/// What is drawn.
pub(super) struct Plot<'a> {
    pub(super) rows: Vec<Row<'a>>,
    /// What the axis is.
    pub(super) axis: &'a str,
    /// Values with a line through all rows, and what they are.
    pub(super) marks: Vec<(f64, &'a str)>,
    /// Whether values are shares, in percent.
    pub(super) is_share: bool,
}

/// An axis between two values.
struct Scale {
    is_log: bool,
    low: f64,
    high: f64,
    left: f64,
    right: f64,
}

impl Scale {
    fn new(plot: &Plot<'_>, left: f64, right: f64) -> Self {
        let bounds = plot.rows.iter().flat_map(|row| {
            let Interval { value, lower, upper } = row.interval;
            [value, lower, upper]
        });
        let all: Vec<f64> = bounds.chain(plot.marks.iter().map(|mark| mark.0)).collect();
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !plot.is_share && low > 0.0 && high >= 100.0 * low {
            return Self { is_log: true, low: (low * 0.8).log10(), high: (high * 1.25).log10(), left, right };
        }
        // What starts near zero starts at zero.
        let low = if low > 0.0 && low < 0.5 * high { 0.0 } else { low };
        let span = match high - low {
            span if span > 1e-12 * high.abs() && span.is_finite() => span,
            _ => high.abs().max(1.0),
        };
        let low = if low == 0.0 { 0.0 } else { low - 0.06 * span };
        Self { is_log: false, low, high: high + 0.06 * span, left, right }
    }

    fn at(&self, value: f64) -> f64 {
        let value = if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)
    }

    /// Where the axis has numbers.
    fn numbers(&self, is_share: bool) -> Vec<(f64, String)> {
        let most = ((self.right - self.left) / 72.0).clamp(2.0, 8.0) as usize;
        let found = if self.is_log {
            ticks::logarithmic(10f64.powf(self.low), 10f64.powf(self.high), most)
        } else {
            ticks::linear(self.low, self.high, most)
        };
        found.into_iter().map(|(value, text)| (value, if is_share { percent(value) } else { text })).collect()
    }
}

impl Plot<'_> {
    /// From where to where the line of a mark goes: through all rows, but not through the names
    /// that stand above them.
    fn mark_lines(&self, above: f64, high: f64, is_narrow: bool) -> Vec<(f64, f64)> {
        let start = above - 4.0;
        if !is_narrow {
            return vec![(start, above + high * self.rows.len() as f64)];
        }
        let of_row = |row: usize| (above + high * row as f64 + 20.0, above + high * (row + 1) as f64);
        std::iter::once((start, above + 3.0)).chain((0..self.rows.len()).map(of_row)).collect()
    }

    /// The plot, so many pixels wide; names stand beside their rows, or above them where it is
    /// narrow.
    pub(super) fn drawing(&self, width: f64) -> Result<Drawing> {
        let is_narrow = width < 500.0;
        let mut names = 0.0f64;
        for row in &self.rows {
            names = names.max(f64::from(font::width(row.name, SIZE.ceil() as i32)?));
        }
        let left = if is_narrow { 8.0 } else { names.min(NAMES) + 16.0 };
        let letters = if is_narrow { 40 } else { 30 };
        let high = if is_narrow { 40.0 } else { 27.0 };
        let above = if self.marks.iter().any(|mark| !mark.1.is_empty()) { 20.0 } else { 4.0 };
        let bottom = above + high * self.rows.len() as f64;
        let mut drawing = Drawing::new(width, bottom + 42.0);
        let scale = Scale::new(self, left, width - 22.0);
        for (value, text) in scale.numbers(self.is_share) {
            let x = scale.at(value);
            drawing.line((x, above), (x, bottom), Paint::stroke(Tone::Faint, 1.0));
            drawing.text(&text, (x, bottom + 16.0), (SMALL, Anchor::Middle, Tone::Soft), None);
        }
        drawing.line((left, bottom), (width - 22.0, bottom), Paint::stroke(Tone::Rule, 1.0));
        for (value, name) in &self.marks {
            let x = scale.at(*value);
            for (from, to) in self.mark_lines(above, high, is_narrow) {
                drawing.line((x, from), (x, to), Paint::stroke(Tone::Ink, 1.2).dashed());
            }
            // A name that would leave the drawing on the right ends at its line.
            let wide = f64::from(font::width(name, SMALL as i32)?) / 2.0;
            let (x, anchor) = match x {
                x if x + wide > width => (x + 2.0, Anchor::End),
                x if x < wide => (x - 2.0, Anchor::Start),
                x => (x, Anchor::Middle),
            };
            drawing.text(name, (x, above - 8.0), (SMALL, anchor, Tone::Soft), None);
        }
        for (number, row) in self.rows.iter().enumerate() {
            let top = above + high * number as f64;
            let y = if is_narrow { top + 29.0 } else { top + high / 2.0 };
            let shown = cut(row.name, letters);
            let whole = (shown != row.name).then_some(row.name);
            if is_narrow {
                // Lines pass behind names.
                let wide = f64::from(font::width(&shown, SIZE.ceil() as i32)?) + 4.0;
                drawing.rectangle((left, top + 4.0), (wide, 16.0), Paint::fill(Tone::Paper));
                drawing.text(&shown, (left, top + 16.0), (SIZE, Anchor::Start, Tone::Ink), whole);
            } else {
                drawing.text(&shown, (left - 14.0, y + 4.4), (SIZE, Anchor::End, Tone::Ink), whole);
            }
            let Interval { value, lower, upper } = row.interval;
            let ends = [lower, upper].map(|bound| scale.at(bound));
            drawing.line((ends[0], y), (ends[1], y), Paint::stroke(row.tone, 2.4));
            for x in ends {
                drawing.line((x, y - 4.0), (x, y + 4.0), Paint::stroke(row.tone, 2.0));
            }
            drawing.circle((scale.at(value), y), 4.6, Paint::fill(row.tone).and_stroke(Tone::Paper, 1.2));
        }
        let middle = (left + width - 22.0) / 2.0;
        drawing.text(self.axis, (middle, bottom + 35.0), (SIZE, Anchor::Middle, Tone::Soft), None);
        Ok(drawing)
    }
}

#[cfg(test)]
mod tests {
    use super::{Interval, Plot, Row, Tone};

    /// The line of a mark and the names of rows do not lie on each other, wherever the mark is.
    #[test]
    fn marks_stay_out_of_names() {
        let row = |name| Row { name, interval: Interval::default(), tone: Tone::Accent };
        let rows = vec![row("one"), row("two")];
        let plot = Plot { rows, axis: "", marks: vec![(0.95, "tolerance")], is_share: true };
        let (above, high) = (20.0, 40.0);
        for (from, to) in plot.mark_lines(above, high, true) {
            for top in [above, above + high] {
                let (start, end) = (top + 4.0, top + 20.0);
                assert!(to <= start || from >= end, "{from} to {to}, a name from {start} to {end}");
            }
        }
        assert_eq!(plot.mark_lines(above, high, false), [(16.0, 100.0)]);
    }
}
