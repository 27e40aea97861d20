//! What generates the symmetry: each drawn where its points lie, and in cycles.

use msr_groups::SignedPermutation;

use super::intervals::{NARROW, Plot, Row, WIDE};
use super::moves;
use super::places::{Layout, MOST_POINTS};
use super::words::{count, cycles, share, within};
use super::{Generator, Symmetry, SymmetryReport, mark, named_cycles};
use crate::Result;
use crate::page::{Block, Figure, Text, Tone};

/// The most generators that are drawn, and the most that are written.
const DRAWN: usize = 12;
const WRITTEN: usize = 64;
/// The most letters of one in cycles.
const LETTERS: usize = 4000;

/// Inputs or outputs, as a generator moves them.
struct Side<'a> {
    what: &'static str,
    one: &'static str,
    moved: &'a SignedPermutation,
    layout: Layout,
    names: &'a [String],
}

/// Every generator.
pub(super) fn blocks(report: &SymmetryReport, symmetry: &Symmetry) -> Result<Vec<Block>> {
    let generators = &symmetry.generators;
    if generators.is_empty() {
        return Ok(Vec::new());
    }
    let mut words = Text::from(
        "Each moves inputs and outputs at once and leaves every task as it is; one after the other \
         they give the whole group. An arrow leads from a point to where it goes, and each cycle has \
         one colour.",
    );
    let has_signs = |g: &Generator| g.inputs.flips().contains(&true) || g.outputs.flips().contains(&true);
    if generators.iter().any(has_signs) {
        words = words.plain(
            " A minus marks a point whose value also changes its sign on the way; its arrow is dashed.",
        );
    }
    if symmetry.signed {
        words = words.plain(
            " Each is known up to a sign on both sides at once, which linear maps cannot show; so a layer with them has no bias.",
        );
    }
    let mut figures = Vec::new();
    for (number, generator) in generators.iter().take(DRAWN).enumerate() {
        figures.push(card(report, number, generator)?);
    }
    let mut blocks = vec![Block::Paragraph(words), Block::Cards { figures, is_broad: is_broad(report) }];
    if generators.len() > DRAWN {
        let more = count(generators.len() - DRAWN, "more generator");
        blocks.push(Block::paragraph(format!("{more} are written below, and not drawn.")));
    }
    blocks.extend(strengths(report, symmetry)?);
    blocks.push(written(report, generators));
    Ok(blocks)
}

/// Whether inputs and outputs are two drawings beside each other.
fn is_broad(report: &SymmetryReport) -> bool {
    let is_alike = |g: &Generator| g.inputs == g.outputs;
    report.outputs > 1
        && report.inputs > 1
        && !report.symmetry.iter().flat_map(|symmetry| &symmetry.generators).all(is_alike)
}

/// The name of a generator.
fn name(number: usize, generator: &Generator) -> String {
    match &generator.words {
        Some(words) => format!("{}. {words}", number + 1),
        None => format!("Generator {}", number + 1),
    }
}

/// A generator, drawn.
fn card(report: &SymmetryReport, number: usize, generator: &Generator) -> Result<Figure> {
    let inputs = Side {
        what: "inputs",
        one: "input",
        moved: &generator.inputs,
        layout: Layout::new(report.inputs, &report.input_shape),
        names: &report.input_names,
    };
    let outputs = Side {
        what: "outputs",
        one: "output",
        moved: &generator.outputs,
        layout: Layout::new(report.outputs, &report.output_shape),
        names: &report.output_names,
    };
    let is_alike = generator.inputs == generator.outputs && inputs.layout == outputs.layout;
    let has_names = !(inputs.names.is_empty() && outputs.names.is_empty());
    let sides = if is_alike && !has_names {
        vec![Side { what: "inputs and outputs", one: "point", ..inputs }]
    } else {
        vec![inputs, outputs]
    };
    let mut caption = Text::new().strong(&name(number, generator));
    for side in &sides {
        caption = caption.below(&format!("{}: {}", side.what, cycles(side.moved)));
    }
    if let Some(strength) = generator.strength {
        caption = caption.below(&format!("strength {}", share(strength)));
    }
    let mut remarks = Vec::new();
    let mut drawn = Vec::new();
    for side in &sides {
        let alternative =
            format!("How generator {} moves the {}: {}", number + 1, side.what, cycles(side.moved));
        let planes = side.layout.of_each_plane(side.moved);
        let (moved, layout) =
            planes.as_ref().map_or((side.moved, side.layout), |(one, layout)| (one, *layout));
        if side.moved.is_identity() || side.moved.degree() < 2 {
            continue;
        }
        if moved.degree() > MOST_POINTS {
            remarks.push(format!("the {} are too many to draw", count(moved.degree(), side.one)));
            continue;
        }
        // The names of a plane are those of all of them.
        let names = if planes.is_some() { &[] } else { side.names };
        let found = moves::draw(moved, layout, names)?;
        if planes.is_some() {
            remarks.push(format!("the {} lie in planes, which all move alike: one is drawn", side.what));
        }
        if found.arrows < found.moving {
            let what = side.what;
            remarks.push(format!("arrows show {} of the {} moves of {what}", found.arrows, found.moving));
        }
        drawn.push((side.what, found.drawing, alternative));
        if let Some(mark) = mark::draw(moved, layout) {
            let alternative =
                format!("A letter F on the {} before and after generator {}", side.what, number + 1);
            drawn.push(("a mark before and after", mark, alternative));
        }
    }
    if !remarks.is_empty() {
        caption = caption.below(&super::words::sentence(&remarks.join("; ")));
    }
    let figure = Figure::new(caption);
    drawn.iter().try_fold(figure, |figure, (label, drawing, alternative)| {
        figure.drawing(*label, drawing, alternative)
    })
}

/// The strengths of all generators on one axis, where there are any.
fn strengths(report: &SymmetryReport, symmetry: &Symmetry) -> Result<Option<Block>> {
    let names: Vec<String> =
        symmetry.generators.iter().enumerate().map(|(number, generator)| name(number, generator)).collect();
    let rows: Vec<Row<'_>> = symmetry
        .generators
        .iter()
        .zip(&names)
        .take(2 * DRAWN)
        .filter_map(|(generator, name)| {
            Some(Row { name, interval: within(generator.strength?)?, tone: Tone::Accent })
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    // What is kept, and not what is broken.
    let marks = report.tolerance.iter().map(|&tolerance| (1.0 - tolerance, "tolerance")).collect();
    let plot = Plot { rows, axis: &symmetry.strength, marks, is_share: true };
    let caption = "Dots are estimates, and lines their intervals. This is the share that a generator keeps of those \
                   weights which it moves; an asymmetry is the share that the whole pattern breaks of all weights, \
                   and the tolerance is of that.";
    let alternative = format!("Strength of {}: {}", count(plot.rows.len(), "generator"), symmetry.strength);
    let figure =
        Figure::new(caption).drawings("", &plot.drawing(WIDE)?, &plot.drawing(NARROW)?, &alternative)?;
    Ok(Some(figure.into()))
}

/// All generators in cycles.
fn written(report: &SymmetryReport, generators: &[Generator]) -> Block {
    let side = |moved: &SignedPermutation, names: &[String]| {
        crate::page::cut(&named_cycles(moved, names), LETTERS).into_owned()
    };
    let mut lines = Vec::new();
    for (number, generator) in generators.iter().take(WRITTEN).enumerate() {
        let inputs = side(&generator.inputs, &report.input_names);
        let outputs = side(&generator.outputs, &report.output_names);
        lines.push(format!("{:>3}  inputs   {inputs}\n     outputs  {outputs}", number + 1));
    }
    if generators.len() > WRITTEN {
        lines.push(format!("and {} more", generators.len() - WRITTEN));
    }
    let has_names = lines.iter().any(|line| line.contains(['→', '↔']));
    let example = if has_names { "a → b → −c → a" } else { "(0 1 -2)" };
    let [a, b, c] = if has_names { ["a", "b", "c"] } else { ["0", "1", "2"] };
    let summary = Text::from("In cycles: ")
        .code(example)
        .plain(&format!(" moves {a} to {b}, {b} to {c} with its sign changed, and {c} to {a}"));
    Block::Details { summary, blocks: vec![Block::Code(lines.join("\n"))] }
}
