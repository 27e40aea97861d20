//! The page, from its parts.

use super::words::{count, grouped, meaning, sentence, title};
use super::{Kind, SymmetryReport, evidence, generators, weights};
use crate::Result;
use crate::page::{Block, Headline, Page, Section, Sign, Text};

/// Letters of names and values.
const LETTERS: usize = 80;
/// Letters of what may go on for a few lines.
const LINES: usize = 600;
/// Names that are listed.
const NAMES: usize = 64;

/// All sections, those without data left out.
pub(super) fn page(report: &SymmetryReport) -> Result<Page> {
    let shown = msr_files::printable(&report.title);
    let title = if shown.is_empty() { "Symmetry".to_string() } else { format!("{shown}: symmetry") };
    let mut page = Page::new(title, headline(report)).section(Section::new("The data").extend(data(report)));
    if let Some(symmetry) = &report.symmetry {
        page = page
            .section(Section::new("What is tied").extend(weights::blocks(report, symmetry)?))
            .section(Section::new("Generators").extend(generators::blocks(report, symmetry)?));
    }
    let change = report.what_would_change_it.iter().map(|what| sentence(what).into()).collect::<Vec<Text>>();
    let change = Some(change).filter(|change| !change.is_empty()).map(Block::List);
    page = page
        .section(Section::new("What was tested").extend(evidence::candidates(report)))
        .section(Section::new("Held-out errors").extend(evidence::models(report)?))
        .section(Section::new("Learning curve").extend(evidence::curve(report)?))
        .section(Section::new("What would change the answer").extend(change))
        .section(Section::new("How it was made").extend(made(report)));
    if !report.made.is_empty() {
        page = page.foot(Text::new().plain("Made by ").plain(&report.made).plain("."));
    }
    Ok(page)
}

fn headline(report: &SymmetryReport) -> Headline {
    let (sign, word) = match report.kind {
        Kind::Found => (Sign::Yes, "Symmetry found"),
        Kind::AtLeast => (Sign::Yes, "Symmetry found, perhaps not all"),
        Kind::None => (Sign::Nothing, "None found"),
        Kind::Undecided => (Sign::Open, "Undecided"),
    };
    let mut headline = Headline::new(title(report))
        .badge(sign, word)
        .about(Text::new().name(&report.title, LETTERS))
        .lead(sentence(&report.verdict))
        .second(meaning(report));
    if let Some(symmetry) = &report.symmetry {
        let weights = report.outputs * report.columns();
        let free = symmetry.pattern.free_parameters();
        headline = headline
            .fact(grouped(&symmetry.order), "order of the group")
            .fact(grouped(&free.to_string()), format!("free of {}", count(weights, "weight")));
        if free > 0 {
            let fewer = weights as f64 / free as f64;
            let digits = usize::from(fewer < 10.0);
            headline = headline.fact(format!("{fewer:.digits$}×"), "fewer to learn");
        }
    }
    headline
}

/// How the data were understood.
fn data(report: &SymmetryReport) -> Vec<Block> {
    let is_warning = |name: &str| name.trim().to_lowercase().starts_with("warning");
    let mut terms: Vec<(Text, Text)> = Vec::new();
    let value = |value: &str| Text::new().name(value, LINES);
    for (name, what) in report.data.iter().filter(|(name, _)| !is_warning(name)) {
        terms.push((Text::new().name(name, LETTERS), value(what)));
    }
    for (what, points, shape, names) in [
        ("inputs", report.inputs, &report.input_shape, &report.input_names),
        ("outputs", report.outputs, &report.output_shape, &report.output_names),
    ] {
        let known = |name: &str| report.data.iter().any(|(other, _)| other == name);
        if points > 0 && !known(what) {
            terms.push((what.into(), described(points, shape)));
        }
        if !names.is_empty() {
            terms.push((format!("names of {what}").into(), listed(names)));
        }
    }
    let is_laid_out = |shape: &[usize]| shape.iter().filter(|&&size| size > 1).count() > 1;
    if is_laid_out(&report.input_shape) || is_laid_out(&report.output_shape) {
        let how = "cells are numbered row by row, from 0: the last index of an array moves fastest";
        terms.push(("numbers".into(), how.into()));
    }
    let warnings = report.data.iter().filter(|(name, _)| is_warning(name));
    let notice =
        |(_, what): &(String, String)| Block::Notice(Text::new().strong("Warning. ").plain(&sentence(what)));
    let mut blocks: Vec<Block> = warnings.map(notice).collect();
    if !terms.is_empty() {
        blocks.push(Block::Terms(terms));
    }
    blocks
}

/// How many points there are, and how they lie.
fn described(points: usize, shape: &[usize]) -> Text {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let lie = if sizes.len() > 1 { format!(", {}", sizes.join(" × ")) } else { String::new() };
    format!("{}{lie}", grouped(&points.to_string())).into()
}

/// Names, as many as one reads.
fn listed(names: &[String]) -> Text {
    let mut text = Text::new();
    for (number, name) in names.iter().take(NAMES).enumerate() {
        text = if number == 0 { text } else { text.plain(", ") };
        text = text.name(name, 24);
    }
    if names.len() > NAMES { text.plain(&format!(", and {} more", names.len() - NAMES)) } else { text }
}

/// Settings and the command.
fn made(report: &SymmetryReport) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !report.settings.is_empty() {
        let term = |(name, value): &(String, String)| {
            (Text::new().name(name, LETTERS), Text::new().name(value, LINES))
        };
        blocks.push(Block::Terms(report.settings.iter().map(term).collect()));
    }
    if !report.command.is_empty() {
        blocks.push(Block::Code(report.command.clone()));
    }
    blocks
}
