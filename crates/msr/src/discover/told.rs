//! What is printed of a verdict.

use anyhow::Result;
use msr_discover::{Comparison, Model};
use msr_experiments::console::Console;
use msr_experiments::engine::program;
use msr_groups::SignedPermutation;
use msr_report::symmetry_report::named_cycles;

use super::place::Place;
use super::record::{Found, TestedAnswer, TestedRecord};
use crate::verdict_file::Answer;

/// So many generators are printed.
const GENERATORS: usize = 6;
/// When more of the variation of the outputs than this is not explained, products may help.
const UNEXPLAINED: f64 = 0.8;

/// The same with a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>());
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.unwrap_or_default(), letters.as_str())
}

/// The verdict and its generators.
///
/// # Errors
/// When generators are none.
pub fn verdict(console: &Console, found: &Found) -> Result<()> {
    console.say(&sentence(&msr_files::printable(&found.file.said)));
    for hint in hints(found) {
        console.say(&hint);
    }
    let Some(symmetry) = &found.file.symmetry else { return Ok(()) };
    let side = |text: &str, degree, names: &[String]| {
        Ok::<_, anyhow::Error>(named_cycles(&SignedPermutation::parse(text, degree)?, names))
    };
    for generator in symmetry.generators.iter().take(GENERATORS) {
        let y = side(&generator.outputs, symmetry.outputs, &found.output_names)?;
        let x = side(&generator.inputs, symmetry.inputs, &found.input_names)?;
        let words = generator.words.as_ref().map_or(String::new(), |words| format!(" ({words})"));
        console.say(&format!("  generator: outputs {y}\n             inputs  {x}{words}"));
    }
    if let Some(more) = symmetry.generators.len().checked_sub(GENERATORS).filter(|&more| more > 0) {
        let s = if more == 1 { "" } else { "s" };
        console.say(&format!("  and {more} more generator{s}"));
    }
    if symmetry.signed {
        console.say("  each is known up to a sign on both sides at once, which linear maps cannot show; so a layer with it has no bias");
    }
    Ok(())
}

/// What keeps the verdict open, and flags that may show more, a line each.
fn hints(found: &Found) -> Vec<String> {
    let mut hints = Vec::new();
    if found.file.verdict == Answer::None && !found.signed && !found.file.pairs {
        hints.push(
            "  this is said of permutations alone: --signed also looks for components that change their signs".into(),
        );
    }
    if let Some(reason) = open(found).filter(|_| found.more_tasks.is_none()) {
        hints.push(format!("  what keeps the most promising pattern open: {reason}"));
    }
    // Of tasks that were too few nothing was fitted.
    if found.confirming > 0 && found.unexplained > UNEXPLAINED && !found.file.pairs {
        let instead = if found.signed { " in place of --signed" } else { "" };
        hints.push(format!(
            "  {:.0} % of the variation of the outputs is noise, or not linear in the inputs; if it is the latter, --pairs{instead} \
             (products of inputs) may show more",
            100.0 * found.unexplained
        ));
    }
    hints
}

/// Why the pattern that may be broken least was neither accepted nor refused, where nothing is
/// decided.
fn open(found: &Found) -> Option<&str> {
    let open = found.tested.iter().filter(|tested| tested.answer == TestedAnswer::Open);
    let of = |tested: &&TestedRecord| tested.asymmetry.upper.unwrap_or(f64::INFINITY);
    let least = open.min_by(|a, b| of(a).total_cmp(&of(b)))?;
    (found.file.verdict == Answer::Undecided).then_some(&least.reason)
}

/// What it is worth, and where its report is.
pub fn worth(console: &Console, found: &Found, place: Option<&Place>) {
    if let Some(worth) = &found.worth {
        console.say(worth);
    }
    let Some(place) = place else { return };
    console.say(&format!("the report is in {}", place.report.display()));
    if found.file.symmetry.is_some() && !found.file.pairs {
        let folder = msr_report::shell_word(&place.folder);
        console.say(&format!("a layer with it: {} export {folder} --to pytorch --out tied.py", program()));
    }
}

/// What tying the weights does to the error, in a line.
pub fn gained(comparison: &Comparison) -> Option<String> {
    let error = |model: Model| comparison.scored.iter().find(|scored| scored.model == model);
    let (plain, learned, tied) = (error(Model::Plain)?, error(Model::Learned)?, error(Model::Tied)?);
    Some(format!(
        "With {} examples, the held-out error of new tasks is {} of their variation with tied weights, {} where what tasks \
         share is learned without ties, and {} where each is learned alone.",
        range(comparison.sizes.adapting),
        share(tied.mean.value),
        share(learned.mean.value),
        share(plain.mean.value)
    ))
}

/// `6`, `6 to 9`.
pub fn range((least, most): (usize, usize)) -> String {
    if least == most { least.to_string() } else { format!("{least} to {most}") }
}

fn share(value: f64) -> String {
    let percent = 100.0 * value;
    if percent < 10.0 { format!("{percent:.2} %") } else { format!("{percent:.1} %") }
}
