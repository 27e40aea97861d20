//! A faithful action on fewer points.

use num_bigint::BigUint;

use crate::group::PermutationGroup;
use crate::group::chain::Chain;
use crate::limits::Work;

/// Block systems that are looked at for a faithful action, and the images that are moved to find
/// them. A group on fewer points is looked at again, so that not all need to be found at once.
const SYSTEMS: usize = 64;
const LOOKING: u64 = 1 << 26;

/// The group in a faithful action on as few points as are found: on an orbit, on the blocks of a
/// block system, on the points of which its own are the unordered pairs. All of these are the group
/// up to isomorphism, with the same generators in the same order.
pub(super) fn reduced(group: &PermutationGroup, work: &mut Work) -> Option<PermutationGroup> {
    let order = group.order_within(work)?;
    let mut smallest = group.clone();
    while let Some(smaller) = on_orbit(&smallest, &order, work)
        .or_else(|| on_blocks(&smallest, &order, work))
        .or_else(|| on_stars(&smallest, &order, work))
    {
        smallest = smaller.of_order(order.clone());
    }
    (!work.is_spent()).then_some(smallest)
}

/// Whether what the group, of that order, does elsewhere is faithful. Random products prove it;
/// where they do not, it is taken not to be.
fn is_faithful(elsewhere: &PermutationGroup, order: &BigUint, work: &mut Work) -> bool {
    // No group on n points has more than n! elements.
    let most: f64 = (2..=elsewhere.degree()).map(|i| (i as f64).log2()).sum();
    most + 1.0 >= order.bits() as f64 - 1.0
        && Chain::reaches(elsewhere.degree(), elsewhere.generators(), order, work)
}

/// On the smallest orbit on which no element but the identity fixes everything.
fn on_orbit(group: &PermutationGroup, order: &BigUint, work: &mut Work) -> Option<PermutationGroup> {
    let mut orbits = group.orbits();
    if orbits.len() == 1 {
        return None;
    }
    orbits.retain(|orbit| orbit.len() > 1);
    orbits.sort_by_key(Vec::len);
    orbits.iter().find_map(|orbit| {
        work.spend(4 * orbit.len() * group.generators().len());
        if work.is_spent() {
            return None;
        }
        let constituent = group.on_orbit(orbit);
        is_faithful(&constituent, order, work).then_some(constituent)
    })
}

/// On the blocks of the system with the fewest of them.
fn on_blocks(group: &PermutationGroup, order: &BigUint, work: &mut Work) -> Option<PermutationGroup> {
    if !group.is_transitive() {
        return None;
    }
    let mut systems = work.within(LOOKING, |work| group.minimal_block_systems(work));
    let blocks = |system: &Vec<usize>| system.iter().max().map_or(0, |&last| last + 1);
    systems.sort_by_key(blocks);
    systems.iter().take(SYSTEMS).find_map(|system| {
        work.spend(4 * blocks(system) * group.generators().len());
        if work.is_spent() {
            return None;
        }
        let quotient = group.on_blocks(system);
        is_faithful(&quotient, order, work).then_some(quotient)
    })
}

/// On n points of which the group's own are the unordered pairs, n above four. The pairs that meet
/// one pair {a, b} are those with a and those with b: two sets of n − 2 pairs that all meet each
/// other, with one partner of each in the other set. The pairs with a, which are a star, are moved
/// to those with the image of a.
fn on_stars(group: &PermutationGroup, order: &BigUint, work: &mut Work) -> Option<PermutationGroup> {
    let n = root_of_pairs(group.degree()).filter(|_| group.is_transitive())?;
    let chain = Chain::of_order(group.degree(), group.generators(), &[0], order, work)?;
    let meeting = chain.second_orbits().into_iter().filter(|orbit| orbit.len() == 2 * (n - 2));
    for orbit in meeting {
        let mut meets = vec![false; group.degree()];
        orbit.iter().for_each(|&pair| meets[pair] = true);
        let first = orbit[0];
        work.spend(64 * orbit.len());
        let (with_it, _): (Vec<usize>, Vec<usize>) =
            orbit.iter().partition(|&&pair| pair != first && meets[chain.seen_from(first, pair)]);
        // Of the n − 2 that meet {a, x}, one is {b, x}, which meets none of the others.
        let star = with_it.iter().filter(|&&pair| {
            with_it.iter().filter(|&&other| other != pair && meets[chain.seen_from(pair, other)]).count() > 0
        });
        work.spend(64 * with_it.len() * with_it.len());
        let mut star: Vec<usize> = star.copied().chain([0, first]).collect();
        star.sort_unstable();
        if star.len() == n - 1
            && let Some(on_stars) = group.on_images(&star, n)
            && is_faithful(&on_stars, order, work)
        {
            return Some(on_stars);
        }
    }
    None
}

/// The n above four for which there are so many unordered pairs of n points.
fn root_of_pairs(pairs: usize) -> Option<usize> {
    let n = (2 * pairs).isqrt() + 1;
    (n > 4 && n * (n - 1) == 2 * pairs).then_some(n)
}
