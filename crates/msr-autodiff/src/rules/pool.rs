//! Max-pooling: the places of the maxima are found once, then it is a gather.

use msr_kernels::{Window, max_pool_index};

use super::gather::gather;
use crate::error::{Error, Result};
use crate::node::Node;

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
}
