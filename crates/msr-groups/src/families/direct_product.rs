//! Direct products.

use super::check_points;
use crate::error::Result;
use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// `G × H` on the points of `G` followed by those of `H`; order `|G| |H|`.
///
/// For its action on a product grid see [`Action::product_grid`](crate::Action::product_grid).
///
/// # Errors
/// When there are too many points.
pub fn direct_product(g: &PermutationGroup, h: &PermutationGroup) -> Result<PermutationGroup> {
    check_points("direct product", g.degree().checked_add(h.degree()))?;
    let (one_g, one_h) = (Permutation::identity(g.degree()), Permutation::identity(h.degree()));
    let left = g.generators().iter().map(|a| a.beside(&one_h));
    let right = h.generators().iter().map(|b| one_g.beside(b));
    let name = format!("{} × {}", parenthesised(g.name()), parenthesised(h.name()));
    let product = PermutationGroup::new(name, g.degree() + h.degree(), left.chain(right).collect())?;
    Ok(product.of_order(g.order() * h.order()))
}

/// A name as a factor of another: in parentheses when it is a product itself.
pub(crate) fn parenthesised(name: &str) -> String {
    if name.contains(['⋊', '≀', '×']) { format!("({name})") } else { name.to_string() }
}
