//! Pooling over windows of an image.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::{Node, Value, Window};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::layer::{Input, Layer};
use crate::parameters::Parameters;
use crate::record::{LayerRecord, data};
use crate::summary::Flops;
use crate::values::Values;

/// The windows of a pool: squares without padding. Rows and columns that no window reaches are left
/// out (7 → 3 for windows of 2 with stride 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool2dConfig {
    /// The side of a window.
    pub kernel: usize,
    /// The distance between neighbouring windows.
    pub stride: usize,
}

impl Pool2dConfig {
    /// Windows side by side.
    pub fn new(kernel: usize) -> Self {
        Self { kernel, stride: kernel }
    }

    /// The window that slides over the image.
    pub(crate) fn window(self) -> Window {
        Window::square(self.kernel, self.stride, 0)
    }

    /// The window, which has to fit the image.
    fn over(self, layer: &'static str, dims: &[usize]) -> Result<Window> {
        let [_, _, .., h, w] = dims else {
            let expected = "(…, channels, height, width)".into();
            return Err(Error::Shape { layer, what: "input", expected, got: dims.to_vec() });
        };
        let window = self.window();
        window.output((*h, *w)).map_err(|e| Error::Config { layer, problem: e.to_string() })?;
        Ok(window)
    }
}

/// The largest number of each window. The gradient goes to the first one among equals.
///
/// # Shapes
/// As a `Module`: `(b, c, h, w) -> (b, c, oh, ow)`. As a [`Layer`]: `(t, b, c, h, w) -> (t, b, c,
/// oh, ow)`, with `oh = ⌊(h − kernel) / stride⌋ + 1`.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use candle_nn::Module;
/// use msr_layers::{MaxPool2d, Pool2dConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let x = Tensor::new(&[[[[1f32, 5., 2.], [3., 4., 6.]]]], &Device::Cpu)?;
/// let y = MaxPool2d::new(Pool2dConfig::new(2)).forward(&x)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [5.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d {
    config: Pool2dConfig,
}

impl MaxPool2d {
    const LAYER: &'static str = "MaxPool2d";

    /// A pool of these windows; sizes that no image fits are refused with the first image.
    pub fn new(config: Pool2dConfig) -> Self {
        Self { config }
    }

    /// The windows.
    pub fn config(&self) -> Pool2dConfig {
        self.config
    }

    pub(crate) fn apply<V: Value>(self, x: &V) -> Result<V> {
        Ok(x.max_pool(self.config.over(Self::LAYER, x.dims())?)?)
    }
}

/// The mean of each window.
///
/// # Shapes
/// As of [`MaxPool2d`].
#[derive(Clone, Copy, Debug)]
pub struct AvgPool2d {
    config: Pool2dConfig,
}

impl AvgPool2d {
    const LAYER: &'static str = "AvgPool2d";

    /// A pool of these windows; sizes that no image fits are refused with the first image.
    pub fn new(config: Pool2dConfig) -> Self {
        Self { config }
    }

    /// The windows.
    pub fn config(&self) -> Pool2dConfig {
        self.config
    }

    fn apply<V: Value>(self, x: &V) -> Result<V> {
        Ok(x.avg_pool(self.config.over(Self::LAYER, x.dims())?)?)
    }
}

/// What both pools are as layers.
macro_rules! pool {
    ($pool:ident, $kind:literal) => {
        impl Module for $pool {
            fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
                Ok(self.apply(x)?)
            }
        }

        impl Layer for $pool {
            fn parameters(&self) -> Parameters {
                Parameters::default()
            }

            fn draws_nothing(&self) -> bool {
                true
            }

            fn forward_tasks(&self, _: &Values, input: &Input) -> Result<Node> {
                let dims = input.node().dims();
                if dims.len() < 5 {
                    let expected = "(tasks, examples, channels, height, width)".into();
                    let got = dims.to_vec();
                    return Err(Error::Shape { layer: Self::LAYER, what: "input", expected, got });
                }
                self.apply(input.node())
            }

            fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
                let window = self.config.kernel * self.config.kernel;
                Some(Flops::per_example(window * output.iter().product::<usize>()))
            }

            fn record(&self, _: &Values) -> Result<Option<LayerRecord>> {
                let spec = json!({ "layer": $kind, "config": data(Self::LAYER, &self.config)? });
                Ok(Some(LayerRecord { spec, tensors: Vec::new() }))
            }
        }
    };
}

pool!(MaxPool2d, "max_pool2d");
pool!(AvgPool2d, "avg_pool2d");
