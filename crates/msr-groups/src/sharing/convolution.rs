//! Group convolutions: the stacks of Proposition 1.

use std::collections::HashMap;

use super::{SharingPattern, check_weights};
use crate::action::Action;
use crate::error::Result;
use crate::permutation::Permutation;

/// A group convolution: its pattern, and the action on its outputs. See
/// `docs/derivations/groups.md`, section 3.
#[derive(Clone, Debug)]
pub struct GroupConvolution {
    /// The symmetry matrix `U^G (|G| n × n)`, in sparse form; column `j` is filter entry `v[j]`.
    /// (The identity is the first element, so that numbering by first occurrence is the numbering
    /// of the filter's entries.)
    pub pattern: SharingPattern,
    /// The group on the outputs, one for each element: the regular action.
    pub output: Action,
}

/// The symmetry matrix that gives every convolution over a group that acts on `n` inputs by π:
/// `φ(x)[g] = Σ_j x[j] (π(g) v)[j]`, so the rows of `W` are `(π(g_i) v)ᵀ`, and `U^G` stacks the
/// matrices `π(g_1), …, π(g_|G|)`: row `(i, j)` of it has its one in column `g_i⁻¹ j`.
///
/// See `docs/derivations/groups.md`, section 3. Source: Zhou, Knowles, Finn (ICLR 2021),
/// Proposition 1.
///
/// # Errors
/// [`Error::TooManyElements`](crate::Error::TooManyElements).
///
/// # Example
/// ```
/// use msr_groups::{Action, cyclic, group_convolution};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let convolution = group_convolution(&Action::natural(&cyclic(3)?))?;
/// // W[g, j] = v[j − g]
/// assert_eq!(convolution.pattern.labels(), [0, 1, 2, 2, 0, 1, 1, 2, 0]);
/// # Ok(())
/// # }
/// ```
pub fn group_convolution(input: &Action) -> Result<GroupConvolution> {
    let output = Action::regular(input.group())?;
    let n = input.points();
    check_weights(output.points(), n)?;
    // π(g) for each element, found along the generators from the identity, which is element 0.
    let mut images: HashMap<usize, Permutation> = HashMap::from([(0, Permutation::identity(n))]);
    let mut queue = vec![0usize];
    while let Some(g) = queue.pop() {
        for (on_group, on_inputs) in output.images().iter().zip(input.images()) {
            let next = on_group.apply(g);
            if !images.contains_key(&next) {
                let image = images[&g].then(on_inputs);
                images.insert(next, image);
                queue.push(next);
            }
        }
    }
    let mut columns = vec![0u32; output.points() * n];
    for (g, row) in columns.chunks_mut(n.max(1)).enumerate() {
        if let Some(image) = images.get(&g) {
            // Weight (g, π(g) j) is v[j].
            for (j, &moved) in image.images().iter().enumerate() {
                row[moved as usize] = j as u32;
            }
        }
    }
    let pattern = SharingPattern::from_labels(output.points(), n, &columns)?;
    Ok(GroupConvolution { pattern, output })
}
