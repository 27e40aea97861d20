//! Sharing patterns: which weights of an equivariant map are tied.

mod burnside;
mod convolution;
mod equivariance;
mod kronecker;

pub use burnside::burnside_count;
pub use convolution::{GroupConvolution, group_convolution};
pub use equivariance::{
    equivariance_error, function_equivariance_error, reynolds_projection, symmetry_residual,
};
pub use kronecker::kronecker_permutation;

use crate::action::{Action, same_group};
use crate::error::{Error, Result, check_numbers};
use crate::limits::{MOST_WEIGHTS, check_count};
use crate::permutation::Permutation;

/// The tied weights of an `m × n` matrix: weight `(y, x)` has the free parameter `label(y, x)`.
///
/// This is the symmetry matrix `U^G (m n × k)` in sparse form: row `y · n + x` has a single one, in
/// column `label(y, x)`, so `vec(W) = U^G v` is `W[y, x] = v[label(y, x)]`. For a group, the labels
/// number the orbits of `G` on `Y × X`: `W` is equivariant if and only if `W[g y, g x] = W[y, x]`
/// for all `g`. See [groups, section 2](crate::derivations::groups). Source: Ravanbakhsh,
/// Schneider, Póczos, "Equivariance Through Parameter-Sharing" (ICML 2017); Zhou, Knowles, Finn
/// (ICLR 2021), section 4.
///
/// Labels are numbered in the order in which they first occur, so equal patterns are equal values.
///
/// # Example
/// Maps of three points that commute with all permutations have two free parameters (deep sets):
/// ```
/// use msr_groups::{Action, SharingPattern, symmetric};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let action = Action::natural(&symmetric(3)?);
/// let pattern = SharingPattern::new(&action, &action)?;
/// assert_eq!(pattern.labels(), [0, 1, 1, 1, 0, 1, 1, 1, 0]);
/// assert_eq!(pattern.expand(&[5.0, 7.0])?, [5., 7., 7., 7., 5., 7., 7., 7., 5.]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharingPattern {
    outputs: usize,
    inputs: usize,
    labels: Vec<u32>,
    sizes: Vec<u32>,
}

impl SharingPattern {
    /// The orbits of the group on `Y × X`, for its actions on outputs `Y` and inputs `X`; see
    /// [groups, section 2](crate::derivations::groups).
    ///
    /// # Errors
    /// [`Error::DifferentGroups`] when different groups act; [`Error::Config`] when there are more
    /// than 2²⁷ weights (half a gigabyte of labels).
    pub fn new(output: &Action, input: &Action) -> Result<Self> {
        same_group(output, input)?;
        let moves = output.images().iter().zip(input.images());
        Self::from_moves(output.points(), input.points(), moves)
    }

    /// The orbits of `(y, x) ↦ (σ y, τ x)` for pairs `(σ, τ)` of permutations of outputs and
    /// inputs.
    pub(crate) fn from_moves<'a>(
        m: usize,
        n: usize,
        moves: impl Iterator<Item = (&'a Permutation, &'a Permutation)>,
    ) -> Result<Self> {
        check_weights(m, n)?;
        const NONE: u32 = u32::MAX;
        let moves: Vec<(&[u32], &[u32])> = moves.map(|(y, x)| (y.images(), x.images())).collect();
        let mut labels = vec![NONE; m * n];
        let (mut sizes, mut stack) = (Vec::new(), Vec::new());
        for start in 0..labels.len() {
            if labels[start] != NONE {
                continue;
            }
            let label = sizes.len() as u32;
            let mut size = 0;
            labels[start] = label;
            stack.push(start as u32);
            while let Some(weight) = stack.pop() {
                let (y, x) = (weight as usize / n, weight as usize % n);
                size += 1;
                // Forward images are enough: the group is finite, so inverses are powers.
                for (on_y, on_x) in &moves {
                    let (y, x) = (on_y[y] as usize, on_x[x] as usize);
                    let place = &mut labels[y * n + x];
                    if *place == NONE {
                        *place = label;
                        stack.push((y * n + x) as u32);
                    }
                }
            }
            sizes.push(size);
        }
        Ok(Self { outputs: m, inputs: n, labels, sizes })
    }

    /// A pattern of biases: the orbits on the outputs, an `m × 1` pattern; see
    /// [groups, section 2](crate::derivations::groups).
    ///
    /// # Errors
    /// As [`SharingPattern::new`].
    pub fn bias(output: &Action) -> Result<Self> {
        Self::new(output, &Action::trivial(output.group(), 1)?)
    }

    /// The pattern with equal labels where `labels` has equal values, row by row.
    ///
    /// # Errors
    /// When there are not `outputs · inputs` labels, or more than 2²⁷.
    pub fn from_labels<L: std::hash::Hash + Eq>(outputs: usize, inputs: usize, labels: &[L]) -> Result<Self> {
        check_weights(outputs, inputs)?;
        if labels.len() != outputs * inputs {
            return Err(Error::Size {
                what: "the labels of a sharing pattern".into(),
                expected: format!("{outputs} · {inputs}"),
                got: labels.len(),
            });
        }
        let mut numbers = std::collections::HashMap::new();
        let mut sizes: Vec<u32> = Vec::new();
        let number = |label| {
            let next = numbers.len() as u32;
            let number = *numbers.entry(label).or_insert(next);
            if number == next {
                sizes.push(0);
            }
            sizes[number as usize] += 1;
            number
        };
        let labels = labels.iter().map(number).collect();
        Ok(Self { outputs, inputs, labels, sizes })
    }

    /// The pattern that ties no two weights: each is a free parameter of its own.
    ///
    /// # Errors
    /// When there are more than 2²⁷ weights.
    pub fn untied(outputs: usize, inputs: usize) -> Result<Self> {
        check_weights(outputs, inputs)?;
        let weights = outputs * inputs;
        Ok(Self { outputs, inputs, labels: (0..weights as u32).collect(), sizes: vec![1; weights] })
    }

    /// The pattern of `U^{G1 × G2}` when `self` is that of `G1` and `other` that of `G2`:
    /// `Π (U^{G1} ⊗ U^{G2})`, with Π of [`kronecker_permutation`]. Output `(i1, i2)` has number
    /// `i1 · m2 + i2`, inputs likewise; the columns are those of the Kronecker product in the order
    /// in which they first occur. See [groups, section 5](crate::derivations::groups).
    ///
    /// # Errors
    /// When there are more than 2²⁷ weights.
    pub fn kronecker(&self, other: &Self) -> Result<Self> {
        let sizes = (self.outputs.checked_mul(other.outputs), self.inputs.checked_mul(other.inputs));
        let (m, n) = (sizes.0.unwrap_or(usize::MAX), sizes.1.unwrap_or(usize::MAX));
        check_weights(m, n)?;
        let k = other.free_parameters() as u64;
        let mut labels = Vec::with_capacity(m * n);
        for y in 0..m {
            for x in 0..n {
                let a = self.label(y / other.outputs, x / other.inputs);
                let b = other.label(y % other.outputs, x % other.inputs);
                labels.push(a as u64 * k + b as u64);
            }
        }
        // Both numberings go by first occurrence, row by row, but the product's may differ from (a,
        // b).
        Self::from_labels(m, n, &labels)
    }

    /// The number of outputs, `m`.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The number of inputs, `n`.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of free parameters, `k`: the columns of `U^G`.
    pub fn free_parameters(&self) -> usize {
        self.sizes.len()
    }

    /// The free parameter of weight `(y, x)`; `k`, which is no free parameter, for a weight out of
    /// range.
    pub fn label(&self, y: usize, x: usize) -> usize {
        let inside = y < self.outputs && x < self.inputs;
        if inside { self.labels[y * self.inputs + x] as usize } else { self.free_parameters() }
    }

    /// The free parameter of each weight, row by row: the column of the one in each row of `U^G`.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The number of weights that each free parameter ties: the diagonal of `Uᵀ U`.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The symmetry matrix `U^G (m n × k)` in full, row by row. It is large;
    /// [`SharingPattern::labels`] is not.
    ///
    /// # Errors
    /// [`Error::Config`] when it has more than 2²⁶ entries (half a gigabyte).
    pub fn dense(&self) -> Result<Vec<f64>> {
        let k = self.free_parameters();
        let mut dense = vec![0.0; check_count("a symmetry matrix in full", &[self.labels.len(), k])?];
        for (row, &label) in self.labels.iter().enumerate() {
            dense[row * k + label as usize] = 1.0;
        }
        Ok(dense)
    }

    /// `U^G v`: the weights, row by row.
    ///
    /// # Errors
    /// When `v` has not `k` entries.
    pub fn expand(&self, v: &[f64]) -> Result<Vec<f64>> {
        check_numbers("the filter parameters", v, &[self.free_parameters()])?;
        Ok(self.labels.iter().map(|&label| v[label as usize]).collect())
    }

    /// `U^G M`: the same pattern in another basis of the filter parameters. `basis` is M,
    /// `k × columns`, row by row; the result `m n × columns`. See
    /// [recovery, section 1](crate::derivations::recovery).
    ///
    /// # Errors
    /// When `basis` is not `k × columns`; [`Error::Config`] when the result has more than 2²⁶
    /// entries.
    pub fn times(&self, basis: &[f64], columns: usize) -> Result<Vec<f64>> {
        check_numbers("the basis", basis, &[self.free_parameters(), columns])?;
        check_count("a symmetry matrix in full", &[self.labels.len(), columns])?;
        let row = |&label: &u32| &basis[label as usize * columns..(label as usize + 1) * columns];
        Ok(self.labels.iter().flat_map(row).copied().collect())
    }

    /// The means of `U^+ vec(W)`: for each free parameter the mean of the weights that it ties.
    pub(crate) fn means(&self, weights: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.free_parameters()];
        for (row, &label) in self.labels.iter().enumerate() {
            sums[label as usize] += weights(row);
        }
        sums.iter().zip(&self.sizes).map(|(sum, &size)| sum / f64::from(size)).collect()
    }

    /// Whether weights that `self` ties are tied in `other` too.
    pub fn is_finer_than(&self, other: &Self) -> bool {
        if (self.outputs, self.inputs) != (other.outputs, other.inputs) {
            return false;
        }
        let mut meets = vec![None; self.free_parameters()];
        self.labels.iter().zip(&other.labels).all(|(&a, &b)| *meets[a as usize].get_or_insert(b) == b)
    }

    /// Whether `(σ, τ)` keeps the pattern: weight `(σ y, τ x)` is tied to `(y, x)` for all of them;
    /// see [recovery, section 3](crate::derivations::recovery).
    pub fn is_kept_by(&self, on_outputs: &Permutation, on_inputs: &Permutation) -> bool {
        (on_outputs.degree(), on_inputs.degree()) == (self.outputs, self.inputs)
            && (0..self.outputs).all(|y| {
                (0..self.inputs)
                    .all(|x| self.label(y, x) == self.label(on_outputs.apply(y), on_inputs.apply(x)))
            })
    }
}

/// Refuses more weights than a pattern has, and a number of them that overflows; without weights,
/// too many outputs or inputs.
pub(crate) fn check_weights(m: usize, n: usize) -> Result<()> {
    match m.max(1).checked_mul(n.max(1)) {
        Some(weights) if weights <= MOST_WEIGHTS => Ok(()),
        _ => Err(Error::Config {
            problem: format!(
                "{m} outputs × {n} inputs; a sharing pattern has at most {MOST_WEIGHTS} weights: choose smaller actions"
            ),
        }),
    }
}
