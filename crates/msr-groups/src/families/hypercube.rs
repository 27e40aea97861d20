//! Symmetries of the n-cube.

use crate::error::{Error, Result};
use crate::group::PermutationGroup;
use crate::limits::{check_size, factorial};
use crate::permutation::Permutation;

/// All symmetries of the `n`-cube on its `2^n` corners (the bits of a corner's number are its
/// coordinates): a reflection, and the permutations of the coordinates; order `2^n n!`.
///
/// # Errors
/// When `n` is zero or above 16.
pub fn hypercube(n: usize) -> Result<PermutationGroup> {
    check_size("hypercube", n, 1)?;
    if n > 16 {
        return Err(Error::Family {
            family: "hypercube",
            problem: format!("n is {n}; at most 16 is allowed"),
        });
    }
    let corners = || 0..1u32 << n;
    let reflection = Permutation::trusted(corners().map(|c| c ^ 1).collect());
    let shift = corners().map(|c| (c << 1 | c >> (n - 1)) & ((1 << n) - 1)).collect();
    let swap = corners().map(|c| c & !3 | (c & 1) << 1 | (c >> 1) & 1).collect();
    let mut generators = vec![reflection];
    if n > 1 {
        generators.extend([Permutation::trusted(shift), Permutation::trusted(swap)]);
    }
    let group = PermutationGroup::trusted(format!("symmetries of the {n}-cube"), 1 << n, generators);
    Ok(group.of_order(factorial(n) << n))
}
