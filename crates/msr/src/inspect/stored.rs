//! The layers that a file says it has.

use anyhow::{Result, bail, ensure};
use msr_experiments::engine::entries;
use msr_symmetry::{Learned, SymmetricLayer, Weights};

use super::Args;
use super::subject::{ConvMatrices, Convolution, Kind, Matrix, Subject};

/// The layers with symmetry matrices, or the one to which the tensor that was named belongs; none
/// when there is no such layer. Flags that say otherwise than the file are refused.
pub fn subjects(learned: &Learned, args: &Args) -> Result<Vec<Subject>> {
    let layers = learned.symmetric_layers()?;
    let asked = |layer: &&SymmetricLayer| {
        args.tensor.as_ref().is_none_or(|tensor| layer.matrices.iter().any(|(name, _)| name == tensor))
    };
    layers.iter().filter(asked).map(|layer| subject(layer, args)).collect()
}

fn subject(layer: &SymmetricLayer, args: &Args) -> Result<Subject> {
    match (layer.weights, layer.matrices.as_slice()) {
        (Weights::Linear { outputs, inputs }, [(name, u)]) => {
            says(args.outputs, outputs, "outputs", "--outputs")?;
            ensure!(args.kernel.is_none(), "`{name}` does not belong to a convolution; leave out --kernel");
            let (name, kind) = (name.clone(), Kind::Symmetry);
            Ok(Subject::Points(Matrix { name, kind, values: entries(u)?, outputs, inputs }))
        }
        (Weights::Conv { channels, in_channels, kernel }, matrices) => {
            says(args.outputs, channels, "output channels", "--outputs")?;
            says(args.kernel, kernel, "taps along a side", "--kernel")?;
            let (names, symmetry) = match matrices {
                [(name, u)] => {
                    let columns = u.dims().last().copied().unwrap_or(0);
                    (vec![name.clone()], ConvMatrices::Full { symmetry: entries(u)?, columns })
                }
                [(out, a), _, (taps, c)] => {
                    let factors = ConvMatrices::Kronecker { channels: entries(a)?, taps: entries(c)? };
                    (vec![out.clone(), taps.clone()], factors)
                }
                _ => bail!("the layer `{}` has neither U nor factors", layer.layer),
            };
            Ok(Subject::Conv(Convolution { names, symmetry, channels, in_channels, kernel }))
        }
        _ => bail!("the layer `{}` is of a kind that is not known here", layer.layer),
    }
}

/// Refuses a flag that contradicts the file.
fn says(flag: Option<usize>, file: usize, what: &str, name: &str) -> Result<()> {
    ensure!(
        flag.is_none_or(|flag| flag == file),
        "the file says that there are {file} {what}; leave out {name}"
    );
    Ok(())
}
