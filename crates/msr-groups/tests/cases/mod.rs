//! Groups and actions over which the laws are tested.
#![allow(clippy::unwrap_used, dead_code, reason = "tests; no test file uses all of it")]

use msr_groups::{ALL_SMALL_GROUPS, Action, Permutation, PermutationGroup};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

pub fn random(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Every group of the list.
pub fn groups() -> Vec<PermutationGroup> {
    ALL_SMALL_GROUPS.iter().map(|g| g.group().unwrap()).collect()
}

/// Elements to test on: all of them, or many random ones of larger groups.
pub fn some_elements(group: &PermutationGroup, rng: &mut ChaCha8Rng) -> Vec<Permutation> {
    if group.order() <= 200u32.into() {
        return group.elements().unwrap();
    }
    (0..30).map(|_| group.random_element(rng).unwrap()).collect()
}

/// Actions of a group to test on.
pub fn actions(group: &PermutationGroup) -> Vec<Action> {
    let natural = Action::natural(group);
    let mut actions = vec![natural.clone(), Action::trivial(group, 2).unwrap()];
    if group.degree() <= 9 {
        actions.push(natural.on_ordered_pairs().unwrap());
        actions.push(natural.on_distinct_pairs().unwrap());
        actions.push(natural.on_unordered_pairs().unwrap());
        actions.push(natural.with_channels(2).unwrap());
        actions.push(natural.times(&Action::trivial(group, 2).unwrap()).unwrap());
        actions.push(natural.beside(&natural).unwrap());
    }
    if group.order() <= 48u32.into() {
        actions.push(Action::regular(group).unwrap());
    }
    actions
}

/// `ρ_out(g) W ρ_in(g)⁻¹`.
pub fn turned(w: &[f64], g: &Permutation, output: &Action, input: &Action) -> Vec<f64> {
    let n = input.points();
    let (on_y, on_x) = (output.image_of(g).unwrap(), input.image_of(g).unwrap());
    let mut turned = vec![0.0; w.len()];
    for (at, &value) in w.iter().enumerate() {
        turned[on_y.apply(at / n) * n + on_x.apply(at % n)] = value;
    }
    turned
}
