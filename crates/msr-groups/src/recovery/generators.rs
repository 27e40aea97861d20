//! A small set of generators that people can read.

use num_bigint::BigUint;

use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// Groups up to this order are searched for a pair of generators.
const SEARCHED_ORDER: u64 = 5_000;
/// Candidates for the first of a pair.
const FIRST: usize = 12;

/// The generators without those that the others generate already.
pub(crate) fn irredundant(degree: usize, generators: &[Permutation]) -> Vec<Permutation> {
    let order = |g: &[Permutation]| PermutationGroup::trusted("", degree, g.to_vec()).order();
    let whole = order(generators);
    let mut kept = generators.to_vec();
    // Those that move the most points go first, so that what stays is easy to read.
    kept.sort_by_key(|g| (degree - g.fixed_points(), g.clone()));
    for i in (0..kept.len()).rev() {
        let mut without = kept.clone();
        without.remove(i);
        if order(&without) == whole {
            kept = without;
        }
    }
    kept
}

impl PermutationGroup {
    /// The same group with a small set of readable generators. A group of order up to 5,000 gets
    /// one element if it is cyclic, otherwise two if two suffice: one of large order and one of
    /// small order, those that come first in the order of their images. Others keep their
    /// generators.
    ///
    /// # Example
    /// ```
    /// use msr_groups::{Permutation, PermutationGroup};
    ///
    /// # fn main() -> Result<(), msr_groups::Error> {
    /// let mirrors = ["(0 1)(2 3)", "(1 3)", "(0 2)"].map(|text| Permutation::parse(text, 4));
    /// let square = PermutationGroup::new("D_4", 4, mirrors.into_iter().collect::<Result<_, _>>()?)?;
    /// let few = square.simplified();
    /// assert_eq!((few.order(), few.generators().len()), (8u32.into(), 2));
    /// assert_eq!(few.generators()[0].to_string(), "(0 1 2 3)");
    /// # Ok(())
    /// # }
    /// ```
    pub fn simplified(&self) -> Self {
        let degree = self.degree();
        let order = self.order();
        let rebuilt = |generators| Self::trusted(self.name(), degree, generators).of_order(order.clone());
        if order == BigUint::from(1u32) {
            return rebuilt(Vec::new());
        }
        if self.order_up_to(SEARCHED_ORDER).is_some()
            && let Ok(mut elements) = self.elements()
            && let Some(few) = few(degree, &order, &mut elements)
        {
            return rebuilt(few);
        }
        // For large groups the search already returns few generators: each joins orbits that those
        // before it leave apart.
        self.clone()
    }
}

/// One or two elements that generate all of `elements`.
fn few(degree: usize, whole: &BigUint, elements: &mut [Permutation]) -> Option<Vec<Permutation>> {
    let generated = |g: &[Permutation]| PermutationGroup::trusted("", degree, g.to_vec()).order();
    // Large order first; among equals the earliest images, which puts x ↦ x + 1 before x ↦ x + 5.
    elements.sort_by_cached_key(|g| (std::cmp::Reverse(g.order()), g.clone()));
    if elements[0].order() == *whole {
        return Some(vec![elements[0].clone()]);
    }
    let mut second: Vec<&Permutation> = elements.iter().filter(|g| !g.is_identity()).collect();
    second.sort_by_cached_key(|g| (g.order(), degree - g.fixed_points(), (*g).clone()));
    elements.iter().take(FIRST).find_map(|a| {
        let b = second.iter().find(|b| generated(&[a.clone(), (**b).clone()]) == *whole)?;
        Some(vec![a.clone(), (*b).clone()])
    })
}
