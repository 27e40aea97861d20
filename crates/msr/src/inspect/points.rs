//! `msr inspect` for maps between points: which permutations of outputs and inputs keep a U or a
//! weight.

use std::path::{Path, PathBuf};

use anyhow::Result;
use msr_experiments::console::Console;
use msr_groups::{
    Fit, GroupName, Permutation, RecoveredGroup, Recovery, RecoveryConfig, SharingPattern, SymmetryMatrix,
    known_actions, rank_groups,
};
use msr_report::{Table, number, picture};
use msr_symmetry::{Symmetry, write_atomic};
use serde_json::Value;

use super::subject::Matrix;
use super::{Args, json};

/// Prints what is found, and writes the picture; the same as JSON.
pub fn inspect(args: &Args, matrix: &Matrix, console: &Console) -> Result<Value> {
    let Matrix { outputs: m, inputs: n, .. } = *matrix;
    let symmetry = SymmetryMatrix::new(&matrix.values, m, n)?;
    let k = symmetry.columns();
    let kind = if k == 1 { "a weight matrix".to_string() } else { format!("a symmetry matrix, k = {k}") };
    console.say(&format!("{}: {kind}, {m} outputs × {n} inputs\n", matrix.name));
    let mut reason = None;
    let found = match Symmetry::of_matrix(symmetry, &RecoveryConfig::default())? {
        Symmetry::Permutations(found) => {
            console.say(&describe(symmetry, &found, args.full));
            if let Recovery::Nothing(nothing) = &found {
                reason = Some(nothing.reason.to_string());
            }
            Some(found)
        }
        // Too large to compare rows; known groups can be ranked all the same.
        other => {
            console.say(&other.to_string());
            reason = Some(other.to_string());
            None
        }
    };
    let fits = rank_groups(symmetry, &known_actions(m, n)?)?;
    if fits.is_empty() {
        console.say(&format!(
            "\nNo family of groups that is known here acts on {n} inputs as they are numbered."
        ));
    } else {
        console.table(&format!(
            "\nKnown groups, acting on points as they are numbered, by residual:\n\n{}",
            ranking(&fits, args.known)
        ));
        console.say(
            "residual: ‖U − P(U)‖ / ‖U‖, P the projection on the group's equivariant maps; unsymmetric: that\n\
             of a matrix without any symmetry. Groups that a larger one implies, with a residual as small, are left out.",
        );
    }
    let picture = args.picture.clone().unwrap_or_else(|| beside(&args.file, &matrix.name));
    let columns: Vec<Vec<f64>> =
        (0..k.min(4)).map(|c| matrix.values.iter().skip(c).step_by(k).copied().collect()).collect();
    let pattern = found.as_ref().and_then(Recovery::pattern);
    let drawn = picture::inspected(&matrix.name, pattern, &columns, n)?;
    write_atomic(&picture, &drawn.png()?)?;
    write_atomic(&picture.with_extension("svg"), drawn.svg()?.as_bytes())?;
    console.say(&format!("\npicture: {} (and .svg)", picture.display()));
    Ok(serde_json::to_value(json::FoundOnPoints {
        tensor: &matrix.name,
        outputs: m,
        inputs: n,
        filter_params: k,
        group: found.as_ref().and_then(Recovery::group).map(json::group),
        tied: pattern.map(SharingPattern::labels),
        reason,
        known: json::residuals(&fits),
        picture: picture.to_string_lossy(),
    })?)
}

/// `<file without its extension>.<tensor>.png`.
fn beside(file: &Path, tensor: &str) -> PathBuf {
    let stem = file.file_stem().map_or_else(|| "matrix".into(), |s| s.to_string_lossy().into_owned());
    let tensor: String = tensor.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    file.with_file_name(format!("{stem}.{tensor}.png"))
}

/// What was found, in lines.
fn describe(symmetry: SymmetryMatrix<'_>, found: &Recovery, full: bool) -> String {
    let mut lines = match found {
        Recovery::Group(group) => described(group, full),
        other => vec![other.to_string()],
    };
    if let Some(pattern) = found.pattern() {
        let mut sizes = pattern.sizes().to_vec();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let shown: Vec<String> = sizes.iter().take(8).map(ToString::to_string).collect();
        let more = if sizes.len() > 8 { ", …" } else { "" };
        lines.push(format!(
            "Tied weights: {} free parameters for {} weights (classes of {}{more})",
            sizes.len(),
            pattern.labels().len(),
            shown.join(", ")
        ));
        let zero = zero_weights(symmetry, pattern);
        if zero > 0 {
            lines.push(format!("  {zero} of the weights are zero, up to noise"));
        }
    }
    if let Some(evidence) = found.evidence() {
        let t = &evidence.tolerance;
        let rows = match t.whitened {
            None => "rows of U".to_string(),
            Some(rank) => format!("rows of its {rank} leading singular vectors"),
        };
        lines.push(format!(
            "Tolerance: {rows} closer than {} of the largest are equal; {} within a class, {} between classes",
            number(t.value),
            number(t.within),
            number(t.between)
        ));
        lines.push(format!(
            "Residual of the rows compared: {}; chance of ties as close as these: 10^{:.0} or less",
            number(evidence.residual),
            evidence.log10_chance
        ));
    }
    lines.join("\n")
}

/// The group, its orbits and its generators.
fn described(found: &RecoveredGroup, full: bool) -> Vec<String> {
    let name = GroupName::of(&found.permutations)
        .map_or_else(|| "a group without a name here".to_string(), |name| name.to_string());
    let abelian = if found.permutations.is_abelian() { "abelian" } else { "not abelian" };
    let mut lines =
        vec![format!("Symmetry: {name}, order {}", found.order()), format!("  {abelian}, {}", orbits(found))];
    for (on_outputs, on_inputs) in found.generators() {
        lines.push(format!("  generator: outputs {}", cycles(&on_outputs, full)));
        lines.push(format!("             inputs  {}", cycles(&on_inputs, full)));
    }
    if !found.is_orbits {
        lines.push("  More weights are tied than this group explains.".into());
    }
    lines.extend(found.almost.iter().map(|almost| format!("  {almost}")));
    lines
}

/// How many weights are in classes whose mean row is zero within the spread of the class.
fn zero_weights(symmetry: SymmetryMatrix<'_>, pattern: &SharingPattern) -> u32 {
    let k = symmetry.columns();
    let classes = pattern.free_parameters();
    let (mut means, mut squares) = (vec![vec![0.0; k]; classes], vec![0.0; classes]);
    for (row, &label) in symmetry.values().chunks_exact(k).zip(pattern.labels()) {
        let (label, size) = (label as usize, f64::from(pattern.sizes()[label as usize]));
        means[label].iter_mut().zip(row).for_each(|(mean, value)| *mean += value / size);
        squares[label] += row.iter().map(|v| v * v).sum::<f64>() / size;
    }
    // Mean square = square of the mean + spread: the mean is zero within the spread when it is the
    // smaller part.
    let zero = means.iter().zip(&squares).zip(pattern.sizes()).filter(|((mean, square), size)| {
        let of_mean = mean.iter().map(|v| v * v).sum::<f64>();
        **square == 0.0 || (**size > 1 && of_mean < 0.25 * (*square - of_mean))
    });
    zero.map(|(_, &size)| size).sum()
}

/// The sizes of the orbits on outputs and inputs.
fn orbits(found: &RecoveredGroup) -> String {
    let m = found.pattern.outputs();
    let (outputs, inputs): (Vec<_>, Vec<_>) = found.permutations.orbits().into_iter().partition(|o| o[0] < m);
    let sizes = |orbits: &[Vec<usize>]| {
        let sizes: Vec<String> = orbits.iter().map(|o| o.len().to_string()).collect();
        sizes.join(" + ")
    };
    format!("orbits of {} outputs and {} inputs", sizes(&outputs), sizes(&inputs))
}

/// Cycle notation, cut to a line unless it is asked for in full.
fn cycles(g: &Permutation, full: bool) -> String {
    let text = g.to_string();
    if full || text.chars().count() <= 100 {
        return text;
    }
    text.chars().take(80).chain("... (--full shows all)".chars()).collect()
}

fn ranking(fits: &[Fit], count: usize) -> String {
    let head = ["group", "order", "free parameters", "residual", "unsymmetric"].map(String::from);
    let rows: Vec<Vec<String>> = fits
        .iter()
        .filter(|fit| fit.implied_by.is_none())
        .take(count.max(1))
        .map(|fit| {
            vec![
                fit.name.clone(),
                fit.order.to_string(),
                fit.free_parameters.to_string(),
                number(fit.residual),
                number(fit.by_chance),
            ]
        })
        .collect();
    Table::new(head, rows).to_string()
}
