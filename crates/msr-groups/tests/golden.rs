//! Orders, orbits, stabilisers and memberships beside those that sympy computes
//! (`golden/groups.json`).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeMap;

use msr_groups::{Action, Permutation, PermutationGroup, SharingPattern, parse_group};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    groups: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    name: String,
    family: Option<String>,
    degree: usize,
    generators: Vec<Vec<usize>>,
    order: String,
    orbits: Vec<Vec<usize>>,
    stabilizer_orders: BTreeMap<String, String>,
    abelian: bool,
    transitive: bool,
    members: Vec<Vec<usize>>,
    non_members: Vec<Vec<usize>>,
    pair_orbits: Option<usize>,
    element_orders: Option<BTreeMap<u64, u64>>,
}

fn permutation(images: &[usize]) -> Permutation {
    Permutation::from_images(images).unwrap()
}

fn check(group: &PermutationGroup, record: &Record) {
    let name = &record.name;
    assert_eq!(group.order().to_string(), record.order, "{name}");
    assert_eq!(group.orbits(), record.orbits, "{name}");
    assert_eq!(group.is_abelian(), record.abelian, "{name}");
    assert_eq!(group.is_transitive(), record.transitive, "{name}");
    for (point, order) in &record.stabilizer_orders {
        let stabilizer = group.stabilizer(point.parse().unwrap()).unwrap();
        assert_eq!(&stabilizer.order().to_string(), order, "{name}, stabilizer of {point}");
    }
    for member in &record.members {
        assert!(group.contains(&permutation(member)).unwrap(), "{name} contains {member:?}");
    }
    for other in &record.non_members {
        assert!(!group.contains(&permutation(other)).unwrap(), "{name} does not contain {other:?}");
    }
    if let Some(orbits) = record.pair_orbits {
        let action = Action::natural(group);
        let pattern = SharingPattern::new(&action, &action).unwrap();
        assert_eq!(pattern.free_parameters(), orbits, "{name}, orbits on pairs");
    }
    if let Some(orders) = &record.element_orders {
        assert_eq!(&group.element_orders().unwrap(), orders, "{name}");
    }
}

#[test]
fn groups_agree_with_sympy() {
    let golden: Golden = serde_json::from_str(include_str!("golden/groups.json")).unwrap();
    assert!(golden.groups.len() >= 50);
    let mut families = 0;
    for record in &golden.groups {
        let generators = record.generators.iter().map(|g| permutation(g)).collect();
        check(&PermutationGroup::new(&record.name, record.degree, generators).unwrap(), record);
        if let Some(call) = &record.family {
            families += 1;
            let group = parse_group(call).unwrap();
            assert_eq!(group.degree(), record.degree, "{call}");
            check(&group, record);
        }
    }
    assert!(families >= 40);
}
