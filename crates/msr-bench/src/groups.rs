//! Sharing patterns, large groups and recovery: how long they take, and how much faster the pattern
//! is than going through the group.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use msr_groups::{
    Action, PermutationGroup, RecoveryConfig, SharingPattern, SymmetryMatrix, parse_group, recover, rubik,
    symmetric, torus_translations,
};

use crate::record::OutputArgs;
use crate::timing::median;
use msr_kernels::Place;
use msr_report::Table;
use serde::Serialize;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How often each piece of work is done.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    samples: u64,
    /// What becomes of the result.
    #[command(flatten)]
    output: OutputArgs,
}

/// A piece of work, with a check of its answer.
struct Work {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// What was measured, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
struct Results {
    suite: &'static str,
    /// How often each piece of work was done.
    samples: u64,
    results: Vec<Row>,
    /// The pattern of the torus, over going through all elements of the group.
    ratio: f64,
}

/// A piece of work, and the median of its times in milliseconds.
#[derive(Clone, Debug, Serialize)]
struct Row {
    work: &'static str,
    ms: f64,
}

/// Measures, prints, and records when asked to.
pub fn run(args: &Args) -> Result<()> {
    let works = [
        Work { name: "pattern of C_32 × C_32 on 1024 × 1024", run: || torus(pattern) },
        Work { name: "the same through all elements of the group", run: || torus(through_elements) },
        Work { name: "pattern of S_5 on ordered pairs, 25 × 25", run: pairs },
        Work { name: "pattern of the cube group on 48 × 48 stickers", run: cube },
        Work { name: "order of the cube group", run: cube_order },
        Work { name: "order of S_30", run: s_30 },
        Work { name: "C_32 recovered from 1024 rows of U", run: recovery },
        Work { name: "S_4 ≀ S_4 recovered from 256 rows of U", run: wreath },
    ];
    let mut times = vec![Vec::new(); works.len()];
    for _ in 0..args.samples {
        for (work, times) in works.iter().zip(&mut times) {
            let started = Instant::now();
            (work.run)()?;
            times.push(1e3 * started.elapsed().as_secs_f64());
        }
    }
    let results = results(args.samples, works.iter().map(|work| work.name).zip(&times).collect());
    args.output.publish("groups", Place::Cpu, &report(&results), &results)
}

fn results(samples: u64, times: Vec<(&'static str, &Vec<f64>)>) -> Results {
    let results: Vec<Row> = times.into_iter().map(|(work, times)| Row { work, ms: median(times) }).collect();
    let ratio = match &results[..] {
        [pattern, elements, ..] => pattern.ms / elements.ms,
        _ => f64::NAN,
    };
    Results { suite: "groups", samples, results, ratio }
}

fn report(found: &Results) -> String {
    let rows = found.results.iter().map(|row| vec![row.work.to_string(), format!("{:.2} ms", row.ms)]);
    format!(
        "{}\nMedians of {} on one core, each from nothing: group, action and pattern. The pattern of the torus takes \
         {:.3} of the time\nof going through all elements.\n",
        Table::new(["work", "time"], rows),
        found.samples,
        found.ratio,
    )
}

fn torus(make: fn(&Action) -> Result<usize>) -> Result<()> {
    let classes = make(&Action::natural(&torus_translations(32, 32)?))?;
    ensure!(classes == 1024, "{classes} classes");
    Ok(())
}

fn pattern(action: &Action) -> Result<usize> {
    Ok(SharingPattern::new(action, action)?.free_parameters())
}

/// The slow way: every weight is labelled by the smallest weight that some element sends it to.
fn through_elements(action: &Action) -> Result<usize> {
    let n = action.points();
    let mut least: Vec<u32> = (0..(n * n) as u32).collect();
    for g in action.group().elements()? {
        let images = g.images();
        for (y, row) in least.chunks_exact_mut(n).enumerate() {
            let y = images[y] * n as u32;
            for (label, x) in row.iter_mut().zip(images) {
                *label = (*label).min(y + x);
            }
        }
    }
    least.sort_unstable();
    least.dedup();
    Ok(least.len())
}

fn pairs() -> Result<()> {
    let action = Action::natural(&symmetric(5)?).on_ordered_pairs()?;
    let classes = pattern(&action)?;
    ensure!(classes == 15, "{classes} classes");
    Ok(())
}

fn cube() -> Result<()> {
    let classes = pattern(&Action::natural(&rubik()))?;
    ensure!(classes == 9, "{classes} classes");
    Ok(())
}

fn has_order(group: &PermutationGroup, order: &str) -> Result<()> {
    ensure!(group.order().to_string() == order, "order {}", group.order());
    Ok(())
}

fn cube_order() -> Result<()> {
    has_order(&rubik(), "43252003274489856000")
}

fn s_30() -> Result<()> {
    // From the generators alone: the family knows its order.
    let group = PermutationGroup::new("S_30", 30, symmetric(30)?.generators().to_vec())?;
    has_order(&group, "265252859812191058636308480000000")
}

fn recovered(call: &str, order: &str) -> Result<()> {
    let action = Action::natural(&parse_group(call)?);
    let pattern = SharingPattern::new(&action, &action)?;
    let (dense, n) = (pattern.dense()?, action.points());
    let found = recover(SymmetryMatrix::new(&dense, n, n)?, &RecoveryConfig::default())?;
    has_order(&found.group().context("no group was recovered")?.permutations, order)
}

fn recovery() -> Result<()> {
    recovered("cyclic(32)", "32")
}

fn wreath() -> Result<()> {
    recovered("wreath_product(symmetric(4), symmetric(4))", "7962624")
}

#[cfg(test)]
mod tests {
    use super::{report, results};

    #[test]
    fn results_as_json_and_as_text() -> serde_json::Result<()> {
        let found = results(3, vec![("fast", &vec![1.0, 2.0, 9.0]), ("slow", &vec![8.0, 8.0, 8.0])]);
        assert_eq!(
            serde_json::to_value(&found)?,
            serde_json::json!({
                "suite": "groups",
                "samples": 3,
                "results": [{ "work": "fast", "ms": 2.0 }, { "work": "slow", "ms": 8.0 }],
                "ratio": 0.25,
            })
        );
        let text = report(&found);
        assert!(text.contains("| fast | 2.00 ms |") && text.contains("takes 0.250 of the time"), "{text}");
        Ok(())
    }
}
