//! Finite groups, how they act on points, which weights they tie, and which group a symmetry matrix
//! encodes.
//!
//! - [`Permutation`], [`PermutationGroup`]: products, cycle notation; order, membership, orbits,
//!   stabilisers and elements by Schreier–Sims. Families: [`cyclic`], [`dihedral`], [`symmetric`],
//!   [`wreath_product`] and more; [`ALL_SMALL_GROUPS`] lists what the tests run over.
//! - [`Action`]: natural, regular, on pairs, on grids, on channels, or any homomorphism, which is
//!   checked.
//! - [`SharingPattern`]: the orbits on outputs × inputs, which is `U^G` of `vec(W) = U^G v` in
//!   sparse form; [`group_convolution`] for Proposition 1 of the MSR paper, [`burnside_count`],
//!   Kronecker products with their [`kronecker_permutation`], the [`reynolds_projection`] and
//!   equivariance errors.
//! - [`SymmetryMatrix`]: a checked view of a learned `U`, or of a plain weight matrix. [`recover`]:
//!   the group that it encodes, with generators and a name; [`rank_groups`] when there is none;
//!   [`partition_distance`] from a known truth.
//!
//! This crate knows no tensors: matrices are slices of `f64`, row by row. The mathematics is
//! derived in [`derivations`].
//!
//! Groups of your own come from [`from_cycle_notation`] or [`PermutationGroup::new`], those of the
//! families also from the text of a call ([`parse_group`]). Orders are `num_bigint::BigUint`
//! (version 0.4), random numbers come from generators of `rand` (version 0.9) that you pass in.
//!
//! # Example
//! A group of your own, a symmetry matrix with its pattern in a basis that hides it, and the group
//! read back from the matrix:
//! ```
//! use msr_groups::{
//!     Action, RecoveryConfig, SharingPattern, SymmetryMatrix, burnside_count, from_cycle_notation,
//!     recover,
//! };
//!
//! # fn main() -> Result<(), msr_groups::Error> {
//! // Shifts of seven points round a circle, and doubling.
//! let group = from_cycle_notation("mine", 7, &["(0 1 2 3 4 5 6)", "(1 2 4)(3 6 5)"])?;
//! let action = Action::natural(&group);
//! let pattern = SharingPattern::new(&action, &action)?;
//! let k = pattern.free_parameters();
//! assert_eq!(burnside_count(&action, &action)?, k.into());
//!
//! // Any invertible k × k matrix, and noise.
//! let mixed: Vec<f64> = (0..k * k).map(|i| ((i * i + 7 * i) as f64).sin()).collect();
//! let noise = |i: usize| 1e-3 * (i as f64 * 12.9898).sin();
//! let learned: Vec<f64> =
//!     pattern.times(&mixed, k)?.iter().enumerate().map(|(i, u)| u + noise(i)).collect();
//! let found = recover(SymmetryMatrix::new(&learned, 7, 7)?, &RecoveryConfig::default())?;
//! assert_eq!(found.pattern(), Some(&pattern));
//! assert_eq!(found.name(), Some("C_7 ⋊ C_3"));
//! println!("{found}");
//! # Ok(())
//! # }
//! ```

#![deny(missing_debug_implementations)]

mod action;
// Formulas are no examples.
#[cfg(not(doctest))]
pub mod derivations;
mod error;
mod families;
mod group;
mod limits;
mod permutation;
mod plane;
mod recovery;
mod sharing;
mod signed;
mod symmetry_matrix;
mod union_find;

pub use action::Action;
pub use error::{Error, Result};
pub use families::parse as parse_group;
pub use families::{
    ALL_SMALL_GROUPS, SmallGroup, alternating, cyclic, cyclic_semidirect, dihedral, direct_product,
    from_cycle_notation, hypercube, icosahedron, quaternion, rubik, semidirect_product, square_grid,
    symmetric, torus_rotations, torus_translations, trivial, wreath_product,
};
pub use group::PermutationGroup;
pub use limits::MOST_ELEMENTS;
pub use permutation::Permutation;
pub use plane::{
    LARGEST_PLANE_RESIDUAL, LearnedConv, PlaneFit, PlaneGroup, PlaneSymmetry, SteerableBasis,
    image_equivariance_error, plane_symmetry,
};
pub use recovery::{
    AlmostGroup, Evidence, Fit, GroupName, KnownAction, NoSymmetry, Reason, RecoveredGroup, RecoveredTies,
    Recovery, RecoveryConfig, Tolerance, known_actions, name_of, partition_distance, pattern_automorphisms,
    rank_groups, recover, signed_automorphisms, signed_pairs,
};
pub use sharing::{
    GroupConvolution, SharingPattern, burnside_count, equivariance_error, function_equivariance_error,
    group_convolution, kronecker_permutation, reynolds_projection, symmetry_residual,
};
pub use signed::{
    SignedAction, SignedPattern, SignedPermutation, hyperoctahedral, sign_changes, signed_burnside_count,
};
pub use symmetry_matrix::SymmetryMatrix;
