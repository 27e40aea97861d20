//! The mathematics of this crate, derived: the files of `docs/derivations`, which the documentation
//! of the items cites by section.
#![allow(rustdoc::invalid_rust_codeblocks, reason = "indented lines are formulas")]

/// [recovery.md]: recovery
///
#[doc = include_str!("groups.md")]
pub mod groups {}

/// [groups.md]: groups
///
#[doc = include_str!("recovery.md")]
pub mod recovery {}

#[doc = include_str!("plane.md")]
pub mod plane {}

/// [groups.md]: groups
///
#[doc = include_str!("signed.md")]
pub mod signed {}
