//! What groups are called: the name that the field uses, whatever the action.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::time::{Duration, Instant};

use msr_groups::{
    Action, GroupName, Permutation, PermutationGroup, PlaneGroup, SharingPattern, SymmetryMatrix, dihedral,
    name_of, parse_group, pattern_automorphisms, recover,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn full(group: &PermutationGroup) -> Option<String> {
    GroupName::of(group).map(|name| name.to_string())
}

/// They were called D_5 × C_2, D_7 × C_2, … while D_6 was D_6.
#[test]
fn dihedral_groups_are_called_dihedral_first() {
    for n in 4..40 {
        let group = dihedral(n).unwrap();
        assert_eq!(name_of(&group), Some(format!("D_{n}")));
        let product = match n {
            6 => Some("S_3 × C_2".to_string()),
            n if n % 4 == 2 => Some(format!("D_{} × C_2", n / 2)),
            _ => None,
        };
        let name = GroupName::of(&group).unwrap();
        assert_eq!((name.usual(), name.product()), (format!("D_{n}").as_str(), product.as_deref()));
        assert_eq!(
            name.to_string(),
            product.map_or(format!("D_{n}"), |product| format!("D_{n} ≅ {product}"))
        );
        // Whatever it acts on, and whatever generates it.
        let twice = Action::natural(&group).beside(&Action::natural(&group)).unwrap();
        assert_eq!(name_of(&twice.image_group().unwrap()), Some(format!("D_{n}")));
        let regular = parse_group(&format!("regular(dihedral({n}))")).unwrap();
        assert_eq!(full(&regular), Some(format!("{name} on itself")));
    }
    // The products are what they are said to be.
    for n in [10, 14, 18, 22] {
        let product = parse_group(&format!("direct_product(dihedral({}), cyclic(2))", n / 2)).unwrap();
        assert_eq!(name_of(&product), Some(format!("D_{n}")));
    }
}

/// What is no dihedral group is not called one: abelian groups that a flip inverts, but not cyclic
/// ones, and cyclic ones that are not inverted.
#[test]
fn what_only_looks_dihedral_is_not() {
    for call in
        ["quaternion()", "semidirect(8, 2)", "semidirect(5, 4)", "direct_product(symmetric(3), cyclic(3))"]
    {
        let name = name_of(&parse_group(call).unwrap());
        assert!(!name.as_deref().is_some_and(|name| name.starts_with("D_")), "{call}: {name:?}");
    }
    let (inverted, nine) = (["(0 1 2)", "(3 4 5)", "(1 2)(4 5)"], 6);
    let generalized = msr_groups::from_cycle_notation("", nine, &inverted).unwrap();
    assert_eq!(generalized.order(), 18u32.into());
    assert!(!name_of(&generalized).is_some_and(|name| name.starts_with("D_")));
}

/// S_6 on the 15 pairs of 6 points, and other groups away from home, had no name.
#[test]
fn groups_have_their_names_whatever_they_act_on() {
    for (call, usual, says) in [
        ("unordered_pairs(symmetric(6))", "S_6", "S_6 on unordered pairs"),
        ("unordered_pairs(symmetric(5))", "S_5", "S_5 on unordered pairs"),
        ("unordered_pairs(alternating(7))", "A_7", "A_7 on unordered pairs"),
        ("unordered_pairs(symmetric(30))", "S_30", "S_30 on unordered pairs"),
        ("distinct_pairs(symmetric(7))", "S_7", "S_7 on pairs of different points"),
        ("regular(symmetric(6))", "S_6", "S_6 on itself"),
        ("symmetric(6)", "S_6", "S_6"),
        ("square_grid(3)", "D_4", "D_4"),
        ("quaternion()", "Q_8", "Q_8"),
        ("cyclic(12)", "C_12", "C_12"),
        ("cyclic(20000)", "C_20000", "C_20000"),
        ("direct_product(cyclic(4), cyclic(6))", "C_2 × C_12", "C_2 × C_12"),
    ] {
        let group = parse_group(call).unwrap();
        let name = GroupName::of(&group).unwrap();
        assert_eq!((name.usual(), name.to_string().as_str()), (usual, says), "{call}");
        assert_eq!(name_of(&group).as_deref(), Some(usual), "{call}");
        // Without what theory says of the order.
        let plain = PermutationGroup::new("", group.degree(), group.generators().to_vec()).unwrap();
        assert_eq!(full(&plain).as_deref(), Some(says), "{call}");
    }
    // As it is recovered, on outputs and inputs.
    let action = Action::natural(&parse_group("symmetric(6)").unwrap()).on_unordered_pairs().unwrap();
    let pattern = SharingPattern::new(&action, &action).unwrap();
    let dense = pattern.dense().unwrap();
    let found = recover(SymmetryMatrix::new(&dense, 15, 15).unwrap(), &Default::default()).unwrap();
    assert_eq!(found.name(), Some("S_6"));
    let group = pattern_automorphisms(&pattern).unwrap();
    assert_eq!(full(&group).as_deref(), Some("S_6 on unordered pairs"));
}

/// S_6 on six other points, which are no points of its own: an outer automorphism apart.
#[test]
fn an_action_is_only_named_when_it_is_that_action() {
    // The transposition (0 1) as a product of three, the 6-cycle as a 3-cycle and a 2-cycle: both
    // orbits have six points, and no point of one goes where a point of the other goes.
    let group =
        msr_groups::from_cycle_notation("", 12, &["(0 1)(6 7)(8 9)(10 11)", "(0 1 2 3 4 5)(6 7 8)(9 10)"]);
    // Whatever these two make, it must not be said to act twice as on six points unless it does.
    let name = group.ok().as_ref().and_then(GroupName::of);
    assert_ne!(name.as_ref().and_then(GroupName::action), Some("on unordered pairs"));
}

/// Twenty independent swaps (C_2^20) had too many elements to be listed.
#[test]
fn large_products_of_independent_orbits_need_no_list_of_elements() {
    let copies = |cycles: &dyn Fn(usize) -> Vec<Vec<usize>>, size: usize, count: usize| {
        let mut generators = Vec::new();
        for copy in 0..count {
            for cycle in cycles(copy * size) {
                let cycle: &[usize] = &cycle;
                generators.push(msr_groups::Permutation::from_cycles(size * count, &[cycle]).unwrap());
            }
        }
        PermutationGroup::new("", size * count, generators).unwrap()
    };
    let swaps = |count| copies(&|from| vec![vec![from, from + 1]], 2, count);
    assert_eq!(name_of(&swaps(2)).as_deref(), Some("C_2 × C_2"));
    assert_eq!(name_of(&swaps(20)).as_deref(), Some("C_2^20"));
    assert_eq!(name_of(&swaps(300)).as_deref(), Some("C_2^300"));
    let threes = copies(&|from| vec![vec![from, from + 1, from + 2], vec![from, from + 1]], 3, 30);
    assert_eq!(name_of(&threes).as_deref(), Some("S_3^30"));
    // Twice over, on outputs and inputs.
    let twice = Action::natural(&threes).beside(&Action::natural(&threes)).unwrap();
    assert_eq!(name_of(&twice.image_group().unwrap()).as_deref(), Some("S_3^30"));
}

/// name_of(dihedral(2000)) took 37 s to find nothing.
#[test]
fn names_are_found_or_given_up_within_a_limit() {
    for (call, name) in [
        ("dihedral(2000)", Some("D_2000")),
        ("dihedral(200000)", Some("D_200000")),
        ("torus_translations(900, 900)", Some("C_900 × C_900")),
        ("hypercube(12)", None),
        ("semidirect(4093, 31)", None),
        ("regular(semidirect(97, 32))", None),
        ("rubik()", None),
    ] {
        let group = parse_group(call).unwrap();
        let started = Instant::now();
        assert_eq!(name_of(&group).as_deref(), name, "{call}");
        // A guard against hanging: a second or two are the limit.
        assert!(started.elapsed() < Duration::from_secs(20), "{call}: {:?}", started.elapsed());
    }
}

/// The plane's groups were C8 and D8, those of permutations C_8 and D_8.
#[test]
fn the_planes_groups_are_spelled_like_those_of_permutations() {
    for n in [4, 8] {
        let (turns, both) = (PlaneGroup::Rotations(n), PlaneGroup::RotationsAndFlips(n));
        assert_eq!(Some(both.to_string()), name_of(&dihedral(n).unwrap()));
        assert_eq!(Some(turns.to_string()), name_of(&parse_group(&format!("cyclic({n})")).unwrap()));
        // As they were written before, too.
        for text in [format!("D_{n}"), format!("D{n}"), format!(" d_{n} ")] {
            assert_eq!(text.parse::<PlaneGroup>().unwrap(), both);
        }
        assert_eq!(format!("C{n}").parse::<PlaneGroup>().unwrap(), turns);
    }
    for wrong in ["", "C", "8", "E8", "C_0", "C8x", "C__8", "C_1001", "D18446744073709551616", "C-3"] {
        assert!(wrong.parse::<PlaneGroup>().unwrap_err().to_string().contains("C_N or D_N"), "{wrong}");
    }
}

/// A group of that name, put together anew.
fn named(name: &str) -> PermutationGroup {
    let product = |parts: Vec<&str>| {
        let groups = parts.into_iter().map(named);
        groups.reduce(|g, h| msr_groups::direct_product(&g, &h).unwrap()).unwrap()
    };
    let split = |sign: &str| -> Vec<&str> {
        let (mut depth, mut parts, mut start) = (0, Vec::new(), 0);
        for (at, letter) in name.char_indices() {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            if depth == 0 && name[at..].starts_with(sign) {
                parts.push(&name[start..at]);
                start = at + sign.len();
            }
        }
        parts.push(&name[start..]);
        parts
    };
    let factors = split(" × ");
    if factors.len() > 1 {
        return product(factors);
    }
    if let [bottom, top] = split(" ≀ ")[..] {
        let top = match top.split_once(" on ") {
            Some((group, blocks)) => {
                let group = named(group.trim_start_matches('('));
                assert_eq!(format!("{} blocks)", group.order()), blocks, "a regular action");
                Action::regular(&group).unwrap().image_group().unwrap()
            }
            None => named(top),
        };
        return msr_groups::wreath_product(&named(bottom), &top).unwrap();
    }
    if let Some((base, power)) = name.rsplit_once('^') {
        return product(vec![base; power.parse().unwrap()]);
    }
    if let Some(inside) = name.strip_prefix('(').and_then(|name| name.strip_suffix(')')) {
        return named(inside);
    }
    let number = |text: &str| text.get(2..).unwrap_or_default().to_string();
    if let [n, h] = split(" ⋊ ")[..] {
        if n.ends_with('²') {
            let side = number(n.trim_end_matches('²'));
            return parse_group(&format!("torus_rotations({side})")).unwrap();
        }
        return parse_group(&format!("semidirect({}, {})", number(n), number(h))).unwrap();
    }
    let family = match name.get(..2) {
        Some("C_") => "cyclic",
        Some("D_") => "dihedral",
        Some("S_") => "symmetric",
        Some("A_") => "alternating",
        _ if name == "Q_8" => return msr_groups::quaternion(),
        _ if name == "trivial" => return parse_group("trivial(1)").unwrap(),
        _ => panic!("no group is known by the name `{name}`"),
    };
    parse_group(&format!("{family}({})", number(name))).unwrap()
}

/// C_8 ⋊ C_2 with x ↦ 3x was on its way to be called D_4 × C_2: what a group is called has as many
/// elements of each order as the group.
#[test]
fn groups_of_a_name_are_like_the_group() {
    let mut groups: Vec<PermutationGroup> =
        msr_groups::ALL_SMALL_GROUPS.iter().map(|entry| entry.group().unwrap()).collect();
    for n in 2..40 {
        groups.extend((1..n).filter_map(|order| msr_groups::cyclic_semidirect(n, order).ok()));
    }
    let small = |g: &&PermutationGroup| g.order() <= 24u32.into();
    let factors: Vec<PermutationGroup> = groups.iter().filter(small).take(30).cloned().collect();
    for g in &factors {
        for h in &factors {
            groups.push(msr_groups::direct_product(g, h).unwrap());
            if g.degree() * h.degree() < 20 {
                groups.push(Action::product_grid(g, h).unwrap().image_group().unwrap());
            }
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for _ in 0..600 {
        let degree = rng.random_range(4..10);
        let generator = |rng: &mut ChaCha8Rng| {
            let mut images: Vec<usize> = (0..degree).collect();
            (0..rng.random_range(1..5))
                .for_each(|_| images.swap(rng.random_range(0..degree), rng.random_range(0..degree)));
            Permutation::from_images(&images).unwrap()
        };
        let generators = (0..rng.random_range(1..4)).map(|_| generator(&mut rng)).collect();
        groups.push(PermutationGroup::new("", degree, generators).unwrap());
    }
    let (mut with, mut without) = (0, 0);
    for group in groups.iter().filter(|g| g.order() <= 3_000u32.into()) {
        let Some(name) = name_of(group) else {
            without += 1;
            continue;
        };
        with += 1;
        let like = named(&name);
        assert_eq!(group.order(), like.order(), "{group:?} is called {name}");
        assert_eq!(group.is_abelian(), like.is_abelian(), "{group:?} is called {name}");
        let orders = |g: &PermutationGroup| g.element_orders().unwrap();
        assert_eq!(orders(group), orders(&like), "{group:?} is called {name}");
    }
    println!("{with} groups with a name, {without} without");
    assert!(with > 1_000, "{with} groups with a name, {without} without");
}

/// Abelian groups are named from any generators, however many more there are than needed.
#[test]
fn abelian_groups_are_named_from_any_generators() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let translations = msr_groups::torus_translations(4, 6).unwrap();
    let whole = Action::product_grid(&translations, &msr_groups::cyclic(10).unwrap()).unwrap();
    let whole = whole.image_group().unwrap();
    for round in 0..60 {
        let generators: Vec<Permutation> =
            (0..1 + round % 6).map(|_| whole.random_element(&mut rng).unwrap()).collect();
        // All products of them.
        let mut found = std::collections::HashSet::from([Permutation::identity(240).unwrap()]);
        let mut queue: Vec<Permutation> = found.iter().cloned().collect();
        while let Some(g) = queue.pop() {
            for a in &generators {
                let next = a.compose(&g).unwrap();
                if found.insert(next.clone()) {
                    queue.push(next);
                }
            }
        }
        let group = PermutationGroup::new("", 240, generators).unwrap();
        assert_eq!(group.order(), found.len().into());
        let name = name_of(&group).unwrap();
        let mut orders = std::collections::BTreeMap::new();
        for g in &found {
            *orders.entry(u64::try_from(g.order()).unwrap()).or_insert(0u64) += 1;
        }
        assert_eq!(named(&name).element_orders().unwrap(), orders, "{name}");
    }
}
