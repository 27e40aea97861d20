//! The usual name of a group, when it can be proved.

use num_bigint::BigUint;

use crate::families::{ALL_SMALL_GROUPS, alternating, cyclic_semidirect, dihedral, parenthesised};
use crate::group::PermutationGroup;
use crate::group::isomorphism::{MOST_ORDER, isomorphic};
use crate::permutation::Permutation;

/// The usual name of a group up to isomorphism; `None` when no rule proves one. The rules:
/// abelian groups of up to a million elements by their invariant factors; `S_n` and `A_n` by order
/// and degree; groups of order up to 2,000 by an explicit isomorphism with a group of
/// [`ALL_SMALL_GROUPS`]; direct products by independent constituents (orbits, or block systems);
/// groups of order up to 2,000 by an explicit isomorphism with a dihedral group or `C_p ⋊ C_l`, p
/// prime; wreath products by a block system.
///
/// See `docs/derivations/recovery.md`, section 4.
///
/// # Example
/// ```
/// let group = msr_groups::from_cycle_notation("?", 6, &["(0 1 2 3)(4 5)", "(0 2)"])?;
/// assert_eq!(msr_groups::name_of(&group).as_deref(), Some("D_4"));
/// # Ok::<(), msr_groups::Error>(())
/// ```
pub fn name_of(group: &PermutationGroup) -> Option<String> {
    name(group, 0)
}

/// Constituents of constituents are looked at, down to this depth.
const DEEPEST: usize = 3;

fn name(group: &PermutationGroup, depth: usize) -> Option<String> {
    let order = group.order();
    if order == BigUint::from(1u32) {
        return Some("trivial".into());
    }
    if group.is_abelian() {
        return abelian(group);
    }
    if depth > DEEPEST {
        return None;
    }
    let faithful = smallest_faithful(group);
    let group = faithful.as_ref().unwrap_or(group);
    symmetric(group)
        .or_else(|| listed(group))
        .or_else(|| product(group, depth))
        .or_else(|| metacyclic(group))
        .or_else(|| wreath(group, depth))
}

/// `C_{d1} × C_{d2} × …` with `d1 | d2 | …`; a finite abelian group is given by how many elements
/// it has of each order.
fn abelian(group: &PermutationGroup) -> Option<String> {
    let counts = group.element_orders().ok()?;
    let order = group.order_up_to(u64::MAX)?;
    let mut factors: Vec<u64> = Vec::new();
    for p in primes(order) {
        // The number of elements of order dividing p^i is p to the Σ_j min(e_j, i) over the cyclic
        // parts p^{e_j}.
        let mut powers = vec![0u32];
        for i in 1.. {
            let dividing = p.pow(i);
            let count: u64 = counts.iter().filter(|&(o, _)| dividing % o == 0).map(|(_, c)| c).sum();
            powers.push(count.ilog(p));
            if powers[i as usize] == powers[i as usize - 1] {
                break;
            }
        }
        // parts_i cyclic parts have exponent at least i.
        let parts: Vec<u32> = powers.windows(2).map(|w| w[1] - w[0]).collect();
        for j in 0..parts.first().copied().unwrap_or(0) {
            let exponent = parts.iter().filter(|&&count| count > j).count() as u32;
            if factors.len() <= j as usize {
                factors.push(1);
            }
            factors[j as usize] *= p.pow(exponent);
        }
    }
    let names: Vec<String> = factors.iter().rev().map(|d| format!("C_{d}")).collect();
    Some(names.join(" × "))
}

fn primes(mut n: u64) -> Vec<u64> {
    let mut primes = Vec::new();
    let mut p = 2;
    while n > 1 {
        if p * p > n {
            p = n;
        }
        if n.is_multiple_of(p) {
            primes.push(p);
            while n.is_multiple_of(p) {
                n /= p;
            }
        }
        p += 1;
    }
    primes
}

/// What the group does on its smallest orbit on which no element but the identity fixes everything.
fn smallest_faithful(group: &PermutationGroup) -> Option<PermutationGroup> {
    let order = group.order();
    let mut orbits = group.orbits();
    orbits.sort_by_key(Vec::len);
    orbits.iter().map(|orbit| group.on_orbit(orbit)).find(|constituent| constituent.order() == order)
}

/// A group of order n! on n points is all of `S_n`; one of index two is `A_n`.
fn symmetric(group: &PermutationGroup) -> Option<String> {
    let n = group.degree();
    let factorial: BigUint = (1..=n).map(BigUint::from).product();
    let order = group.order();
    if order == factorial {
        Some(format!("S_{n}"))
    } else if order * 2u32 == factorial && group.generators().iter().all(Permutation::is_even) {
        Some(format!("A_{n}"))
    } else {
        None
    }
}

/// By an explicit isomorphism with a named group of the list.
fn listed(group: &PermutationGroup) -> Option<String> {
    let order = group.order_up_to(MOST_ORDER)?;
    let listed =
        ALL_SMALL_GROUPS.iter().filter(|g| g.order == order && g.named).filter_map(|g| g.group().ok());
    first_isomorphic(group, listed)
}

/// By an explicit isomorphism with a dihedral group, an alternating one on other points, or
/// `C_p ⋊ C_l` for a prime `p`, which is one group for each `l`.
fn metacyclic(group: &PermutationGroup) -> Option<String> {
    let order = group.order_up_to(MOST_ORDER)?;
    let half = usize::try_from(order / 2).ok()?;
    let dihedral = order.is_multiple_of(2).then(|| dihedral(half).ok()).flatten();
    let even = (4..8).filter_map(|n| alternating(n).ok()).filter(|g| g.order() == order.into());
    let prime = primes(order).into_iter().rev();
    let frobenius = prime.filter_map(|p| cyclic_semidirect(p as usize, (order / p) as usize).ok());
    first_isomorphic(group, dihedral.into_iter().chain(even).chain(frobenius))
}

fn first_isomorphic(
    group: &PermutationGroup,
    candidates: impl Iterator<Item = PermutationGroup>,
) -> Option<String> {
    let mut candidates = candidates.filter(|candidate| isomorphic(group, candidate) == Some(true));
    candidates.next().map(|found| found.name().to_string())
}

/// By constituents that are independent of each other, and together faithful.
fn product(group: &PermutationGroup, depth: usize) -> Option<String> {
    let mut constituents: Vec<PermutationGroup> = Vec::new();
    let orbits = group.orbits();
    if orbits.len() > 1 {
        constituents.extend(orbits.iter().map(|orbit| group.on_orbit(orbit)));
    } else {
        constituents.extend(group.block_systems().iter().map(|system| group.on_blocks(system)));
    }
    let one = BigUint::from(1u32);
    // A constituent that is faithful by itself is the whole group, not a factor.
    let whole = group.order();
    constituents.retain(|c| c.order() > one && c.order() < whole);
    constituents.sort_by_key(|c| (std::cmp::Reverse(c.order()), c.degree()));
    constituents.truncate(MOST_CONSTITUENTS);
    let factors = independent(&constituents, None, &whole)?;
    if factors.len() < 2 {
        return None;
    }
    let names: Option<Vec<String>> = factors.iter().map(|f| name(f, depth + 1)).collect();
    Some(names?.iter().map(|n| parenthesised(n)).collect::<Vec<_>>().join(" × "))
}

/// Constituents among which factors are searched.
const MOST_CONSTITUENTS: usize = 40;

/// Constituents that make a direct product of order `whole` with what `joint` does: each as large
/// as all of them together allow.
fn independent<'a>(
    constituents: &'a [PermutationGroup],
    joint: Option<&PermutationGroup>,
    whole: &BigUint,
) -> Option<Vec<&'a PermutationGroup>> {
    if joint.is_some_and(|joint| joint.order() == *whole) {
        return Some(Vec::new());
    }
    constituents.iter().enumerate().find_map(|(i, next)| {
        let both = joint.map_or_else(|| next.clone(), |joint| beside(joint, next));
        let so_far = joint.map_or_else(|| BigUint::from(1u32), PermutationGroup::order);
        if both.order() != so_far * next.order() {
            return None;
        }
        let mut factors = independent(&constituents[i + 1..], Some(&both), whole)?;
        factors.insert(0, next);
        Some(factors)
    })
}

/// The same generators on the points of both.
fn beside(a: &PermutationGroup, b: &PermutationGroup) -> PermutationGroup {
    let generators = a.generators().iter().zip(b.generators()).map(|(a, b)| a.beside(b)).collect();
    PermutationGroup::trusted("", a.degree() + b.degree(), generators)
}

/// A transitive group with blocks lies in (what it does in a block) ≀ (what it does on the blocks);
/// when it has the order of that product, it is the product.
fn wreath(group: &PermutationGroup, depth: usize) -> Option<String> {
    if !group.is_transitive() {
        return None;
    }
    group.minimal_block_systems().iter().find_map(|system| {
        let top = group.on_blocks(system);
        let block: Vec<usize> = (0..group.degree()).filter(|&x| system[x] == 0).collect();
        // The stabiliser of the block: of the first point behind the points, one for each block.
        let whole = beside(&top, group);
        let inside = whole.stabilizer(0);
        let shifted: Vec<usize> = block.iter().map(|x| x + top.degree()).collect();
        let bottom = inside.on_orbit(&shifted);
        let order = bottom.order().pow(top.degree() as u32) * top.order();
        if order != group.order() {
            return None;
        }
        let blocks = top.degree();
        let (bottom, top) = (name(&bottom, depth + 1)?, name(&top, depth + 1)?);
        // The product depends on how the top group permutes the blocks, not only on which group it
        // is.
        let usual = ["S", "A", "C", "D"].iter().any(|family| top == format!("{family}_{blocks}"));
        let top = if usual { top } else { format!("({top} on {blocks} blocks)") };
        Some(format!("{} ≀ {top}", parenthesised(&bottom)))
    })
}
