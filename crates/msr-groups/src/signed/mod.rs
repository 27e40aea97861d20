//! Signed permutations: components that change their sign under a turn or a mirror, as those of
//! vectors do. See [signed](crate::derivations::signed).

mod action;
mod burnside;
mod families;
mod pattern;
mod permutation;

pub use action::SignedAction;
pub use burnside::signed_burnside_count;
pub use families::{hyperoctahedral, sign_changes};
pub use pattern::SignedPattern;
pub use permutation::SignedPermutation;
