//! Whether two groups are the same up to the names of their elements.

use std::collections::BTreeMap;

use super::PermutationGroup;
use crate::action::Action;
use crate::permutation::Permutation;

/// The largest order for which isomorphisms are searched.
pub(crate) const MOST_ORDER: u64 = 2_000;

/// Whether `a` and `b` are isomorphic; `None` when they are too large for the search.
///
/// Sends the generators of `b` to elements of `a` of the same orders, up to conjugation, until the
/// map is a homomorphism onto `a`.
pub(crate) fn isomorphic(a: &PermutationGroup, b: &PermutationGroup) -> Option<bool> {
    if a.order() != b.order() || a.is_abelian() != b.is_abelian() {
        return Some(false);
    }
    a.order_up_to(MOST_ORDER)?;
    if a.element_orders().ok()? != b.element_orders().ok()? {
        return Some(false);
    }
    let generators: Vec<&Permutation> = b.generators().iter().filter(|g| !g.is_identity()).collect();
    let minimal = PermutationGroup::trusted(
        "",
        b.degree(),
        crate::recovery::generators::irredundant(
            b.degree(),
            &generators.into_iter().cloned().collect::<Vec<_>>(),
        ),
    );
    let elements = a.elements().ok()?;
    let mut by_order: BTreeMap<u64, Vec<&Permutation>> = BTreeMap::new();
    for g in &elements {
        by_order.entry(order(g)).or_default().push(g);
    }
    Some(search(a, &minimal, &by_order, &mut Vec::new()))
}

fn order(g: &Permutation) -> u64 {
    u64::try_from(g.order()).unwrap_or(u64::MAX)
}

/// Chooses an image for the next generator of `b`, and tries the rest.
fn search(
    a: &PermutationGroup,
    b: &PermutationGroup,
    by_order: &BTreeMap<u64, Vec<&Permutation>>,
    images: &mut Vec<Permutation>,
) -> bool {
    let at = images.len();
    let generators = b.generators();
    let Some(next) = generators.get(at) else {
        let onto = PermutationGroup::trusted("", a.degree(), images.clone()).order() == a.order();
        return onto && Action::homomorphism(b, a.degree(), images.clone()).is_ok();
    };
    let Some(candidates) = by_order.get(&order(next)) else { return false };
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
        let fits = images.iter().zip(generators).all(|(image, g)| {
            order(&image.then(candidate)) == order(&g.then(next))
                && order(&image.then(&candidate.inverse())) == order(&g.then(&next.inverse()))
                && order(&commutator(image, candidate)) == order(&commutator(g, next))
        });
        if fits {
            images.push(candidate.clone());
            if search(a, b, by_order, images) {
                return true;
            }
            images.pop();
        }
    }
    false
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
