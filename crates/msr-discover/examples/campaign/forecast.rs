//! Whether a group is found with as many tasks as an undecided verdict asks for.

use crate::power::{EXAMPLES, GROUPS, one, seed};
use crate::{Failure, each};

/// How many tasks there are when the forecast is made.
const TASKS: [usize; 3] = [20, 40, 80];
/// Forecasts of more tasks are not followed.
const MOST: usize = 3_000;

/// Asks for a verdict of `runs` sets of each kind, and, where it is undecided and says how many
/// tasks would tell, for that of a set with so many.
pub(crate) fn run(runs: usize) -> Result<(), Failure> {
    let mut cells = Vec::new();
    for (g, which) in GROUPS.iter().enumerate() {
        for &(s, noise) in &EXAMPLES {
            cells.extend(
                TASKS.iter().flat_map(|&tasks| (0..runs).map(move |run| (g, *which, s, noise, tasks, run))),
            );
        }
    }
    let found = each(cells.len(), |at| {
        let (g, which, s, noise, tasks, run) = cells[at];
        let seed = seed(g, (tasks, s, noise), run);
        let (_, more) = one(which, (tasks, s, noise), seed, run)?;
        let Some(all) = more.map(|more| more + tasks) else { return Ok(None) };
        let then = if all <= MOST { Some(one(which, (all, s, noise), seed, run)?.0) } else { None };
        Ok(Some((all, then)))
    })?;
    println!("\n| group, examples, noise | tasks | asked for, and what was said then |\n|---|---|---|");
    let (mut followed, mut whole, mut part) = (0, 0, 0);
    for (cells, found) in cells.chunks(runs).zip(found.chunks(runs)) {
        let Some((_, which, s, noise, tasks, _)) = cells.first() else { continue };
        let told = found.iter().flatten().map(|(all, then)| format!("{all}:{}", then.unwrap_or("–")));
        let told: Vec<String> = told.collect();
        if !told.is_empty() {
            println!("| {which}, {s}, {noise} | {tasks} | {} |", told.join(" "));
        }
        for said in found.iter().flatten().filter_map(|(_, then)| *then) {
            followed += 1;
            whole += usize::from(matches!(said, "R" | "r"));
            part += usize::from(said == "S");
        }
    }
    println!(
        "\n{followed} forecasts of at most {MOST} tasks followed: {whole} find the whole group, {part} a part of it"
    );
    Ok(())
}
