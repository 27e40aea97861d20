//! Orders along a dimension: reversed, rolled, running sums.

use candle_core::{Device, Tensor};
use msr_kernels::{cumsum, index_select, index_to_device};

use super::shape::concat;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct FlipRule {
    dims: Vec<usize>,
}

impl Rule for FlipRule {
    fn name(&self) -> &'static str {
        "flip"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.flip(&self.dims)?)])
    }
}

struct CumsumRule {
    dim: usize,
}

impl Rule for CumsumRule {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    /// `∂x_j = Σ_{i ≥ j} g_i`: the running sum from the other end.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.flip(&[self.dim])?.cumsum(self.dim)?.flip(&[self.dim])?)])
    }
}

impl Node {
    /// The elements along `dims` in reverse order.
    ///
    /// # Errors
    /// When a dimension is out of range or named twice.
    pub fn flip(&self, dims: &[usize]) -> Result<Node> {
        if let Some((i, d)) =
            dims.iter().enumerate().find(|(i, d)| **d >= self.rank() || dims[..*i].contains(d))
        {
            let problem = if dims[..i].contains(d) { "is named twice" } else { "is out of range" };
            return Err(Error::shape("flip", format!("dimension {d} of {:?} {problem}", self.dims())));
        }
        if self.elem_count() == 0 {
            return Ok(self.clone());
        }
        let value = dims.iter().try_fold(self.value().clone(), |x, &dim| {
            let places = Tensor::from_iter((0..x.dims()[dim] as i64).rev(), &Device::Cpu)?;
            index_select(&x, &index_to_device(&places, x.device())?, dim)
        })?;
        Ok(Node::apply_one(FlipRule { dims: dims.to_vec() }, &[self], value))
    }

    /// Moves the elements along `dim` by `shift` places, those that leave at one end coming in at
    /// the other: element i goes to `(i + shift) mod n`.
    ///
    /// # Errors
    /// When there is no such dimension.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::Node;
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let x = Node::leaf(&Tensor::new(&[1f64, 2., 3.], &Device::Cpu)?);
    /// assert_eq!(x.roll(1, 0)?.value().to_vec1::<f64>()?, [3., 1., 2.]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn roll(&self, shift: i64, dim: usize) -> Result<Node> {
        let size = self.size_of("roll", dim)?;
        let shift = if size == 0 { 0 } else { shift.rem_euclid(size as i64) as usize };
        if shift == 0 {
            return Ok(self.clone());
        }
        let (front, back) = (self.narrow(dim, 0, size - shift)?, self.narrow(dim, size - shift, shift)?);
        concat(&[&back, &front], dim)
    }

    /// The sums of the elements up to each one along `dim`, it included: `y_i = Σ_{j ≤ i} x_j`. The
    /// gradient is the running sum from the other end.
    ///
    /// # Errors
    /// When there is no such dimension.
    pub fn cumsum(&self, dim: usize) -> Result<Node> {
        Ok(Node::apply_one(CumsumRule { dim }, &[self], cumsum(self.value(), dim)?))
    }
}
