//! `cargo xtask inspect` for convolutions: which rotations and flips a learned A, B, C or U has.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use msr_groups::{LARGEST_PLANE_RESIDUAL, LearnedConv, PlaneSymmetry, plane_symmetry};

use crate::report::table::aligned;
use crate::tensors::numbers;

/// The filters to which the rows of a symmetry matrix belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Taps along a side.
    pub kernel: usize,
    /// Output channels; `None` when there is one input channel.
    pub channels: Option<usize>,
}

/// What of a file is a convolution's symmetry: Kronecker factors where it has them and no other tensor is named, or `symmetry`
/// when the shape of its filters is given. `None` when it is neither.
pub fn describe(
    tensors: &HashMap<String, Tensor>,
    tensor: Option<&str>,
    shape: Option<ConvShape>,
    known: usize,
) -> Result<Option<String>> {
    let kernel = shape.map(|shape| shape.kernel);
    let mut names: Vec<&String> = tensors.keys().filter(|n| n.ends_with("symmetry_out")).collect();
    names.sort();
    // Adam's moments of a factor are no factor.
    let asked =
        tensor.is_none_or(|t| !is_moment(t) && (t.ends_with("symmetry_out") || t.ends_with("symmetry_taps")));
    let mut full: Vec<&String> = tensors.keys().filter(|n| n.ends_with("symmetry")).collect();
    full.sort();
    let chosen = names.iter().find(|n| tensor.is_none_or(|t| prefix(n) == prefix(t)));
    if let (true, Some(name)) = (asked, chosen) {
        let others = full.iter().filter(|_| kernel.is_some());
        let several: Vec<&String> = names.iter().chain(others).copied().collect();
        ensure!(tensor.is_some() || several.len() == 1, "{}", choose_among(&several));
        let taps = format!("{}symmetry_taps", prefix(name));
        let a = factor(tensors, name)?;
        let c = factor(tensors, &taps)?;
        let (channels, size) = (a.len().isqrt(), c.len().isqrt());
        let across = size.isqrt();
        ensure!(across * across == size, "`{taps}` is no factor over the taps of a square filter");
        ensure!(
            kernel.is_none_or(|k| k == across),
            "`{taps}` is a factor over {across} × {across} taps; leave out --kernel"
        );
        ensure!(
            shape.and_then(|shape| shape.channels).is_none_or(|c| c == channels),
            "`{name}` is a factor over {channels} output channels; leave out --outputs"
        );
        let kernel = across;
        let learned = LearnedConv::Kronecker { channels: &a, taps: &c };
        let found = plane_symmetry(learned, channels, kernel)?;
        let what = format!(
            "{name}, {taps}: Kronecker factors of a convolution, {channels} channels, {kernel} × {kernel} taps"
        );
        return Ok(Some(text(&what, &found, known)));
    }
    let Some(ConvShape { kernel, channels }) = shape else { return Ok(None) };
    let name = match tensor {
        Some(name) => name.to_string(),
        None => match full.as_slice() {
            [] => bail!("there is no symmetry matrix in it; name one with --tensor"),
            [name] => (*name).clone(),
            several => bail!("{}", choose_among(several)),
        },
    };
    let u = tensors.get(&name).with_context(|| format!("there is no tensor `{name}`"))?;
    let (rows, columns) = u.dims2().with_context(|| format!("`{name}`"))?;
    let taps = kernel.saturating_mul(kernel);
    ensure!(
        taps > 0 && rows.is_multiple_of(taps),
        "`{name}` has {rows} rows, which are no multiple of {kernel} × {kernel} taps"
    );
    let filters = rows / taps;
    let channels = channels.unwrap_or(filters);
    ensure!(
        channels > 0 && filters.is_multiple_of(channels),
        "`{name}` has {filters} filters of {kernel} × {kernel} taps, which are no multiple of {channels} output channels"
    );
    let found = plane_symmetry(LearnedConv::Full { symmetry: &numbers(u)?, columns }, channels, kernel)?;
    let inputs = match filters / channels {
        1 => String::new(),
        inputs => format!(" × {inputs} input channels"),
    };
    let what = format!(
        "{name}: a convolution's symmetry matrix, {channels} channels{inputs}, {kernel} × {kernel} taps"
    );
    Ok(Some(text(&what, &found, known)))
}

fn choose_among(names: &[&String]) -> String {
    let names: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
    format!("there are several convolutions in it; choose one with --tensor: {}", names.join(", "))
}

/// Whether a tensor of a checkpoint is one of Adam's.
pub fn is_moment(name: &str) -> bool {
    moment_of(name).is_some()
}

/// The parameter of which a tensor of a checkpoint is Adam's first or second moment.
pub fn moment_of(name: &str) -> Option<&str> {
    name.strip_prefix("adam.first.").or(name.strip_prefix("adam.second."))
}

/// What comes before the name of a factor.
fn prefix(name: &str) -> &str {
    name.strip_suffix("symmetry_out").or(name.strip_suffix("symmetry_taps")).unwrap_or(name)
}

/// A factor that is stored as what it has beyond the identity.
fn factor(tensors: &HashMap<String, Tensor>, name: &str) -> Result<Vec<f64>> {
    let tensor = tensors.get(name).with_context(|| format!("there is no tensor `{name}` beside it"))?;
    let (rows, columns) = tensor.dims2().with_context(|| format!("`{name}`"))?;
    ensure!(rows == columns, "`{name}` is {rows} × {columns}; a Kronecker factor is square");
    let mut numbers = numbers(tensor)?;
    (0..rows).for_each(|i| numbers[i * (rows + 1)] += 1.0);
    Ok(numbers)
}

fn text(what: &str, found: &PlaneSymmetry, known: usize) -> String {
    let head = ["group", "order", "residual"].map(String::from);
    let rows: Vec<Vec<String>> = found
        .fits
        .iter()
        .take(known)
        .map(|f| vec![f.group.to_string(), f.group.order().to_string(), format!("{:.4}", f.residual)])
        .collect();
    format!(
        "{what}\n\n{found}\n\nRotations and flips, each for channels in the order field · order + element (so a subgroup \
         need not fit\nwhere the group does):\n\n{}\nresidual: 0 is exact, a symmetry is claimed below \
         {LARGEST_PLANE_RESIDUAL} (docs/derivations/plane.md)",
        aligned(&head, &rows)
    )
}
