//! Convolutions with filters of each task: three operations that are each other's gradients.

use msr_kernels::{Window, conv2d, conv2d_input_grad, conv2d_weight_grad};

use crate::error::Result;
use crate::node::{Backward, Node, Rule};

impl Node {
    /// The convolution of each task's images with its filters, as networks mean it (a correlation):
    /// `y[t, b, o, i, j] = Σ_{c, u, v} w[t, o, c, u, v] x[t, b, c, s i + u − p, s j + v − p]`, with
    /// stride s and padding p of `window`, and zeros outside of the image.
    ///
    /// # Shapes
    /// `self (t, b, c, h, w)`, `filters (t, o, c, kh, kw)` with the kernel of `window`
    /// `-> (t, b, o, oh, ow)`
    ///
    /// # Errors
    /// When the shapes do not fit each other or the window.
    ///
    /// # Example
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use msr_autodiff::{Node, Window};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let ones = |shape: [usize; 5]| Tensor::ones(&shape, DType::F64, &Device::Cpu);
    /// let images = Node::constant(&ones([2, 3, 4, 5, 5])?);
    /// let filters = Node::constant(&ones([2, 6, 4, 3, 3])?);
    /// let y = images.conv2d_of_tasks(&filters, Window::square(3, 2, 1))?;
    /// assert_eq!(y.dims(), [2, 3, 6, 3, 3]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn conv2d_of_tasks(&self, filters: &Node, window: Window) -> Result<Node> {
        let y = conv2d(self.value(), filters.value(), window)?;
        let image = image_of(self);
        Ok(Node::apply_one(Conv2d { window, image }, &[self, filters], y))
    }

    /// The adjoint of [`Node::conv2d_of_tasks`] in the images, for images of `image` pixels
    /// (height, width): a transposed convolution.
    ///
    /// # Shapes
    /// `self (t, b, o, oh, ow)`, `filters (t, o, c, kh, kw) -> (t, b, c, h, w)`
    ///
    /// # Errors
    /// When the shapes do not fit each other or the window.
    pub fn conv2d_of_tasks_input_grad(
        &self,
        filters: &Node,
        window: Window,
        image: (usize, usize),
    ) -> Result<Node> {
        let x = conv2d_input_grad(self.value(), filters.value(), window, image)?;
        Ok(Node::apply_one(InputGrad { window, image }, &[self, filters], x))
    }

    /// The adjoint of [`Node::conv2d_of_tasks`] in the filters.
    ///
    /// # Shapes
    /// `self (t, b, c, h, w)`, `g (t, b, o, oh, ow) -> (t, o, c, kh, kw)`
    ///
    /// # Errors
    /// When the shapes do not fit each other or the window.
    pub fn conv2d_of_tasks_weight_grad(&self, g: &Node, window: Window) -> Result<Node> {
        let w = conv2d_weight_grad(self.value(), g.value(), window)?;
        let image = image_of(self);
        Ok(Node::apply_one(WeightGrad { window, image }, &[self, g], w))
    }
}

/// Height and width; the operation has checked that they are there.
fn image_of(x: &Node) -> (usize, usize) {
    match x.dims() {
        [.., h, w] => (*h, *w),
        _ => (0, 0),
    }
}

struct Conv2d {
    window: Window,
    image: (usize, usize),
}

struct InputGrad {
    window: Window,
    image: (usize, usize),
}

struct WeightGrad {
    window: Window,
    image: (usize, usize),
}

impl Rule for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let g = at.grad()?;
        let by_images =
            at.needs(0).then(|| g.conv2d_of_tasks_input_grad(&at.input(1), self.window, self.image));
        let by_filters = at.needs(1).then(|| at.input(0).conv2d_of_tasks_weight_grad(g, self.window));
        Ok(vec![by_images.transpose()?, by_filters.transpose()?])
    }
}

impl Rule for InputGrad {
    fn name(&self) -> &'static str {
        "conv2d_input_grad"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let a = at.grad()?;
        let by_results = at.needs(0).then(|| a.conv2d_of_tasks(&at.input(1), self.window));
        let by_filters = at.needs(1).then(|| a.conv2d_of_tasks_weight_grad(&at.input(0), self.window));
        debug_assert_eq!(image_of(a), self.image);
        Ok(vec![by_results.transpose()?, by_filters.transpose()?])
    }
}

impl Rule for WeightGrad {
    fn name(&self) -> &'static str {
        "conv2d_weight_grad"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let a = at.grad()?;
        let by_images =
            at.needs(0).then(|| at.input(1).conv2d_of_tasks_input_grad(a, self.window, self.image));
        let by_results = at.needs(1).then(|| at.input(0).conv2d_of_tasks(a, self.window));
        Ok(vec![by_images.transpose()?, by_results.transpose()?])
    }
}
