//! The layers that a file says it has.

use anyhow::{Result, bail, ensure};
use msr_experiments::engine::entries;
use msr_layers::{ConvSymmetry, LayerSpec};
use msr_symmetry::Learned;

use super::Args;
use super::subject::{ConvMatrices, Convolution, Matrix, Subject};

/// The layers with symmetry matrices, or the one to which the tensor that was named belongs; none
/// when there is no such layer. Flags that say otherwise than the file are refused.
pub fn subjects(learned: &Learned, args: &Args) -> Result<Vec<Subject>> {
    let mut found = Vec::new();
    collect(learned, learned.model(), args, &mut found)?;
    Ok(found)
}

fn collect(learned: &Learned, spec: &LayerSpec, args: &Args, found: &mut Vec<Subject>) -> Result<()> {
    let full = |layer: &str, tensor: &str| {
        if layer.is_empty() { tensor.to_string() } else { format!("{layer}.{tensor}") }
    };
    let asked = |names: &[String]| args.tensor.as_ref().is_none_or(|tensor| names.contains(tensor));
    let numbers = |name: &str| -> Result<Vec<f64>> { entries(learned.tensor(name)?) };
    match spec {
        LayerSpec::Sequential { layers } => {
            layers.iter().try_for_each(|layer| collect(learned, layer, args, found))?;
        }
        LayerSpec::ReparamLinear { name, config } => {
            let tensor = full(name, "symmetry");
            if asked(std::slice::from_ref(&tensor)) {
                says(args.outputs, config.out_features, "outputs", "--outputs")?;
                ensure!(args.kernel.is_none(), "`{tensor}` is no convolution's; leave out --kernel");
                found.push(Subject::Points(Matrix {
                    values: numbers(&tensor)?,
                    name: tensor,
                    outputs: config.out_features,
                    inputs: config.in_features,
                }));
            }
        }
        LayerSpec::ReparamConv2d { name, config } => {
            let factors = ["symmetry_out", "symmetry_taps"].map(|tensor| full(name, tensor));
            let names = match config.symmetry {
                ConvSymmetry::Full { .. } => vec![full(name, "symmetry")],
                _ => factors.to_vec(),
            };
            if !asked(&names) {
                return Ok(());
            }
            let conv = config.conv;
            says(args.outputs, conv.out_channels, "output channels", "--outputs")?;
            says(args.kernel, conv.kernel, "taps along a side", "--kernel")?;
            let symmetry = match (config.symmetry, names.as_slice()) {
                (ConvSymmetry::Full { filter_params, .. }, [u]) => {
                    ConvMatrices::Full { symmetry: numbers(u)?, columns: filter_params }
                }
                (_, [a, c]) => ConvMatrices::Kronecker { channels: numbers(a)?, taps: numbers(c)? },
                _ => bail!("the layer `{name}` has neither U nor factors"),
            };
            let (channels, in_channels, kernel) = (conv.out_channels, conv.in_channels, conv.kernel);
            found.push(Subject::Conv(Convolution { names, symmetry, channels, in_channels, kernel }));
        }
        _ => {}
    }
    Ok(())
}

/// Refuses a flag that contradicts the file.
fn says(flag: Option<usize>, file: usize, what: &str, name: &str) -> Result<()> {
    ensure!(
        flag.is_none_or(|flag| flag == file),
        "the file says that there are {file} {what}; leave out {name}"
    );
    Ok(())
}
