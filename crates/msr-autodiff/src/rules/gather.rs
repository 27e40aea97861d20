//! Elements by index along a dimension, and the adjoint of that.

use candle_core::Tensor;
use msr_kernels::{checked_index, class_index};

use super::select::where_cond;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct GatherRule {
    index: Tensor,
}

impl Rule for GatherRule {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let size = at.input(0).dims()[1];
        Ok(vec![Some(scatter_add(at.grad()?, &self.index, size)?)])
    }
}

struct ScatterRule {
    index: Tensor,
}

impl Rule for ScatterRule {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(gather(at.grad()?, &self.index)?)])
    }
}

/// `y[r, j] = x[r, index[r, j]]`; x `(rows, n)`, index `(rows, k)` of `u32`.
pub(super) fn gather(x: &Node, index: &Tensor) -> Result<Node> {
    let value = msr_kernels::gather(x.value(), index)?;
    Ok(Node::apply_one(GatherRule { index: index.clone() }, &[x], value))
}

/// `y[r, index[r, j]] += x[r, j]` into zeros; x and index `(rows, k)`, y `(rows, size)`.
fn scatter_add(x: &Node, index: &Tensor, size: usize) -> Result<Node> {
    let value = msr_kernels::scatter_add(x.value(), index, size)?;
    Ok(Node::apply_one(ScatterRule { index: index.clone() }, &[x], value))
}

impl Node {
    /// The element of the last dimension that each class index names: `y[…] = x[…, index[…]]`, as
    /// the cross-entropy needs it.
    ///
    /// # Shapes
    /// `x (…, classes)`, `index (…)` of an integer dtype `-> (…)`
    ///
    /// # Errors
    /// When the shapes do not fit or an index is not below the number of classes.
    pub fn gather_class(&self, index: &Tensor) -> Result<Node> {
        let rows = class_index(self.value(), index)?;
        let classes = self.dims().last().copied().unwrap_or_default();
        gather(&self.reshape(&[index.elem_count(), classes])?, &rows)?.reshape(index.dims())
    }

    /// The elements along `dim` that indices name: in three dimensions, along the second,
    /// `y[i, j, k] = x[i, index[i, j, k], k]`. Each gradient is added to the element it came from.
    ///
    /// # Shapes
    /// `x (…, n, …)`, `index (…, k, …)` of an integer dtype `->` the shape of the index, which may
    /// be smaller than x in the other dimensions, too: it then speaks of their beginning
    ///
    /// # Errors
    /// When there is no such dimension, the shapes do not fit, or an index is not below n.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::Node;
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let x = Node::leaf(&Tensor::new(&[[1f64, 2.], [3., 4.]], &Device::Cpu)?);
    /// let index = Tensor::new(&[[1u32, 0], [1, 1]], &Device::Cpu)?;
    /// assert_eq!(x.gather(&index, 0)?.value().to_vec2::<f64>()?, [[3., 2.], [3., 4.]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn gather(&self, index: &Tensor, dim: usize) -> Result<Node> {
        let size = self.size_of("gather", dim)?;
        let fits = |(d, (n, k)): (usize, (&usize, &usize))| d == dim || k <= n;
        if index.rank() != self.rank() || !self.dims().iter().zip(index.dims()).enumerate().all(fits) {
            let problem =
                format!("{:?} by indices of shape {:?} along dimension {dim}", self.dims(), index.dims());
            return Err(Error::shape("gather", problem));
        }
        let others = (0..self.rank()).filter(|&d| d != dim);
        let part = others.into_iter().try_fold(self.clone(), |x, d| x.narrow(d, 0, index.dims()[d]))?;
        let picked = gather(&part.rows(dim)?, &index_rows("gather", index, dim, size)?)?;
        picked.turned_back(index.dims(), dim)
    }

    /// Adds the elements of `source` at the places that indices name along `dim`: in two
    /// dimensions, along the first, `y = x`, then `y[index[i, j], j] += source[i, j]`.
    ///
    /// # Shapes
    /// `x (…, n, …)`, `source` and `index (…, k, …) -> (…, n, …)`, all other dimensions equal
    ///
    /// # Errors
    /// When the shapes do not fit or an index is not below n.
    pub fn scatter_add(&self, index: &Tensor, source: &Node, dim: usize) -> Result<Node> {
        let size = self.scatter_size("scatter_add", index, source, dim)?;
        let index = index_rows("scatter_add", index, dim, size)?;
        self.add(&scatter_add(&source.rows(dim)?, &index, size)?.turned_back(self.dims(), dim)?)
    }

    /// Puts the elements of `source` at the places that indices name along `dim`, in place of what
    /// was there: in two dimensions, along the first, `y = x`, then `y[index[i, j], j] = source[i,
    /// j]`. Of several for one place the last is put there.
    ///
    /// The gradient of x is that of what is left of it, that of the source of what was put.
    ///
    /// # Shapes
    /// As [`Node::scatter_add`].
    ///
    /// # Errors
    /// When the shapes do not fit or an index is not below n.
    pub fn scatter(&self, index: &Tensor, source: &Node, dim: usize) -> Result<Node> {
        let size = self.scatter_size("scatter", index, source, dim)?;
        let index = index_rows("scatter", index, dim, size)?;
        // For each place, which element is put there.
        let (mut from, mut put) = (Vec::new(), Vec::new());
        for row in index.to_vec2::<u32>()? {
            let start = from.len();
            from.resize(start + size, 0u32);
            put.resize(start + size, 0u8);
            for (element, place) in row.into_iter().enumerate() {
                (from[start + place as usize], put[start + place as usize]) = (element as u32, 1);
            }
        }
        let rows = self.rows(dim)?;
        if index.elem_count() == 0 {
            return Ok(self.clone());
        }
        let from = Tensor::from_vec(from, rows.dims(), self.device())?;
        let put = Tensor::from_vec(put, rows.dims(), self.device())?;
        where_cond(&put, &gather(&source.rows(dim)?, &from)?, &rows)?.turned_back(self.dims(), dim)
    }

    /// The size along `dim` of what is scattered into, after the checks.
    fn scatter_size(&self, op: &'static str, index: &Tensor, source: &Node, dim: usize) -> Result<usize> {
        let size = self.size_of(op, dim)?;
        let fits = |(d, (n, k)): (usize, (&usize, &usize))| d == dim || n == k;
        let equal = source.rank() == self.rank() && index.dims() == source.dims();
        if !equal || !self.dims().iter().zip(source.dims()).enumerate().all(fits) {
            let (into, index) = (self.dims(), index.dims());
            let problem = format!(
                "{:?} by indices of shape {index:?} into {into:?} along dimension {dim}",
                source.dims()
            );
            return Err(Error::shape(op, problem));
        }
        Ok(size)
    }

    /// A matrix whose rows run along `dim`.
    fn rows(&self, dim: usize) -> Result<Node> {
        let size = self.dims()[dim];
        let rows = self.dims_without(&[dim]).iter().product();
        self.permute(&order(self.rank(), dim))?.reshape(&[rows, size])
    }

    /// The matrix of [`Node::rows`] in its old shape, but for the size along `dim`.
    fn turned_back(&self, shape: &[usize], dim: usize) -> Result<Node> {
        let order = order(shape.len(), dim);
        let mut inverse = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
        let turned: Vec<usize> = order.iter().map(|&d| shape[d]).collect();
        self.reshape(&turned)?.permute(&inverse)
    }
}

/// The dimensions with `dim` at the end.
fn order(rank: usize, dim: usize) -> Vec<usize> {
    (0..rank).filter(|&d| d != dim).chain([dim]).collect()
}

/// Indices below `count` as a matrix whose rows run along `dim`.
fn index_rows(op: &'static str, index: &Tensor, dim: usize, count: usize) -> Result<Tensor> {
    let size = index.dims()[dim];
    let turned = checked_index(op, index, count)?.permute(order(index.rank(), dim))?;
    let rows = turned.dims()[..turned.rank() - 1].iter().product::<usize>();
    Ok(turned.contiguous()?.reshape((rows, size))?)
}
