//! One forward pass for two kinds of numbers.

use candle_core::{DType, Tensor};
use msr_kernels::ties::{self, Ties};
use msr_kernels::{Elementwise, Unary, Window, im2col, matmul, max_pool_index, unary};

use crate::error::{Error, Result};
use crate::node::Node;

/// What a layer's forward pass is written in: implemented by [`Node`] (gradients of any order) and
/// by candle's [`Tensor`] (candle's own backward and optimisers), so that each pass has one
/// definition.
///
/// The verbs are those of [`Node`]. On a `Tensor` they mean the same, broadcasting included,
/// wherever they are called through this trait (`fn f<V: Value>(x: &V)`); on a plain `Tensor`
/// candle's own methods of the same names come first.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_autodiff::{Node, Result, Value};
///
/// fn affine<V: Value>(x: &V, weight: &V, bias: &V) -> Result<V> {
///     x.matmul(weight)?.add(bias)
/// }
///
/// # fn main() -> Result<()> {
/// let rows = |x: &[f64]| Tensor::from_slice(x, (x.len() / 2, 2), &Device::Cpu);
/// let (x, weight) = (rows(&[1., 2., 3., 4.])?, rows(&[2., 0., 0., 2.])?);
/// let bias = rows(&[1., 1.])?;
/// let plain = affine(&x, &weight, &bias)?;
/// let node = affine(&Node::leaf(&x), &Node::leaf(&weight), &Node::leaf(&bias))?;
/// assert_eq!(plain.to_vec2::<f64>()?, [[3., 5.], [7., 9.]]);
/// assert_eq!(plain.to_vec2::<f64>()?, node.value().to_vec2::<f64>()?);
/// # Ok(())
/// # }
/// ```
pub trait Value: Clone {
    /// The sizes of the dimensions.
    fn dims(&self) -> &[usize];
    /// The element type.
    fn dtype(&self) -> DType;
    /// The same numbers, rounded to another floating-point type.
    ///
    /// # Errors
    /// For types that are not floating-point.
    fn to_dtype(&self, dtype: DType) -> Result<Self>;
    /// `self + other`, broadcast as numpy does.
    ///
    /// # Errors
    /// When the shapes do not broadcast. The other methods report likewise.
    fn add(&self, other: &Self) -> Result<Self>;
    /// `self − other`, broadcast as numpy does.
    ///
    /// # Errors
    /// When the shapes do not broadcast.
    fn sub(&self, other: &Self) -> Result<Self>;
    /// `self · other`, element by element, broadcast as numpy does.
    ///
    /// # Errors
    /// When the shapes do not broadcast.
    fn mul(&self, other: &Self) -> Result<Self>;
    /// The product over the last two dimensions, the leading ones broadcast.
    ///
    /// # Errors
    /// When the shapes do not fit.
    fn matmul(&self, other: &Self) -> Result<Self>;
    /// The same elements under another shape.
    ///
    /// # Errors
    /// When the number of elements differs.
    fn reshape(&self, shape: &[usize]) -> Result<Self>;
    /// The dimensions in another order.
    ///
    /// # Errors
    /// When `order` is no permutation of the dimensions.
    fn permute(&self, order: &[usize]) -> Result<Self>;
    /// `f(x)`, element by element.
    ///
    /// # Errors
    /// What the tensor library reports.
    fn map(&self, f: Unary) -> Result<Self>;
    /// `scale · Σ x` over `dims`, which keep size one: the mean with `scale = 1 / n`.
    ///
    /// # Errors
    /// When a dimension is out of range.
    fn scaled_sum_keepdim(&self, dims: &[usize], scale: f64) -> Result<Self>;
    /// The largest element of each window, `(…, h, w) -> (…, oh, ow)`; the gradient goes to the
    /// first one among equals.
    ///
    /// # Errors
    /// When the window has padding or does not fit.
    fn max_pool(&self, window: Window) -> Result<Self>;
    /// The mean under each window, `(…, h, w) -> (…, oh, ow)`.
    ///
    /// # Errors
    /// When the window has padding or does not fit.
    fn avg_pool(&self, window: Window) -> Result<Self>;
    /// Sliding windows as columns, `(…, c, h, w) -> (…, c · kh · kw, oh · ow)`.
    ///
    /// # Errors
    /// When the window does not fit.
    fn im2col(&self, window: Window) -> Result<Self>;
    /// The value of the parameter that each element is tied to, `(…, k) -> (…, n)`.
    ///
    /// # Errors
    /// When the last dimension is not the number of parameters.
    fn expand_tied(&self, ties: &Ties) -> Result<Self>;
}

// A path such as `Node::add` names the inherent method, never this trait's.
impl Value for Node {
    fn dims(&self) -> &[usize] {
        Node::dims(self)
    }
    fn dtype(&self) -> DType {
        Node::dtype(self)
    }
    fn to_dtype(&self, dtype: DType) -> Result<Self> {
        Node::to_dtype(self, dtype)
    }
    fn sub(&self, other: &Self) -> Result<Self> {
        Node::sub(self, other)
    }
    fn scaled_sum_keepdim(&self, dims: &[usize], scale: f64) -> Result<Self> {
        Node::scaled_sum_keepdim(self, dims, scale)
    }
    fn max_pool(&self, window: Window) -> Result<Self> {
        Node::max_pool(self, window)
    }
    fn avg_pool(&self, window: Window) -> Result<Self> {
        Node::avg_pool(self, window)
    }
    fn add(&self, other: &Self) -> Result<Self> {
        Node::add(self, other)
    }
    fn mul(&self, other: &Self) -> Result<Self> {
        Node::mul(self, other)
    }
    fn matmul(&self, other: &Self) -> Result<Self> {
        Node::matmul(self, other)
    }
    fn reshape(&self, shape: &[usize]) -> Result<Self> {
        Node::reshape(self, shape)
    }
    fn permute(&self, order: &[usize]) -> Result<Self> {
        Node::permute(self, order)
    }
    fn map(&self, f: Unary) -> Result<Self> {
        Elementwise::unary(self, f)
    }
    fn im2col(&self, window: Window) -> Result<Self> {
        Node::im2col(self, window)
    }
    fn expand_tied(&self, ties: &Ties) -> Result<Self> {
        Node::expand_tied(self, ties)
    }
}

impl Value for Tensor {
    fn dims(&self) -> &[usize] {
        Tensor::dims(self)
    }
    fn dtype(&self) -> DType {
        Tensor::dtype(self)
    }
    fn to_dtype(&self, dtype: DType) -> Result<Self> {
        Ok(Tensor::to_dtype(self, dtype)?)
    }
    fn sub(&self, other: &Self) -> Result<Self> {
        Ok(self.broadcast_sub(other)?)
    }
    // candle's own sum: its backward knows it.
    fn scaled_sum_keepdim(&self, dims: &[usize], scale: f64) -> Result<Self> {
        Ok(self.sum_keepdim(dims)?.affine(scale, 0.0)?)
    }
    fn max_pool(&self, window: Window) -> Result<Self> {
        let [lead @ .., h, w] = self.dims() else {
            return Err(Error::shape("max_pool", format!("{:?} is no image", self.dims())));
        };
        let (oh, ow) = window.output((*h, *w))?;
        let index = max_pool_index(&self.detach(), window)?;
        let images = Tensor::reshape(self, (lead.iter().product::<usize>(), h * w))?;
        let picked = images.contiguous()?.gather(&index, 1)?;
        Ok(Tensor::reshape(&picked, [lead, &[oh, ow]].concat())?)
    }
    // The mean of columns: candle's own pool has no gradient for windows that overlap.
    fn avg_pool(&self, window: Window) -> Result<Self> {
        let [lead @ .., h, w] = self.dims() else {
            return Err(Error::shape("avg_pool", format!("{:?} is no image", self.dims())));
        };
        let (oh, ow) = window.output((*h, *w))?;
        if window.padding != (0, 0) {
            return Err(Error::shape("avg_pool", format!("{window:?} has padding")));
        }
        let columns = im2col(&Tensor::reshape(self, [lead, &[1, *h, *w]].concat())?, window)?;
        let mean = columns.mean(lead.len())?;
        Ok(Tensor::reshape(&mean, [lead, &[oh, ow]].concat())?)
    }
    fn add(&self, other: &Self) -> Result<Self> {
        Ok(self.broadcast_add(other)?)
    }
    fn mul(&self, other: &Self) -> Result<Self> {
        Ok(self.broadcast_mul(other)?)
    }
    fn matmul(&self, other: &Self) -> Result<Self> {
        Ok(matmul(self, other)?)
    }
    fn reshape(&self, shape: &[usize]) -> Result<Self> {
        Ok(Tensor::reshape(self, shape)?)
    }
    fn permute(&self, order: &[usize]) -> Result<Self> {
        Ok(Tensor::permute(self, order)?)
    }
    fn map(&self, f: Unary) -> Result<Self> {
        Ok(unary(f, self)?)
    }
    fn im2col(&self, window: Window) -> Result<Self> {
        Ok(im2col(self, window)?)
    }
    fn expand_tied(&self, ties: &Ties) -> Result<Self> {
        Ok(ties::expand(self, ties)?)
    }
}
