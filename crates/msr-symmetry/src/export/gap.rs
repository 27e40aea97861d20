//! The group, for GAP.

use std::fmt::Write;

use msr_groups::Permutation;

use super::Target;
use super::error::{Error, Result};
use super::layer::TiedLayer;
use super::python::{check_weights, counted};

/// The largest order whose structure the file asks for: GAP names most of these within a second.
const LARGEST_NAMED: u32 = 2000;
/// Where lines of cycles are broken.
const WIDTH: usize = 100;

/// The text of the file: generators of one permutation group of outputs and inputs, its order,
/// which is checked, and what GAP calls it.
///
/// # Errors
/// [`Error::Order`] when the layer says that the order is another one; [`Error::TooManyWeights`].
pub(super) fn group(layer: &TiedLayer) -> Result<String> {
    // Of patterns that large, a group is not read anywhere.
    check_weights(layer, Target::Gap)?;
    let order = match layer.checked_group() {
        Ok((_, order)) => Some(order),
        // GAP may have more time.
        Err(Error::Groups(msr_groups::Error::TooMuchWork { .. })) => layer.order.clone(),
        Err(other) => return Err(other),
    };
    let (m, n, signed) = (layer.outputs, layer.inputs, layer.is_signed());
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# The group that ties the weights of a linear layer: {}.", layer.title());
    for line in layer.of_products().into_iter().flat_map(str::lines) {
        let _ = writeln!(text, "# {line}");
    }
    let (outputs, inputs) = (counted(m, "output"), counted(n, "input"));
    if signed {
        let (a, b, c) = (2 * m, 2 * m + 1, 2 * (m + n));
        let _ = writeln!(
            text,
            "# It permutes {outputs} and {inputs}, and turns signs: points 2 y + 1 and 2 y + 2 are +e_y and -e_y of\n\
             # output y = 0, 1, ..., points 1 to {a}; those of the inputs follow in the same way, points {b} to {c}.\n\
             # (-1, -1), which exchanges all pairs, leaves all weights as they are, and counts for nothing in the order.\n\
             # So g and -g on both sides do the same to the weights: which of them moves a bias, they do not show."
        );
    } else {
        let _ = writeln!(
            text,
            "# It permutes {outputs}, points 1 to {m}, and {inputs}, points {} to {}.",
            m + 1,
            m + n
        );
    }
    text.push_str("# Read(\"this file\"); then msr_group is the group, and msr_outputs and msr_inputs are its points.\n\n");
    let points = if signed { 2 } else { 1 };
    let _ = writeln!(text, "msr_outputs := [1 .. {}];", points * m);
    let _ = writeln!(text, "msr_inputs := [{} .. {}];", points * m + 1, points * (m + n));
    text.push_str("msr_group := Group([\n");
    for (on_outputs, on_inputs) in &layer.generators {
        let both = on_outputs.beside(on_inputs)?;
        let both = if signed { both.doubled() } else { both.points().clone() };
        let _ = writeln!(text, "{},", cycles(&both));
    }
    text.push_str("], ());\n");
    if signed {
        let _ = writeln!(
            text,
            "msr_negation := Product([1 .. {}], i -> (2 * i - 1, 2 * i));\n\
             msr_order := Size(msr_group);\n\
             if msr_negation in msr_group then msr_order := msr_order / 2; fi;",
            m + n
        );
    } else {
        text.push_str("msr_order := Size(msr_group);\n");
    }
    if let Some(order) = &order {
        let _ = writeln!(
            text,
            "if msr_order <> {order} then\n  Error(\"the group has order \", msr_order, \", not {order}\");\nfi;"
        );
    }
    text.push_str("Print(\"order \", msr_order, \"\\n\");\n");
    if order.is_some_and(|order| order <= LARGEST_NAMED.into()) {
        // Groups are told apart by a library that GAP can be without.
        text.push_str(
            "if LoadPackage(\"smallgrp\") <> fail then\n  Print(\"structure \", StructureDescription(msr_group), \"\\n\");\nfi;\n",
        );
    }
    Ok(text)
}

/// Disjoint cycles of points from 1, with breaks between them and within long ones.
fn cycles(g: &Permutation) -> String {
    let cycles = g.cycles();
    if cycles.is_empty() {
        return "  ()".into();
    }
    let mut text = "  ".to_string();
    let mut width = text.len();
    let mut add = |word: &str, text: &mut String| {
        if width + word.len() > WIDTH {
            text.push_str("\n  ");
            width = 2;
        }
        text.push_str(word);
        width += word.len();
    };
    for cycle in cycles {
        for (at, point) in cycle.iter().enumerate() {
            let before = if at == 0 { "(" } else { "" };
            let after = if at + 1 == cycle.len() { ")" } else { "," };
            add(&format!("{before}{}{after}", point + 1), &mut text);
        }
    }
    text
}
