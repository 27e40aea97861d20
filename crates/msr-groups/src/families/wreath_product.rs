//! Wreath products.

use super::check_points;
use super::direct_product::parenthesised;
use crate::error::Result;
use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// `G ≀ H`: a copy of `G` for each point of `H`, and `H` permuting the copies. Point `x` of copy
/// `b` has number `b · degree(G) + x`; order `|G|^degree(H) · |H|`.
///
/// # Errors
/// When there are too many points.
pub fn wreath_product(g: &PermutationGroup, h: &PermutationGroup) -> Result<PermutationGroup> {
    let (size, copies) = (g.degree(), h.degree());
    check_points("wreath product", size.checked_mul(copies))?;
    let points = size * copies;
    let mut generators = Vec::new();
    // One copy of G from each orbit of H on the copies reaches all of them.
    for orbit in h.orbits() {
        let first = orbit[0] * size;
        for a in g.generators() {
            let inside = |x: usize| (first..first + size).contains(&x);
            let image = |x: usize| if inside(x) { first + a.apply(x - first) } else { x };
            generators.push(Permutation::trusted((0..points).map(|x| image(x) as u32).collect()));
        }
    }
    for b in h.generators() {
        let image = |x: usize| b.apply(x / size) * size + x % size;
        generators.push(Permutation::trusted((0..points).map(|x| image(x) as u32).collect()));
    }
    let name = format!("{} ≀ {}", parenthesised(g.name()), parenthesised(h.name()));
    let product = PermutationGroup::new(name, points, generators)?;
    match u32::try_from(copies) {
        Ok(copies) => Ok(product.of_order(g.order().pow(copies) * h.order())),
        Err(_) => Ok(product),
    }
}
