//! The sizes and the numerics of convolutions over two dimensions: windows read where they lie, or
//! as columns and one batched product, or second moments in place of outputs.

use candle_core::{DType, Tensor};
use msr_autodiff::{
    KernelResult, Node, SecondMoments, Value, Window, centred_second_moments, concat, conv2d_pays,
    second_moments, second_moments_in_f64,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, require_sizes};
#[cfg(doc)]
use crate::layer::LinearInAdapted;
use crate::layer::{Input, Layer};
use crate::least_squares::by_unit_vectors;
use crate::moments;
use crate::normal_equations::NormalEquations;
use crate::summary::Flops;
use crate::values::Values;

/// The sizes of a convolution over two dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conv2dConfig {
    /// The number of input channels, `c`.
    pub in_channels: usize,
    /// The number of output channels, `o`.
    pub out_channels: usize,
    /// The number of taps along a side of the filter, `k`.
    pub kernel: usize,
    /// The distance between neighbouring windows.
    pub stride: usize,
    /// Zeros on each side of the image.
    pub padding: usize,
    /// Whether there is a bias per output channel, initialised from U(−1/√(c k²), 1/√(c k²)).
    pub bias: bool,
}

impl Conv2dConfig {
    /// Stride one, no padding, no bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize) -> Self {
        Self { in_channels, out_channels, kernel, stride: 1, padding: 0, bias: false }
    }

    /// The number of weights of an output channel, `c k²`.
    pub(crate) fn fan_in(self) -> usize {
        self.in_channels.saturating_mul(self.kernel).saturating_mul(self.kernel)
    }

    /// The window that slides over the image.
    pub(crate) fn window(self) -> Window {
        Window::square(self.kernel, self.stride, self.padding)
    }

    /// The bound of the uniform initialisation, `1/√(c k²)`.
    pub(crate) fn bound(self) -> f64 {
        1.0 / (self.fan_in() as f64).sqrt()
    }
}

/// A convolution of checked sizes, on behalf of the layer whose name stands in its errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution {
    layer: &'static str,
    config: Conv2dConfig,
}

impl Convolution {
    /// Refuses sizes of zero, and weights too many to count.
    pub(crate) fn new(layer: &'static str, config: Conv2dConfig) -> Result<Self> {
        let Conv2dConfig { in_channels, out_channels, kernel, stride, .. } = config;
        let sizes = [
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("kernel", kernel),
            ("kernel", kernel),
        ];
        require_sizes(layer, &sizes)?;
        require_sizes(layer, &[("stride", stride)])?;
        Ok(Self { layer, config })
    }

    /// The windows of `x (…, b, c, h, w)` as columns `(…, b, c · k², oh, ow)`.
    pub(crate) fn columns<V: Value>(self, x: &V) -> Result<V> {
        let shape = x.dims();
        let [lead @ .., channels, h, w] = shape else { return Err(self.wrong_input(shape)) };
        if lead.is_empty() || *channels != self.config.in_channels {
            return Err(self.wrong_input(shape));
        }
        let window = self.config.window();
        let (oh, ow) = window
            .output((*h, *w))
            .map_err(|e| Error::Config { layer: self.layer, problem: e.to_string() })?;
        Ok(x.im2col(window)?.reshape(&[lead, &[self.config.fan_in(), oh, ow]].concat())?)
    }

    /// The same of examples of several tasks, `(t, b, c, h, w)`.
    pub(crate) fn columns_of_tasks(self, x: &Node) -> Result<Node> {
        if x.rank() < 5 {
            let expected = format!("(tasks, examples, {}, height, width)", self.config.in_channels);
            return Err(Error::Shape { layer: self.layer, what: "input", expected, got: x.dims().to_vec() });
        }
        self.columns(x)
    }

    /// What [`Layer::prepare`] says of a convolution: columns, where they are computed with.
    pub(crate) fn prepare(self, examples: &Node, uses: usize) -> Result<Input> {
        let once = (!examples.is_tracked()).then_some(uses);
        if self.reads_in_place(examples, once) {
            return Ok(Input::Examples(examples.clone()));
        }
        Ok(Input::Prepared(self.columns_of_tasks(examples)?))
    }

    /// Whether windows of these examples are read where they lie, rather than written as columns
    /// (once for so many uses, where that is possible); examples that do not fit are left to what
    /// refuses them.
    fn reads_in_place(self, examples: &Node, uses: Option<usize>) -> bool {
        let Conv2dConfig { in_channels, out_channels, .. } = self.config;
        let fits = examples.dims().get(2) == Some(&in_channels);
        fits && conv2d_pays(examples.value(), out_channels, self.config.window(), uses)
    }

    /// The outputs for `weight (t, o, c k²)` and examples of several tasks, `(t, b, c, h, w)`,
    /// which are read where they lie.
    pub(crate) fn of_tasks(self, weight: &Node, x: &Node) -> Result<Node> {
        let Conv2dConfig { in_channels: c, out_channels: o, kernel: k, .. } = self.config;
        let &[t, _, channels, ..] = x.dims() else { return Err(self.wrong_input(x.dims())) };
        if x.rank() != 5 || channels != c {
            return Err(self.wrong_input(x.dims()));
        }
        Ok(x.conv2d_of_tasks(&weight.reshape(&[t, o, c, k, k])?, self.config.window())?)
    }

    /// `weight (…, o, c k²)`, `bias (…, o)`, `columns (…, b, c k², oh, ow) -> (…, b, o, oh, ow)`.
    pub(crate) fn apply<V: Value>(self, weight: &V, bias: Option<&V>, columns: &V) -> Result<V> {
        let shape = columns.dims();
        let [lead @ .., fan_in, oh, ow] = shape else { return Err(self.wrong_input(shape)) };
        if lead.is_empty() || *fan_in != self.config.fan_in() {
            return Err(self.wrong_input(shape));
        }
        let (lead, size) = (lead.to_vec(), (*oh, *ow));
        let flat = columns.reshape(&[&lead[..], &[self.config.fan_in(), size.0 * size.1]].concat())?;
        let before = &weight.dims()[..weight.dims().len() - 2];
        let weight =
            weight.reshape(&[before, &[1, self.config.out_channels, self.config.fan_in()]].concat())?;
        let mut y = weight.matmul(&flat)?;
        if let Some(bias) = bias {
            let before = &bias.dims()[..bias.dims().len() - 1];
            y = y.add(&bias.reshape(&[before, &[1, self.config.out_channels, 1]].concat())?)?;
        }
        Ok(y.reshape(&[&lead[..], &[self.config.out_channels, size.0, size.1]].concat())?)
    }

    /// The outputs for examples as they are or as columns; shapes as for [`Convolution::apply`].
    pub(crate) fn forward(self, weight: &Node, bias: Option<&Node>, input: &Input) -> Result<Node> {
        match input {
            Input::Examples(x)
                if self.reads_in_place(x, None) && weight.dims().first() == x.dims().first() =>
            {
                let y = self.of_tasks(weight, x)?;
                let Some(bias) = bias else { return Ok(y) };
                Ok(y.add(&bias.reshape(&[bias.dims()[0], 1, self.config.out_channels, 1, 1])?)?)
            }
            Input::Examples(x) => self.apply(weight, bias, &self.columns_of_tasks(x)?),
            Input::Prepared(columns) => self.apply(weight, bias, columns),
        }
    }

    /// Whether moments of `values` window positions cost less than outputs for so many uses.
    /// Multiply–adds a position, with p = c k²: `p (p / 2 + o)` for the moments, once; `3 o p` for
    /// each loss with its first and second gradient.
    fn moments_pay(self, values: usize, uses: usize) -> bool {
        let (p, o) = (self.config.fan_in(), self.config.out_channels);
        let smaller = values >= p.saturating_mul(2);
        smaller && (p / 2).saturating_add(o) <= o.saturating_mul(3).saturating_mul(uses)
    }

    /// What [`LinearInAdapted::second_moments`] says of a convolution.
    pub(crate) fn second_moments(
        self,
        examples: &Tensor,
        targets: &Tensor,
        uses: usize,
    ) -> Result<Option<SecondMoments>> {
        // To ask whether data should be centred, or whether rounding shows, the host would have to
        // wait for a GPU, each time; there, double precision costs less.
        if examples.device().is_cuda() && examples.dtype() == DType::F32 {
            return self.moments_by(second_moments_in_f64, examples, targets, uses);
        }
        self.moments_by(centred_second_moments, examples, targets, uses)
    }

    /// What [`LinearInAdapted::precise_moments`] says of a convolution.
    pub(crate) fn precise_moments(
        self,
        examples: &Tensor,
        targets: &Tensor,
    ) -> Result<Option<SecondMoments>> {
        self.moments_by(second_moments_in_f64, examples, targets, usize::MAX)
    }

    fn moments_by(
        self,
        moments: impl FnOnce(&Tensor, &Tensor, Window, bool) -> KernelResult<SecondMoments>,
        examples: &Tensor,
        targets: &Tensor,
        uses: usize,
    ) -> Result<Option<SecondMoments>> {
        let (&[t, b, channels, h, w], own) = (examples.dims(), self.config.in_channels) else {
            return Err(self.wrong_input(examples.dims()));
        };
        if channels != own {
            return Err(self.wrong_input(examples.dims()));
        }
        let window = self.config.window();
        let (oh, ow) =
            window.output((h, w)).map_err(|e| Error::Config { layer: self.layer, problem: e.to_string() })?;
        let expected = [t, b, self.config.out_channels, oh, ow];
        if targets.dims() != expected {
            let (expected, got) = (format!("{expected:?}"), targets.dims().to_vec());
            return Err(Error::Shape { layer: self.layer, what: "targets", expected, got });
        }
        let precise = |t: &Tensor| matches!(t.dtype(), DType::F32 | DType::F64);
        if !(precise(examples) && precise(targets) && self.moments_pay(b * oh * ow, uses)) {
            return Ok(None);
        }
        Ok(Some(moments(examples, targets, window, self.config.bias)?))
    }

    /// The mean squared error of each task, for `weight (t, o, c k²)`, `bias (t, o)`, see
    /// [`moments`].
    pub(crate) fn squared_error(
        self,
        weight: &Node,
        bias: Option<&Node>,
        moments: &SecondMoments,
    ) -> Result<Option<Node>> {
        moments::squared_error(self.layer, weight, bias, moments)
    }

    /// The normal equations of a layer with these filters: from moments, where the data allows them
    /// and there are `unit_weights`, which give the weight `(k, o, c k²)` that each unknown stands
    /// for; the biases, where there are any, are the last unknowns.
    pub(crate) fn normal_equations(
        self,
        layer: &dyn Layer,
        values: &Values,
        examples: &Node,
        targets: &Tensor,
        unit_weights: Option<impl FnOnce() -> Result<Node>>,
    ) -> Result<NormalEquations> {
        // As many uses as there are unknowns: worth it whenever the moments are smaller than the
        // data.
        if !examples.is_tracked()
            && let Some(unit_weights) = unit_weights
            && let Some(moments) = self.moments_by(second_moments, examples.value(), targets, usize::MAX)?
        {
            return self.equations_from(&unit_weights()?, &moments);
        }
        by_unit_vectors(layer, values, examples, targets)
    }

    /// The normal equations from moments, with the weight `(k, o, c k²)` that each unknown stands
    /// for, in their precision; computed in that of the moments.
    pub(crate) fn equations_from(self, columns: &Node, moments: &SecondMoments) -> Result<NormalEquations> {
        let (dtype, columns) = (columns.dtype(), columns.to_dtype(moments.gram.dtype())?);
        let &[k, o, fan_in] = columns.dims() else {
            let (expected, got) = ("(unknowns, o, c k²)".into(), columns.dims().to_vec());
            return Err(Error::Shape { layer: self.layer, what: "columns", expected, got });
        };
        let mut columns = columns;
        if self.config.bias {
            let like = columns.value();
            let zeros = |shape: &[usize]| Tensor::zeros(shape, like.dtype(), like.device());
            let ones = msr_autodiff::identity(o, like.dtype(), like.device())?.reshape((o, o, 1))?;
            let biases = Tensor::cat(&[&zeros(&[o, o, fan_in])?, &ones], 2)?;
            let columns_of_weights = concat(&[&columns, &Node::constant(&zeros(&[k, o, 1])?)], 2)?;
            columns = concat(&[&columns_of_weights, &Node::constant(&biases)], 0)?;
        }
        let (k, p) = (columns.dims()[0], columns.dims()[2]);
        let tasks = moments.gram.dims()[0];
        let scale = 1.0 / moments.count as f64;
        let flat = columns.reshape(&[k, o * p])?;
        // A = Σ_o D_o G D_oᵀ, with the unknowns' weights D_o.
        let through = columns.reshape(&[1, k * o, p])?.matmul(&Node::constant(&moments.gram))?;
        let matrix = through.reshape(&[tasks * k, o * p])?.matmul(&flat.t()?)?.reshape(&[tasks, k, k])?;
        let cross = Node::constant(&moments.cross.reshape((tasks, o * p))?);
        let rhs = cross.matmul(&flat.t()?)?;
        let scaled = |sum: Node| sum.affine(scale, 0.0)?.to_dtype(dtype);
        Ok(NormalEquations { matrix: scaled(matrix)?, rhs: scaled(rhs)? })
    }

    /// The work of a forward pass with outputs of this shape.
    pub(crate) fn flops(self, output: &[usize]) -> Flops {
        let each = 2 * self.config.fan_in() + usize::from(self.config.bias);
        Flops::per_example(output.iter().product::<usize>() * each)
    }

    fn wrong_input(self, got: &[usize]) -> Error {
        let expected = format!("(…, examples, {}, height, width)", self.config.in_channels);
        Error::Shape { layer: self.layer, what: "input", expected, got: got.to_vec() }
    }
}
