//! Direct products.

use crate::error::Result;
use crate::group::PermutationGroup;
use crate::limits::{check_generators, check_order, check_points};
use crate::permutation::Permutation;

/// `G × H` on the points of `G` followed by those of `H`; order `|G| |H|`.
///
/// For its action on a product grid see [`Action::product_grid`](crate::Action::product_grid).
///
/// # Errors
/// When there are too many points or generators, or the order has more than 2²⁰ binary digits.
pub fn direct_product(g: &PermutationGroup, h: &PermutationGroup) -> Result<PermutationGroup> {
    check_points("direct product", g.degree().checked_add(h.degree()))?;
    check_generators(g.degree() + h.degree(), g.generators().len() + h.generators().len())?;
    let (of_g, of_h) = (g.order(), h.order());
    check_order("direct product", of_g.bits().checked_add(of_h.bits()))?;
    let (one_g, one_h) = (Permutation::one(g.degree()), Permutation::one(h.degree()));
    let left = g.generators().iter().map(|a| a.followed_by(&one_h));
    let right = h.generators().iter().map(|b| one_g.followed_by(b));
    let name = format!("{} × {}", parenthesised(g.name()), parenthesised(h.name()));
    let product = PermutationGroup::trusted(name, g.degree() + h.degree(), left.chain(right).collect());
    Ok(product.of_order(of_g * of_h))
}

/// A name as a factor of another: in parentheses when it is a product itself.
pub(crate) fn parenthesised(name: &str) -> String {
    if name.contains(['⋊', '≀', '×']) { format!("({name})") } else { name.to_string() }
}
