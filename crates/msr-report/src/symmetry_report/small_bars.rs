//! Asymmetries in the rows of a table, all on one axis.

use super::words::percent;
use super::{Candidate, Interval};
use crate::page::{Anchor, Drawing, Paint, Tone};

const WIDTH: f64 = 190.0;
/// Room on both sides, where half of a number stands.
const SIDE: f64 = 16.0;

/// From zero to the largest bound, by square roots: a tenth of the tolerance can be told from
/// nothing, and all from the whole.
pub(super) struct Axis {
    most: f64,
    tolerance: Option<f64>,
}

impl Axis {
    pub(super) fn new(candidates: &[Candidate], tolerance: Option<f64>) -> Self {
        let bounds =
            candidates.iter().map(|candidate| candidate.asymmetry.upper.max(candidate.asymmetry.value));
        let most = bounds.chain(tolerance.map(|tolerance| 2.0 * tolerance)).fold(0.0, f64::max);
        Self { most: if most > 0.0 { most } else { 1.0 }, tolerance }
    }

    fn at(&self, value: f64) -> f64 {
        SIDE + (value.max(0.0) / self.most).sqrt().min(1.0) * (WIDTH - 2.0 * SIDE)
    }

    fn tolerance(&self, drawing: &mut Drawing, top: f64, bottom: f64) {
        if let Some(tolerance) = self.tolerance {
            let x = self.at(tolerance);
            drawing.line((x, top), (x, bottom), Paint::stroke(Tone::Ink, 1.2).dashed());
        }
    }

    /// The axis itself, with its numbers.
    pub(super) fn head(&self) -> Drawing {
        let mut drawing = Drawing::new(WIDTH, 24.0);
        drawing.line((SIDE, 19.0), (WIDTH - SIDE, 19.0), Paint::stroke(Tone::Rule, 1.0));
        let mut taken: Vec<f64> = Vec::new();
        const ROUND: [f64; 9] = [1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001];
        let first = [Some(0.0), self.tolerance].into_iter().flatten();
        for value in first.chain(ROUND) {
            let x = self.at(value);
            if value > self.most || taken.iter().any(|other| (other - x).abs() < 32.0) {
                continue;
            }
            taken.push(x);
            drawing.line((x, 16.0), (x, 22.0), Paint::stroke(Tone::Rule, 1.0));
            drawing.text(&percent(value), (x, 11.0), (10.5, Anchor::Middle, Tone::Soft), None);
        }
        self.tolerance(&mut drawing, 14.0, 24.0);
        drawing
    }

    /// An interval on it.
    pub(super) fn bar(&self, interval: Interval, tone: Tone) -> Drawing {
        let (high, y) = (18.0, 9.0);
        let mut drawing = Drawing::new(WIDTH, high);
        drawing.line((SIDE, y), (WIDTH - SIDE, y), Paint::stroke(Tone::Faint, 1.0));
        self.tolerance(&mut drawing, 0.0, high);
        let [from, to] = [interval.lower, interval.upper].map(|bound| self.at(bound));
        drawing.line((from, y), (to.max(from + 1.0), y), Paint::stroke(tone, 4.0));
        drawing.circle((self.at(interval.value), y), 4.2, Paint::fill(tone).and_stroke(Tone::Paper, 1.2));
        drawing
    }
}
