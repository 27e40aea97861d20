//! The list of small groups that every test runs over.

use super::parse;
use crate::error::Result;
use crate::group::PermutationGroup;

/// An entry of [`ALL_SMALL_GROUPS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallGroup {
    /// The call that makes it, for [`parse_group`](crate::parse_group).
    pub call: &'static str,
    /// Its order.
    pub order: u64,
    /// Whether its name is that of an abstract group, not of an action.
    pub named: bool,
    /// Whether it is all that keeps its natural sharing pattern (outputs and inputs acted on
    /// naturally). When it is not, no weight can tell it from a larger group: the maps that commute
    /// with `A_4` on four points commute with `S_4` too. See
    /// [groups, section 6](crate::derivations::groups).
    pub closed: bool,
}

impl SmallGroup {
    /// Builds the group.
    ///
    /// # Errors
    /// As [`parse_group`](crate::parse_group); none for the entries of [`ALL_SMALL_GROUPS`].
    pub fn group(&self) -> Result<PermutationGroup> {
        parse::parse(self.call)
    }
}

const fn entry(call: &'static str, order: u64, named: bool, closed: bool) -> SmallGroup {
    SmallGroup { call, order, named, closed }
}

/// Small groups of every family, each in an action on at most 32 points.
pub const ALL_SMALL_GROUPS: &[SmallGroup] = &[
    entry("trivial(1)", 1, true, true),
    entry("trivial(4)", 1, true, true),
    entry("cyclic(2)", 2, true, true),
    entry("cyclic(3)", 3, true, true),
    entry("cyclic(4)", 4, true, true),
    entry("cyclic(5)", 5, true, true),
    entry("cyclic(8)", 8, true, true),
    entry("cyclic(12)", 12, true, true),
    entry("cyclic(32)", 32, true, true),
    entry("symmetric(3)", 6, true, true),
    entry("dihedral(4)", 8, true, true),
    entry("dihedral(5)", 10, true, true),
    entry("dihedral(6)", 12, true, true),
    entry("dihedral(8)", 16, true, true),
    entry("dihedral(9)", 18, true, true),
    entry("symmetric(4)", 24, true, true),
    entry("symmetric(5)", 120, true, true),
    entry("symmetric(8)", 40_320, true, true),
    entry("alternating(4)", 12, true, false),
    entry("alternating(5)", 60, true, false),
    entry("regular(alternating(4))", 12, false, true),
    entry("quaternion()", 8, true, true),
    entry("regular(symmetric(3))", 6, false, true),
    entry("regular(dihedral(4))", 8, false, true),
    entry("direct_product(cyclic(3), cyclic(4))", 12, false, true),
    entry("direct_product(symmetric(3), dihedral(4))", 48, true, true),
    entry("direct_product(alternating(5), cyclic(2))", 120, true, false),
    entry("direct_product(cyclic(2), cyclic(2))", 4, false, true),
    entry("product_grid(symmetric(4), symmetric(3))", 144, false, true),
    entry("product_grid(cyclic(4), symmetric(3))", 24, false, true),
    entry("semidirect(5, 4)", 20, true, false),
    entry("semidirect(7, 3)", 21, true, true),
    entry("semidirect(13, 4)", 52, true, true),
    entry("wreath_product(cyclic(2), symmetric(3))", 48, true, true),
    entry("wreath_product(cyclic(2), symmetric(4))", 384, true, true),
    entry("wreath_product(symmetric(3), cyclic(2))", 72, true, true),
    entry("wreath_product(symmetric(3), cyclic(4))", 5_184, true, true),
    entry("wreath_product(cyclic(3), cyclic(3))", 81, true, true),
    entry("square_grid(2)", 8, false, true),
    entry("square_grid(3)", 8, false, true),
    entry("square_grid(4)", 8, false, true),
    entry("hypercube(3)", 48, false, true),
    entry("hypercube(4)", 384, false, true),
    entry("icosahedron()", 60, false, false),
    entry("torus_translations(4, 4)", 16, false, true),
    entry("torus_translations(3, 5)", 15, false, true),
    entry("torus_rotations(3)", 36, true, false),
    entry("torus_rotations(5)", 100, true, true),
    entry("ordered_pairs(symmetric(4))", 24, false, true),
    entry("distinct_pairs(symmetric(5))", 120, false, true),
    entry("unordered_pairs(symmetric(5))", 120, false, true),
];
