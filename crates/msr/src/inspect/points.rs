//! `msr inspect` for maps between points: which permutations of outputs and inputs keep a U or a
//! weight.

use anyhow::Result;
use msr_experiments::console::Console;
use msr_files::printable;
use msr_groups::{
    GroupName, Permutation, RecoveredGroup, Recovery, RecoveryConfig, SharingPattern, SymmetryMatrix,
};
use msr_report::number;
use msr_symmetry::Symmetry;
use serde_json::Value;

use super::known::{order, rank};
use super::patience::with_a_word;
use super::subject::{Kind, Matrix};
use super::{Args, json, pictures};

/// Generators of a group that are printed unless all are asked for.
const MOST_GENERATORS: usize = 8;

/// Prints what is found, and draws the picture; the same as JSON.
pub fn inspect(args: &Args, matrix: &Matrix, console: &Console) -> Result<Value> {
    let Matrix { outputs: m, inputs: n, .. } = *matrix;
    let symmetry = SymmetryMatrix::new(&matrix.values, m, n)?;
    pictures::too_large(args, matrix)?;
    let k = symmetry.columns();
    let kind = match matrix.kind {
        Kind::Weight => "a weight matrix".to_string(),
        Kind::Stack => format!("weight matrices of {k} tasks"),
        Kind::Symmetry => format!("a symmetry matrix, k = {k}"),
    };
    console.say(&format!("{}: {kind}, {m} outputs × {n} inputs\n", printable(&matrix.name)));
    let mut reason = None;
    let recovered = with_a_word("looking for permutations that keep the ties", || {
        Symmetry::of_matrix(symmetry, &RecoveryConfig::default())
    });
    let found = match recovered? {
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
    let fits = rank(symmetry, args.known, console)?;
    let drawn = pictures::draw(args, matrix, symmetry, found.as_ref())?;
    match &drawn {
        Ok(path) => console.say(&format!("\npicture: {} (and .svg)", path.display())),
        Err(why) if why.is_empty() => {}
        Err(why) => console.say(&format!("\n{why}")),
    }
    Ok(serde_json::to_value(json::FoundOnPoints {
        tensor: &matrix.name,
        outputs: m,
        inputs: n,
        filter_params: k,
        group: found.as_ref().and_then(Recovery::group).map(json::group),
        tied: found.as_ref().and_then(Recovery::pattern).map(SharingPattern::labels),
        reason,
        known: json::residuals(&fits),
        picture: drawn.as_deref().ok().map(|path| path.to_string_lossy()),
    })?)
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
        let zero = zero_classes(symmetry, pattern).iter().map(|&c| pattern.sizes()[c as usize]).sum::<u32>();
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
    let mut lines = vec![
        format!("Symmetry: {name}, order {}", order(&found.order())),
        format!("  {abelian}, {}", orbits(found)),
    ];
    let generators = found.generators();
    let shown = if full { generators.len() } else { MOST_GENERATORS };
    let more = generators.len().saturating_sub(shown);
    for (on_outputs, on_inputs) in generators.into_iter().take(shown) {
        lines.push(format!("  generator: outputs {}", cycles(&on_outputs, full)));
        lines.push(format!("             inputs  {}", cycles(&on_inputs, full)));
    }
    if more > 0 {
        lines.push(format!("  and {more} more generators (--full shows all)"));
    }
    if !found.is_orbits {
        lines.push("  More weights are tied than this group explains.".into());
    }
    lines.extend(found.almost.iter().map(|almost| format!("  {almost}")));
    lines.extend(found.doubt_in_words().map(|doubt| format!("  {doubt}")));
    lines
}

/// The classes whose mean row is zero within the spread of the class.
pub fn zero_classes(symmetry: SymmetryMatrix<'_>, pattern: &SharingPattern) -> Vec<u32> {
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
    let is_zero = |&class: &u32| {
        let (square, size) = (squares[class as usize], pattern.sizes()[class as usize]);
        let of_mean = means[class as usize].iter().map(|v| v * v).sum::<f64>();
        square == 0.0 || (size > 1 && of_mean < 0.25 * (square - of_mean))
    };
    (0..classes as u32).filter(is_zero).collect()
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
