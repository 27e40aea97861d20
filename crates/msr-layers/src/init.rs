//! Initial values that depend on a seed and a name alone.

use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::init::{Init, NormalOrUniform};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{VarBuilder, VarMap};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A store of trainable tensors whose initial values are reproducible.
///
/// candle's generator on the CPU cannot be seeded. Here each tensor is drawn from a stream of its
/// own, derived from (seed, full name): the same seed gives the same bits whatever the order in
/// which layers are built, and adding a layer changes no other. Values are drawn in `f64` and then
/// rounded, so `f32` and `f64` models start from the same numbers.
///
/// # Example
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::Init;
/// use msr_layers::SeededVars;
///
/// # fn main() -> candle_core::Result<()> {
/// let draw = |seed| SeededVars::new(seed).builder(DType::F64, &Device::Cpu).pp("a").get_with_hints(3, "filter", Init::Randn { mean: 0., stdev: 1. });
/// assert_eq!(draw(7)?.to_vec1::<f64>()?, draw(7)?.to_vec1::<f64>()?);
/// assert_ne!(draw(7)?.to_vec1::<f64>()?, draw(8)?.to_vec1::<f64>()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SeededVars {
    seed: u64,
    vars: VarMap,
}

impl std::fmt::Debug for SeededVars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeededVars").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl SeededVars {
    /// An empty store.
    pub fn new(seed: u64) -> Self {
        Self { seed, vars: VarMap::new() }
    }

    /// A `VarBuilder` that takes tensors from this store and creates those it does not have.
    pub fn builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), dtype, device.clone())
    }

    /// The variables, for optimisers and for saving as safetensors. What a meta-learner learned
    /// besides (inner rates, a ridge) is not among them: `Learner::save` keeps both.
    pub fn var_map(&self) -> &VarMap {
        &self.vars
    }

    /// The same, to load other values into them.
    pub fn var_map_mut(&mut self) -> &mut VarMap {
        &mut self.vars
    }

    fn draw(&self, name: &str, shape: &Shape, init: Init) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(fnv1a(name));
        let count = shape.elem_count();
        let mut normal = |mean: f64, std: f64| -> Vec<f64> {
            (0..count)
                .map(|_| {
                    let z: f64 = StandardNormal.sample(&mut rng);
                    mean + std * z
                })
                .collect()
        };
        match init {
            Init::Const(value) => vec![value; count],
            Init::Randn { mean, stdev } => normal(mean, stdev),
            Init::Uniform { lo, up } => (0..count).map(|_| lo + (up - lo) * rng.random::<f64>()).collect(),
            Init::Kaiming { dist, fan, non_linearity } => {
                let std = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
                match dist {
                    NormalOrUniform::Normal => normal(0.0, std),
                    NormalOrUniform::Uniform => {
                        let bound = 3f64.sqrt() * std;
                        (0..count).map(|_| bound * (2.0 * rng.random::<f64>() - 1.0)).collect()
                    }
                }
            }
        }
    }

    fn existing(&self, name: &str) -> candle_core::Result<Option<Tensor>> {
        let vars = self.vars.data().lock().map_err(poisoned)?;
        Ok(vars.get(name).map(|v| v.as_tensor().clone()))
    }
}

/// A lock poisoned by a panic elsewhere, as an error.
fn poisoned<T>(_: std::sync::PoisonError<T>) -> candle_core::Error {
    candle_core::Error::Msg("the variables are locked by a thread that panicked".into())
}

/// The 64-bit Fowler–Noll–Vo hash: fixed for ever, unlike the standard library's hasher.
pub(crate) fn fnv1a(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl SimpleBackend for SeededVars {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let mut vars = self.vars.data().lock().map_err(poisoned)?;
        if let Some(found) = vars.get(name) {
            if found.shape() != &shape || found.dtype() != dtype {
                candle_core::bail!(
                    "`{name}` is {:?} of {:?}, but {shape:?} of {dtype:?} was asked for",
                    found.shape(),
                    found.dtype()
                );
            }
            return Ok(found.as_tensor().clone());
        }
        let values = self.draw(name, &shape, init);
        let var = Var::from_tensor(&Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?)?;
        let tensor = var.as_tensor().clone();
        vars.insert(name.to_string(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        self.existing(name)?.ok_or_else(|| candle_core::Error::CannotFindTensor { path: name.to_string() })
    }

    fn contains_tensor(&self, name: &str) -> bool {
        matches!(self.existing(name), Ok(Some(_)))
    }
}
