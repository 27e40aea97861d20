//! Odd inputs, in one place, and what must hold of any: checks that a fuzz target can call.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "tests; no test file uses all of it")]

use std::fmt::Debug;

use msr_groups::{
    Action, Error, GroupName, Permutation, PermutationGroup, PlaneGroup, SharingPattern, SteerableBasis,
    alternating, burnside_count, cyclic, cyclic_semidirect, dihedral, direct_product, group_convolution,
    hypercube, image_equivariance_error, kronecker_permutation, name_of, parse_group, square_grid, symmetric,
    torus_rotations, torus_translations, trivial, wreath_product,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Sizes around which arithmetic wraps, and around our own limits.
pub const ODD_SIZES: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    1 << 11,
    65_536,
    65_537,
    1 << 22,
    (1 << 22) + 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

/// The most characters of an error: some lines of a terminal.
const LONGEST_ERROR: usize = 2_000;
/// Groups on more points are made, and nothing is done with them that takes a moment in each of
/// thousands of inputs.
const FEW_POINTS: usize = 200;

fn told<T>(result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| bounded(&error)).ok()
}

fn bounded(error: &(impl ToString + Debug)) {
    let (text, debug) = (error.to_string(), format!("{error:?}"));
    assert!(!text.is_empty());
    for text in [&text, &debug] {
        let length = text.chars().count();
        let start: String = text.chars().take(300).collect();
        assert!(length <= LONGEST_ERROR, "an error of {length} characters: {start}");
    }
}

/// The name of a group, and what is asked of a group.
pub fn check_group(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(plane) = text.parse::<PlaneGroup>() {
        assert_eq!(plane.to_string().parse::<PlaneGroup>().ok(), Some(plane));
    }
    let Some(group) = told(parse_group(&text)) else { return };
    let order = group.order();
    assert!(order > 0u32.into());
    if group.degree() > FEW_POINTS {
        return;
    }
    // What theory says of the order, the generators make.
    if let Some(made) = told(PermutationGroup::new("made", group.degree(), group.generators().to_vec())) {
        assert_eq!(made.order(), order, "{text}");
    }
    for g in group.generators() {
        assert_ne!(told(group.contains(g)), Some(false), "{text}");
    }
    told(group.stabilizer(0));
    told(group.random_element(&mut ChaCha8Rng::seed_from_u64(0)));
    if order <= 200u32.into() {
        let name = GroupName::of(&group);
        assert_eq!(name.map(|name| name.usual().to_string()), name_of(&group), "{text}");
        told(group_convolution(&Action::natural(&group)));
    }
}

/// The name of an action, of a small group and of one that acts on no point.
pub fn check_action(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let nothing = parse_group("unordered_pairs(cyclic(1))").unwrap();
    for group in [symmetric(4).unwrap(), cyclic(1).unwrap(), nothing] {
        let Some(action) = told(Action::parse(&group, &text)) else { continue };
        if action.points() > FEW_POINTS {
            continue;
        }
        let Some(image) = told(action.image_group()) else { continue };
        if let Some(made) = told(PermutationGroup::new("made", image.degree(), image.generators().to_vec())) {
            assert_eq!(made.order(), image.order(), "{text} of {}", group.name());
        }
        let pattern = SharingPattern::new(&action, &action).unwrap();
        if let Some(count) = told(burnside_count(&action, &action)) {
            assert_eq!(count, pattern.free_parameters().into(), "{text}");
        }
    }
}

/// Cycle notation: what is read is written so that it is read as the same.
pub fn check_cycles(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for degree in [0, 7, 1_000, usize::MAX] {
        let Some(g) = told(Permutation::parse(&text, degree)) else { continue };
        assert_eq!(Permutation::parse(&g.to_string(), degree).unwrap(), g, "{text}");
        assert!(g.compose(&g.inverse()).unwrap().is_identity());
        told(PermutationGroup::new(text.clone(), degree + 1, vec![g]));
    }
    let images: Vec<usize> = input.iter().map(|&byte| usize::from(byte)).collect();
    told(Permutation::from_images(&images));
    told(Permutation::from_cycles(200, &[&images]));
    told(msr_groups::from_cycle_notation(&text, 7, &[&text, "(0 1)"]));
}

/// A number of eight bytes.
fn number(input: &[u8], at: usize) -> usize {
    let bytes = input.get(8 * at..8 * at + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(2, |bytes| u64::from_le_bytes(bytes) as usize)
}

/// A number as the size of everything that has one size.
pub fn check_size(input: &[u8]) {
    let n = number(input, 0);
    for family in [trivial, cyclic, dihedral, symmetric, alternating, square_grid, hypercube, torus_rotations]
    {
        told(family(n));
    }
    if let Some(group) = told(cyclic(n)) {
        told(wreath_product(&symmetric(3).unwrap(), &group));
        told(direct_product(&group, &group));
        told(Action::natural(&group).on_ordered_pairs());
        told(Action::natural(&group).on_unordered_pairs());
    }
    told(Permutation::identity(n.max((1 << 25) + 1)));
    told(Permutation::from_cycles(n.max((1 << 25) + 1), &[&[0, 1]]));
}

/// Four numbers as the sizes of everything that has several.
pub fn check_sizes(input: &[u8]) {
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| number(input, at));
    told(torus_translations(a, b));
    told(cyclic_semidirect(a, b));
    told(Action::trivial(&symmetric(3).unwrap(), a).and_then(|action| action.with_channels(b)));
    let weights = a.checked_mul(b);
    if weights.is_none_or(|weights| !(1_000..=1 << 27).contains(&weights)) {
        told(SharingPattern::untied(a, b).and_then(|pattern| pattern.dense()));
        told(kronecker_permutation((a, b), (c.min(3), d.min(3))));
        told(kronecker_permutation((a, b), (a, b)));
    }
    told(SharingPattern::from_labels(a, b, &[1, 2, 3]));
    let pattern = SharingPattern::untied(2, 3).unwrap();
    told(pattern.times(&[0.0; 6], b));
    for group in [PlaneGroup::Rotations(a), PlaneGroup::RotationsAndFlips(a)] {
        assert!(group.order() >= a);
        assert!(!group.contains(PlaneGroup::Rotations(0)) && !PlaneGroup::Rotations(0).contains(group));
        if b > 9 || a < 4 {
            told(SteerableBasis::new(group, b).and_then(|basis| basis.distance(&[1.0; 8], a)));
            let rng = &mut ChaCha8Rng::seed_from_u64(0);
            let layer = |windows: &[f64]| Ok::<_, Error>(vec![1.0; windows.len()]);
            told(image_equivariance_error(group, b, 6.0, rng, layer));
        }
    }
}
