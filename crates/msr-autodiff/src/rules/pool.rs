//! Pooling. Of max-pooling the places of the maxima are found once, then it is a gather; average
//! pooling and spreading numbers over windows are each other's adjoint.

use msr_kernels::{Window, avg_pool, max_pool_index, spread};

use super::gather::gather;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct AvgPoolRule {
    window: Window,
}

impl Rule for AvgPoolRule {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let x = at.input(0);
        let size = (x.dims()[x.rank() - 2], x.dims()[x.rank() - 1]);
        let value = spread(at.grad()?.value(), self.window, size)?;
        Ok(vec![Some(Node::apply_one(SpreadRule { window: self.window }, &[at.grad()?], value))])
    }
}

struct SpreadRule {
    window: Window,
}

impl Rule for SpreadRule {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.avg_pool(self.window)?)])
    }
}

impl Node {
    /// The largest element of each window. Sizes that are no multiple of the stride lose their last
    /// rows and columns (7 → 3 for a 2×2 window with stride 2).
    ///
    /// The gradient goes to the one element that was chosen, the first in row-major order among
    /// equals.
    ///
    /// # Shapes
    /// `(…, h, w) -> (…, oh, ow)`
    ///
    /// # Errors
    /// When the window has padding or does not fit.
    pub fn max_pool(&self, window: Window) -> Result<Node> {
        let [lead @ .., h, w] = self.dims() else {
            return Err(Error::shape("max_pool", format!("{:?} is no image", self.dims())));
        };
        let index = max_pool_index(self.value(), window)?;
        let (oh, ow) = window.output((*h, *w))?;
        let mut shape = lead.to_vec();
        shape.extend([oh, ow]);
        gather(&self.reshape(&[lead.iter().product(), h * w])?, &index)?.reshape(&shape)
    }

    /// The mean under each window. Sizes that are no multiple of the stride lose their last rows
    /// and columns (7 → 3 for a 2×2 window with stride 2).
    ///
    /// The gradient is shared equally by the pixels of the window; windows may overlap. The mean of
    /// whole images is [`Node::mean`] over their two dimensions.
    ///
    /// # Shapes
    /// `(…, h, w) -> (…, oh, ow)`
    ///
    /// # Errors
    /// When the window has padding or does not fit.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::{Graph, Node, Window, grad};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let image = Node::leaf(&Tensor::new(&[[1f64, 2., 0.], [3., 6., 0.]], &Device::Cpu)?);
    /// let mean = image.avg_pool(Window::square(2, 2, 0))?;
    /// assert_eq!(mean.value().to_vec2::<f64>()?, [[3.]]);
    /// let share = grad(&mean.sum_all()?, &[&image], Graph::Drop)?.remove(0);
    /// assert_eq!(share.value().to_vec2::<f64>()?, [[0.25, 0.25, 0.], [0.25, 0.25, 0.]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn avg_pool(&self, window: Window) -> Result<Node> {
        Ok(Node::apply_one(AvgPoolRule { window }, &[self], avg_pool(self.value(), window)?))
    }
}
