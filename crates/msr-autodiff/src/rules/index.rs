//! Slices by index along a dimension, and what is made of them: unfolding, repeating borders,
//! upsampling.

use candle_core::{Device, Tensor};
use msr_kernels::{index_add, index_select, index_to_device};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct IndexSelectRule {
    index: Tensor,
    dim: usize,
}

impl Rule for IndexSelectRule {
    fn name(&self) -> &'static str {
        "index_select"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let size = at.input(0).dims()[self.dim];
        Ok(vec![Some(at.grad()?.put_slices(&self.index, self.dim, size)?)])
    }
}

struct PutSlicesRule {
    index: Tensor,
    dim: usize,
}

impl Rule for PutSlicesRule {
    fn name(&self) -> &'static str {
        "index_add"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.index_select(&self.index, self.dim)?)])
    }
}

impl Node {
    /// The slices along `dim` that a list of indices names, in that order:
    /// `y[…, j, …] = x[…, index[j], …]`. Each gradient is added to the slice it came from.
    ///
    /// # Shapes
    /// `x (…, n, …)`, `index (k)` of an integer dtype `-> (…, k, …)`
    ///
    /// # Errors
    /// When there is no such dimension, the index is no list, or an entry is not below n.
    ///
    /// # Example
    /// The rows of an embedding:
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::{Graph, Node, grad};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let table = Node::leaf(&Tensor::new(&[[1f64, 2.], [3., 4.], [5., 6.]], &Device::Cpu)?);
    /// let rows = table.index_select(&Tensor::new(&[2u32, 0, 2], &Device::Cpu)?, 0)?;
    /// assert_eq!(rows.value().to_vec2::<f64>()?, [[5., 6.], [1., 2.], [5., 6.]]);
    /// let slope = grad(&rows.sum_all()?, &[&table], Graph::Drop)?.remove(0);
    /// assert_eq!(slope.value().to_vec2::<f64>()?, [[1., 1.], [0., 0.], [2., 2.]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn index_select(&self, index: &Tensor, dim: usize) -> Result<Node> {
        let value = index_select(self.value(), index, dim)?;
        Ok(Node::apply_one(IndexSelectRule { index: index.detach(), dim }, &[self], value))
    }

    /// Adds the slices of `source` along `dim` at the places that `index` names:
    /// `y = x`, then `y[…, index[j], …] += source[…, j, …]`.
    ///
    /// # Shapes
    /// `x (…, n, …)`, `source (…, k, …)`, `index (k)` of an integer dtype `-> (…, n, …)`
    ///
    /// # Errors
    /// When the shapes do not fit or an entry is not below n.
    pub fn index_add(&self, index: &Tensor, source: &Node, dim: usize) -> Result<Node> {
        let others = |node: &Node| {
            node.dims().iter().enumerate().all(|(d, &n)| d == dim || self.dims().get(d) == Some(&n))
        };
        if dim >= self.rank() || source.rank() != self.rank() || !others(source) {
            return Err(Error::shape(
                "index_add",
                format!(
                    "{:?} and source {:?} may differ along dimension {dim} alone",
                    self.dims(),
                    source.dims()
                ),
            ));
        }
        self.add(&source.put_slices(index, dim, self.dims()[dim])?)
    }

    /// The slices at the places that `index` names in zeros, `size` of them.
    pub(super) fn put_slices(&self, index: &Tensor, dim: usize, size: usize) -> Result<Node> {
        let value = index_add(self.value(), index, dim, size)?;
        Ok(Node::apply_one(PutSlicesRule { index: index.detach(), dim }, &[self], value))
    }

    /// The slices along `dim` with the numbers that an iterator gives.
    pub(super) fn slices(&self, places: impl Iterator<Item = usize>, dim: usize) -> Result<Node> {
        let places = Tensor::from_iter(places.map(|place| place as i64), &Device::Cpu)?;
        self.index_select(&index_to_device(&places, self.device())?, dim)
    }

    /// Repeats the first slice along `dim` before it and the last one after it: size n becomes
    /// `before + n + after`.
    ///
    /// # Errors
    /// When there is no such dimension or it is empty.
    pub fn pad_with_same(&self, dim: usize, before: usize, after: usize) -> Result<Node> {
        let size = self.size_of("pad_with_same", dim)?;
        let Some(padded) = before.checked_add(size).and_then(|n| n.checked_add(after)).filter(|_| size > 0)
        else {
            return Err(Error::shape("pad_with_same", format!("nothing to repeat in {:?}", self.dims())));
        };
        self.has_room("pad_with_same", dim, padded)?;
        self.slices((0..padded).map(|i| i.saturating_sub(before).min(size - 1)), dim)
    }

    /// The windows of `size` neighbours along `dim`, a new one every `step` elements, as a new last
    /// dimension.
    ///
    /// # Shapes
    /// `(…, n, …) -> (…, ⌊(n − size) / step⌋ + 1, …, size)`
    ///
    /// # Errors
    /// When there is no such dimension, the window is longer than it, or size or step is zero.
    pub fn unfold(&self, dim: usize, size: usize, step: usize) -> Result<Node> {
        let length = self.size_of("unfold", dim)?;
        if size == 0 || step == 0 || size > length {
            let problem =
                format!("windows of {size} every {step} along dimension {dim} of {:?}", self.dims());
            return Err(Error::shape("unfold", problem));
        }
        let count = (length - size) / step + 1;
        self.has_room("unfold", dim, count.saturating_mul(size))?;
        let windows = self.slices((0..count * size).map(|i| i / size * step + i % size), dim)?;
        let mut shape = self.dims().to_vec();
        shape.splice(dim..=dim, [count, size]);
        let mut order: Vec<usize> = (0..shape.len()).filter(|&d| d != dim + 1).collect();
        order.push(dim + 1);
        windows.reshape(&shape)?.permute(&order)
    }

    /// Enlarges (or shrinks) the last dimensions by repeating the nearest element: element i of a
    /// dimension that goes from n to m is element `⌊i n / m⌋`. Give `[w]` for lines and `[h, w]`
    /// for images. Each element's gradient is the sum over its copies, whatever the sizes.
    ///
    /// # Shapes
    /// `(…, h, w) -> (…, size[0], size[1])`
    ///
    /// # Errors
    /// When there are fewer dimensions than sizes, or a dimension or size is zero.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::Node;
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let x = Node::leaf(&Tensor::new(&[[1f64, 2.]], &Device::Cpu)?);
    /// let y = x.upsample_nearest(&[2, 4])?;
    /// assert_eq!(y.value().to_vec2::<f64>()?, [[1., 1., 2., 2.], [1., 1., 2., 2.]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn upsample_nearest(&self, size: &[usize]) -> Result<Node> {
        let first = self.rank().checked_sub(size.len()).filter(|_| !size.contains(&0));
        let Some(first) = first.filter(|&first| !self.dims()[first..].contains(&0)) else {
            let problem = format!("from {:?} to a size of {size:?}", self.dims());
            return Err(Error::shape("upsample_nearest", problem));
        };
        size.iter().enumerate().try_fold(self.clone(), |node, (i, &to)| {
            let (dim, from) = (first + i, self.dims()[first + i]);
            if from == to {
                return Ok(node);
            }
            node.has_room("upsample_nearest", dim, to)?;
            node.slices((0..to).map(|i| (i as u128 * from as u128 / to as u128) as usize), dim)
        })
    }
}
