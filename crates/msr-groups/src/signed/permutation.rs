//! Permutations of the lines through `e_0, e_1, …`, each of which may be turned around.

use std::fmt;

use num_bigint::BigUint;

use crate::error::{Error, Result};
use crate::limits::check_degree;
use crate::permutation::Permutation;

/// A permutation of `0..degree` with a sign for each point: the linear map
/// `ρ e_x = s(x) e_{g(x)}`, `s(x) = ±1`, a matrix with one entry ±1 in each row and column.
///
/// Products are those of the matrices: `(g h)(x) = g(h(x))` with the sign `s_h(x) s_g(h(x))`. Where
/// a permutation moves the points `2 x` for `+e_x` and `2 x + 1` for `−e_x`, it is
/// [`SignedPermutation::doubled`]; the signed permutations are those that commute with the exchange
/// of all pairs.
///
/// # Example
/// A quarter turn of the plane, `e_0 ↦ e_1`, `e_1 ↦ −e_0`:
/// ```
/// use msr_groups::SignedPermutation;
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let turn = SignedPermutation::parse("(-0 1)", 2)?;
/// assert_eq!(turn.apply_to(&[3.0, 5.0])?, [-5.0, 3.0]);
/// assert_eq!(turn.order(), 4u32.into());
/// let half = turn.compose(&turn)?;
/// assert_eq!((half.to_string(), half.trace()), ("(-0)(-1)".to_string(), -2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignedPermutation {
    points: Permutation,
    /// Whether `e_x` goes to `−e_{g(x)}`.
    flips: Box<[bool]>,
}

impl SignedPermutation {
    /// `e_x ↦ ± e_{g(x)}` with a minus where `flips` says so.
    ///
    /// # Errors
    /// [`Error::Size`] when there is not one entry of `flips` for each point.
    pub fn new(points: Permutation, flips: &[bool]) -> Result<Self> {
        if flips.len() != points.degree() {
            let (what, expected) = ("the signs of a permutation".into(), points.degree().to_string());
            return Err(Error::Size { what, expected, got: flips.len() });
        }
        Ok(Self { points, flips: flips.into() })
    }

    /// The identity.
    ///
    /// # Errors
    /// [`Error::TooManyPoints`].
    pub fn identity(degree: usize) -> Result<Self> {
        Ok(Permutation::identity(degree)?.into())
    }

    /// `−1`: every point stays, and changes its sign.
    ///
    /// # Errors
    /// [`Error::TooManyPoints`].
    pub fn negation(degree: usize) -> Result<Self> {
        Ok(Self { points: Permutation::identity(degree)?, flips: vec![true; degree].into() })
    }

    /// Reads signed cycles: a minus before a point says that the step that leads to it changes the
    /// sign. `(0 1 -2)` is `e_0 ↦ e_1 ↦ −e_2`, `e_2 ↦ e_0`, and `(-3)` is `e_3 ↦ −e_3`. Otherwise
    /// as [`Permutation::parse`].
    ///
    /// # Errors
    /// [`Error::CycleNotation`] when the text is something else; [`Error::TooManyPoints`].
    pub fn parse(text: &str, degree: usize) -> Result<Self> {
        // Signs are read beside, and taken away for the permutation.
        let points =
            Permutation::parse(&text.replace('-', " "), degree).map_err(|problem| match problem {
                Error::CycleNotation { problem, .. } => Error::cycle_notation(text, &problem),
                other => other,
            })?;
        let inverse = points.inverse();
        let mut flips = vec![false; degree];
        let mut rest = text;
        while let Some(at) = rest.find('-') {
            rest = &rest[at + 1..];
            let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
            let point: usize = rest[..digits]
                .parse()
                .map_err(|_| Error::cycle_notation(text, "a minus stands before a point"))?;
            // The step that leads to the point starts at the one before it.
            flips[inverse.apply(point)] = true;
        }
        Ok(Self { points, flips: flips.into() })
    }

    /// The number of points.
    pub fn degree(&self) -> usize {
        self.flips.len()
    }

    /// The permutation without signs.
    pub fn points(&self) -> &Permutation {
        &self.points
    }

    /// Of each point, whether its image has a minus.
    pub fn flips(&self) -> &[bool] {
        &self.flips
    }

    /// The image of `e_x`: the point, and whether there is a minus. Points outside `0..degree` stay
    /// where they are.
    pub fn apply(&self, point: usize) -> (usize, bool) {
        (self.points.apply(point), self.flips.get(point).copied().unwrap_or(false))
    }

    /// `ρ f`: the entry at x goes to `g(x)`, with its sign.
    ///
    /// # Errors
    /// [`Error::Size`] when `f` has not `degree` entries.
    pub fn apply_to(&self, f: &[f64]) -> Result<Vec<f64>> {
        if f.len() != self.degree() {
            let (what, expected) = ("what a signed permutation acts on".into(), self.degree().to_string());
            return Err(Error::Size { what, expected, got: f.len() });
        }
        let mut moved = vec![0.0; f.len()];
        for (x, &value) in f.iter().enumerate() {
            let (to, is_negative) = self.apply(x);
            moved[to] = if is_negative { -value } else { value };
        }
        Ok(moved)
    }

    /// First `self`, then `next`.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let flip = |x: usize| self.flips[x] ^ next.flips[self.points.apply(x)];
        Self { points: self.points.then(&next.points), flips: (0..self.degree()).map(flip).collect() }
    }

    /// The product `self · first`.
    ///
    /// # Errors
    /// [`Error::Degree`] when the degrees differ.
    pub fn compose(&self, first: &Self) -> Result<Self> {
        if self.degree() != first.degree() {
            let (expected, got) = (self.degree(), first.degree());
            return Err(Error::Degree { what: "a product of signed permutations".into(), expected, got });
        }
        Ok(first.then(self))
    }

    /// The inverse.
    pub fn inverse(&self) -> Self {
        let points = self.points.inverse();
        let flips = (0..self.degree()).map(|x| self.flips[points.apply(x)]).collect();
        Self { points, flips }
    }

    /// `−g`.
    pub fn negated(&self) -> Self {
        Self { points: self.points.clone(), flips: self.flips.iter().map(|flip| !flip).collect() }
    }

    /// Whether nothing moves and no sign changes.
    pub fn is_identity(&self) -> bool {
        self.points.is_identity() && !self.flips.contains(&true)
    }

    /// The smallest positive exponent that gives the identity.
    pub fn order(&self) -> BigUint {
        self.doubled().order()
    }

    /// The trace of the matrix: the points that stay with their sign, less those that change it.
    pub fn trace(&self) -> i64 {
        let fixed = (0..self.degree()).filter(|&x| self.points.apply(x) == x);
        fixed.map(|x| if self.flips[x] { -1 } else { 1 }).sum()
    }

    /// The permutation of `2 degree` points that moves `2 x`, for `+e_x`, and `2 x + 1`, for
    /// `−e_x`.
    pub fn doubled(&self) -> Permutation {
        let image = |at: usize| {
            let (to, is_negative) = self.apply(at / 2);
            2 * to as u32 + ((at % 2 == 1) ^ is_negative) as u32
        };
        Permutation::trusted((0..2 * self.degree()).map(image).collect())
    }

    /// The signed permutation that moves points in pairs as this one does
    /// ([`SignedPermutation::doubled`]); `None` when it tears a pair apart.
    pub fn from_doubled(doubled: &Permutation) -> Option<Self> {
        let degree = doubled.degree() / 2;
        let keeps_pairs = (0..degree).all(|x| doubled.apply(2 * x) ^ 1 == doubled.apply(2 * x + 1));
        if !doubled.degree().is_multiple_of(2) || !keeps_pairs {
            return None;
        }
        let points = (0..degree).map(|x| (doubled.apply(2 * x) / 2) as u32).collect();
        let flips = (0..degree).map(|x| doubled.apply(2 * x) % 2 == 1).collect();
        Some(Self { points: Permutation::trusted(points), flips })
    }

    /// The points of `self` followed by those of `other`, each moved by its own.
    ///
    /// # Errors
    /// [`Error::TooManyPoints`].
    pub fn beside(&self, other: &Self) -> Result<Self> {
        check_degree(self.degree().checked_add(other.degree()))?;
        let flips = self.flips.iter().chain(&other.flips).copied().collect();
        Ok(Self { points: self.points.followed_by(&other.points), flips })
    }

    /// The part that moves `range`, renumbered from 0; `None` when the range is not mapped to
    /// itself.
    pub fn restrict(&self, range: std::ops::Range<usize>) -> Option<Self> {
        let flips = self.flips.get(range.clone())?.into();
        Some(Self { points: self.points.restrict(range)?, flips })
    }
}

impl From<Permutation> for SignedPermutation {
    /// Without a minus.
    fn from(points: Permutation) -> Self {
        let flips = vec![false; points.degree()].into();
        Self { points, flips }
    }
}

impl fmt::Display for SignedPermutation {
    /// Signed cycles, as [`SignedPermutation::parse`] reads them; `()` for the identity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_identity() {
            return f.write_str("()");
        }
        let inverse = self.points.inverse();
        let mut seen = vec![false; self.degree()];
        for start in 0..self.degree() {
            if seen[start] || (self.points.apply(start) == start && !self.flips[start]) {
                continue;
            }
            let mut x = start;
            let mut separator = "(";
            while !std::mem::replace(&mut seen[x], true) {
                let sign = if self.flips[inverse.apply(x)] { "-" } else { "" };
                write!(f, "{separator}{sign}{x}")?;
                separator = " ";
                x = self.points.apply(x);
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}
