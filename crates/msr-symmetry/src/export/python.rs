//! What the Python files that are exported have in common: the layer as data, and text in which
//! names are replaced.

use std::fmt::Write;

use msr_groups::{SignedPattern, SignedPermutation};

use super::Target;
use super::error::{Error, Result};
use super::layer::TiedLayer;

/// The most weights that are written as text: some tens of megabytes.
const MOST_WEIGHTS: usize = 1 << 22;
/// So many generators are in the description; all are in the data.
const SHOWN_GENERATORS: usize = 6;
/// So many characters of each.
const SHOWN_CHARACTERS: usize = 100;

/// A template with each `@NAME@` in it replaced.
pub(super) fn filled(template: &str, values: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(template.len() + 1024);
    let mut rest = template;
    // In one pass, so that nothing that was put in is looked at again.
    while let Some((before, after)) = rest.split_once('@') {
        text.push_str(before);
        let found = values.iter().find_map(|(name, value)| {
            let end = after.strip_prefix(name)?.strip_prefix('@')?;
            Some((value, end))
        });
        match found {
            Some((value, end)) => {
                text.push_str(value);
                rest = end;
            }
            None => {
                text.push('@');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// Refuses layers whose weights are too many for a text.
pub(super) fn check_weights(layer: &TiedLayer, target: Target) -> Result<()> {
    let (outputs, inputs) = (layer.outputs, layer.inputs);
    if layer.pattern.outputs().saturating_mul(inputs) > MOST_WEIGHTS {
        let (most, instead) = (MOST_WEIGHTS, Target::Npz);
        return Err(Error::TooManyWeights { outputs, inputs, most, target, instead });
    }
    Ok(())
}

/// What all files say: sizes, ties, generators and values.
pub(super) fn data(layer: &TiedLayer) -> Result<Vec<(&'static str, String)>> {
    let bias = layer.bias_pattern()?;
    let order =
        layer.order.as_ref().map_or("of an order that was not computed".into(), |n| format!("order {n}"));
    let generators: String = layer
        .generators
        .iter()
        .map(|(y, x)| format!("    (\"{}\", \"{}\"),\n", images(y), images(x)))
        .collect();
    Ok(vec![
        ("TITLE", layer.title()),
        ("ORDER", order),
        ("M", layer.outputs.to_string()),
        ("N", layer.inputs.to_string()),
        ("K", layer.pattern.free_parameters().to_string()),
        ("BIASES", bias.free_parameters().to_string()),
        ("HAS_BIAS", if layer.ties_bias { "True" } else { "False" }.into()),
        ("OTHER_BIAS", if layer.ties_bias { "False" } else { "True" }.into()),
        (
            "ABOUT_BIAS",
            match layer.of_products() {
                Some(note) => format!("{}\n\n{note}", about_bias(layer.ties_bias)),
                None => about_bias(layer.ties_bias).into(),
            },
        ),
        ("OUTPUTS", counted(layer.outputs, "output")),
        ("INPUTS", counted(layer.inputs, "input")),
        ("PARAMETERS", counted(layer.pattern.free_parameters(), "free parameter")),
        ("INPUT_SHAPE", tuple(&layer.input_shape)),
        ("OUTPUT_SHAPE", tuple(&layer.output_shape)),
        ("TIES", entries(&layer.pattern)),
        ("BIAS_TIES", entries(&bias).replace('\n', " ").trim_end().to_string()),
        ("GENERATORS", generators),
        ("SHOWN", shown(layer)),
        ("VALUES", values(layer.values.as_deref())),
        ("BIAS_VALUES", values(layer.bias_values.as_deref())),
    ])
}

/// `1 output`, `2 outputs`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What a reader should know of the bias.
fn about_bias(is_tied: bool) -> &'static str {
    if is_tied {
        "The group ties the bias, too."
    } else {
        "Without a bias, unless one is asked for: g and -g on both sides do the same to W, so that a linear map\n\
         does not show which of them moves the outputs, and how a bias would be tied. One that is asked for is not\n\
         tied in torch; escnn ties it as if the outputs were moved as is written here."
    }
}

/// `c + 1` for `+v[c]`, `−(c + 1)` for `−v[c]`, 0 for zero; a line for each output.
fn entries(pattern: &SignedPattern) -> String {
    let mut text = String::new();
    for y in 0..pattern.outputs() {
        for x in 0..pattern.inputs() {
            let sign = if matches!(pattern.entry(y, x), Some((_, true))) { "-" } else { "" };
            let number = pattern.entry(y, x).map_or(0, |(class, _)| class + 1);
            let separator = if x == 0 { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{separator}{sign}{number}");
        }
        text.push('\n');
    }
    text
}

/// `y + 1` where a point goes to `+e_y`, `−(y + 1)` where it goes to `−e_y`.
pub(super) fn images(g: &SignedPermutation) -> String {
    let image = |x: usize| match g.apply(x) {
        (to, false) => format!("{}", to + 1),
        (to, true) => format!("-{}", to + 1),
    };
    (0..g.degree()).map(image).collect::<Vec<_>>().join(" ")
}

/// A shape as a tuple.
fn tuple(shape: &[usize]) -> String {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    match shape.len() {
        1 => format!("({})", sizes.trim_end()),
        _ => format!("({})", sizes.trim_end_matches(", ")),
    }
}

/// Numbers that are read back as they were, or `None`.
fn values(values: Option<&[f64]>) -> String {
    let numbers = |values: &[f64]| values.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(", ");
    values.map_or("None".into(), |values| format!("[{}]", numbers(values)))
}

/// The generators in cycle notation: the first ones, and of long ones the beginning.
fn shown(layer: &TiedLayer) -> String {
    let cycles = |g: &SignedPermutation| {
        let text = g.to_string();
        match text.char_indices().nth(SHOWN_CHARACTERS) {
            Some((at, _)) => format!("{} ...", &text[..at]),
            None => text,
        }
    };
    let mut lines: Vec<String> = layer
        .generators
        .iter()
        .take(SHOWN_GENERATORS)
        .map(|(y, x)| format!("    outputs {}\n    inputs  {}", cycles(y), cycles(x)))
        .collect();
    match layer.generators.len() {
        0 => lines.push("    none: the group is trivial, and nothing is tied".into()),
        n if n > SHOWN_GENERATORS => {
            lines.push(format!("    and {} more, in GENERATORS", n - SHOWN_GENERATORS));
        }
        _ => {}
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{filled, tuple};

    #[test]
    fn what_was_put_in_is_not_replaced_again() {
        let values = [("A", "@B@".to_string()), ("B", "b".to_string())];
        assert_eq!(filled("x@y @A@@B@ @C@ @", &values), "x@y @B@b @C@ @");
    }

    #[test]
    fn tuples_are_pythons() {
        assert_eq!([&[][..], &[6], &[4, 4]].map(tuple), ["()", "(6,)", "(4, 4)"]);
    }
}
