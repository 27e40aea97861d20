//! Rotations and flips of the plane: filters that turn, and the group that a learned convolution
//! has.

mod images;
mod steerable;
mod symmetry;

use std::f64::consts::PI;
use std::fmt::{self, Display};
use std::str::FromStr;

use crate::error::{Error, Result, quoted};

pub use images::image_equivariance_error;
pub use steerable::SteerableBasis;
pub use symmetry::{LARGEST_PLANE_RESIDUAL, LearnedConv, PlaneFit, PlaneSymmetry, plane_symmetry};

/// A finite group of rotations, or of rotations and flips, of the plane. There are no others than
/// these two families. N is at least one, and what computes with a group takes at most a thousand
/// rotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneGroup {
    /// C_N: rotations by multiples of `2π / N`.
    Rotations(usize),
    /// D_N: these rotations, and the same after the flip that exchanges left and right. Element
    /// `N + k` flips, then turns by `2π k / N`. Axis and order are those of e2cnn's
    /// `FlipRot2dOnR2(N)`.
    RotationsAndFlips(usize),
}

impl PlaneGroup {
    /// The number of rotations, N.
    pub fn rotations(self) -> usize {
        match self {
            PlaneGroup::Rotations(n) | PlaneGroup::RotationsAndFlips(n) => n,
        }
    }

    /// Whether every element of `other` is one of this group.
    pub fn contains(self, other: PlaneGroup) -> bool {
        let flips = |g| matches!(g, PlaneGroup::RotationsAndFlips(_));
        self.rotations() > 0
            && other.rotations() > 0
            && self.rotations().is_multiple_of(other.rotations())
            && (flips(self) || !flips(other))
    }

    /// The number of elements: N or 2N, or the largest number where that would not fit.
    pub fn order(self) -> usize {
        match self {
            PlaneGroup::Rotations(n) => n,
            PlaneGroup::RotationsAndFlips(n) => n.saturating_mul(2),
        }
    }

    /// Element `g`: the angle of its rotation, and whether a flip of left and right comes before
    /// it. Rotations come first.
    fn element(self, g: usize) -> (f64, bool) {
        let n = self.rotations();
        (2.0 * PI * (g % n) as f64 / n as f64, g >= n)
    }

    /// Whether every element carries a square grid of taps to itself: quarter turns, and flips.
    fn is_exact(self) -> bool {
        matches!(self.rotations(), 1 | 2 | 4)
    }

    /// Where element `h` of an exact group sends a tap of a `kernel × kernel` filter, rows counted
    /// from above.
    fn move_tap(self, h: usize, kernel: usize, tap: usize) -> usize {
        let (row, column) = (tap / kernel, tap % kernel);
        let quarters = h % self.rotations() * (4 / self.rotations());
        let column = if h >= self.rotations() { kernel - 1 - column } else { column };
        // Counterclockwise: what was right is now above.
        let turn = |(row, column): (usize, usize)| (kernel - 1 - column, row);
        let (row, column) = (0..quarters).fold((row, column), |at, _| turn(at));
        row * kernel + column
    }

    /// The irreducible representation of a circular harmonic, and how many times a position of it
    /// occurs in the regular representation of this group, with its size: `(label, size, copies)`.
    /// The label is the frequency modulo N, up to sign; where sine and cosine are each
    /// one-dimensional, the flip tells them apart by their sign.
    fn irreducible(self, frequency: usize, sine: bool) -> ((usize, bool), usize, usize) {
        let n = self.rotations();
        let index = (frequency % n).min(n - frequency % n);
        let size = if index == 0 || 2 * index == n { 1 } else { 2 };
        match self {
            PlaneGroup::Rotations(_) => ((index, false), size, 1),
            // cos(j (π − θ)) = (−1)^j cos(j θ), and the sine has the other sign.
            PlaneGroup::RotationsAndFlips(_) => {
                let odd = size == 1 && (sine != (frequency % 2 == 1));
                ((index, odd), size, size)
            }
        }
    }

    /// Where element `h` sends the channels of a field, the regular representation: channel g goes
    /// to `h g`.
    fn shift(self, h: usize) -> Vec<usize> {
        let n = self.rotations();
        let (turn, flip) = (h % n, h >= n);
        (0..self.order())
            .map(|g| {
                // A flip before a rotation by r is a rotation by −r before the flip.
                let r = if flip { n - g % n } else { g % n };
                (turn + r) % n + if flip == (g >= n) { 0 } else { n }
            })
            .collect()
    }
}

/// The most rotations of a group that is computed with.
pub(crate) const MOST_ROTATIONS: usize = 1_000;

impl Display for PlaneGroup {
    /// As the field writes them, and as groups of permutations are called: C_8, D_8.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlaneGroup::Rotations(n) => write!(f, "C_{n}"),
            PlaneGroup::RotationsAndFlips(n) => write!(f, "D_{n}"),
        }
    }
}

impl FromStr for PlaneGroup {
    type Err = Error;

    /// Reads `C_8` and `D_8`, also as they were written before, `C8` and `D8`, in any case.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::Config {
            problem: format!(
                "`{}` is no group of rotations and flips; write C_N or D_N with N of 1 to {MOST_ROTATIONS}",
                quoted(text)
            ),
        };
        let mut letters = text.trim().chars();
        let family = letters.next();
        let number = letters.as_str();
        let n: usize = number.strip_prefix('_').unwrap_or(number).parse().map_err(|_| wrong())?;
        match family {
            Some('C' | 'c') if (1..=MOST_ROTATIONS).contains(&n) => Ok(PlaneGroup::Rotations(n)),
            Some('D' | 'd') if (1..=MOST_ROTATIONS).contains(&n) => Ok(PlaneGroup::RotationsAndFlips(n)),
            _ => Err(wrong()),
        }
    }
}
