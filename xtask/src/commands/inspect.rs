//! `cargo xtask inspect`: which symmetry a learned U, or a plain weight matrix, has.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use msr_groups::{
    Fit, Permutation, RecoveredGroup, Recovery, RecoveryConfig, SharingPattern, SymmetryMatrix,
    known_actions, rank_groups, recover,
};
use msr_meta::write_atomic;
use safetensors::SafeTensors;

use super::inspect_plane::{ConvShape, moment_of};
use crate::experiments::training::read_weight_shape;
use crate::report::picture::inspected;
use crate::report::say;
use crate::report::table::{aligned, number};
use crate::tensors::numbers;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A safetensors file: what a run left as learned.safetensors, or any file with a weight matrix.
    file: PathBuf,
    /// The tensor to read; without it, the only matrix, or the one whose name ends in `symmetry`.
    #[arg(long)]
    tensor: Option<String>,
    /// Read the tensor as a symmetry matrix with so many outputs (and rows / outputs inputs); with --kernel, so many output
    /// channels.
    #[arg(long, value_name = "M")]
    outputs: Option<usize>,
    /// Read the tensor as a plain weight matrix, whatever its name.
    #[arg(long, conflicts_with = "outputs")]
    weight: bool,
    /// Read the symmetry matrix as that of a convolution with K × K taps, and name its rotations and flips. There is one input
    /// channel unless --outputs says otherwise. Kronecker factors, and what a run of ours left, are recognised without it.
    #[arg(long, value_name = "K", conflicts_with = "weight")]
    kernel: Option<usize>,
    /// Where the picture goes; without it, beside the file, as FILE.TENSOR.png.
    #[arg(long, value_name = "FILE.png")]
    picture: Option<PathBuf>,
    /// Print generators in full, however long they are.
    #[arg(long)]
    full: bool,
    /// How many known groups are listed.
    #[arg(long, default_value_t = 8)]
    known: usize,
}

/// A matrix to look at: U with `m · n` rows and `k` columns.
struct Matrix {
    name: String,
    symmetry: Vec<f64>,
    outputs: usize,
    inputs: usize,
    filter_params: usize,
}

/// Prints what is found, and writes the picture.
pub fn run(args: &Args) -> Result<()> {
    let in_file = || format!("{}", args.file.display());
    ensure!(
        !args.file.is_dir(),
        "{} is a folder; name a file, as the {} of a training run",
        args.file.display(),
        crate::experiments::training::LEARNED
    );
    let bytes = std::fs::read(&args.file).with_context(in_file)?;
    let tensors = load(&bytes, args.tensor.as_deref()).with_context(in_file)?;
    if !args.weight && (args.outputs.is_none() || args.kernel.is_some()) {
        let stored = conv_of(&bytes).filter(|_| may_be_symmetry(args.tensor.as_deref()));
        let shape = match args.kernel {
            Some(kernel) => {
                let of_file = stored.filter(|shape| shape.kernel == kernel).and_then(|shape| shape.channels);
                Some(ConvShape { kernel, channels: args.outputs.or(of_file) })
            }
            None => stored,
        };
        let described = super::inspect_plane::describe(&tensors, args.tensor.as_deref(), shape, args.known);
        if let Some(text) = described.with_context(in_file)? {
            ensure!(
                args.picture.is_none(),
                "--picture is for maps between points; leave it out for a convolution"
            );
            say(&text);
            return Ok(());
        }
    }
    let matrix = read(args, &bytes, &tensors).with_context(in_file)?;
    let Matrix { outputs: m, inputs: n, filter_params: k, .. } = matrix;
    let kind = if k == 1 { "a weight matrix".to_string() } else { format!("a symmetry matrix, k = {k}") };
    say(&format!("{}: {kind}, {m} outputs × {n} inputs\n", matrix.name));
    let symmetry = SymmetryMatrix::new(&matrix.symmetry, m, n).with_context(in_file)?;
    let found = match recover(symmetry, &RecoveryConfig::default()) {
        Ok(found) => {
            say(&describe(&matrix, &found, args.full));
            Some(found)
        }
        // Too large to compare rows; known groups can be ranked all the same.
        Err(reason @ msr_groups::Error::Config { .. }) => {
            say(&format!("Not read: {reason}."));
            None
        }
        Err(other) => return Err(other).with_context(in_file),
    };
    let fits = rank_groups(symmetry, &known_actions(m, n)?)?;
    if fits.is_empty() {
        say(&format!("\nNo family of groups that is known here acts on {n} inputs as they are numbered."));
    } else {
        say(&format!(
            "\nKnown groups, acting on points as they are numbered, by residual:\n\n{}",
            ranking(&fits, args.known)
        ));
        say(
            "residual: ‖U − P(U)‖ / ‖U‖, P the projection on the group's equivariant maps; unsymmetric: that\n\
             of a matrix without any symmetry. Groups that a larger one implies, with a residual as small, are left out.",
        );
    }
    let picture = args.picture.clone().unwrap_or_else(|| beside(&args.file, &matrix.name));
    let columns: Vec<Vec<f64>> =
        (0..k.min(4)).map(|c| matrix.symmetry.iter().skip(c).step_by(k).copied().collect()).collect();
    let pattern = found.as_ref().and_then(Recovery::pattern);
    write_atomic(&picture, &inspected(&matrix.name, pattern, &columns, n)?)?;
    say(&format!("\npicture: {}", picture.display()));
    Ok(())
}

/// `<file without its extension>.<tensor>.png`.
fn beside(file: &Path, tensor: &str) -> PathBuf {
    let stem = file.file_stem().map_or_else(|| "matrix".into(), |s| s.to_string_lossy().into_owned());
    let tensor: String = tensor.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    file.with_file_name(format!("{stem}.{tensor}.png"))
}

/// Whether a tensor that may have been named is a symmetry matrix by its name.
fn may_be_symmetry(tensor: Option<&str>) -> bool {
    tensor.is_none_or(|name| name.ends_with("symmetry"))
}

/// The convolution of whose filters the file says that it holds the symmetry matrix.
fn conv_of(bytes: &[u8]) -> Option<ConvShape> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    match header.metadata().as_ref().and_then(read_weight_shape).as_deref() {
        Some(&[channels, _, kernel, across]) if kernel == across => {
            Some(ConvShape { kernel, channels: Some(channels) })
        }
        _ => None,
    }
}

const DAMAGED: &str = "this is no safetensors file, or a damaged one";

fn load(bytes: &[u8], named: Option<&str>) -> Result<HashMap<String, Tensor>> {
    SafeTensors::read_metadata(bytes).context(DAMAGED)?;
    let mut tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
    // A checkpoint holds the moments of Adam beside the parameters; nobody looks for a group in them unasked.
    let all: Vec<String> = tensors.keys().cloned().collect();
    let parameter = |name: &str| moment_of(name).map(String::from);
    tensors.retain(|name, _| named == Some(name) || parameter(name).is_none_or(|p| !all.contains(&p)));
    Ok(tensors)
}

fn read(args: &Args, bytes: &[u8], tensors: &HashMap<String, Tensor>) -> Result<Matrix> {
    let (_, header) = SafeTensors::read_metadata(bytes).context(DAMAGED)?;
    let mut matrices: Vec<&String> =
        tensors.iter().filter(|(_, t)| t.rank() == 2).map(|(name, _)| name).collect();
    matrices.sort();
    let names = || matrices.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
    let named: Vec<&&String> = matrices.iter().filter(|n| n.ends_with("symmetry")).collect();
    let name = match (&args.tensor, matrices.as_slice(), named.as_slice()) {
        (Some(name), ..) => name,
        (None, [only], _) => *only,
        (None, _, [only]) => **only,
        (None, [], _) => bail!(
            "there is no matrix in it; its tensors are {} (MAML learns no U, nor does a layer \
             whose pattern is given: look at what an MSR method learned)",
            all_names(tensors)
        ),
        _ => bail!("there are several matrices; choose one with --tensor: {}", names()),
    };
    let tensor = tensors
        .get(name)
        .with_context(|| format!("there is no tensor `{name}`; its tensors are {}", all_names(tensors)))?;
    let [rows, columns] = *tensor.dims() else {
        bail!(
            "`{name}` has the shape {:?}; a symmetry matrix or a weight matrix has two dimensions",
            tensor.dims()
        );
    };
    let size = match args.outputs {
        Some(m) => Some((m, rows / m.max(1))),
        None => match header.metadata().as_ref().and_then(read_weight_shape).as_deref() {
            Some(&[m, n]) => Some((m, n)).filter(|_| m.checked_mul(n) == Some(rows)),
            _ => None,
        },
    };
    let is_symmetry = !args.weight && (args.outputs.is_some() || name.ends_with("symmetry"));
    let (outputs, inputs, filter_params) = match (is_symmetry, size) {
        (false, _) => (rows, columns, 1),
        (true, Some((m, n))) => {
            ensure!(m * n == rows, "`{name}` has {rows} rows, which are no multiple of {m} outputs");
            (m, n, columns)
        }
        (true, None) => {
            let side = rows.isqrt();
            ensure!(
                side * side == rows,
                "`{name}` has {rows} rows, and it is not known how many outputs these are; give --outputs, or --kernel for a \
                     convolution"
            );
            (side, side, columns)
        }
    };
    let symmetry = numbers(tensor)?;
    Ok(Matrix { name: name.clone(), symmetry, outputs, inputs, filter_params })
}

fn all_names(tensors: &std::collections::HashMap<String, Tensor>) -> String {
    let mut names: Vec<String> = tensors.iter().map(|(name, t)| format!("{name} {:?}", t.dims())).collect();
    names.sort();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// What was found, in lines.
fn describe(matrix: &Matrix, found: &Recovery, full: bool) -> String {
    let mut lines = Vec::new();
    match found {
        Recovery::Group(found) => {
            let name = found.name.as_deref().unwrap_or("a group without a name here");
            lines.push(format!("Symmetry: {name}, order {}", found.order()));
            let group = &found.permutations;
            lines.push(format!(
                "  {}, {}",
                if group.is_abelian() { "abelian" } else { "not abelian" },
                orbits(found)
            ));
            for (on_outputs, on_inputs) in found.generators() {
                lines.push(format!("  generator: outputs {}", cycles(&on_outputs, full)));
                lines.push(format!("             inputs  {}", cycles(&on_inputs, full)));
            }
            if !found.is_orbits {
                lines.push("  More weights are tied than this group explains.".into());
            }
        }
        other => lines.push(other.to_string()),
    }
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
        let zero = zero_weights(matrix, pattern);
        if zero > 0 {
            lines.push(format!("  {zero} of the weights are zero, up to noise"));
        }
    }
    if let Some(evidence) = found.evidence() {
        let t = evidence.tolerance;
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

/// How many weights are in classes whose mean row is zero within the spread of the class.
fn zero_weights(matrix: &Matrix, pattern: &SharingPattern) -> u32 {
    let k = matrix.filter_params;
    let classes = pattern.free_parameters();
    let (mut means, mut squares) = (vec![vec![0.0; k]; classes], vec![0.0; classes]);
    for (row, &label) in matrix.symmetry.chunks_exact(k).zip(pattern.labels()) {
        let (label, size) = (label as usize, f64::from(pattern.sizes()[label as usize]));
        means[label].iter_mut().zip(row).for_each(|(mean, value)| *mean += value / size);
        squares[label] += row.iter().map(|v| v * v).sum::<f64>() / size;
    }
    // Mean square = square of the mean + spread: the mean is zero within the spread when it is the smaller part.
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
    aligned(&head, &rows)
}
