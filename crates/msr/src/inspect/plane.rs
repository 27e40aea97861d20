//! `msr inspect` for convolutions: which rotations and flips a learned A, B, C or U has.

use anyhow::Result;
use msr_experiments::console::Console;
use msr_files::printable;
use msr_groups::{LARGEST_PLANE_RESIDUAL, PlaneSymmetry};
use msr_report::Table;
use msr_symmetry::Symmetry;
use serde_json::Value;

use super::Args;
use super::json::FoundOnPlane;
use super::subject::{ConvMatrices, Convolution};

/// Prints what is found; the same as JSON.
pub fn inspect(args: &Args, conv: &Convolution, console: &Console) -> Result<Value> {
    let found = Symmetry::of_convolution(conv.learned(), conv.channels, conv.kernel)?;
    let reason = match &found {
        Symmetry::Plane(found) => {
            console.table(&text(&what(conv), found, args.known));
            return Ok(serde_json::to_value(FoundOnPlane::new(conv, Some(found), None))?);
        }
        other => other.to_string(),
    };
    console.say(&format!("{}\n\n{reason}", what(conv)));
    Ok(serde_json::to_value(FoundOnPlane::new(conv, None, Some(reason)))?)
}

fn what(conv: &Convolution) -> String {
    let Convolution { channels, in_channels, kernel, .. } = conv;
    let names = printable(&conv.names.join(", ")).into_owned();
    let inputs = if *in_channels > 1 { format!(" × {in_channels} input channels") } else { String::new() };
    let kind = match conv.symmetry {
        ConvMatrices::Kronecker { .. } => "Kronecker factors of a convolution",
        ConvMatrices::Full { .. } => "a convolution's symmetry matrix",
    };
    format!("{names}: {kind}, {channels} channels{inputs}, {kernel} × {kernel} taps")
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
        Table::new(head, rows)
    )
}
