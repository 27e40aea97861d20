//! The usual name of a group, when it can be proved.

mod acting;
mod product;
mod reduction;
mod rules;

use std::fmt;

use crate::group::PermutationGroup;
use crate::limits::Work;
use reduction::reduced;

/// The most images that are moved to name a group: a second or two.
const MOST_MOVES: u64 = 1 << 30;
/// Constituents of constituents are looked at, down to this depth.
const DEEPEST: usize = 3;

/// What a group is called, up to isomorphism and as it acts.
///
/// # Example
/// ```
/// use msr_groups::{GroupName, dihedral, parse_group};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let name = |call: &str| parse_group(call).map(|g| GroupName::of(&g).map(|n| n.to_string()));
/// assert_eq!(name("dihedral(10)")?.as_deref(), Some("D_10 ≅ D_5 × C_2"));
/// assert_eq!(name("unordered_pairs(symmetric(6))")?.as_deref(), Some("S_6 on unordered pairs"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName {
    usual: String,
    product: Option<String>,
    action: Option<&'static str>,
}

impl GroupName {
    /// The name of a group; `None` when no rule proves one within the limit of work, as for
    /// [`name_of`].
    pub fn of(group: &PermutationGroup) -> Option<Self> {
        let work = &mut Work::of(MOST_MOVES);
        let usual = name(group, 0, work)?;
        let product = product_of_dihedral(&usual);
        Some(Self { usual, product, action: acting::action(group, work) })
    }

    /// The name that the field uses, up to isomorphism: `D_10`.
    pub fn usual(&self) -> &str {
        &self.usual
    }

    /// A direct product that is isomorphic to the group, where it has another name as well:
    /// `D_5 × C_2` for `D_10`.
    pub fn product(&self) -> Option<&str> {
        self.product.as_deref()
    }

    /// How it acts on every orbit, when that is not the usual action: on unordered pairs.
    pub fn action(&self) -> Option<&str> {
        self.action
    }
}

impl fmt::Display for GroupName {
    /// The usual name, then the product, then the action.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.usual)?;
        if let Some(product) = &self.product {
            write!(f, " ≅ {product}")?;
        }
        if let Some(action) = self.action {
            write!(f, " {action}")?;
        }
        Ok(())
    }
}

/// The usual name of a group up to isomorphism; `None` when no rule proves one. The rules:
/// abelian groups by their invariant factors; `S_n` and `A_n` by order and degree; dihedral groups
/// by rotations that a flip inverts; groups of order up to 2,000 by an explicit isomorphism with a
/// group of [`ALL_SMALL_GROUPS`](crate::ALL_SMALL_GROUPS); direct products by independent
/// constituents (orbits, or block systems); groups of order up to 2,000 by an explicit isomorphism
/// with `C_p ⋊ C_l`, p prime; wreath products by a block system. Before, a group is replaced by a
/// faithful action on fewer points, where one is found: on an orbit, on blocks, on the points of
/// which its own are the pairs.
///
/// All rules together move at most 2³⁰ images, which takes a second or two; what has no name by
/// then has none. See [recovery, section 4](crate::derivations::recovery). [`GroupName`] also says
/// how the group acts.
///
/// # Example
/// ```
/// let group = msr_groups::from_cycle_notation("?", 6, &["(0 1 2 3)(4 5)", "(0 2)"])?;
/// assert_eq!(msr_groups::name_of(&group).as_deref(), Some("D_4"));
/// # Ok::<(), msr_groups::Error>(())
/// ```
pub fn name_of(group: &PermutationGroup) -> Option<String> {
    name(group, 0, &mut Work::of(MOST_MOVES))
}

fn name(group: &PermutationGroup, depth: usize, work: &mut Work) -> Option<String> {
    if group.order_within(work)? == 1u32.into() {
        return Some("trivial".into());
    }
    if let Some(name) = rules::abelian(group, work) {
        return Some(name);
    }
    if depth > DEEPEST {
        return None;
    }
    // Whatever the action, a flip inverts rotations.
    if let Some(name) = rules::symmetric(group, work).or_else(|| rules::dihedral(group, work)) {
        return Some(name);
    }
    let small = &reduced(group, work)?;
    rules::symmetric(small, work)
        .or_else(|| rules::dihedral(small, work))
        .or_else(|| rules::listed(small, work))
        .or_else(|| product::product(small, depth, work))
        // On fewer points there may be fewer block systems, and no independent ones.
        .or_else(|| (small.degree() < group.degree()).then(|| product::product(group, depth, work))?)
        .or_else(|| rules::metacyclic(small, work))
        .or_else(|| product::wreath(small, depth, work))
}

/// `D_2k ≅ D_k × C_2` for odd k: half a turn commutes with everything, and is no product of the
/// turns by twice the smallest angle.
fn product_of_dihedral(name: &str) -> Option<String> {
    let n: usize = name.strip_prefix("D_")?.parse().ok()?;
    let half = (n % 4 == 2).then_some(n / 2)?;
    Some(if half == 3 { "S_3 × C_2".into() } else { format!("D_{half} × C_2") })
}
