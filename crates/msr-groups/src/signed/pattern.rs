//! Weights that are tied up to a sign, or tied to zero.

use std::collections::HashMap;

use super::{SignedAction, SignedPermutation};
use crate::action::same_group;
use crate::error::{Error, Result, check_numbers};
use crate::limits::check_count;
use crate::sharing::{SharingPattern, check_weights};

/// The tied weights of an `m × n` matrix that is equivariant to signed permutations: weight
/// `(y, x)` is `+v[c]`, `−v[c]` or zero, where `c` is its free parameter.
///
/// This is a symmetry matrix `U^G (m n × k)` in sparse form: a row has at most one entry, ±1. For a
/// group, W is equivariant if and only if `W[g y, g x] = s(y) s(x) W[y, x]` for all g; the free
/// parameters are the orbits on `Y × X`, but for those that come back to where they began with the
/// other sign, whose weights are zero. See [signed, section 2](crate::derivations::signed).
///
/// Free parameters are numbered in the order in which they first occur, and each occurs first with
/// a plus, so equal patterns are equal values.
///
/// # Example
/// A mirror that turns the sign of the input around: an odd function.
/// ```
/// use msr_groups::{Action, SignedAction, SignedPattern, SignedPermutation, cyclic};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let group = cyclic(2)?;
/// let mirror = SignedPermutation::parse("(-0 -1)", 2)?;
/// let input = SignedAction::homomorphism(&group, 2, vec![mirror])?;
/// let output = SignedAction::unsigned(&Action::trivial(&group, 1)?)?;
/// let pattern = SignedPattern::new(&output, &input)?;
/// assert_eq!(pattern.expand(&[2.0])?, [2.0, -2.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignedPattern {
    outputs: usize,
    inputs: usize,
    /// `c + 1` for `+v[c]`, `−(c + 1)` for `−v[c]`, 0 for zero.
    entries: Vec<i32>,
    sizes: Vec<u32>,
}

impl SignedPattern {
    /// The pattern of a group, for its actions on outputs `Y` and inputs `X`.
    ///
    /// # Errors
    /// [`Error::DifferentGroups`] when different groups act; [`Error::Config`] when there are more
    /// than 2²⁷ weights.
    pub fn new(output: &SignedAction, input: &SignedAction) -> Result<Self> {
        same_group(output.doubled(), input.doubled())?;
        let moves = output.images().iter().zip(input.images());
        Self::from_moves(output.points(), input.points(), moves)
    }

    /// The weights that are left as they are by all of these pairs `(σ, τ)` of signed permutations
    /// of outputs and inputs.
    ///
    /// # Errors
    /// [`Error::Degree`] when a pair does not permute `outputs` and `inputs`;
    /// [`Error::Config`] when there are more than 2²⁷ weights.
    pub fn from_pairs(
        outputs: usize,
        inputs: usize,
        pairs: &[(SignedPermutation, SignedPermutation)],
    ) -> Result<Self> {
        for (on_outputs, on_inputs) in pairs {
            for (what, g, expected) in [("outputs", on_outputs, outputs), ("inputs", on_inputs, inputs)] {
                if g.degree() != expected {
                    let what = format!("a signed permutation of {what}");
                    return Err(Error::Degree { what, expected, got: g.degree() });
                }
            }
        }
        Self::from_moves(outputs, inputs, pairs.iter().map(|(y, x)| (y, x)))
    }

    fn from_moves<'a>(
        m: usize,
        n: usize,
        moves: impl Iterator<Item = (&'a SignedPermutation, &'a SignedPermutation)>,
    ) -> Result<Self> {
        check_weights(m, n)?;
        const NONE: i32 = i32::MAX;
        let moves: Vec<_> = moves.collect();
        let mut entries = vec![NONE; m * n];
        let (mut sizes, mut orbit) = (Vec::new(), Vec::new());
        for start in 0..entries.len() {
            if entries[start] != NONE {
                continue;
            }
            let label = sizes.len() as i32 + 1;
            let mut is_zero = false;
            orbit.clear();
            entries[start] = label;
            orbit.push(start);
            let mut next = 0;
            while let Some(&weight) = orbit.get(next) {
                next += 1;
                let (y, x) = (weight / n, weight % n);
                for (on_y, on_x) in &moves {
                    let ((y, left), (x, right)) = (on_y.apply(y), on_x.apply(x));
                    let entry = if left ^ right { -entries[weight] } else { entries[weight] };
                    let place = &mut entries[y * n + x];
                    match *place {
                        NONE => {
                            *place = entry;
                            orbit.push(y * n + x);
                        }
                        found => is_zero |= found != entry,
                    }
                }
            }
            if is_zero {
                orbit.iter().for_each(|&weight| entries[weight] = 0);
            } else {
                // At most 2²⁷ weights.
                sizes.push(orbit.len() as u32);
            }
        }
        Ok(Self { outputs: m, inputs: n, entries, sizes })
    }

    /// The pattern with equal free parameters where `labels` has equal values, row by row, with a
    /// minus where the second half of an entry says so; zero where there is no label.
    ///
    /// # Errors
    /// When there are not `outputs · inputs` labels, or more than 2²⁷.
    pub fn from_labels<L: std::hash::Hash + Eq>(
        outputs: usize,
        inputs: usize,
        labels: &[Option<(L, bool)>],
    ) -> Result<Self> {
        check_weights(outputs, inputs)?;
        if labels.len() != outputs * inputs {
            return Err(Error::Size {
                what: "the labels of a signed sharing pattern".into(),
                expected: format!("{outputs} · {inputs}"),
                got: labels.len(),
            });
        }
        let (mut known, mut sizes): (HashMap<&L, i32>, Vec<u32>) = (HashMap::new(), Vec::new());
        let mut entries = Vec::with_capacity(labels.len());
        for label in labels {
            let Some((label, is_negative)) = label else {
                entries.push(0);
                continue;
            };
            let sign = if *is_negative { -1 } else { 1 };
            let next = sizes.len() as i32 + 1;
            // Where it first occurs, it has a plus.
            let number = *known.entry(label).or_insert(sign * next);
            if number.unsigned_abs() == next as u32 {
                sizes.push(0);
            }
            sizes[number.unsigned_abs() as usize - 1] += 1;
            entries.push(sign * number);
        }
        Ok(Self { outputs, inputs, entries, sizes })
    }

    /// The number of outputs, `m`.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The number of inputs, `n`.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of free parameters, `k`.
    pub fn free_parameters(&self) -> usize {
        self.sizes.len()
    }

    /// The number of weights that each free parameter ties: the diagonal of `Uᵀ U`.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The free parameter of weight `(y, x)`, and whether it has a minus; `None` for weights that
    /// are zero, or out of range.
    pub fn entry(&self, y: usize, x: usize) -> Option<(usize, bool)> {
        let inside = y < self.outputs && x < self.inputs;
        let entry = if inside { self.entries[y * self.inputs + x] } else { 0 };
        (entry != 0).then(|| (entry.unsigned_abs() as usize - 1, entry < 0))
    }

    /// `U^G v`: the weights, row by row.
    ///
    /// # Errors
    /// When `v` has not `k` entries.
    pub fn expand(&self, v: &[f64]) -> Result<Vec<f64>> {
        check_numbers("the filter parameters", v, &[self.free_parameters()])?;
        Ok(self.entries.iter().map(|&entry| value(entry, v)).collect())
    }

    /// The symmetry matrix `U^G (m n × k)` in full, row by row.
    ///
    /// # Errors
    /// [`Error::Config`] when it has more than 2²⁶ entries.
    pub fn dense(&self) -> Result<Vec<f64>> {
        let k = self.free_parameters();
        let mut dense = vec![0.0; check_count("a symmetry matrix in full", &[self.entries.len(), k])?];
        for (row, &entry) in self.entries.iter().enumerate().filter(|(_, entry)| **entry != 0) {
            dense[row * k + entry.unsigned_abs() as usize - 1] = f64::from(entry.signum());
        }
        Ok(dense)
    }

    /// `P(W) = |G|⁻¹ Σ_g ρ_out(g) W ρ_in(g)⁻¹`, the nearest matrix of this pattern to
    /// `weight (m × n, row by row)`: the mean of each free parameter's weights, with their signs.
    ///
    /// # Errors
    /// When `weight` is not `m × n`, or not finite.
    pub fn project(&self, weight: &[f64]) -> Result<Vec<f64>> {
        check_numbers("the weight", weight, &[self.outputs, self.inputs])?;
        let mut means = vec![0.0; self.free_parameters()];
        for (&entry, &w) in self.entries.iter().zip(weight).filter(|(entry, _)| **entry != 0) {
            means[entry.unsigned_abs() as usize - 1] += f64::from(entry.signum()) * w;
        }
        means.iter_mut().zip(&self.sizes).for_each(|(mean, &size)| *mean /= f64::from(size));
        self.expand(&means)
    }

    /// Whether `(σ, τ)` keeps the pattern: `W[σ y, τ x] = s(y) s(x) W[y, x]` for all weights of
    /// this pattern.
    pub fn is_kept_by(&self, on_outputs: &SignedPermutation, on_inputs: &SignedPermutation) -> bool {
        (on_outputs.degree(), on_inputs.degree()) == (self.outputs, self.inputs)
            && self.entries.iter().enumerate().all(|(weight, &entry)| {
                let ((y, left), (x, right)) =
                    (on_outputs.apply(weight / self.inputs), on_inputs.apply(weight % self.inputs));
                self.entries[y * self.inputs + x] == if left ^ right { -entry } else { entry }
            })
    }

    /// Whether all weights of `other` are weights of this pattern: it ties less.
    pub fn is_finer_than(&self, other: &Self) -> bool {
        if (self.outputs, self.inputs) != (other.outputs, other.inputs) {
            return false;
        }
        let mut meets = vec![None; self.free_parameters()];
        self.entries.iter().zip(&other.entries).all(|(&a, &b)| match a.unsigned_abs() as usize {
            0 => b == 0,
            at => *meets[at - 1].get_or_insert(a.signum() * b) == a.signum() * b,
        })
    }

    /// The pattern without signs, where no weight has a minus and none is zero.
    pub fn unsigned(&self) -> Option<SharingPattern> {
        if self.entries.iter().any(|&entry| entry <= 0) {
            return None;
        }
        SharingPattern::from_labels(self.outputs, self.inputs, &self.entries).ok()
    }

    /// The pattern on `+e_0, −e_0, +e_1, …` of outputs and inputs, see
    /// [`SignedPermutation::doubled`]: weights with different signs are different, and those that
    /// are zero are one more kind.
    pub(crate) fn doubled(&self) -> Result<SharingPattern> {
        let (m, n) = (2 * self.outputs, 2 * self.inputs);
        check_weights(m, n)?;
        let entry = |y: usize, x: usize| {
            let entry = self.entries[y / 2 * self.inputs + x / 2];
            if y % 2 == x % 2 { entry } else { -entry }
        };
        let labels: Vec<i32> = (0..m).flat_map(|y| (0..n).map(move |x| entry(y, x))).collect();
        SharingPattern::from_labels(m, n, &labels)
    }
}

impl From<&SharingPattern> for SignedPattern {
    /// Without a minus.
    fn from(pattern: &SharingPattern) -> Self {
        let entries = pattern.labels().iter().map(|&label| label as i32 + 1).collect();
        let (outputs, inputs) = (pattern.outputs(), pattern.inputs());
        Self { outputs, inputs, entries, sizes: pattern.sizes().to_vec() }
    }
}

/// The weight of an entry.
fn value(entry: i32, v: &[f64]) -> f64 {
    match entry {
        0 => 0.0,
        entry if entry > 0 => v[entry as usize - 1],
        entry => -v[entry.unsigned_abs() as usize - 1],
    }
}
