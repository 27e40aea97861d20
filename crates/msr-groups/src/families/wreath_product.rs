//! Wreath products.

use super::direct_product::parenthesised;
use crate::error::Result;
use crate::group::PermutationGroup;
use crate::limits::{check_generators, check_order, check_points};
use crate::permutation::Permutation;

/// `G ≀ H`: a copy of `G` for each point of `H`, and `H` permuting the copies. Point `x` of copy
/// `b` has number `b · degree(G) + x`; order `|G|^degree(H) · |H|`.
///
/// # Errors
/// When there are too many points or generators, or the order has more than 2²⁰ binary digits.
pub fn wreath_product(g: &PermutationGroup, h: &PermutationGroup) -> Result<PermutationGroup> {
    const FAMILY: &str = "wreath product";
    let (size, copies) = (g.degree(), h.degree());
    check_points(FAMILY, size.checked_mul(copies))?;
    let points = size * copies;
    let orbits = h.orbits();
    let made =
        g.generators().len().checked_mul(orbits.len()).and_then(|a| a.checked_add(h.generators().len()));
    check_generators(points, made.unwrap_or(usize::MAX))?;
    let (of_g, of_h) = (g.order(), h.order());
    let bits = of_g.bits().checked_mul(copies as u64).and_then(|bits| bits.checked_add(of_h.bits()));
    check_order(FAMILY, bits)?;
    let mut generators = Vec::new();
    // One copy of G from each orbit of H on the copies reaches all of them.
    for orbit in orbits {
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
    let product = PermutationGroup::trusted(name, points, generators);
    // Copies of no points are moved by nothing.
    let order = if points == 0 { 1u32.into() } else { of_g.pow(copies as u32) * of_h };
    Ok(product.of_order(order))
}
