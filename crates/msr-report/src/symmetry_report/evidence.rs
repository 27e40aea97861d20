//! What the verdict rests on: candidates, and the errors of models.

use super::intervals::{NARROW, Plot, Row, WIDE};
use super::small_bars::Axis;
use super::words::{bounds, count, grouped, number, percent, probability, sentence, share};
use super::{Candidate, Interval, Status, SymmetryReport};
use crate::Result;
use crate::page::{Block, Cell, Column, Figure, Sign, Table, Text, Tone, cut};
use crate::picture::font::typeset;
use crate::picture::{Chart, Picture, Scale, Series};

/// Rows of candidates that are seen at once.
const SEEN: usize = 20;
/// Letters of names, and of patterns.
const LETTERS: usize = 40;
const PATTERN: usize = 72;
/// Of patterns that begin alike, so many letters at most.
const MOST_PATTERN: usize = 576;

impl Status {
    fn sign(self) -> Sign {
        match self {
            Self::Accepted => Sign::Yes,
            Self::Open => Sign::Open,
            Self::Refused => Sign::No,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Open => "open",
            Self::Refused => "refused",
        }
    }
}

/// All candidates, those first that were accepted, then those that are open.
pub(super) fn candidates(report: &SymmetryReport) -> Vec<Block> {
    if report.candidates.is_empty() {
        return Vec::new();
    }
    let mut sorted: Vec<&Candidate> = report.candidates.iter().collect();
    sorted.sort_by_key(|candidate| candidate.status);
    let many = |status: Status| sorted.iter().filter(|candidate| candidate.status == status).count();
    let mut words = format!(
        "{} tested on tasks that had not suggested them: {} accepted, {} open, {} refused.",
        match sorted.len() {
            1 => "One pattern was".into(),
            many => format!("{} were", count(many, "pattern")),
        },
        many(Status::Accepted),
        many(Status::Open),
        many(Status::Refused)
    );
    if let Some(tolerance) = report.tolerance {
        words.push_str(&format!(
            " Asymmetry is the share of the variation of the weights that breaks a pattern, on an \
             axis of square roots; the dashed line is the tolerance, {}: what is accepted lies below \
             it with all of its interval.",
            percent(tolerance)
        ));
    }
    words.push_str(
        " The inputs show all of what a pattern ties where they vary alike in all directions; of what \
         they hardly show nothing can be said.",
    );
    let axis = Axis::new(&report.candidates, report.tolerance);
    let (seen, rest) = sorted.split_at(SEEN.min(sorted.len()));
    let mut blocks = vec![Block::paragraph(words), table("Candidates", seen, &axis).into()];
    if !rest.is_empty() {
        let more = table("More candidates", rest, &axis);
        blocks.push(Block::Details {
            summary: count(rest.len(), "more candidate").into(),
            blocks: vec![more.into()],
        });
    }
    blocks.push(Block::paragraph(
        "p of score: the probability of so strong a sign that something breaks the pattern, were the weights tied by \
         it. Gain: how much more likely the ties make the tasks, as the logarithm of their density, a number of an \
         output; below zero they make them less likely.",
    ));
    blocks
}

/// As many letters of a pattern as tell it from the others.
fn letters(of: &Candidate, all: &[&Candidate]) -> usize {
    let shown = |candidate: &Candidate, most: usize| cut(&typeset(&candidate.what), most).into_owned();
    let others: Vec<&&Candidate> = all.iter().filter(|other| other.what != of.what).collect();
    let is_told = |most: &usize| others.iter().all(|other| shown(other, *most) != shown(of, *most));
    std::iter::successors(Some(PATTERN), |most| Some(2 * most))
        .take_while(|most| *most <= MOST_PATTERN)
        .find(is_told)
        .unwrap_or(PATTERN)
}

fn table(name: &str, candidates: &[&Candidate], axis: &Axis) -> Table {
    let heads: [(Column, Cell); 7] = [
        (Column::Short, "pattern".into()),
        (Column::Short, "answer".into()),
        (Column::Number, Cell::from(Text::from("free").below("weights"))),
        (Column::Short, Cell::drawing(axis.head(), "", "asymmetry α")),
        (Column::Number, Cell::from(Text::from("p of score").below("if tied"))),
        (Column::Number, Cell::from(Text::from("gain").below("log density"))),
        (Column::Long, "why".into()),
    ];
    let mut table = Table::new(name, heads);
    for candidate in candidates {
        let alpha = candidate.asymmetry;
        let said = share(alpha);
        let visible = percent(candidate.visible.clamp(0.0, 1.0));
        let reason = Text::from(sentence(&candidate.reason))
            .below(&format!("The inputs show {visible} of what it ties."));
        let most = letters(candidate, candidates);
        let mut name = Text::new().name(&typeset(&candidate.what), most);
        if let Some(below) = &candidate.below {
            name = name.below_name(&typeset(below), most);
        }
        if let Some(order) = &candidate.order {
            name = name.below(&format!("order {}", grouped(order)));
        }
        let tone = candidate.status.sign().tone();
        table.row([
            Cell::from(name),
            Cell::state(candidate.status.sign(), candidate.status.word()),
            Cell::from(grouped(&candidate.free.to_string())),
            Cell::drawing(axis.bar(alpha, tone), format!("asymmetry {said}"), said),
            Cell::from(probability(candidate.score_p)),
            Cell::from(number(candidate.gain)),
            Cell::from(reason),
        ]);
    }
    table
}

/// The errors of models, and how they differ from that of tied weights.
pub(super) fn models(report: &SymmetryReport) -> Result<Vec<Block>> {
    if report.models.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = report.models.iter().map(|model| shown(&model.name)).collect();
    let named = || report.models.iter().zip(&names);
    let axis = if report.error_name.is_empty() { "error" } else { &report.error_name };
    let errors = Plot {
        rows: named().map(|(m, name)| Row { name, interval: m.error, tone: Tone::Accent }).collect(),
        axis,
        marks: Vec::new(),
        is_share: false,
    };
    let tone = |lower: f64, upper: f64| match (lower > 0.0, upper < 0.0) {
        (true, _) => Tone::Bad,
        (_, true) => Tone::Good,
        _ => Tone::Soft,
    };
    let differences = Plot {
        rows: named()
            .filter_map(|(model, name)| {
                let interval = model.against_tied?;
                Some(Row { name, interval, tone: tone(interval.lower, interval.upper) })
            })
            .collect(),
        axis: "error minus that of tied weights, task by task",
        marks: vec![(0.0, "as tied weights")],
        is_share: false,
    };
    let mut blocks = Vec::new();
    let figure = Figure::new("Dots are means, and lines their intervals. Further left is better.");
    let alternative = format!("Errors of {}; the table below has the numbers", count(names.len(), "model"));
    blocks.push(figure.drawings("", &errors.drawing(WIDE)?, &errors.drawing(NARROW)?, &alternative)?.into());
    if !differences.rows.is_empty() {
        let caption = "Pairs of the same tasks are compared, so that what makes tasks hard does not \
                       count. An interval right of the line: worse than tied weights; across it: no \
                       difference was shown.";
        let alternative = "Differences from tied weights; the table below has the numbers";
        let [wide, narrow] = [WIDE, NARROW].map(|width| differences.drawing(width));
        blocks.push(Figure::new(caption).drawings("", &wide?, &narrow?, alternative)?.into());
    }
    let has_differences = !differences.rows.is_empty();
    let heads = [
        Some((Column::Short, Text::from("model"))),
        Some((Column::Number, "error".into())),
        has_differences.then(|| (Column::Number, "minus that of tied weights".into())),
        Some((Column::Long, "remark".into())),
    ];
    let mut table = Table::new("Errors of models", heads.into_iter().flatten());
    let with_bounds = |i: Interval| Text::from(number(i.value)).below(&bounds(i, number));
    for model in &report.models {
        let difference = || model.against_tied.map_or_else(|| "–".into(), with_bounds);
        let cells = [
            Some(Text::new().name(&model.name, LETTERS)),
            Some(with_bounds(model.error)),
            has_differences.then(difference),
            Some(sentence(&model.note).into()),
        ];
        table.row(cells.into_iter().flatten());
    }
    blocks.push(table.into());
    Ok(blocks)
}

/// A name as drawings take it.
fn shown(name: &str) -> String {
    msr_files::printable(name).into_owned()
}

/// Errors against the number of tasks.
pub(super) fn curve(report: &SymmetryReport) -> Result<Vec<Block>> {
    let drawn: Vec<_> = report.curve.iter().filter(|series| !series.points.is_empty()).collect();
    if drawn.is_empty() {
        return Ok(Vec::new());
    }
    let xs = || drawn.iter().flat_map(|series| series.points.iter().map(|point| point.0));
    let (least, most) = (xs().fold(f64::INFINITY, f64::min), xs().fold(0.0, f64::max));
    let scale = if least > 0.0 && most >= 16.0 * least { Scale::Log } else { Scale::Linear };
    let axis = if report.error_name.is_empty() { "error" } else { &report.error_name };
    let picture = |(width, height): (u16, u16), letters: usize| {
        let chart = Chart::new("number of tasks", shown(&cut(axis, letters + 14))).x_scale(scale);
        let add = |chart: Chart, series: &&super::Series| {
            let name = shown(&cut(&series.name, letters));
            chart.series(Series::new(name, series.points.iter().copied()).with_dots())
        };
        Picture::new("").row([drawn.iter().fold(chart.size(width, height), add)])
    };
    let alternative = format!("Error against the number of tasks for {}", count(drawn.len(), "model"));
    let figure =
        Figure::new("Errors on tasks that were not learned from, against the number of those that were.");
    let figure = figure.pictures("", &picture((620, 330), 40), &picture((330, 280), 24), &alternative)?;
    Ok(vec![figure.into()])
}
