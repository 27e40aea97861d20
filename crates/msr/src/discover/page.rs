//! The report of a verdict.

use std::time::SystemTime;

use anyhow::Result;
use msr_data::tasks::TaskData;
use msr_discover::{Bounds, Comparison, Model, Tasks, Tested, Verdict, VerdictKind, Why};
use msr_groups::SignedPattern;
use msr_report::symmetry_report::{
    Candidate, Generator, Interval, Kind, Model as Row, Series, Status, Symmetry, SymmetryReport, page,
};

use super::record::Found;
use super::{range, sentence, understood};

/// The report as one HTML page.
///
/// # Errors
/// When its parts do not fit together.
pub fn report(
    title: &str,
    data: &TaskData,
    tasks: &Tasks,
    verdict: &Verdict,
    comparison: Option<&Comparison>,
    found: &Found,
) -> Result<String> {
    let (outputs, inputs) = verdict.shape;
    let layout = &verdict.config.layout;
    let report = SymmetryReport {
        title: title.into(),
        verdict: sentence(&verdict.to_string()),
        kind: match verdict.kind {
            VerdictKind::Found(_) => Kind::Found,
            VerdictKind::AtLeast(_) => Kind::AtLeast,
            VerdictKind::None => Kind::None,
            _ => Kind::Undecided,
        },
        what_would_change_it: changes(verdict),
        data: described(data, tasks, verdict),
        tolerance: Some(verdict.config.tolerance),
        outputs,
        inputs,
        input_shape: layout.inputs.clone(),
        output_shape: layout.outputs.clone(),
        input_names: data.input_names.clone(),
        output_names: data.output_names.clone(),
        symmetry: verdict.symmetry().map(|symmetry| drawn(symmetry, verdict)).transpose()?,
        candidates: verdict.tested.iter().map(|tested| candidate(tested, verdict)).collect(),
        error_name: "held-out error, of the variation of y".into(),
        models: comparison.map(rows).unwrap_or_default(),
        curve: comparison.map(curve).unwrap_or_default(),
        settings: settings(verdict, comparison),
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

fn interval(bounds: Bounds) -> Interval {
    // What is not known at all goes beyond the axes.
    let on = |value: f64, or: f64| if value.is_finite() { value } else { or };
    let value = on(bounds.value, 0.0);
    Interval { value, lower: on(bounds.lower, -1.0).min(value), upper: on(bounds.upper, 2.0).max(value) }
}

fn drawn(symmetry: &msr_discover::Symmetry, verdict: &Verdict) -> Result<Symmetry> {
    let pairs: Vec<_> = symmetry.generators.iter().map(|generator| generator.pair.clone()).collect();
    // With products, the weights of the inputs themselves.
    let pattern = match verdict.config.pairs {
        true => SignedPattern::from_pairs(verdict.shape.0, verdict.shape.1, &pairs)?,
        false => symmetry.pattern.clone(),
    };
    let generator = |generator: &msr_discover::Generator| Generator {
        outputs: generator.pair.0.clone(),
        inputs: generator.pair.1.clone(),
        strength: generator.strength.map(interval),
        words: generator.words.clone(),
    };
    Ok(Symmetry {
        name: symmetry.name.clone().unwrap_or_default(),
        order: symmetry.order.to_string(),
        pattern,
        generators: symmetry.generators.iter().map(generator).collect(),
        strength: "share of the variation that it keeps".into(),
        weights: None,
    })
}

fn candidate(tested: &Tested, verdict: &Verdict) -> Candidate {
    let cycles: Vec<String> = tested
        .pairs
        .iter()
        .map(|(y, x)| if verdict.shape.0 == 1 { x.to_string() } else { format!("{y} on {x}") })
        .collect();
    let status = match (tested.is_accepted, tested.is_refused) {
        (true, _) => Status::Accepted,
        (_, true) => Status::Refused,
        _ => Status::Open,
    };
    Candidate {
        what: cycles.join("; "),
        order: tested.order.as_ref().map(ToString::to_string),
        free: tested.pattern.free_parameters(),
        asymmetry: interval(tested.asymmetry),
        score_p: tested.p_score,
        gain: if tested.gain.is_finite() { tested.gain } else { 0.0 },
        visible: tested.visible,
        status,
        reason: reason(tested, verdict),
    }
}

/// Why a pattern was accepted, refused or neither.
fn reason(tested: &Tested, verdict: &Verdict) -> String {
    let tolerance = verdict.config.tolerance;
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    if tested.is_accepted {
        return format!("at most {} breaks it", percent(tested.asymmetry.upper.max(0.0)));
    }
    if tested.is_refused {
        return match tested.asymmetry.lower > tolerance / 10.0 {
            true => format!("at least {} breaks it", percent(tested.asymmetry.lower)),
            false => format!("a score sees what breaks it (p = {:.1e})", tested.p_score),
        };
    }
    if !tested.asymmetry.upper.is_finite() {
        return "it could not be tested".into();
    }
    if tested.visible <= 0.2 {
        return "the inputs hardly show what it ties".into();
    }
    if tested.asymmetry.upper >= tolerance {
        return format!("up to {} may break it, more than the tolerance", percent(tested.asymmetry.upper));
    }
    if tested.p_score < 1e-3 {
        return format!("a score sees something (p = {:.1e}), but little breaks it", tested.p_score);
    }
    if tested.order.is_some() && tested.ln_coincidence > -6.9 {
        return "it may be a coincidence: so little is tied that unsymmetric weights could look like it"
            .into();
    }
    if tested.asymmetry.value < -tolerance || tested.asymmetry.lower < -2.0 * tolerance {
        return "what breaks it comes out below nothing: do tasks share rows?".into();
    }
    "little breaks it, but not all that is asked for was shown".into()
}

/// What would change the answer.
fn changes(verdict: &Verdict) -> Vec<String> {
    let mut found = Vec::new();
    match &verdict.kind {
        VerdictKind::Undecided { why, more_tasks } => {
            if let Some(more) = more_tasks {
                let times = (1.0 + *more as f64 / (2 * verdict.confirming.max(1)) as f64).sqrt();
                found.push(format!(
                    "About {more} more tasks, or about {times:.1} times the examples in each where noise is the reason, would \
                     narrow the interval of the most promising pattern to the tolerance."
                ));
            }
            match why {
                Why::FewTasks { needed } => found.push(format!(
                    "At least {needed} tasks: half of them look for candidates, and ten or more confirm them."
                )),
                Why::Blind { .. } => found.push(
                    "Exchanges that were planted in these data were not found again: less noise, more examples or more tasks \
                     would make the search see."
                        .into(),
                ),
                _ => {}
            }
            found.push("A larger --tolerance accepts what breaks a symmetry more; a verdict is then about less.".into());
        }
        VerdictKind::AtLeast(_) => found.push(
            "Not all larger patterns were refused: more tasks or examples would confirm or refuse those that are open in the list of \
             candidates, and those that are accepted there make the tasks less likely."
                .into(),
        ),
        VerdictKind::Found(_) => found.push(
            "A smaller --tolerance asks for more: the bound of what breaks the symmetry must be below it.".into(),
        ),
        VerdictKind::None if verdict.config.signed || verdict.config.pairs => {}
        VerdictKind::None => found.push(
            "A symmetry of another kind: components that change their signs (--signed), maps without a linear part (--pairs), \
             or columns in units of their own, which no permutation can exchange."
                .into(),
        ),
        _ => {}
    }
    if verdict.unexplained > 0.1 && !verdict.config.pairs && !verdict.config.signed {
        found.push(format!(
            "{:.0} % of the variation of the outputs is noise, or not linear in the inputs; if it is the latter, products of inputs as \
             features (--pairs) may show more of the map.",
            100.0 * verdict.unexplained
        ));
    }
    found
}

/// How the data were understood.
fn described(data: &TaskData, tasks: &Tasks, verdict: &Verdict) -> Vec<(String, String)> {
    let mut found = vec![("Data".into(), understood(data, tasks))];
    if let Some(classes) = &data.classes {
        let named = match &classes[..] {
            [first, .., last] if classes.len() > 8 => format!("{first} … {last}"),
            few => few.join(", "),
        };
        found.push(("Classes".into(), named));
    }
    if verdict.confirming > 0 {
        let part = if verdict.config.pairs { "the inputs and their products" } else { "the inputs" };
        let percent = 100.0 * verdict.unexplained;
        found.push((
            "Not explained".into(),
            format!("{percent:.1} % of the variation of the outputs, by maps that are linear in {part}"),
        ));
    }
    found.extend(data.notes.iter().map(|note| ("Warning".into(), sentence(note))));
    found
}

/// What a model is, in a few words.
fn called(model: Model) -> &'static str {
    match model {
        Model::Plain => "each task alone (ridge)",
        Model::Learned => "learned, without ties",
        Model::Tied => "tied by the symmetry",
        Model::Convolution => "convolution",
        Model::SharingMatrix => "learned sharing matrix",
        Model::DoublyStochastic => "doubly stochastic sharing",
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

fn settings(verdict: &Verdict, comparison: Option<&Comparison>) -> Vec<(String, String)> {
    let config = &verdict.config;
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let mut found = vec![
        ("Tolerance".into(), format!("{:.1} % of the variation of the weights", 100.0 * config.tolerance)),
        ("Level".into(), format!("{} %", 100.0 * config.level)),
        ("Signs".into(), yes(config.signed)),
        ("Products of inputs".into(), yes(config.pairs)),
        ("Seed".into(), config.seed.to_string()),
        ("Tasks that confirm".into(), verdict.confirming.to_string()),
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
        found.push((format!("Left out: {}", called(*model)), why.clone()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn a_day_is_a_date() {
        assert_eq!(day(std::time::SystemTime::UNIX_EPOCH), "1970-01-01");
    }
}
