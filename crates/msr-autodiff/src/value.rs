//! One forward pass for two kinds of numbers.

use candle_core::Tensor;
use msr_kernels::classes::{Classes, spread};
use msr_kernels::{Window, im2col, matmul};

use crate::error::Result;
use crate::node::Node;

/// What a layer's forward pass is written in: implemented by [`Node`] (gradients of any order) and
/// by candle's [`Tensor`] (candle's own backward and optimisers), so that each pass has one
/// definition.
pub trait Value: Clone {
    /// The sizes of the dimensions.
    fn shape_of(&self) -> &[usize];
    /// `self + other`, broadcast as numpy does.
    ///
    /// # Errors
    /// When the shapes do not broadcast. The other methods report likewise.
    fn plus(&self, other: &Self) -> Result<Self>;
    /// The product over the last two dimensions, the leading ones broadcast.
    ///
    /// # Errors
    /// When the shapes do not fit.
    fn times(&self, other: &Self) -> Result<Self>;
    /// The same elements under another shape.
    ///
    /// # Errors
    /// When the number of elements differs.
    fn shaped(&self, shape: &[usize]) -> Result<Self>;
    /// The dimensions in another order.
    ///
    /// # Errors
    /// When `order` is no permutation of the dimensions.
    fn permuted(&self, order: &[usize]) -> Result<Self>;
    /// Sliding windows as columns, `(…, c, h, w) -> (…, c · kh · kw, oh · ow)`.
    ///
    /// # Errors
    /// When the window does not fit.
    fn columns(&self, window: Window) -> Result<Self>;
    /// `self · other`, element by element, broadcast as numpy does.
    ///
    /// # Errors
    /// When the shapes do not broadcast.
    fn scaled_by(&self, other: &Self) -> Result<Self>;
    /// `y[…, i] = x[…, class[i]]`, `(…, k) -> (…, n)`.
    ///
    /// # Errors
    /// When the last dimension is not the number of classes.
    fn spread_by(&self, classes: &Classes) -> Result<Self>;
}

impl Value for Node {
    fn shape_of(&self) -> &[usize] {
        self.dims()
    }
    fn plus(&self, other: &Self) -> Result<Self> {
        self.add(other)
    }
    fn times(&self, other: &Self) -> Result<Self> {
        self.matmul(other)
    }
    fn shaped(&self, shape: &[usize]) -> Result<Self> {
        self.reshape(shape)
    }
    fn permuted(&self, order: &[usize]) -> Result<Self> {
        self.permute(order)
    }
    fn columns(&self, window: Window) -> Result<Self> {
        self.im2col(window)
    }
    fn scaled_by(&self, other: &Self) -> Result<Self> {
        self.mul(other)
    }
    fn spread_by(&self, classes: &Classes) -> Result<Self> {
        self.spread(classes)
    }
}

impl Value for Tensor {
    fn shape_of(&self) -> &[usize] {
        self.dims()
    }
    fn plus(&self, other: &Self) -> Result<Self> {
        Ok(self.broadcast_add(other)?)
    }
    fn times(&self, other: &Self) -> Result<Self> {
        Ok(matmul(self, other)?)
    }
    fn shaped(&self, shape: &[usize]) -> Result<Self> {
        Ok(self.reshape(shape)?)
    }
    fn permuted(&self, order: &[usize]) -> Result<Self> {
        Ok(self.permute(order)?)
    }
    fn columns(&self, window: Window) -> Result<Self> {
        Ok(im2col(self, window)?)
    }
    fn scaled_by(&self, other: &Self) -> Result<Self> {
        Ok(self.broadcast_mul(other)?)
    }
    fn spread_by(&self, classes: &Classes) -> Result<Self> {
        Ok(spread(self, classes)?)
    }
}
