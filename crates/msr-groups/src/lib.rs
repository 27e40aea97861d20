//! Finite groups, how they act on points, which weights they tie, and which group a symmetry matrix encodes.
//!
//! - [`Permutation`], [`PermutationGroup`]: products, cycle notation; order, membership, orbits, stabilisers and
//!   elements by Schreier–Sims. Families: [`cyclic`], [`dihedral`], [`symmetric`], [`wreath_product`] and more;
//!   [`ALL_SMALL_GROUPS`] lists what the tests run over.
//! - [`Action`]: natural, regular, on pairs, on grids, on channels, or any homomorphism, which is checked.
//! - [`SharingPattern`]: the orbits on outputs × inputs, which is `U^G` of `vec(W) = U^G v` in sparse form;
//!   [`group_convolution`] for Proposition 1 of the MSR paper, [`burnside_count`], Kronecker products with
//!   their [`kronecker_permutation`], the [`reynolds_projection`] and equivariance errors.
//! - [`recover`]: the group that a learned `U` encodes, with generators and a name; [`rank_groups`] when
//!   there is none; [`partition_distance`] from a known truth.
//!
//! This crate knows no tensors: matrices are slices of `f64`, row by row. The mathematics is derived in
//! `docs/derivations`.
//!
//! # Example
//! Which group keeps a weight that was made for translations of a torus?
//! ```
//! use msr_groups::{Action, RecoveryConfig, SharingPattern, recover, torus_translations};
//!
//! # fn main() -> Result<(), msr_groups::Error> {
//! let action = Action::natural(&torus_translations(3, 4)?);
//! let pattern = SharingPattern::new(&action, &action)?;
//! let found = recover(&pattern.dense(), 12, 12, pattern.free_parameters(), &RecoveryConfig::default())?;
//! assert!(found.is_exact());
//! assert_eq!(found.order(), 12u32.into());
//! assert_eq!(found.name.as_deref(), Some("C_12")); // which is C_3 × C_4
//! # Ok(())
//! # }
//! ```

mod action;
mod error;
mod families;
mod group;
mod permutation;
mod recovery;
mod sharing;
mod union_find;

pub use action::Action;
pub use error::{Error, Result};
pub use families::parse as parse_group;
pub use families::{
    ALL_SMALL_GROUPS, SmallGroup, alternating, cyclic, cyclic_semidirect, dihedral, direct_product,
    from_cycle_notation, hypercube, icosahedron, quaternion, rubik, semidirect_product, square_grid,
    symmetric, torus_rotations, torus_translations, trivial, wreath_product,
};
pub use group::{MOST_ELEMENTS, PermutationGroup};
pub use permutation::Permutation;
pub use recovery::{
    Fit, KnownAction, Recovery, RecoveryConfig, Tolerance, Verdict, known_actions, name_of,
    partition_distance, pattern_automorphisms, rank_groups, recover,
};
pub use sharing::{
    GroupConvolution, SharingPattern, burnside_count, equivariance_error, function_equivariance_error,
    group_convolution, kronecker_permutation, reynolds_projection, symmetry_residual,
};
