//! Rules that name a group as a whole.

use num_bigint::BigUint;

use super::product::powers;
use crate::families::{ALL_SMALL_GROUPS, alternating, cyclic_semidirect};
use crate::group::PermutationGroup;
use crate::group::abelian::{invariant_factors, primes};
use crate::group::isomorphism::{MOST_ORDER, isomorphic};
use crate::limits::{Work, commute, factorial};
use crate::permutation::Permutation;

/// `C_{d1} × C_{d2} × …` with `d1 | d2 | …`, the smallest first.
pub(super) fn abelian(group: &PermutationGroup, work: &mut Work) -> Option<String> {
    if !commute(group.generators(), work)? {
        return None;
    }
    let factors = invariant_factors(group.generators(), work)?;
    Some(powers(&factors.iter().rev().map(|d| format!("C_{d}")).collect::<Vec<_>>()))
}

/// A group of order n! on n points is all of `S_n`; one of index two is `A_n`.
pub(super) fn symmetric(group: &PermutationGroup, work: &mut Work) -> Option<String> {
    let (n, order) = (group.degree(), group.order_within(work)?);
    // n! has at least n binary digits from here on; n is small enough for it to be written.
    if n > 4 && order.bits() < n as u64 - 1 {
        return None;
    }
    let all = factorial(n);
    if order == all {
        Some(format!("S_{n}"))
    } else if order * 2u32 == all && group.generators().iter().all(Permutation::is_even) {
        Some(format!("A_{n}"))
    } else {
        None
    }
}

/// Commuting rotations that a flip inverts: a cyclic group of them makes the group dihedral.
///
/// In `D_m`, m above two, all elements but flips and half a turn have another order than two, and
/// half a turn commutes with everything, which no flip does. So the rotations among the generators
/// are known, and products of two flips are the others that are needed.
pub(super) fn dihedral(group: &PermutationGroup, work: &mut Work) -> Option<String> {
    let generators = group.generators();
    let is_involution = |g: &Permutation| !g.is_identity() && g.then(g).is_identity();
    work.spend(4 * generators.len() * group.degree());
    let mut flips = Vec::new();
    let mut rotations = Vec::new();
    for g in generators.iter().filter(|g| !g.is_identity()) {
        let central = commute_with_all(g, generators, work)?;
        if is_involution(g) && !central { flips.push(g) } else { rotations.push(g.clone()) }
    }
    let (flip, others) = flips.split_first()?;
    rotations.extend(others.iter().map(|other| flip.then(other)));
    if !commute(&rotations, work)? {
        return None;
    }
    work.spend(4 * rotations.len() * group.degree());
    if !rotations.iter().all(|r| flip.then(r).then(flip) == r.inverse()) {
        return None;
    }
    // The group is that of the rotations and the flip, which is none of them, or all would commute.
    let factors = invariant_factors(&rotations, work)?;
    let [m] = factors.as_slice() else { return None };
    // D_3 is S_3.
    (*m > 3u32.into()).then(|| format!("D_{m}"))
}

fn commute_with_all(g: &Permutation, others: &[Permutation], work: &mut Work) -> Option<bool> {
    work.spend(2 * others.len() * g.degree());
    (!work.is_spent()).then(|| others.iter().all(|h| g.then(h) == h.then(g)))
}

/// By an explicit isomorphism with a named group of the list.
pub(super) fn listed(group: &PermutationGroup, work: &mut Work) -> Option<String> {
    let order = small_order(group, work)?;
    let listed =
        ALL_SMALL_GROUPS.iter().filter(|g| g.order == order && g.named).filter_map(|g| g.group().ok());
    first_isomorphic(group, listed, work)
}

/// By an explicit isomorphism with an alternating group on other points, or with `C_p ⋊ C_l` for a
/// prime `p`, which is one group for each `l`.
pub(super) fn metacyclic(group: &PermutationGroup, work: &mut Work) -> Option<String> {
    let order = small_order(group, work)?;
    let even = (4..8).filter_map(|n| alternating(n).ok()).filter(|g| g.order() == order.into());
    let prime = primes(order).into_iter().rev();
    let frobenius = prime.filter_map(|p| cyclic_semidirect(p as usize, (order / p) as usize).ok());
    first_isomorphic(group, even.chain(frobenius), work)
}

fn small_order(group: &PermutationGroup, work: &mut Work) -> Option<u64> {
    u64::try_from(group.order_within(work)?).ok().filter(|&order| order <= MOST_ORDER)
}

fn first_isomorphic(
    group: &PermutationGroup,
    mut candidates: impl Iterator<Item = PermutationGroup>,
    work: &mut Work,
) -> Option<String> {
    let found = candidates.find(|candidate| isomorphic(group, candidate, work) == Some(true))?;
    Some(found.name().to_string())
}

/// Whether a number is one.
pub(super) fn is_one(order: &BigUint) -> bool {
    *order == BigUint::from(1u32)
}
