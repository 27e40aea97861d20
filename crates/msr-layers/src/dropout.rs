//! Dropout with random numbers of its own.

use candle_core::{DType, Device, Tensor};
use candle_nn::{Module, VarBuilder};
use msr_autodiff::{Node, room_for};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::init::fnv1a;
use crate::layer::{Input, Layer};
use crate::parameters::Parameters;
use crate::pass::{Phase, mix};
use crate::record::{LayerRecord, data};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "Dropout";

/// How much a [`Dropout`] leaves out, and its seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropoutConfig {
    /// The probability with which a number is left out, `0 ≤ p < 1`.
    pub rate: f64,
    /// The seed of the layer.
    pub seed: u64,
}

/// Leaves each number out with probability p, and divides what stays by `1 − p`, while a model is
/// fitted; the identity in evaluation, prediction, and wherever nothing is drawn (see
/// [`Phase`]).
///
/// What is left out follows from the layer's seed and name and the task's number among
/// [`Pass::draws`](crate::Pass::draws) alone, in which a meta-learner puts outer step, task and
/// inner step: the same mask when a step is computed again, another one in each step, and no state
/// to save. Two dropouts of one name leave out the same: build each with a prefix of its own.
///
/// # Shapes
/// Any; the output has the shape of the input.
///
/// # Source
/// Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout" (JMLR 2014).
#[derive(Clone, Debug)]
pub struct Dropout {
    config: DropoutConfig,
    name: String,
}

impl Dropout {
    /// A layer with the name of `vb`'s prefix; it takes no tensor.
    ///
    /// # Errors
    /// When the rate is not from 0 to less than 1.
    pub fn new(config: DropoutConfig, vb: VarBuilder) -> Result<Self> {
        if !(0.0..1.0).contains(&config.rate) {
            let problem = format!("rate must be from 0 to less than 1, got {}", config.rate);
            return Err(Error::Config { layer: LAYER, problem });
        }
        Ok(Self { config, name: vb.prefix() })
    }

    /// The rate and the seed.
    pub fn config(&self) -> DropoutConfig {
        self.config
    }

    /// One step of ordinary training in candle, whose mask follows from `draw`: the number of the
    /// step, for instance.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn forward_train(&self, x: &Tensor, draw: u64) -> Result<Tensor> {
        Ok(x.mul(&self.mask(&[draw], x.dims(), x.elem_count(), x.dtype(), x.device())?)?)
    }

    /// The factors for `count` numbers of each task.
    fn mask(
        &self,
        draws: &[u64],
        shape: &[usize],
        count: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        room_for(LAYER, shape)?;
        let DropoutConfig { rate, seed } = self.config;
        let stays = 1.0 / (1.0 - rate);
        let mut factors = Vec::with_capacity(count * draws.len());
        for &draw in draws {
            let mut rng = ChaCha8Rng::seed_from_u64(mix(seed, draw));
            rng.set_stream(fnv1a(&self.name));
            factors.extend((0..count).map(|_| if rng.random::<f64>() < rate { 0.0 } else { stays }));
        }
        Ok(Tensor::from_vec(factors, shape, device)?.to_dtype(dtype)?)
    }
}

/// Predictions: the identity. [`Dropout::forward_train`] is for training.
impl Module for Dropout {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(x.clone())
    }
}

impl Layer for Dropout {
    fn parameters(&self) -> Parameters {
        Parameters::default()
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        let (x, pass) = (input.node(), &values.pass);
        let Some(draws) = pass.draws.as_ref().filter(|_| pass.phase != Phase::Query) else {
            return Ok(x.clone());
        };
        if x.dims().first() != Some(&draws.len()) {
            let (expected, got) = (format!("({} tasks, examples, …)", draws.len()), x.dims().to_vec());
            return Err(Error::Shape { layer: LAYER, what: "input", expected, got });
        }
        let count = x.elem_count() / draws.len().max(1);
        Ok(x.mul(&Node::constant(&self.mask(draws, x.dims(), count, x.dtype(), x.device())?))?)
    }

    /// None in predictions.
    fn flops(&self, _: &[usize], _: &[usize]) -> Option<Flops> {
        Some(Flops::default())
    }

    fn record(&self, _: &Values) -> Result<Option<LayerRecord>> {
        let spec = json!({ "layer": "dropout", "name": self.name, "config": data(LAYER, &self.config)? });
        Ok(Some(LayerRecord { spec, tensors: Vec::new() }))
    }
}
