//! Group convolutions: the stacks of Proposition 1.

use super::{SharingPattern, check_weights};
use crate::action::Action;
use crate::error::Result;

/// A group convolution: its pattern, and the action on its outputs. See
/// [groups, section 3](crate::derivations::groups).
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
/// See [groups, section 3](crate::derivations::groups). Source: Zhou, Knowles, Finn (ICLR 2021),
/// Proposition 1.
///
/// # Errors
/// [`Error::TooManyElements`](crate::Error::TooManyElements);
/// [`Error::TooMuchWork`](crate::Error::TooMuchWork); [`Error::Config`](crate::Error::Config) when
/// there are more than 2²⁷ weights.
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
    let (elements, n) = (output.points(), input.points());
    check_weights(elements, n)?;
    // Row g says which j is sent to each point: 0, 1, … for the identity, which is element 0; the
    // others are found along the generators. Weight (g, π(g) j) is v[j].
    let mut labels = vec![0u32; elements * n];
    labels.iter_mut().zip(0..n as u32).for_each(|(label, j)| *label = j);
    let mut found = vec![false; elements];
    found[0] = true;
    let mut queue = vec![0usize];
    while let Some(g) = queue.pop() {
        for (on_group, on_inputs) in output.images().iter().zip(input.images()) {
            let next = on_group.apply(g);
            if !std::mem::replace(&mut found[next], true) {
                for x in 0..n {
                    labels[next * n + on_inputs.apply(x)] = labels[g * n + x];
                }
                queue.push(next);
            }
        }
    }
    let sizes = vec![elements as u32; n];
    let pattern = SharingPattern { outputs: elements, inputs: n, labels, sizes };
    Ok(GroupConvolution { pattern, output })
}
