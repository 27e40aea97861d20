//! A run from its flags to its report.

use std::borrow::Cow;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use msr_report::peak_memory;
use serde::Serialize;

use super::cells::{RESULT, run_cells};
use super::experiment::{Experiment, Report, Run};
use super::flags::Flags;
use super::folder::{CELLS, Folder};
use super::origin::{record, to_continue};
use super::prepared::{TriedOut, try_out};
use super::run_folder::{FINISHED, Lock, create, reopen};
use crate::console::{Console, on_interrupt};

/// Runs an experiment, prints and keeps its report, and records it when asked to; fails, and
/// records nothing, when a bound of the definition does not hold.
pub fn reproduce<E: Experiment>(name: &str, built_in: &str, flags: &Flags<E::Flags>) -> Result<()> {
    let console = Console::new(flags.json);
    let Started { folder, run, workers, lock } = if flags.resume {
        resume::<E>(name, flags, &console)?
    } else {
        begin::<E>(name, built_in, flags, &console)?
    };
    let started = Instant::now();
    let at = folder.path().display();
    let cells = run.definition.cell_count();
    let to_continue = format!("to continue: {}", to_continue(name, folder.path()));
    console.say(&format!("{cells} training run{} in {at}", if cells == 1 { "" } else { "s" }));
    console.say(&format!("stop at any time; {to_continue}"));
    on_interrupt(&format!("stopped; {to_continue}"))?;
    let outcomes = run_cells(&run, workers, &folder, &console)?;
    let report = E::report(&run, &outcomes, &folder)?;
    folder.write(&format!("{name}.md"), report.text.as_bytes())?;
    folder.write_json(FINISHED, &outcomes)?;

    let seconds = started.elapsed().as_secs_f64();
    let memory = peak_memory();
    let memory = memory.map_or_else(String::new, |mib| format!(", at most {mib} MiB of memory"));
    console.table(&format!("\n{}", report.text));
    console
        .say(&format!("took {seconds:.1} s{memory}; pictures, metrics and learned tensors are in\n  {at}"));
    console.json(&Results {
        experiment: name,
        folder: folder.path().to_string_lossy(),
        seconds,
        checked: report.checked,
        outside: &report.outside,
        results: &outcomes,
    })?;
    check_bounds(&report, &run.source, &console)?;
    if let Some(record_name) = run.recorded_as.as_ref().filter(|_| flags.record) {
        // What was done before it was stopped is not known here.
        let took = format!("\nThe whole experiment took {seconds:.0} s{memory}.\n");
        let took = if flags.resume { "" } else { &took };
        let path = record(record_name, run.device.name(), &format!("{}{took}", report.text))?;
        console.say(&format!("recorded in {}", path.display()));
    }
    // Until now, nobody else may work there.
    drop(lock);
    Ok(())
}

/// A run that was begun or is continued.
struct Started<E: Experiment> {
    folder: Folder,
    run: Run<E>,
    /// How many training runs go side by side.
    workers: usize,
    lock: Lock,
}

/// A new run, in a new folder, which is made once everything is checked.
fn begin<E: Experiment>(
    name: &str,
    built_in: &str,
    flags: &Flags<E::Flags>,
    console: &Console,
) -> Result<Started<E>> {
    let run = Run::<E>::new(name, built_in, flags)?;
    run.definition.check_plan()?;
    run.device.open()?;
    run.left_out.iter().for_each(|line| console.say(line));
    can_record(&run, flags.record)?;
    let TriedOut { lines, workers } = try_out(&run)?;
    lines.iter().for_each(|line| console.say(line));
    let (folder, lock) = create(name, flags.out.as_deref(), &flags.runs, &run)?;
    Ok(Started { folder, run, workers, lock })
}

/// An earlier run, in its folder. It is checked again: its settings may have been changed by hand,
/// its data may be gone, and this may be another machine.
fn resume<E: Experiment>(name: &str, flags: &Flags<E::Flags>, console: &Console) -> Result<Started<E>> {
    let (folder, lock, run): (_, _, Run<E>) = reopen(name, flags.out.as_deref(), &flags.runs)?;
    let in_folder = || format!("the run in {}", folder.path().display());
    run.definition.check_plan().with_context(in_folder)?;
    can_record(&run, flags.record)?;
    let result = |cell| folder.path().join(CELLS).join(E::cell_name(&cell)).join(RESULT);
    let mut workers = 1;
    if run.definition.cells().any(|cell| !result(cell).exists()) {
        run.device.open()?;
        let tried = try_out(&run).with_context(in_folder)?;
        tried.lines.iter().for_each(|line| console.say(line));
        workers = tried.workers;
    }
    Ok(Started { folder, run, workers, lock })
}

fn can_record<E: Experiment>(run: &Run<E>, asked: bool) -> Result<()> {
    ensure!(
        !asked || run.recorded_as.is_some(),
        "--record is for the whole experiment; leave out the flags that change or narrow it{}",
        if run.left_out.is_empty() { "" } else { ", and get the data that is missing" }
    );
    Ok(())
}

/// What `--json` prints.
#[derive(Serialize)]
struct Results<'a, O> {
    experiment: &'a str,
    /// The run folder; letters of its name that are none are replaced.
    folder: Cow<'a, str>,
    seconds: f64,
    /// How many bounds were checked.
    checked: usize,
    /// Those that do not hold.
    outside: &'a [String],
    /// One for each training run.
    results: &'a [O],
}

/// Fails when a bound of the definition, which is in the file `source`, does not hold.
fn check_bounds(report: &Report, source: &str, console: &Console) -> Result<()> {
    match verdict(report, source) {
        Ok(Some(line)) => console.say(&line),
        Ok(None) => {}
        Err(failed) => bail!(failed),
    }
    Ok(())
}

/// What came of the checks, in words: that all hold, if there were any, or which failed.
fn verdict(report: &Report, source: &str) -> Result<Option<String>, String> {
    let Report { checked, outside, .. } = report;
    let checks = if *checked == 1 { "check" } else { "checks" };
    match (outside.len(), checked) {
        (0, 0) => Ok(None),
        (0, 1) => Ok(Some(format!("the one check against {source} holds"))),
        (0, _) => Ok(Some(format!("all {checked} checks against {source} hold"))),
        (failed, _) => Err(format!(
            "{failed} of {checked} {checks} against {source} failed:\n  {}",
            outside.join("\n  ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, verdict};

    #[test]
    fn the_verdict_counts() {
        let verdict = |checked, outside: &[&str]| {
            let outside = outside.iter().map(|line| (*line).to_string()).collect();
            verdict(&Report { text: String::new(), checked, outside }, "own.toml")
        };
        assert_eq!(verdict(0, &[]), Ok(None));
        assert_eq!(verdict(1, &[]), Ok(Some("the one check against own.toml holds".into())));
        assert_eq!(verdict(9, &[]), Ok(Some("all 9 checks against own.toml hold".into())));
        assert_eq!(verdict(1, &["a"]), Err("1 of 1 check against own.toml failed:\n  a".into()));
        assert_eq!(verdict(9, &["a", "b"]), Err("2 of 9 checks against own.toml failed:\n  a\n  b".into()));
    }
}
