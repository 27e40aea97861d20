//! What the symmetry matrices of Kronecker networks start from, where that is not the identity.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::Init;
use msr_layers::{Parameters, SeededVars};
use msr_symmetry::Learned;
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::entries::entries;

/// The tensors of a Kronecker layer: what A, B and C have beyond the identity, and v.
const DEVIATIONS: [&str; 3] = ["symmetry_out", "symmetry_in", "symmetry_taps"];
const FILTER: &str = "filter";

/// What A, B and C of a method start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SymmetryStart {
    /// The identity.
    #[default]
    Identity,
    /// Random orthogonal matrices, and filter parameters with which the weights are those that they
    /// are from the identity. When the matrices stay as they are, a gradient step on v is one on
    /// the weights, `U Uᵀ = 1`: the inner loop is that of MAML, and the outer one that of Adam in
    /// other coordinates.
    Orthogonal,
    /// What was learned before, from a file.
    Given,
}

/// The same, with what it takes.
#[derive(Clone, Debug)]
pub enum Start {
    /// The identity.
    Identity,
    /// Random orthogonal matrices.
    Orthogonal,
    /// These; of the first layer without B, where images have other channels.
    Given(Arc<Learned>),
}

impl Start {
    /// The tensors that are others than in a model that starts from the identity, by name. `like`
    /// are the parameters of such a model, `seed` its seed.
    pub fn others(&self, like: &Parameters, seed: u64) -> Result<Vec<(String, Tensor)>> {
        let named = |name: &str| like.iter().find(|p| p.name == name).map(|p| p.tensor.clone());
        let mut others = Vec::new();
        let layers = like.shared.iter().filter_map(|p| p.name.strip_suffix(DEVIATIONS[0]));
        for (number, layer) in layers.enumerate() {
            let tensors = DEVIATIONS.map(|name| named(&format!("{layer}{name}")));
            let [Some(out), Some(input), Some(taps)] = tensors else { continue };
            let sizes = [&out, &input, &taps].map(|t| t.dims()[0]);
            let factors = match self {
                Self::Identity => continue,
                Self::Orthogonal => {
                    let filter = format!("{layer}{FILTER}");
                    let weights = named(&filter).with_context(|| format!("there is no {filter}"))?;
                    let drawn = DEVIATIONS.iter().zip(sizes);
                    let drawn = drawn.map(|(name, n)| orthogonal(seed, &format!("{layer}{name}"), n));
                    let factors: Vec<Tensor> = drawn.collect::<Result<_>>()?;
                    others.push((filter, pulled_back(&factors, &weights)?));
                    factors.into_iter().map(Some).collect()
                }
                Self::Given(learned) => {
                    let layer = layer.trim_end_matches('.');
                    let factors = given(learned, layer, sizes)?;
                    // Images may have other channels, and then the first B stays the identity.
                    let odd =
                        factors.iter().enumerate().find(|(at, f)| f.is_none() && (number, *at) != (0, 1));
                    ensure!(
                        odd.is_none(),
                        "the factors of {layer} that were learned before have other sizes than {sizes:?}; use a network \
                         of as many channels"
                    );
                    factors
                }
            };
            for ((name, factor), n) in DEVIATIONS.into_iter().zip(factors).zip(sizes) {
                let Some(factor) = factor else { continue };
                let beyond = (factor - Tensor::eye(n, DType::F64, &Device::Cpu)?)?;
                others.push((format!("{layer}{name}"), beyond));
            }
        }
        ensure!(
            !others.is_empty() || matches!(self, Self::Identity),
            "the model has no Kronecker factors of these sizes, which could start from others than the identity"
        );
        Ok(others)
    }

    /// Variables with those that are others, from which a model with this seed can be built.
    pub fn variables(&self, like: &Parameters, seed: u64) -> Result<SeededVars> {
        let variables = SeededVars::new(seed);
        let others = self.others(like, seed)?;
        let mut map = variables.var_map().data().lock().map_err(|e| anyhow::anyhow!("{e}"))?;
        for (name, value) in others {
            let own = like.iter().find(|p| p.name == name);
            let own = own.with_context(|| format!("there is no parameter {name}"))?;
            let value = value.to_dtype(own.tensor.dtype())?.to_device(own.tensor.device())?;
            map.insert(name, Var::from_tensor(&value)?);
        }
        drop(map);
        Ok(variables)
    }
}

/// A, B and C of the layer of that name, in double precision; nothing for those of other sizes.
fn given(learned: &Learned, layer: &str, sizes: [usize; 3]) -> Result<Vec<Option<Tensor>>> {
    let all = learned.symmetric_layers()?;
    let known: Vec<&str> = all.iter().map(|l| l.layer.as_str()).collect();
    let own = all.iter().find(|l| l.layer == layer && l.matrices.len() == sizes.len());
    let own = own.with_context(|| {
        format!("no Kronecker factors of {layer} were learned before; there are: {}", known.join(", "))
    })?;
    let fitting = |((_, matrix), n): (&(String, Tensor), usize)| -> Result<Option<Tensor>> {
        let fits = matrix.dims() == [n, n];
        Ok(if fits { Some(matrix.to_device(&Device::Cpu)?.to_dtype(DType::F64)?) } else { None })
    };
    own.matrices.iter().zip(sizes).map(fitting).collect()
}

/// A random orthogonal n × n matrix: Q of a matrix of normal numbers.
fn orthogonal(seed: u64, name: &str, n: usize) -> Result<Tensor> {
    let builder = SeededVars::new(seed).builder(DType::F64, &Device::Cpu).pp("orthogonal");
    let normal = builder.get_with_hints((n, n), name, Init::Randn { mean: 0.0, stdev: 1.0 })?;
    let q = DMatrix::from_row_slice(n, n, &entries(&normal)?).qr().q();
    Ok(Tensor::from_vec(q.transpose().as_slice().to_vec(), (n, n), &Device::Cpu)?)
}

/// `(A ⊗ B ⊗ C)ᵀ w` of weights `(o, c, k²)`, in double precision.
fn pulled_back(factors: &[Tensor], weights: &Tensor) -> Result<Tensor> {
    let [a, b, c] = factors else { anyhow::bail!("a Kronecker layer has three factors") };
    let (outputs, inputs, taps) = weights.dims3()?;
    let w = weights.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let w = a.t()?.matmul(&w.reshape((outputs, inputs * taps))?)?;
    let w = w.reshape((outputs * inputs, taps))?.matmul(c)?.reshape((outputs, inputs, taps))?;
    let w = w.transpose(1, 2)?.contiguous()?.reshape((outputs * taps, inputs))?.matmul(b)?;
    Ok(w.reshape((outputs, taps, inputs))?.transpose(1, 2)?.contiguous()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anyhow::{Context, Result};
    use candle_core::Device;
    use msr_symmetry::Learned;

    use super::Start;
    use crate::engine::{LayerKind, Model, Norm, Shape, entries};

    const SHAPE: Shape = Shape::Classes { image: (1, 16, 16), channels: 4, ways: 3, norm: Norm::PLAIN };

    fn model(layer: LayerKind, start: &Start) -> Result<Model> {
        Model::starting(layer, &SHAPE, 0, 5, &Device::Cpu, start)
    }

    /// The weights of all convolutions, as the forward pass uses them.
    fn weights(model: &Model) -> Result<Vec<f64>> {
        let learned = Learned::of(model.layer().as_ref())?;
        let model = learned.build()?;
        let all = model.weights(&learned.values(model.as_ref())?)?;
        Ok(all.iter().map(|w| entries(w.value.value())).collect::<Result<Vec<_>>>()?.concat())
    }

    /// Whatever the coordinates of the filters are, the network is the same.
    #[test]
    fn a_network_in_other_coordinates_has_the_same_weights() -> Result<()> {
        let plain = weights(&model(LayerKind::Conv4Kronecker, &Start::Identity)?)?;
        let turned = model(LayerKind::Conv4Kronecker, &Start::Orthogonal)?;
        let other = weights(&turned)?;
        assert!(plain.len() == other.len() && plain.len() > 400);
        for (a, b) in plain.iter().zip(other) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        let learned = Learned::of(turned.layer().as_ref())?;
        for layer in learned.symmetric_layers()? {
            for (name, matrix) in &layer.matrices {
                let n = matrix.dims()[0];
                let product = entries(&matrix.matmul(&matrix.t()?)?)?;
                let off = product.iter().enumerate().map(|(i, x)| x - f64::from(i % (n + 1) == 0));
                assert!(off.fold(0f64, |most, x| most.max(x.abs())) < 1e-5, "{name}");
                let far = entries(matrix)?.iter().enumerate().any(|(i, x)| i % (n + 1) != 0 && x.abs() > 0.1);
                assert!(far || n == 1, "{name} is the identity");
            }
        }
        Ok(())
    }

    #[test]
    fn what_was_learned_before_is_taken_where_it_fits() -> Result<()> {
        let before =
            Arc::new(Learned::of(model(LayerKind::Conv4Kronecker, &Start::Orthogonal)?.layer().as_ref())?);
        // Images of three channels, for which the first B does not fit.
        let shape = Shape::Classes { image: (3, 20, 20), channels: 4, ways: 3, norm: Norm::PLAIN };
        let start = Start::Given(before.clone());
        let after = Model::starting(LayerKind::Conv4Kronecker, &shape, 0, 6, &Device::Cpu, &start)?;
        let layers = Learned::of(after.layer().as_ref())?.symmetric_layers()?;
        for (old, new) in before.symmetric_layers()?.iter().zip(&layers) {
            for ((name, old), (_, new)) in old.matrices.iter().zip(&new.matrices) {
                if old.dims() == new.dims() {
                    let apart = (old - new)?.abs()?.max_all()?.to_scalar::<f32>()?;
                    assert!(apart < 1e-6, "{name}");
                } else {
                    let (n, found) = (new.dims()[0], entries(new)?);
                    assert!(found.iter().enumerate().all(|(i, &x)| x == f64::from(i % (n + 1) == 0)));
                }
            }
        }
        let wider = Shape::Classes { image: (1, 16, 16), channels: 5, ways: 3, norm: Norm::PLAIN };
        for (layer, word) in
            [(LayerKind::Conv4, "no Kronecker factors"), (LayerKind::Conv4Kronecker, "other sizes")]
        {
            let refused = Model::starting(layer, &wider, 0, 6, &Device::Cpu, &start);
            let said = refused.err().map(|e| format!("{e:#}")).context("was taken")?;
            assert!(said.contains(word), "{said}");
        }
        Ok(())
    }
}
