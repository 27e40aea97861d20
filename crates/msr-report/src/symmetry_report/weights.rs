//! The weights that are tied, and their means.

use super::cells::{Cells, Look, NARROW, WIDE};
use super::words::{count, grouped, number};
use super::{Symmetry, SymmetryReport};
use crate::Result;
use crate::page::{Anchor, Block, Drawing, Figure, Paint, Text, Tone};
use crate::picture::colour;

/// The most weights that are drawn.
const MOST: usize = 1 << 20;

/// The pattern, and the mean weights beside it.
pub(super) fn blocks(report: &SymmetryReport, symmetry: &Symmetry) -> Result<Vec<Block>> {
    let (m, n) = (report.outputs, report.columns());
    let free = symmetry.pattern.free_parameters();
    let sizes = symmetry.pattern.sizes();
    let tied: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
    let zero = (m * n) as u64 - tied;
    let of = match report.features.is_empty() {
        true => count(n, "input"),
        false => format!("{} ({} and their products)", count(n, "feature"), count(report.inputs, "input")),
    };
    let mut words = format!("Each square is a weight of the map from {of} to {}. ", count(m, "output"));
    if m * n > MOST || m * n == 0 {
        words.push_str("There are too many to draw.");
        return Ok(vec![Block::paragraph(words)]);
    }
    let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
    let each = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    words.push_str(&format!(
        "Squares of one colour are tied: they share one of {} free {}, of which each stands for \
         {each} of them.",
        grouped(&free.to_string()),
        if free == 1 { "number" } else { "numbers" }
    ));
    if zero > 0 {
        words.push_str(&format!(
            " The symmetry makes {} zero: they have no colour.",
            grouped(&zero.to_string())
        ));
    }
    let looks = pattern(symmetry);
    let cells = Cells {
        looks: &looks,
        rows: m,
        cols: n,
        row_names: &report.output_names,
        col_names: if report.features.is_empty() { &report.input_names } else { &report.features },
    };
    let (wide, narrow) = (cells.drawing(WIDE)?, cells.drawing(NARROW)?);
    let mut caption = Text::from(match report.features.is_empty() {
        true => "Rows are outputs, columns are inputs",
        false => {
            "Rows are outputs, columns are features: the inputs, products of two, and squares if there are any"
        }
    });
    caption = caption.plain(if cells.is_numbered(NARROW) { "; numbers count them from 0." } else { "." });
    if looks.iter().any(|look| look.is_negative) {
        let all = [WIDE, NARROW].map(|room| cells.has_signs(room));
        caption = caption.plain(match all {
            [true, true] => " A minus: the weight is the shared number with its sign changed.",
            [true, false] => {
                " A minus, or a darker square: the weight is the shared number with its sign changed."
            }
            _ => " A darker square: the weight is the shared number with its sign changed.",
        });
    }
    if free > colour::MOST_CLASSES {
        caption = caption.plain(&format!(
            " There are more free numbers than colours that can be told apart ({}), so colours come \
             again, away from each other.",
            colour::MOST_CLASSES
        ));
    }
    let alternative =
        format!("Sharing pattern of {m} × {n} weights, coloured by the {free} free numbers that they share");
    let mut figure = Figure::new(caption).drawings("what is tied", &wide, &narrow, &alternative)?;
    if let Some(weights) = &symmetry.weights {
        figure = means(figure, weights, &cells)?;
    }
    Ok(vec![Block::paragraph(words), figure.into()])
}

/// The colours of a pattern.
fn pattern(symmetry: &Symmetry) -> Vec<Look> {
    let pattern = &symmetry.pattern;
    let (m, n) = (pattern.outputs(), pattern.inputs());
    let entries: Vec<_> = (0..m * n).map(|at| pattern.entry(at / n, at % n)).collect();
    // Zeros are a class of their own, which takes no colour: it comes last.
    let zero = pattern.free_parameters();
    let label = |entry: &Option<(usize, bool)>| entry.map_or(zero, |(number, _)| number) as u32;
    let labels: Vec<u32> = entries.iter().map(label).collect();
    let shown: Vec<u32> = labels.iter().copied().filter(|&label| label as usize != zero).collect();
    // Few classes keep the colours of the order in which they come, whatever zeros are between.
    let colours = if zero <= colour::MOST_CLASSES {
        let mut of = colour::classes(&shown, n).into_iter();
        labels.iter().map(|&label| if label as usize == zero { None } else { of.next() }).collect()
    } else {
        colour::classes(&labels, n).into_iter().map(Some).collect::<Vec<_>>()
    };
    let look = |(entry, colour): (&Option<(usize, bool)>, Option<plotters::style::RGBColor>)| Look {
        colour: entry.and(colour).map(|c| [c.0, c.1, c.2]),
        is_negative: entry.is_some_and(|(_, is_negative)| is_negative),
    };
    entries.iter().zip(colours).map(look).collect()
}

/// Adds the mean weights, blue below zero and red above.
fn means(figure: Figure, weights: &[f64], cells: &Cells<'_>) -> Result<Figure> {
    let largest = weights.iter().fold(0.0, |most: f64, weight| most.max(weight.abs()));
    let bound = if largest > 0.0 { largest } else { 1.0 };
    let look = |weight: &f64| {
        let c = colour::signed(weight / bound);
        Look { colour: Some([c.0, c.1, c.2]), is_negative: false }
    };
    let looks: Vec<Look> = weights.iter().map(look).collect();
    let cells = Cells { looks: &looks, ..*cells };
    let drawing = |room: f64| {
        let (mut drawing, corner, wide) = cells.drawing_above(room, 46.0)?;
        scale(&mut drawing, corner, wide.clamp(120.0, 260.0), bound);
        Ok::<_, crate::Error>(drawing)
    };
    let label = "mean weights of the tasks";
    let alternative = format!("Mean weights, from blue for {} to red for {}", number(-bound), number(bound));
    figure.drawings(label, &drawing(WIDE)?, &drawing(NARROW)?, &alternative)
}

/// The scale of the mean weights, below them.
fn scale(drawing: &mut Drawing, (left, top): (f64, f64), wide: f64, bound: f64) {
    let (y, high, steps) = (top + 14.0, 11.0, 64);
    let step = wide / f64::from(steps);
    for index in 0..steps {
        let c = colour::signed(2.0 * (f64::from(index) + 0.5) / f64::from(steps) - 1.0);
        let paint = Paint::fill(Tone::Fixed([c.0, c.1, c.2])).crisp();
        // A little wider, so that nothing shows between them.
        drawing.rectangle((left + step * f64::from(index), y), (step + 0.3, high), paint);
    }
    drawing.rectangle((left, y), (wide, high), Paint::stroke(Tone::Rule, 1.0));
    let ends = [(-bound, 0.0, Anchor::Start), (0.0, 0.5, Anchor::Middle), (bound, 1.0, Anchor::End)];
    for (value, part, anchor) in ends {
        let x = left + wide * part;
        drawing.line((x, y + high), (x, y + high + 4.0), Paint::stroke(Tone::Rule, 1.0));
        drawing.text(&number(value), (x, y + high + 17.0), (11.0, anchor, Tone::Soft), None);
    }
}
