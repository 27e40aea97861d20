//! Direct products and wreath products.

use num_bigint::BigUint;

use super::name;
use super::rules::is_one;
use crate::families::parenthesised;
use crate::group::PermutationGroup;
use crate::group::chain::Chain;
use crate::limits::Work;

/// Constituents among which sets of factors are tried, and the images that are moved for it; more
/// are only taken one after the other.
const TRIED: usize = 40;
const TRYING: u64 = 1 << 27;
/// Equal factors from which on they are written as a power.
const POWER: usize = 4;

/// By constituents that are independent of each other, and together faithful.
pub(super) fn product(group: &PermutationGroup, depth: usize, work: &mut Work) -> Option<String> {
    let whole = group.order_within(work)?;
    let mut constituents: Vec<(BigUint, PermutationGroup)> = Vec::new();
    let orbits = group.orbits();
    let mut add = |constituent: PermutationGroup, work: &mut Work| {
        let order = constituent.order_within(work)?;
        // A constituent that is faithful by itself is the whole group, not a factor.
        if !is_one(&order) && order < whole {
            constituents.push((order, constituent));
        }
        Some(())
    };
    if orbits.len() > 1 {
        for orbit in orbits.iter().filter(|orbit| orbit.len() > 1) {
            work.spend(4 * orbit.len() * group.generators().len());
            add(group.on_orbit(orbit), work)?;
        }
    } else {
        for system in group.block_systems(work) {
            work.spend(4 * group.degree());
            add(group.on_blocks(&system), work)?;
        }
    }
    constituents.sort_by(|(a, g), (b, h)| b.cmp(a).then(g.degree().cmp(&h.degree())));
    let all: BigUint = constituents.iter().map(|(order, _)| order).product();
    let factors = if orbits.len() > 1 && all == whole {
        // All points are in some orbit, so the group lies in the product of its constituents.
        constituents.iter().map(|(_, g)| g).collect()
    } else {
        independent(&constituents, &whole, work)?
    };
    if factors.len() < 2 {
        return None;
    }
    let names: Option<Vec<String>> = factors.iter().map(|f| name(f, depth + 1, work)).collect();
    let names = names?;
    // A factor may be a product itself.
    let flat: Vec<String> = names.iter().flat_map(|name| factors_of(name)).collect();
    Some(powers(&flat))
}

/// The factors of a direct product by its name.
fn factors_of(name: &str) -> Vec<String> {
    let (mut depth, mut factors) = (0usize, vec![String::new()]);
    for word in name.split(' ') {
        if word == "×" && depth == 0 {
            factors.push(String::new());
            continue;
        }
        depth = (depth + word.matches('(').count()).saturating_sub(word.matches(')').count());
        if let Some(factor) = factors.last_mut() {
            if !factor.is_empty() {
                factor.push(' ');
            }
            factor.push_str(word);
        }
    }
    factors
}

/// Factors as a product, four and more equal ones as a power.
pub(super) fn powers(names: &[String]) -> String {
    let equal = names.chunk_by(|a, b| a == b).map(|run| {
        let name = parenthesised(&run[0]);
        if run.len() < POWER { vec![name; run.len()].join(" × ") } else { format!("{name}^{}", run.len()) }
    });
    equal.collect::<Vec<_>>().join(" × ")
}

/// Constituents that make a direct product of order `whole`.
fn independent<'a>(
    constituents: &'a [(BigUint, PermutationGroup)],
    whole: &BigUint,
    work: &mut Work,
) -> Option<Vec<&'a PermutationGroup>> {
    // Each that is independent of those before it.
    let mut joint = Joint::nothing();
    for (order, next) in constituents {
        if let Some(both) = joint.with(order, next, work) {
            joint = both;
        }
        if joint.order == *whole {
            return Some(joint.factors);
        }
    }
    let few = &constituents[..constituents.len().min(TRIED)];
    work.within(TRYING, |work| tried(few, Joint::nothing(), whole, work))
}

/// All sets of constituents, until one makes the whole.
fn tried<'a>(
    constituents: &'a [(BigUint, PermutationGroup)],
    joint: Joint<'a>,
    whole: &BigUint,
    work: &mut Work,
) -> Option<Vec<&'a PermutationGroup>> {
    if joint.order == *whole {
        return Some(joint.factors);
    }
    for (i, (order, next)) in constituents.iter().enumerate() {
        if work.is_spent() {
            return None;
        }
        let Some(both) = joint.with(order, next, work) else { continue };
        if let Some(factors) = tried(&constituents[i + 1..], both, whole, work) {
            return Some(factors);
        }
    }
    None
}

/// Independent factors, and what the group does on the points of all of them.
struct Joint<'a> {
    factors: Vec<&'a PermutationGroup>,
    order: BigUint,
    group: Option<PermutationGroup>,
}

impl<'a> Joint<'a> {
    fn nothing() -> Self {
        Self { factors: Vec::new(), order: 1u32.into(), group: None }
    }

    /// With one more factor, of that order; `None` when it is not seen to be independent.
    fn with(&self, order: &BigUint, next: &'a PermutationGroup, work: &mut Work) -> Option<Joint<'a>> {
        let both = match &self.group {
            None => next.clone(),
            Some(group) => {
                let (degree, count) = (group.degree() + next.degree(), next.generators().len());
                work.spend(4 * degree * count);
                let both = beside(group, next);
                // No group with these two constituents is larger, so what random products reach
                // proves it.
                if work.is_spent() || !Chain::reaches(degree, both.generators(), &(&self.order * order), work)
                {
                    return None;
                }
                both
            }
        };
        let factors = self.factors.iter().copied().chain([next]).collect();
        Some(Joint { factors, order: &self.order * order, group: Some(both) })
    }
}

/// The same generators on the points of both.
fn beside(a: &PermutationGroup, b: &PermutationGroup) -> PermutationGroup {
    let generators = a.generators().iter().zip(b.generators()).map(|(a, b)| a.followed_by(b)).collect();
    PermutationGroup::trusted("", a.degree() + b.degree(), generators)
}

/// A transitive group with blocks lies in (what it does in a block) ≀ (what it does on the blocks);
/// when it has the order of that product, it is the product.
pub(super) fn wreath(group: &PermutationGroup, depth: usize, work: &mut Work) -> Option<String> {
    if !group.is_transitive() {
        return None;
    }
    let order = group.order_within(work)?;
    let systems = group.minimal_block_systems(work);
    systems.iter().find_map(|system| {
        let top = group.on_blocks(system);
        let block: Vec<usize> = (0..group.degree()).filter(|&x| system[x] == 0).collect();
        // The stabiliser of the block: of the first point behind the points, one for each block.
        let whole = beside(&top, group).of_order(order.clone());
        let inside = whole.stabilizer_within(0, work)?;
        let shifted: Vec<usize> = block.iter().map(|x| x + top.degree()).collect();
        let bottom = inside.on_orbit(&shifted);
        let (of_bottom, of_top) = (bottom.order_within(work)?, top.order_within(work)?);
        // A power that is too large is not written.
        let blocks = top.degree();
        if (of_bottom.bits() - 1).saturating_mul(blocks as u64) > order.bits() {
            return None;
        }
        if of_bottom.pow(blocks as u32) * of_top != order {
            return None;
        }
        let (bottom, top) = (name(&bottom, depth + 1, work)?, name(&top, depth + 1, work)?);
        // The product depends on how the top group permutes the blocks, not only on which group it
        // is.
        let usual = ["S", "A", "C", "D"].iter().any(|family| top == format!("{family}_{blocks}"));
        let top = if usual { top } else { format!("({top} on {blocks} blocks)") };
        Some(format!("{} ≀ {top}", parenthesised(&bottom)))
    })
}
