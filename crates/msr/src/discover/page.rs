//! The report of a verdict.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use msr_data::tasks::TaskData;
use msr_discover::{Comparison, DiscoverConfig, Model, Tasks};
use msr_groups::{SignedPattern, SignedPermutation};
use msr_report::symmetry_report::{
    Candidate, Generator, Interval, Kind, Model as Row, Series, Status, Symmetry, SymmetryReport,
    named_cycles, page,
};

use super::PART;
use super::record::{Found, TestedAnswer, TestedRecord};
use super::told::{range, sentence};
use super::understood::understood;
use crate::verdict_file::{Answer, BoundsRecord, GeneratorRecord, SymmetryRecord};

/// The report as one HTML page.
///
/// # Errors
/// When its parts do not fit together.
pub fn report(
    title: &str,
    data: &TaskData,
    tasks: &Tasks,
    config: &DiscoverConfig,
    comparison: Option<&Comparison>,
    found: &Found,
    budget: Duration,
) -> Result<String> {
    let layout = &config.layout;
    let pattern = found.pattern()?;
    let candidates: Result<_> = found.tested.iter().map(|tested| candidate(tested, found)).collect();
    let report = SymmetryReport {
        title: title.into(),
        verdict: sentence(&found.file.said),
        kind: match found.file.verdict {
            Answer::Found => Kind::Found,
            Answer::AtLeast => Kind::AtLeast,
            Answer::None => Kind::None,
            Answer::Undecided => Kind::Undecided,
        },
        what_would_change_it: found.what_would_change_it.clone(),
        data: described(data, tasks, found),
        tolerance: Some(found.tolerance),
        outputs: found.outputs,
        inputs: found.inputs,
        input_shape: layout.inputs.clone(),
        output_shape: layout.outputs.clone(),
        input_names: found.input_names.clone(),
        output_names: found.output_names.clone(),
        features: features(found, pattern.as_ref()),
        symmetry: found.file.symmetry.as_ref().zip(pattern).map(drawn).transpose()?,
        candidates: candidates?,
        error_name: "held-out error, of the variation of y".into(),
        models: comparison.map(rows).unwrap_or_default(),
        curve: comparison.map(curve).unwrap_or_default(),
        settings: settings(config, found, comparison, budget),
        command: found.command.clone(),
        made: format!("msr {}, {}", found.version, day(SystemTime::now())),
    };
    Ok(page(&report)?)
}

/// A date, `2026-11-27` (UTC).
fn day(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

fn interval(bounds: impl Into<BoundsRecord>) -> Interval {
    // What is not known at all goes beyond the axes.
    let BoundsRecord { value, lower, upper } = bounds.into();
    let value = value.unwrap_or(0.0);
    Interval { value, lower: lower.unwrap_or(-1.0).min(value), upper: upper.unwrap_or(2.0).max(value) }
}

/// The names of what the weights are of, where that is the inputs and their products: the inputs,
/// the products of two, and the squares where there are any.
fn features(found: &Found, pattern: Option<&SignedPattern>) -> Vec<String> {
    let Some(columns) = pattern.filter(|_| found.file.pairs).map(SignedPattern::inputs) else {
        return Vec::new();
    };
    let n = found.inputs;
    let name = |at: usize| found.input_names.get(at).cloned().unwrap_or_else(|| format!("x{at}"));
    let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    let products = pairs.map(|(i, j)| format!("{}·{}", name(i), name(j)));
    let squares = (0..n).map(|i| format!("{}²", name(i)));
    (0..n).map(name).chain(products).chain(squares).take(columns).collect()
}

fn drawn((symmetry, pattern): (&SymmetryRecord, SignedPattern)) -> Result<Symmetry> {
    let generator = |(generator, (outputs, inputs)): (&GeneratorRecord, _)| Generator {
        outputs,
        inputs,
        strength: generator.strength.map(interval),
        words: generator.words.clone(),
    };
    Ok(Symmetry {
        name: symmetry.name.clone().unwrap_or_default(),
        order: symmetry.order.clone(),
        pattern,
        generators: symmetry.generators.iter().zip(symmetry.pairs()?).map(generator).collect(),
        strength: "share of the variation that it keeps".into(),
        signed: symmetry.signed,
        weights: None,
    })
}

fn candidate(tested: &TestedRecord, found: &Found) -> Result<Candidate> {
    let side = |text: &str, degree, names: &[String]| {
        Ok::<_, anyhow::Error>(named_cycles(&SignedPermutation::parse(text, degree)?, names))
    };
    let (mut outputs, mut inputs) = (Vec::new(), Vec::new());
    // The last one is what was added to those before it, and tells rows apart.
    for generator in tested.generators.iter().rev() {
        outputs.push(side(&generator.outputs, found.outputs, &found.output_names)?);
        inputs.push(side(&generator.inputs, found.inputs, &found.input_names)?);
    }
    let [outputs, inputs] = [outputs, inputs].map(|cycles| cycles.join("; "));
    let (what, below) = match () {
        () if found.outputs == 1 => (inputs, None),
        () if outputs == inputs => (outputs, Some("on outputs and inputs".into())),
        () => (outputs, Some(format!("inputs {inputs}"))),
    };
    let below = match tested.generators.len() {
        0 | 1 => below,
        many => Some(match below {
            Some(below) => format!("{many} generators; {below}"),
            None => format!("{many} generators"),
        }),
    };
    Ok(Candidate {
        what,
        below,
        order: tested.order.clone(),
        free: tested.free_parameters,
        asymmetry: interval(tested.asymmetry),
        score_p: tested.p_score.unwrap_or(0.0),
        gain: tested.gain.unwrap_or(0.0),
        visible: tested.visible.unwrap_or(0.0),
        status: match tested.answer {
            TestedAnswer::Accepted => Status::Accepted,
            TestedAnswer::Open => Status::Open,
            TestedAnswer::Refused => Status::Refused,
        },
        reason: tested.reason.clone(),
    })
}

/// How the data were understood.
fn described(data: &TaskData, tasks: &Tasks, found: &Found) -> Vec<(String, String)> {
    let mut said = vec![("Data".into(), understood(data, tasks))];
    if let Some(classes) = &data.classes {
        let named = match &classes[..] {
            [first, .., last] if classes.len() > 8 => format!("{first} … {last}"),
            few => few.join(", "),
        };
        said.push(("Classes".into(), named));
    }
    if found.confirming > 0 {
        let part = if found.file.pairs { "the inputs and their products" } else { "the inputs" };
        let percent = 100.0 * found.unexplained;
        said.push((
            "Not explained".into(),
            format!("{percent:.1} % of the variation of the outputs, by maps that are linear in {part}"),
        ));
    }
    let notes = data.notes.iter().map(|note| ("Note".into(), note.clone()));
    let warnings = found.warnings.iter().map(|warning| ("Warning".into(), sentence(warning)));
    said.extend(notes.chain(warnings));
    said
}

/// What a model is, in a few words.
fn called(model: Model) -> &'static str {
    match model {
        Model::Plain => "each task alone (ridge)",
        Model::Learned => "learned, without ties",
        Model::Tied => "tied by the symmetry",
        Model::Convolution => "convolution",
        Model::SharingMatrix => "learned sharing matrix",
        Model::DoublyStochastic => "relaxed permutations (doubly stochastic)",
        _ => "tied by the truth",
    }
}

fn rows(comparison: &Comparison) -> Vec<Row> {
    let row = |scored: &msr_discover::Scored| Row {
        name: called(scored.model).into(),
        error: interval(scored.mean),
        against_tied: scored.above_tied.map(interval),
        note: scored.chosen.clone(),
    };
    comparison.scored.iter().map(row).collect()
}

fn curve(comparison: &Comparison) -> Vec<Series> {
    let of = |model: Model| Series {
        name: called(model).into(),
        points: comparison
            .curve
            .iter()
            .filter_map(|(tasks, errors)| {
                let error = errors.iter().find(|(of, _)| *of == model)?.1;
                Some((*tasks as f64, error))
            })
            .collect(),
    };
    let all = [Model::Plain, Model::Learned, Model::Tied].map(of);
    all.into_iter().filter(|series| series.points.len() > 1).collect()
}

/// Why a model was left out, in terms of the flags that were given: each way to share that is
/// learned has a part of the budget.
fn left_out(model: Model, why: &str, budget: Duration) -> String {
    let is_learned = matches!(model, Model::SharingMatrix | Model::DoublyStochastic);
    let Some((weights, _)) = why.split_once(" would take more than the budget").filter(|_| is_learned) else {
        return why.into();
    };
    format!(
        "{weights} would take more than {:.1} s, which is the part of --budget {} that this has, one in {PART}; a larger \
         --budget makes room",
        budget.as_secs_f64() / PART,
        humantime::format_duration(budget)
    )
}

fn settings(
    config: &DiscoverConfig,
    record: &Found,
    comparison: Option<&Comparison>,
    budget: Duration,
) -> Vec<(String, String)> {
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let mut found = vec![
        ("Tolerance".into(), format!("{:.1} % of the variation of the weights", 100.0 * config.tolerance)),
        ("Level".into(), format!("{} %", 100.0 * config.level)),
        ("Signs".into(), yes(config.signed)),
        ("Products of inputs".into(), yes(config.pairs)),
        ("Seed".into(), config.seed.to_string()),
        ("Tasks that confirm".into(), record.confirming.to_string()),
    ];
    if let Some(comparison) = comparison {
        let sizes = comparison.sizes;
        found.push((
            "Held-out errors".into(),
            format!(
                "of {} tasks that were not used for learning, each after adapting to {} of its examples, half of them; {} tasks \
                 teach",
                sizes.testing,
                range(sizes.adapting),
                sizes.learning
            ),
        ));
    }
    for (model, why) in comparison.iter().flat_map(|comparison| &comparison.skipped) {
        found.push((format!("Left out: {}", called(*model)), left_out(*model, why, budget)));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use msr_discover::Model;

    use super::{day, left_out};

    #[test]
    fn a_day_is_a_date() {
        assert_eq!(day(std::time::SystemTime::UNIX_EPOCH), "1970-01-01");
    }

    #[test]
    fn what_was_left_out_names_the_budget_that_was_given() {
        let of = |model, why: &str| left_out(model, why, Duration::from_secs(60));
        let long = "16 × 16 weights would take more than the budget of 4.0 seconds; raise it";
        let said = of(Model::DoublyStochastic, long);
        let words = "16 × 16 weights would take more than 4.0 s, which is the part of --budget 1m that this has, one in 15;";
        assert!(said.starts_with(words), "{said}");
        assert_eq!(of(Model::Convolution, "on no grids"), "on no grids");
    }
}
