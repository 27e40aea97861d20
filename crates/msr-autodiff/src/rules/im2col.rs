//! Sliding windows as columns, and back.

use msr_kernels::{Window, col2im, im2col};

use crate::error::Result;
use crate::node::Node;
use crate::node::{Backward, Rule};

struct Im2ColRule {
    window: Window,
}

impl Rule for Im2ColRule {
    fn name(&self) -> &'static str {
        "im2col"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let x = at.input(0);
        let rank = x.rank();
        let size = (x.dims()[rank - 2], x.dims()[rank - 1]);
        Ok(vec![Some(at.grad()?.col2im(self.window, size)?)])
    }
}

struct Col2ImRule {
    window: Window,
}

impl Rule for Col2ImRule {
    fn name(&self) -> &'static str {
        "col2im"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.im2col(self.window)?)])
    }
}

impl Node {
    /// The windows of each image as matrix columns, ready for a convolution by one product.
    ///
    /// # Shapes
    /// `(…, c, h, w) -> (…, c · kh · kw, oh · ow)`; one dimension is `h = 1` with [`Window::line`].
    ///
    /// # Errors
    /// When there are fewer than three dimensions or the window does not fit.
    pub fn im2col(&self, window: Window) -> Result<Node> {
        Ok(Node::apply_one(Im2ColRule { window }, &[self], im2col(self.value(), window)?))
    }

    /// Adds columns back onto the pixels they came from: the adjoint of [`Node::im2col`].
    ///
    /// # Shapes
    /// `(…, c · kh · kw, oh · ow) -> (…, c, h, w)`, with `size = (h, w)`
    ///
    /// # Errors
    /// When the columns do not fit the window and size.
    pub fn col2im(&self, window: Window, size: (usize, usize)) -> Result<Node> {
        Ok(Node::apply_one(Col2ImRule { window }, &[self], col2im(self.value(), window, size)?))
    }
}
