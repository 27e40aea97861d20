//! Whether two groups are the same up to the names of their elements.

use std::collections::BTreeMap;

use super::PermutationGroup;
use crate::action::Action;
use crate::limits::Work;
use crate::permutation::Permutation;
use crate::recovery::generators::irredundant;

/// The largest order for which isomorphisms are searched.
pub(crate) const MOST_ORDER: u64 = 2_000;

/// Whether `a` and `b` are isomorphic; `None` when they are too large for the search, or the work
/// is spent.
///
/// Sends the generators of `b` to elements of `a` of the same orders, up to conjugation, until the
/// map is a homomorphism onto `a`.
pub(crate) fn isomorphic(a: &PermutationGroup, b: &PermutationGroup, work: &mut Work) -> Option<bool> {
    let order = a.order_within(work)?;
    if order != b.order_within(work)? || a.is_abelian() != b.is_abelian() {
        return Some(false);
    }
    let count = u64::try_from(order).ok().filter(|&order| order <= MOST_ORDER)?;
    // Listing the elements, twice, and their orders.
    work.keep(2 * count as usize * (a.degree() + b.degree()));
    if work.is_spent() {
        return None;
    }
    if a.element_orders().ok()? != b.element_orders().ok()? {
        return Some(false);
    }
    let generators: Vec<Permutation> = b.generators().iter().filter(|g| !g.is_identity()).cloned().collect();
    let minimal = irredundant(b.degree(), &generators);
    let minimal = PermutationGroup::trusted("", b.degree(), minimal).of_order(count);
    let elements = a.elements().ok()?;
    let mut by_order: BTreeMap<u64, Vec<&Permutation>> = BTreeMap::new();
    for g in &elements {
        by_order.entry(order_of(g)).or_default().push(g);
    }
    search(a, &minimal, &by_order, &mut Vec::new(), work)
}

fn order_of(g: &Permutation) -> u64 {
    u64::try_from(g.order()).unwrap_or(u64::MAX)
}

/// Chooses an image for the next generator of `b`, and tries the rest.
fn search(
    a: &PermutationGroup,
    b: &PermutationGroup,
    by_order: &BTreeMap<u64, Vec<&Permutation>>,
    images: &mut Vec<Permutation>,
    work: &mut Work,
) -> Option<bool> {
    let at = images.len();
    let generators = b.generators();
    let Some(next) = generators.get(at) else {
        let onto = PermutationGroup::trusted("", a.degree(), images.clone()).order_within(work)?;
        return Some(
            onto == a.order_within(work)?
                && Action::defines_homomorphism(b, a.degree(), images.clone(), work)?,
        );
    };
    let Some(candidates) = by_order.get(&order_of(next)) else { return Some(false) };
    // An isomorphism followed by a conjugation is one too: the first image matters only up to
    // conjugation.
    let mut done: std::collections::HashSet<Permutation> = std::collections::HashSet::new();
    for &candidate in candidates {
        if at == 0 {
            if done.contains(candidate) {
                continue;
            }
            done.extend(conjugates(a, candidate));
        }
        work.spend(30 * (at + 1) * (a.degree() + b.degree()));
        if work.is_spent() {
            return None;
        }
        let fits = images.iter().zip(generators).all(|(image, g)| {
            order_of(&image.then(candidate)) == order_of(&g.then(next))
                && order_of(&image.then(&candidate.inverse())) == order_of(&g.then(&next.inverse()))
                && order_of(&commutator(image, candidate)) == order_of(&commutator(g, next))
        });
        if fits {
            images.push(candidate.clone());
            if search(a, b, by_order, images, work)? {
                return Some(true);
            }
            images.pop();
        }
    }
    Some(false)
}

fn commutator(a: &Permutation, b: &Permutation) -> Permutation {
    a.inverse().then(&b.inverse()).then(a).then(b)
}

fn conjugates(group: &PermutationGroup, g: &Permutation) -> std::collections::HashSet<Permutation> {
    let mut class = std::collections::HashSet::from([g.clone()]);
    let mut queue = vec![g.clone()];
    while let Some(x) = queue.pop() {
        for h in group.generators() {
            let y = h.inverse().then(&x).then(h);
            if class.insert(y.clone()) {
                queue.push(y);
            }
        }
    }
    class
}
