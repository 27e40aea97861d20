//! How often `recover` is right, group by group: counts of right, larger, smaller and no answers.
//!
//! `cargo run --release -p msr-groups --example recovery_counts -- 40` draws 40 matrices for each
//! cell; without a number, two. Three tables:
//! - *Exact groups*: `U = U^G M + ε E`, M and E with standard normal entries, for noise ε from .01
//!   to .2 and so many columns as there are classes, up to twice that; and one column.
//! - *Almost-symmetries*: `U = U^G M + s ε U^H M' + ε E` for a subgroup H of G. What holds exactly
//!   is H, and the strength s says how many times larger than the noise that is which tells H from
//!   G. At s = 0, G is right.
//! - *Uneven noise*: exact groups again, with K columns and noise that is not the same everywhere:
//!   up to ten times smaller in some classes, or in some columns, or with heavy tails.
//!
//! A claim is *larger* when it has a permutation that does not keep the true pattern: it is wrong.
//! It is *smaller* when it misses one; *none* is no claim. Of the larger ones, those *without a
//! doubt* do not say that the group may be a smaller one; *right, doubted* are right and say so.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::collections::BTreeMap;
use std::time::Instant;

use msr_groups::{
    Action, PermutationGroup, Recovery, RecoveryConfig, Result, SharingPattern, SymmetryMatrix, parse_group,
    pattern_automorphisms, recover,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Each with its natural action on outputs and inputs.
const GROUPS: [&str; 16] = [
    "cyclic(6)",
    "cyclic(12)",
    "dihedral(5)",
    "dihedral(8)",
    "symmetric(6)",
    "torus_translations(3, 4)",
    "product_grid(symmetric(3), symmetric(4))",
    "product_grid(cyclic(3), symmetric(4))",
    "direct_product(cyclic(3), cyclic(4))",
    "direct_product(symmetric(3), dihedral(4))",
    "unordered_pairs(symmetric(5))",
    "wreath_product(symmetric(3), symmetric(3))",
    "wreath_product(cyclic(3), cyclic(3))",
    "semidirect(7, 3)",
    "square_grid(3)",
    "regular(quaternion())",
];
/// Subgroups of groups that act on the same points.
const NEAR: [(&str, &str); 8] = [
    ("cyclic(6)", "dihedral(6)"),
    ("cyclic(10)", "dihedral(10)"),
    ("dihedral(6)", "symmetric(6)"),
    ("semidirect(7, 3)", "symmetric(7)"),
    ("torus_translations(3, 3)", "product_grid(symmetric(3), symmetric(3))"),
    ("product_grid(cyclic(3), symmetric(4))", "product_grid(symmetric(3), symmetric(4))"),
    ("wreath_product(cyclic(3), cyclic(3))", "wreath_product(symmetric(3), symmetric(3))"),
    ("unordered_pairs(symmetric(5))", "symmetric(10)"),
];
const NOISE: [f64; 5] = [0.01, 0.02, 0.05, 0.1, 0.2];
const STRENGTHS: [f64; 7] = [0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
const NEAR_NOISE: [f64; 3] = [0.001, 0.003, 0.01];

/// How often each answer was given.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    right: usize,
    larger: usize,
    /// Of the larger ones.
    undoubted: usize,
    /// Of the right ones.
    doubted: usize,
    smaller: usize,
    none: usize,
}

impl Counts {
    fn add(&mut self, found: &Recovery, truth: &PermutationGroup) {
        let (claimed, doubted) = match found {
            Recovery::Group(found) => (&found.permutations, found.doubt.is_some()),
            // Ties that nothing but the identity keeps.
            Recovery::Ties(_) => {
                self.smaller += 1;
                return;
            }
            _ => {
                self.none += 1;
                return;
            }
        };
        if truth.contains_group(claimed).is_ok_and(|within| !within) {
            self.larger += 1;
            self.undoubted += usize::from(!doubted);
        } else if claimed.contains_group(truth).is_ok_and(|within| within) {
            self.right += 1;
            self.doubted += usize::from(doubted);
        } else {
            self.smaller += 1;
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            right: self.right + other.right,
            larger: self.larger + other.larger,
            undoubted: self.undoubted + other.undoubted,
            doubted: self.doubted + other.doubted,
            smaller: self.smaller + other.smaller,
            none: self.none + other.none,
        }
    }

    fn row(&self) -> String {
        let Self { right, larger, undoubted, doubted, smaller, none } = self;
        format!("{right} | {doubted} | {larger} | {undoubted} | {smaller} | {none}")
    }
}

/// Counts under names, and their sum.
type Table = BTreeMap<String, Counts>;

fn print(title: &str, tables: &[(&str, &Table)]) {
    println!("\n{title}");
    for (by, table) in tables {
        println!(
            "\n| {by} | right | right, doubted | larger | without a doubt | smaller | none |\n|---|---|---|---|---|---|---|"
        );
        for (name, counts) in *table {
            println!("| {name} | {} |", counts.row());
        }
    }
    if let Some((_, table)) = tables.first() {
        let all = table.values().fold(Counts::default(), |sum, counts| sum.plus(*counts));
        println!("| all | {} |", all.row());
    }
}

struct Case {
    pattern: SharingPattern,
    /// All permutations that keep the pattern.
    truth: PermutationGroup,
}

impl Case {
    fn new(call: &str) -> Result<Self> {
        let action = Action::natural(&parse_group(call)?);
        let pattern = SharingPattern::new(&action, &action)?;
        Ok(Self { truth: pattern_automorphisms(&pattern)?, pattern })
    }

    /// `scale U^G M`, with so many columns.
    fn signal(&self, columns: usize, scale: f64, rng: &mut ChaCha8Rng) -> Result<Vec<f64>> {
        let entries = self.pattern.free_parameters() * columns;
        let basis: Vec<f64> = (0..entries).map(|_| scale * normal(rng)).collect();
        self.pattern.times(&basis, columns)
    }

    fn read(&self, u: &[f64]) -> Result<Recovery> {
        let matrix = SymmetryMatrix::new(u, self.pattern.outputs(), self.pattern.inputs())?;
        recover(matrix, &RecoveryConfig::default())
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn exact_groups(trials: usize) -> Result<()> {
    let (mut by_group, mut by_noise, mut by_columns) = (Table::new(), Table::new(), Table::new());
    for (number, call) in GROUPS.iter().enumerate() {
        let case = Case::new(call)?;
        let least = case.pattern.free_parameters();
        let widths =
            [("1 column", 1), ("K", least), ("3/2 K", least + least.div_ceil(2)), ("2 K", 2 * least)];
        for noise in NOISE {
            for (width, columns) in widths {
                let mut counts = Counts::default();
                let mut rng = ChaCha8Rng::seed_from_u64((number * 10_000 + columns) as u64);
                for _ in 0..trials {
                    let mut u = case.signal(columns, 1.0, &mut rng)?;
                    u.iter_mut().for_each(|u| *u += noise * normal(&mut rng));
                    counts.add(&case.read(&u)?, &case.truth);
                }
                let name = format!("{call} (K = {least})");
                for (table, key) in [
                    (&mut by_group, name),
                    (&mut by_noise, format!("{noise}")),
                    (&mut by_columns, width.to_string()),
                ] {
                    let sum = table.entry(key).or_default();
                    *sum = sum.plus(counts);
                }
            }
        }
    }
    print(
        &format!("Exact groups, {trials} matrices a cell"),
        &[("group", &by_group), ("noise", &by_noise), ("columns", &by_columns)],
    );
    Ok(())
}

fn almost_symmetries(trials: usize) -> Result<()> {
    let (mut by_group, mut by_strength, mut by_columns) = (Table::new(), Table::new(), Table::new());
    for (number, (small, large)) in NEAR.iter().enumerate() {
        let (exact, almost) = (Case::new(small)?, Case::new(large)?);
        let least = exact.pattern.free_parameters();
        for strength in STRENGTHS {
            for noise in NEAR_NOISE {
                for (width, columns) in [("1 column", 1), ("K", least), ("2 K", 2 * least)] {
                    let mut counts = Counts::default();
                    let mut rng = ChaCha8Rng::seed_from_u64((number * 10_000 + columns) as u64);
                    for _ in 0..trials {
                        let mut u = almost.signal(columns, 1.0, &mut rng)?;
                        let apart = exact.signal(columns, strength * noise, &mut rng)?;
                        u.iter_mut().zip(apart).for_each(|(u, a)| *u += a + noise * normal(&mut rng));
                        let truth = if strength > 0.0 { &exact } else { &almost };
                        counts.add(&exact.read(&u)?, &truth.truth);
                    }
                    let strength = format!("{strength:>3}");
                    let group = if strength.trim() == "0" { "(no difference)" } else { small };
                    for (table, key) in [
                        (&mut by_group, format!("{group}, almost {large}")),
                        (&mut by_strength, strength),
                        (&mut by_columns, width.to_string()),
                    ] {
                        let sum = table.entry(key).or_default();
                        *sum = sum.plus(counts);
                    }
                }
            }
        }
    }
    print(
        &format!("Almost-symmetries, {trials} matrices a cell"),
        &[("groups", &by_group), ("strength, in noise", &by_strength), ("columns", &by_columns)],
    );
    Ok(())
}

/// How large the noise of a row's class and of a column is, and its shape.
#[derive(Clone, Copy, Debug)]
enum Uneven {
    Classes,
    Columns,
    HeavyTails,
}

fn uneven_noise(trials: usize) -> Result<()> {
    let (mut by_kind, mut by_noise) = (Table::new(), Table::new());
    for (number, call) in GROUPS.iter().enumerate() {
        let case = Case::new(call)?;
        let k = case.pattern.free_parameters();
        for noise in NOISE {
            for (kind, name) in [
                (Uneven::Classes, "classes"),
                (Uneven::Columns, "columns"),
                (Uneven::HeavyTails, "heavy tails (cubes)"),
            ] {
                let mut counts = Counts::default();
                let mut rng = ChaCha8Rng::seed_from_u64(number as u64);
                for _ in 0..trials {
                    let mut u = case.signal(k, 1.0, &mut rng)?;
                    let sizes: Vec<f64> = (0..k).map(|_| 10f64.powf(-rng.random::<f64>())).collect();
                    for (i, u) in u.iter_mut().enumerate() {
                        let e = normal(&mut rng);
                        *u += noise
                            * match kind {
                                Uneven::Classes => sizes[case.pattern.labels()[i / k] as usize] * e,
                                Uneven::Columns => sizes[i % k] * e,
                                // Divided by their standard deviation.
                                Uneven::HeavyTails => e.powi(3) / 15f64.sqrt(),
                            };
                    }
                    counts.add(&case.read(&u)?, &case.truth);
                }
                for (table, key) in [(&mut by_kind, name.to_string()), (&mut by_noise, format!("{noise}"))] {
                    let sum = table.entry(key).or_default();
                    *sum = sum.plus(counts);
                }
            }
        }
    }
    print(
        &format!("Uneven noise, {trials} matrices a cell"),
        &[("uneven in", &by_kind), ("noise", &by_noise)],
    );
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let trials = std::env::args().nth(1).map_or(Ok(2), |text| text.parse())?;
    let started = Instant::now();
    exact_groups(trials)?;
    almost_symmetries(trials)?;
    uneven_noise(trials)?;
    println!("\n{:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
