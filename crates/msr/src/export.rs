//! `msr export`: a layer whose weights are tied by a group that was found, for other tools.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use msr_experiments::console::Console;
use msr_files::printable;
use msr_groups::{RecoveredGroup, Recovery, RecoveryConfig, SignedPermutation};
use msr_report::complain;
use msr_symmetry::export::{Target, TiedLayer, export};
use msr_symmetry::{Learned, SymmetricLayer, Symmetry, Weights, entries};

use crate::verdict_file::{VERDICT, VerdictFile};

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What `msr discover --out DIR` left, verdict.json or its folder; or what a training run left
    /// as learned.safetensors.
    file: PathBuf,
    /// What to export to: pytorch (a module in a Python file), onnx (a model of the layer), gap
    /// (the group), escnn (the group and its representations for escnn and emlp, in a Python file)
    /// or npz (arrays).
    #[arg(long = "to", value_name = "TARGET")]
    target: Target,
    /// The file to write.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// The layer of a learned model, by its name; without it, the only one with a symmetry matrix.
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

/// Writes the file, and says what is in it.
pub fn run(args: &Args) -> Result<()> {
    let console = Console::new(false);
    let layer = layer(args)?;
    if layer.is_of_products && args.target != Target::Gap {
        complain(
            "warning: the symmetry was found in the products of inputs (--pairs); what is written is the linear layer of the same \
             group, on the inputs alone, which has no products",
        );
    }
    let bytes = export(&layer, args.target).with_context(|| args.file.display().to_string())?;
    make_folder(&args.out)?;
    if args.force {
        msr_files::write_atomic(&args.out, &bytes)?;
    } else {
        // That it is there already is said as everywhere; what helps, only here.
        msr_files::write_new(&args.out, &bytes).map_err(|problem| match problem {
            msr_files::Error::Exists { .. } => {
                anyhow::anyhow!(
                    "{} already exists; --force replaces it",
                    printable(&args.out.display().to_string())
                )
            }
            other => other.into(),
        })?;
    }
    console.say(&said(&layer, args.target, &args.out));
    Ok(())
}

/// Makes the folder of a file that is to be written, if it is missing.
fn make_folder(file: &Path) -> Result<()> {
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).with_context(|| {
        let shown = folder.display().to_string();
        format!("the folder {} cannot be made; give another --out", printable(&shown))
    })
}

/// Refuses what is not there: a file, or a folder without a verdict.
fn check_there(given: &Path, file: &Path) -> Result<()> {
    let shown = |path: &Path| printable(&path.display().to_string()).into_owned();
    ensure!(
        given.exists(),
        "{} does not exist; name the folder that `msr discover --out` has made, or a file in it",
        shown(given)
    );
    ensure!(
        file.exists(),
        "there is no {VERDICT} in {}; `msr discover --out` writes it once there is a verdict, and the same command with \
         --resume goes on after a stop",
        shown(given)
    );
    Ok(())
}

/// What was written, in a line.
fn said(layer: &TiedLayer, target: Target, out: &Path) -> String {
    let name = layer.name.as_deref().map_or("a group without a name here".into(), printable);
    let order = layer.order.as_ref().map_or(String::new(), |order| format!(", order {order}"));
    let (m, n, k) = (layer.outputs, layer.inputs, layer.pattern.free_parameters());
    let count = |many: usize, what: &str| format!("{many} {what}{}", if many == 1 { "" } else { "s" });
    let values = if layer.values.is_some() { ", with the values that were learned" } else { "" };
    let bias = match layer.ties_bias || target == Target::Gap {
        true => "",
        false => "; without a bias, as a linear map does not show with which sign the group would move it",
    };
    format!(
        "{}: {} and {} tied by {name}{order}; {} in place of {}{values}, for {target}{bias}",
        out.display(),
        count(m, "output"),
        count(n, "input"),
        count(k, "free parameter"),
        m * n
    )
}

/// The layer that a file holds.
fn layer(args: &Args) -> Result<TiedLayer> {
    let path = VerdictFile::at(&args.file);
    check_there(&args.file, &path)?;
    let bytes = msr_files::read(&path)?;
    let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let layer = if is_json {
        ensure!(args.layer.is_none(), "--layer is for learned models; a verdict is of one layer");
        VerdictFile::from_bytes(&bytes).and_then(|verdict| found(&verdict))
    } else {
        Learned::from_bytes(&bytes, &Device::Cpu)
            .context("neither a verdict nor what was learned")
            .and_then(|learned| learned_layer(&learned, args.layer.as_deref()))
    };
    layer.with_context(|| path.display().to_string())
}

/// The layer of a verdict.
fn found(verdict: &VerdictFile) -> Result<TiedLayer> {
    let symmetry = verdict.symmetry()?;
    let mut layer = TiedLayer::from_generators(symmetry.outputs, symmetry.inputs, symmetry.pairs()?)?;
    let made = layer.pattern.free_parameters();
    ensure!(
        made == symmetry.free_parameters,
        "its generators leave {made} free parameters, and it says that there are {}; the file is damaged, let `msr \
         discover --out DIR` write it again",
        symmetry.free_parameters
    );
    let computed = layer.order.take();
    layer.order = symmetry.order.parse().ok();
    ensure!(
        layer.order.is_some() && computed.is_none_or(|computed| layer.order.as_ref() == Some(&computed)),
        "its generators do not make a group of order `{}`, as it says; the file is damaged, let `msr discover --out DIR` \
         write it again",
        printable(&symmetry.order)
    );
    // What was looked for with signs is known up to a sign on both sides, also where it has none.
    layer.ties_bias &= !symmetry.signed;
    layer.is_of_products = verdict.pairs;
    layer.name = symmetry.name.clone();
    layer.input_shape = symmetry.input_shape.clone();
    layer.output_shape = symmetry.output_shape.clone();
    Ok(layer)
}

/// The layer of a learned model that was named, or the only one.
fn learned_layer(learned: &Learned, name: Option<&str>) -> Result<TiedLayer> {
    let layers = learned.symmetric_layers()?;
    let names = || {
        let names: Vec<String> =
            layers.iter().map(|layer| format!("`{}`", printable(&layer.layer))).collect();
        names.join(", ")
    };
    let chosen = match (name, layers.as_slice()) {
        (_, []) => bail!("none of its layers has learned a symmetry matrix (MAML learns none)"),
        (None, [only]) => only,
        (None, _) => bail!("there are several layers; choose one with --layer: {}", names()),
        (Some(name), _) => layers.iter().find(|layer| layer.layer == name).with_context(|| {
            format!("there is no layer `{}` with a symmetry matrix; there are {}", printable(name), names())
        })?,
    };
    tied(learned, chosen).with_context(|| format!("the layer `{}`", printable(&chosen.layer)))
}

/// A fully connected layer with the group that its U encodes.
fn tied(learned: &Learned, layer: &SymmetricLayer) -> Result<TiedLayer> {
    let (Weights::Linear { .. }, [(_, u)]) = (layer.weights, layer.matrices.as_slice()) else {
        bail!(
            "it is a convolution, and only fully connected layers are exported; `msr inspect` says how it turns and \
             flips"
        );
    };
    let group = match layer.symmetry(&RecoveryConfig::default())? {
        Symmetry::Permutations(Recovery::Group(group)) => group,
        other => {
            bail!("no group can be read out of its symmetry matrix, so there is nothing to export. {other}")
        }
    };
    let tied = of_group(&group)?;
    // Parameters that were adapted to many tasks are those of no single layer.
    let named = |tensor: &str| {
        let full =
            if layer.layer.is_empty() { tensor.to_string() } else { format!("{}.{tensor}", layer.layer) };
        learned.tensors().get(&full).filter(|_| learned.tasks().is_none())
    };
    let Some(filter) = named("filter") else { return Ok(tied) };
    let (u, v) = (entries(u)?, entries(filter)?);
    let weights: Vec<f64> = u.chunks_exact(v.len().max(1)).map(|row| dot(row, &v)).collect();
    let bias = named("bias").map(entries).transpose()?;
    Ok(tied.with_weights(&weights, bias.as_deref())?)
}

/// The layer that a group ties; the pattern may tie more than that.
fn of_group(group: &RecoveredGroup) -> Result<TiedLayer> {
    let generators = group.generators().into_iter().map(|(y, x)| (y.into(), x.into()));
    let generators: Vec<(SignedPermutation, SignedPermutation)> = generators.collect();
    let mut tied = TiedLayer::from_pattern((&group.pattern).into(), generators)?;
    tied.name = group.name.clone();
    tied.order = Some(group.order());
    Ok(tied)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
