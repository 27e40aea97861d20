//! Bare tensors: of a checkpoint, or of a file that someone else wrote. What they are, names and
//! flags say.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use msr_experiments::engine::entries;
use safetensors::SafeTensors;

use super::Args;
use super::subject::{ConvMatrices, Convolution, Matrix, Subject};

/// The tensor that was named, or the only one that can be meant.
pub fn subject(args: &Args, bytes: &[u8]) -> Result<Subject> {
    let tensors = load(bytes, args.tensor.as_deref())?;
    if !args.weight
        && (args.outputs.is_none() || args.kernel.is_some())
        && let Some(conv) = conv(args, &tensors)?
    {
        return Ok(Subject::Conv(conv));
    }
    Ok(Subject::Points(matrix(args, &tensors)?))
}

const DAMAGED: &str = "not a safetensors file, or a damaged one";

fn load(bytes: &[u8], named: Option<&str>) -> Result<HashMap<String, Tensor>> {
    SafeTensors::read_metadata(bytes).context(DAMAGED)?;
    let mut tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
    // A checkpoint holds the moments of Adam beside the parameters; nobody looks for a group in
    // them unasked.
    let all: Vec<String> = tensors.keys().cloned().collect();
    let parameter = |name: &str| moment_of(name).map(String::from);
    tensors.retain(|name, _| named == Some(name) || parameter(name).is_none_or(|p| !all.contains(&p)));
    Ok(tensors)
}

fn matrix(args: &Args, tensors: &HashMap<String, Tensor>) -> Result<Matrix> {
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
    let size = args.outputs.map(|m| (m, rows / m.max(1)));
    let is_symmetry = !args.weight && (args.outputs.is_some() || name.ends_with("symmetry"));
    let (outputs, inputs) = match (is_symmetry, size) {
        (false, _) => (rows, columns),
        (true, Some((m, n))) => {
            ensure!(m * n == rows, "`{name}` has {rows} rows, not a multiple of {m} outputs");
            (m, n)
        }
        (true, None) => {
            let side = rows.isqrt();
            ensure!(
                side * side == rows,
                "`{name}` has {rows} rows, and it is not known how many outputs these are; give --outputs, or --kernel for a \
                     convolution"
            );
            (side, side)
        }
    };
    Ok(Matrix { name: name.clone(), values: entries(tensor)?, outputs, inputs })
}

fn all_names(tensors: &HashMap<String, Tensor>) -> String {
    let mut names: Vec<String> = tensors.iter().map(|(name, t)| format!("{name} {:?}", t.dims())).collect();
    names.sort();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// What of a file is a convolution's symmetry: Kronecker factors where it has them and no other
/// tensor is named, or `symmetry` when the shape of its filters is given. `None` when it is
/// neither.
fn conv(args: &Args, tensors: &HashMap<String, Tensor>) -> Result<Option<Convolution>> {
    let (tensor, kernel) = (args.tensor.as_deref(), args.kernel);
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
            args.outputs.is_none_or(|c| c == channels),
            "`{name}` is a factor over {channels} output channels; leave out --outputs"
        );
        return Ok(Some(Convolution {
            names: vec![(*name).clone(), taps],
            symmetry: ConvMatrices::Kronecker { channels: a, taps: c },
            channels,
            in_channels: 1,
            kernel: across,
        }));
    }
    let Some(kernel) = kernel else { return Ok(None) };
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
        "`{name}` has {rows} rows, not a multiple of {kernel} × {kernel} taps"
    );
    let filters = rows / taps;
    let channels = args.outputs.unwrap_or(filters);
    ensure!(
        channels > 0 && filters.is_multiple_of(channels),
        "`{name}` has {filters} filters of {kernel} × {kernel} taps, not a multiple of {channels} output channels"
    );
    Ok(Some(Convolution {
        names: vec![name],
        symmetry: ConvMatrices::Full { symmetry: entries(u)?, columns },
        channels,
        in_channels: filters / channels,
        kernel,
    }))
}

fn choose_among(names: &[&String]) -> String {
    let names: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
    format!("there are several convolutions in it; choose one with --tensor: {}", names.join(", "))
}

/// Whether a tensor of a checkpoint is one of Adam's.
fn is_moment(name: &str) -> bool {
    moment_of(name).is_some()
}

/// The parameter of which a tensor of a checkpoint is Adam's first or second moment.
fn moment_of(name: &str) -> Option<&str> {
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
    let mut numbers = entries(tensor)?;
    (0..rows).for_each(|i| numbers[i * (rows + 1)] += 1.0);
    Ok(numbers)
}
