//! How a group acts, beside how the group that it is usually acts.

use super::reduction::reduced;
use crate::action::Action;
use crate::group::PermutationGroup;
use crate::limits::{Work, commute};

/// Points of another action that are tried as the partner of the first point.
const TRIED: usize = 10_000;

/// What the group does on all its orbits that it moves, in words, when it is the same on each and
/// is not the action on the fewest points that were found.
pub(super) fn action(group: &PermutationGroup, work: &mut Work) -> Option<&'static str> {
    // Whatever an abelian group does on an orbit is regular.
    if commute(group.generators(), work)? {
        return None;
    }
    let usual = Action::natural(&reduced(group, work)?);
    let mut said = None;
    for orbit in group.orbits().iter().filter(|orbit| orbit.len() > 1) {
        work.spend(4 * orbit.len() * group.generators().len());
        if work.is_spent() {
            return None;
        }
        let here = on(&group.on_orbit(orbit), &usual, work)?;
        if *said.get_or_insert(here) != here {
            return None;
        }
    }
    said.filter(|said| !said.is_empty())
}

/// A transitive action of the group of `usual`, in words; nothing for the usual one.
fn on(constituent: &PermutationGroup, usual: &Action, work: &mut Work) -> Option<&'static str> {
    let (points, n) = (constituent.degree(), usual.points());
    let pairs = n.checked_mul(n.saturating_sub(1))?;
    let is = |other: Action, work: &mut Work| is_equivalent(constituent, &other, work);
    if points == n && is(usual.clone(), work) {
        Some("")
    } else if 2 * points == pairs && is(usual.on_unordered_pairs().ok()?, work) {
        Some("on unordered pairs")
    } else if points == pairs && is(usual.on_distinct_pairs().ok()?, work) {
        Some("on pairs of different points")
    } else if usual.group().order_within(work)? == points.into() {
        // Transitive on as many points as there are elements.
        Some("on itself")
    } else {
        None
    }
}

/// Whether a transitive group and an action with as many points and as many generators are the same
/// up to the names of the points: whether some point goes where the first one goes.
fn is_equivalent(group: &PermutationGroup, action: &Action, work: &mut Work) -> bool {
    (0..action.points().min(TRIED))
        .any(|partner| !work.is_spent() && goes_along(group, action, partner, work))
}

/// Whether the images of a pair of points make a map from one to the other, and it is one to one.
fn goes_along(group: &PermutationGroup, action: &Action, partner: usize, work: &mut Work) -> bool {
    const NONE: usize = usize::MAX;
    let mut partners = vec![NONE; group.degree()];
    let mut taken = vec![false; action.points()];
    (partners[0], taken[partner]) = (partner, true);
    let mut queue = vec![0];
    while let Some(x) = queue.pop() {
        for (g, image) in group.generators().iter().zip(action.images()) {
            work.spend(4);
            let (to, with) = (g.apply(x), image.apply(partners[x]));
            if partners[to] == NONE && !taken[with] {
                (partners[to], taken[with]) = (with, true);
                queue.push(to);
            } else if partners[to] != with {
                return false;
            }
        }
    }
    taken.iter().all(|&taken| taken)
}
