//! How often the group of generic equivariant maps is found.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use msr_discover::{DiscoverConfig, VerdictKind, discover};
use num_bigint::BigUint;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::made::{equivariant, group, pattern};
use crate::plot::{self, Lines};
use crate::{Failure, each};

/// Of which groups.
pub(crate) const GROUPS: [&str; 5] = ["C_2, 8", "C_10", "D_10", "S_8", "D_4, 3x3"];
/// How many tasks.
const TASKS: [usize; 4] = [20, 40, 80, 160];
/// How many examples, with how much noise.
pub(crate) const EXAMPLES: [(usize, f64); 5] = [(16, 0.05), (16, 0.3), (16, 1.0), (8, 0.1), (4, 0.1)];

/// What a prototype found in two runs of each, in the same order.
const PROTOTYPE: [[&str; 5]; 5] = [
    ["RR RR RR RR", ".. .R RR RR", ".. .. .. ..", ".. .. .. ..", ".. .. .. .."],
    ["RR RR RR RR", "RR RR RR RR", ".. .. .. RS", ".. .. .. RR", ".. .. .. R."],
    ["RR RR RR RR", "RR RR RR RR", ".. .. .. SR", ".. SR .R RR", ".. .. RR RR"],
    [".. RR RR RR", ".. .. RR RR", ".. .. .. ..", ".. R. SR RR", ".. .. .. .S"],
    ["RR RR RR RR", ".R RR RR RR", ".. .. .. .S", ".. .. .. ..", ".. .. .. .."],
];

/// The seed of a run.
pub(crate) fn seed(g: usize, (tasks, s, noise): (usize, usize, f64), run: usize) -> u64 {
    (1_000_000 + (((g * 100 + s) * 1000 + tasks) * 10_000 + (noise * 1000.0) as usize) * 100 + run) as u64
}

/// What is said of one set, in a letter, and how many more tasks it says would tell.
pub(crate) fn one(
    which: &str,
    (tasks, s, noise): (usize, usize, f64),
    seed: u64,
    run: usize,
) -> Result<(&'static str, Option<usize>), Failure> {
    let group = group(which)?;
    let pattern = pattern(&group)?;
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let made = equivariant(&pattern, (tasks, s), noise, 0.0, rng)?;
    let start = Instant::now();
    let verdict = discover(&made, &DiscoverConfig { seed: run as u64, ..DiscoverConfig::default() })?;
    let order = verdict.symmetry().map_or(BigUint::ZERO, |symmetry| symmetry.order.clone());
    // What orders say is enough here: a group whose order does not divide it is none of its
    // subgroups.
    let is_true = verdict.symmetry().is_none_or(|symmetry| {
        symmetry.generators.iter().all(|g| pattern.is_kept_by(g.pair.0.points(), g.pair.1.points()))
    });
    let (said, more) = match &verdict.kind {
        VerdictKind::Found(_) if !is_true => ("W", None),
        VerdictKind::AtLeast(_) if !is_true => ("W", None),
        VerdictKind::Found(_) if order == group.order() => ("R", None),
        VerdictKind::AtLeast(_) if order == group.order() => ("r", None),
        VerdictKind::AtLeast(_) => ("S", None),
        VerdictKind::Found(_) => ("X", None),
        VerdictKind::None => ("N", None),
        VerdictKind::Undecided { more_tasks, .. } => (".", *more_tasks),
        _ => ("?", None),
    };
    println!(
        "{which} | T {tasks} s {s} noise {noise} run {run}: {said} order {order} more {more:?} {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok((said, more))
}

pub(crate) fn run(runs: usize, name: Option<&str>, picture: Option<&Path>) -> Result<(), Failure> {
    let mut cells = Vec::new();
    for (g, which) in GROUPS.iter().enumerate().filter(|(_, which)| name.is_none_or(|name| name == **which)) {
        for &(s, noise) in &EXAMPLES {
            for &tasks in &TASKS {
                cells.extend((0..runs).map(|run| (g, *which, s, noise, tasks, run)));
            }
        }
    }
    let found = each(cells.len(), |at| {
        let (g, which, s, noise, tasks, run) = cells[at];
        one(which, (tasks, s, noise), seed(g, (tasks, s, noise), run), run)
    })?;
    let mut lines: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for (cell, (said, _)) in cells.iter().zip(&found) {
        let (g, _, s, noise, tasks, run) = *cell;
        let at = EXAMPLES.iter().position(|e| *e == (s, noise)).unwrap_or_default();
        let line = lines.entry((g, at)).or_default();
        if run == 0 {
            line.push(format!("{tasks}:"));
        }
        if let Some(last) = line.last_mut() {
            last.push_str(said);
        }
    }
    if let Some(picture) = picture {
        let share = |said: &str| {
            said.chars().filter(|c| matches!(c, 'R' | 'r')).count() as f64 / said.len().max(1) as f64
        };
        let lines = |g: usize, of: &dyn Fn(usize, usize) -> f64| -> Lines {
            let line = |(at, (s, noise)): (usize, &(usize, f64))| {
                let points = TASKS.iter().enumerate().map(|(t, &tasks)| (tasks as f64, of(at, t)));
                (format!("{s}, {noise}"), points.collect())
            };
            EXAMPLES.iter().enumerate().filter(|_| lines_of(&cells, g)).map(line).collect()
        };
        let groups: Vec<(&str, Lines, Lines)> = GROUPS
            .iter()
            .enumerate()
            .filter(|(g, _)| lines_of(&cells, *g))
            .map(|(g, group)| {
                let ours = |at: usize, t: usize| {
                    let said: String = cells
                        .iter()
                        .zip(&found)
                        .filter(|(c, _)| {
                            (c.0, c.2, c.3, c.4) == (g, EXAMPLES[at].0, EXAMPLES[at].1, TASKS[t])
                        })
                        .map(|(_, (said, _))| *said)
                        .collect();
                    share(&said)
                };
                let theirs = |at: usize, t: usize| share(PROTOTYPE[g][at].split(' ').nth(t).unwrap_or(""));
                (*group, lines(g, &ours), lines(g, &theirs))
            })
            .collect();
        plot::power(&groups, runs, picture)?;
    }
    println!(
        "\nR: found; r: at least the group, a larger one not refused; S: at least a subgroup; .: undecided;\n\
         X: found, but a subgroup; N: none; W: wrong\n"
    );
    for ((g, at), line) in lines {
        let (s, noise) = EXAMPLES[at];
        let theirs = PROTOTYPE[g][at].split(' ').zip(TASKS).map(|(said, tasks)| format!("{tasks}:{said}"));
        let theirs: Vec<String> = theirs.collect();
        println!("| {} | {s}, {noise} | {} | {} |", GROUPS[g], line.join(" "), theirs.join(" "));
    }
    forecasts(&cells, &found);
    Ok(())
}

/// Whether there are runs of a group.
fn lines_of(cells: &[Cell<'_>], g: usize) -> bool {
    cells.iter().any(|cell| cell.0 == g)
}

type Cell<'a> = (usize, &'a str, usize, f64, usize, usize);

/// What was undecided and said how many more tasks would tell, and what happened with so many.
fn forecasts(cells: &[Cell<'_>], found: &[(&str, Option<usize>)]) {
    println!(
        "\nForecasts: group, examples, noise | tasks | needed in all, by each undecided run | first number of tasks that half of the runs found"
    );
    let runs = cells.iter().map(|cell| cell.5).max().unwrap_or(0) + 1;
    for (g, name) in GROUPS.iter().enumerate() {
        for &(s, noise) in &EXAMPLES {
            let at = |tasks: usize| {
                cells
                    .iter()
                    .zip(found)
                    .filter(move |(c, _)| c.0 == g && c.2 == s && c.3 == noise && c.4 == tasks)
            };
            let is_found = |tasks: &usize| {
                at(*tasks).filter(|(_, (said, _))| matches!(*said, "R" | "r")).count() * 2 >= runs
            };
            let first = TASKS.iter().copied().filter(|tasks| at(*tasks).count() > 0).find(is_found);
            for tasks in TASKS {
                let needed: Vec<usize> =
                    at(tasks).filter_map(|(_, (_, more))| more.map(|more| more + tasks)).collect();
                if !needed.is_empty() {
                    println!("| {name}, {s}, {noise} | {tasks} | {needed:?} | {first:?} |");
                }
            }
        }
    }
}
