//! What goes around a layer, added to what goes through it.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::Node;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::layer::{Input, Layer, Weight};
use crate::parameters::Parameters;
use crate::record::LayerRecord;
use crate::sequential::Stage;
use crate::summary::{Flops, LayerSummary};
use crate::values::{Counts, Values};

const LAYER: &str = "Residual";

/// `y = x + f(x)`, or `p(x) + f(x)` with a projection p where f changes the shape. A stack of
/// several layers goes in as a [`Sequential`](crate::Sequential).
///
/// Tensors: those of f, then those of p.
///
/// # Shapes
/// Those of f; x, or p(x), must have the shape of f(x).
///
/// # Source
/// He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (CVPR 2016), equations 1
/// and 2.
///
/// # Example
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::Module;
/// use msr_layers::{Linear, LinearConfig, Residual, SeededVars};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vb = SeededVars::new(0).builder(DType::F32, &Device::Cpu);
/// let linear = Linear::new(LinearConfig::new(3, 3), vb.pp("f"))?;
/// let x = Tensor::ones((2, 3), DType::F32, &Device::Cpu)?;
/// let expected = (&x + linear.forward(&x)?)?;
/// let y = Residual::new(linear).forward(&x)?;
/// assert_eq!(y.to_vec2::<f32>()?, expected.to_vec2::<f32>()?);
/// # Ok(())
/// # }
/// ```
pub struct Residual {
    body: (Box<dyn Stage>, Counts),
    projection: Option<(Box<dyn Stage>, Counts)>,
}

impl std::fmt::Debug for Residual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.parameters().iter().map(|p| p.name.clone()).collect();
        f.debug_struct(LAYER).field("parameters", &names).finish()
    }
}

/// A layer with the numbers of its values.
fn counted(layer: Box<dyn Stage>) -> (Box<dyn Stage>, Counts) {
    let counts = Counts::of(&layer.parameters());
    (layer, counts)
}

impl Residual {
    /// `x + body(x)`.
    pub fn new(body: impl Layer + Module + 'static) -> Self {
        Self::of(Box::new(body), None)
    }

    /// `projection(x) + body(x)`.
    #[must_use]
    pub fn with_projection(self, projection: impl Layer + Module + 'static) -> Self {
        Self { projection: Some(counted(Box::new(projection))), ..self }
    }

    pub(crate) fn of(body: Box<dyn Stage>, projection: Option<Box<dyn Stage>>) -> Self {
        Self { body: counted(body), projection: projection.map(counted) }
    }

    /// The values of the body, and those of the projection.
    fn split(&self, values: &Values) -> Result<[Values; 2]> {
        let beside = self.projection.as_ref().map_or(Counts::default(), |(_, counts)| *counts);
        let own = values.halves([self.body.1, beside]);
        own.ok_or_else(|| self.parameters().wrong_count(LAYER, values))
    }

    fn same_shape(x: &[usize], y: &[usize]) -> Result<()> {
        if x == y {
            return Ok(());
        }
        let problem = format!(
            "what goes around has shape {x:?}, what goes through {y:?}; give it a projection that makes them the same"
        );
        Err(Error::Config { layer: LAYER, problem })
    }
}

impl Module for Residual {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let y = Module::forward(self.body.0.as_ref(), x)?;
        let around = match &self.projection {
            Some((projection, _)) => Module::forward(projection.as_ref(), x)?,
            None => x.clone(),
        };
        Self::same_shape(around.dims(), y.dims())?;
        around + y
    }
}

impl Layer for Residual {
    fn parameters(&self) -> Parameters {
        let mut all = self.body.0.parameters();
        if let Some((projection, _)) = &self.projection {
            all.append(projection.parameters());
        }
        all
    }

    fn draws_nothing(&self) -> bool {
        let around = self.projection.as_ref().is_none_or(|(projection, _)| projection.draws_nothing());
        self.body.0.draws_nothing() && around
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        let [through, beside] = self.split(values)?;
        let x = Input::Examples(input.node().clone());
        let y = self.body.0.forward_tasks(&through, &x)?;
        let around = match &self.projection {
            Some((projection, _)) => projection.forward_tasks(&beside, &x)?,
            None => x.node().clone(),
        };
        Self::same_shape(around.dims(), y.dims())?;
        Ok(around.add(&y)?)
    }

    fn forward_with_statistics(&self, values: &Values, input: &Input) -> Result<(Node, Vec<Node>)> {
        let [through, beside] = self.split(values)?;
        let x = Input::Examples(input.node().clone());
        let (y, mut statistics) = self.body.0.forward_with_statistics(&through, &x)?;
        let around = match &self.projection {
            Some((projection, _)) => {
                let (around, found) = projection.forward_with_statistics(&beside, &x)?;
                statistics.extend(found);
                around
            }
            None => x.node().clone(),
        };
        Self::same_shape(around.dims(), y.dims())?;
        Ok((around.add(&y)?, statistics))
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        let [through, beside] = self.split(values)?;
        let mut all = self.body.0.weights(&through)?;
        if let Some((projection, _)) = &self.projection {
            all.extend(projection.weights(&beside)?);
        }
        Ok(all)
    }

    /// The layers of the body, those of the projection, then the sum.
    fn summarize(&self, example: &[usize]) -> Result<Vec<LayerSummary>> {
        let mut rows = self.body.0.summarize(example)?;
        let output = rows.last().map_or_else(|| example.to_vec(), |row| row.output.clone());
        if let Some((projection, _)) = &self.projection {
            rows.extend(projection.summarize(example)?);
        }
        let flops = Some(Flops::per_example(output.iter().product()));
        let (name, kind) = (String::new(), "residual".to_string());
        rows.push(LayerSummary { name, kind, output, tensors: Vec::new(), flops });
        Ok(rows)
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        let [through, beside] = self.split(values)?;
        let Some(mut record) = self.body.0.record(&through)? else { return Ok(None) };
        let mut spec = json!({ "layer": "residual", "body": record.spec, "projection": Value::Null });
        if let Some((projection, _)) = &self.projection {
            let Some(around) = projection.record(&beside)? else { return Ok(None) };
            spec["projection"] = around.spec;
            record.tensors.extend(around.tensors);
        }
        Ok(Some(LayerRecord { spec, ..record }))
    }
}
