//! Convolutions of images over two dimensions, each task with filters of its own, and the two
//! adjoints. The three are closed under differentiation: each is linear in either operand, and its
//! adjoints are among the three.
//!
//! Nothing is written but the results: windows are read where they lie. In main memory, where that
//! is faster, 3 × 3 filters are applied in Winograd's form, see [`Winograd`]; results have their
//! channels side by side (as views, their shape says nothing of it), and operands that lie so are
//! read without a copy. On a GPU results are contiguous, and sums are those of products of matrices
//! whose tiles are gathered as they are multiplied; the adjoint in the filters adds at most some
//! thousand products in the precision of the operands, and what comes of them in `f64`.

mod composed;
mod correlate;
mod cost;
mod cpu;
mod cuda;
mod filters;
#[cfg(test)]
mod tests;
mod weight_grad;
mod winograd;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};
use crate::window::Window;

pub use cost::conv2d_pays;
pub use winograd::{Winograd, use_winograd};

/// Images and filters of several tasks, whose sizes fit each other.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    tasks: usize,
    examples: usize,
    inputs: usize,
    outputs: usize,
    /// Of the images, in pixels.
    image: (usize, usize),
    /// Of the results, in pixels.
    result: (usize, usize),
    window: Window,
}

impl Sizes {
    fn images(&self) -> [usize; 5] {
        [self.tasks, self.examples, self.inputs, self.image.0, self.image.1]
    }

    fn results(&self) -> [usize; 5] {
        [self.tasks, self.examples, self.outputs, self.result.0, self.result.1]
    }

    fn filters(&self) -> [usize; 5] {
        let (kh, kw) = self.window.kernel;
        [self.tasks, self.outputs, self.inputs, kh, kw]
    }

    /// Refuses operands of other shapes than these.
    fn check(
        &self,
        op: &'static str,
        first: (&Tensor, [usize; 5]),
        second: (&Tensor, [usize; 5]),
    ) -> Result<()> {
        for (tensor, expected) in [first, second] {
            if tensor.dims() != expected {
                let problem = format!("{expected:?} is needed where {:?} is", tensor.dims());
                return Err(Error::mismatch(op, first.0.dims(), second.0.dims(), problem));
            }
            room_for(op, &expected)?;
        }
        Ok(())
    }
}

/// Five dimensions.
fn five(op: &'static str, x: &Tensor, expected: &'static str) -> Result<[usize; 5]> {
    x.dims().try_into().map_err(|_| Error::shape(op, expected, x.dims()))
}

const IMAGES: &str = "(tasks, examples, channels, height, width)";
const FILTERS: &str = "(tasks, outputs, inputs, kernel height, kernel width)";

/// The convolution of each task's images with its filters, as networks mean it (a correlation):
/// `y[t, b, o, i, j] = Σ_{c, u, v} w[t, o, c, u, v] x[t, b, c, s i + u − p, s j + v − p]`, with
/// stride s and padding p of `window`, and zeros outside of the image.
///
/// Where an image or a filter is infinite, results that it should leave finite or infinite may be
/// NaN, also of the adjoints: infinite filters are multiplied with zeros around images, and
/// [Winograd's form](crate::Winograd) subtracts neighbouring pixels.
///
/// # Shapes
/// `x (t, b, c, h, w)`, `w (t, o, c, kh, kw)` with the kernel of `window` `-> (t, b, o, oh, ow)`
///
/// # Errors
/// [`Error::Shape`] and [`Error::Mismatch`] when the shapes do not fit; as [`Window::output`] when
/// the window does not.
pub fn conv2d(x: &Tensor, w: &Tensor, window: Window) -> Result<Tensor> {
    const OP: &str = "conv2d";
    let [tasks, examples, inputs, height, width] = five(OP, x, IMAGES)?;
    let outputs = five(OP, w, FILTERS)?[1];
    let image = (height, width);
    let result = window.output(image)?;
    let sizes = Sizes { tasks, examples, inputs, outputs, image, result, window };
    sizes.check(OP, (x, sizes.images()), (w, sizes.filters()))?;
    run(OP, [x, w], sizes.results(), |body, [x, w]| match body {
        Body::Cpu => cpu::conv2d(x, w, sizes),
        Body::Cuda => cuda::conv2d(x, w, sizes),
        _ => composed::conv2d(x, w, sizes),
    })
}

/// The adjoint of [`conv2d`] in the images: the x̄ with `⟨g, conv2d(x, w)⟩ = ⟨x̄, x⟩` for images of
/// `image` pixels (height, width); a transposed convolution.
///
/// # Shapes
/// `g (t, b, o, oh, ow)`, `w (t, o, c, kh, kw) -> (t, b, c, h, w)`
///
/// # Errors
/// As [`conv2d`].
pub fn conv2d_input_grad(g: &Tensor, w: &Tensor, window: Window, image: (usize, usize)) -> Result<Tensor> {
    const OP: &str = "conv2d_input_grad";
    let [tasks, examples, outputs, ..] = five(OP, g, IMAGES)?;
    let inputs = five(OP, w, FILTERS)?[2];
    let result = window.output(image)?;
    let sizes = Sizes { tasks, examples, inputs, outputs, image, result, window };
    sizes.check(OP, (g, sizes.results()), (w, sizes.filters()))?;
    run(OP, [g, w], sizes.images(), |body, [g, w]| match body {
        Body::Cpu => cpu::conv2d_input_grad(g, w, sizes),
        Body::Cuda => cuda::conv2d_input_grad(g, w, sizes),
        _ => composed::conv2d_input_grad(g, w, sizes),
    })
}

/// The adjoint of [`conv2d`] in the filters: the w̄ with `⟨g, conv2d(x, w)⟩ = ⟨w̄, w⟩`. Long sums
/// are added in pairs.
///
/// # Shapes
/// `x (t, b, c, h, w)`, `g (t, b, o, oh, ow) -> (t, o, c, kh, kw)`
///
/// # Errors
/// As [`conv2d`].
pub fn conv2d_weight_grad(x: &Tensor, g: &Tensor, window: Window) -> Result<Tensor> {
    const OP: &str = "conv2d_weight_grad";
    let [tasks, examples, inputs, height, width] = five(OP, x, IMAGES)?;
    let outputs = five(OP, g, IMAGES)?[2];
    let image = (height, width);
    let result = window.output(image)?;
    let sizes = Sizes { tasks, examples, inputs, outputs, image, result, window };
    sizes.check(OP, (x, sizes.images()), (g, sizes.results()))?;
    run(OP, [x, g], sizes.filters(), |body, [x, g]| match body {
        Body::Cpu => cpu::conv2d_weight_grad(x, g, sizes),
        Body::Cuda => cuda::conv2d_weight_grad(x, g, sizes),
        _ => composed::conv2d_weight_grad(x, g, sizes),
    })
}

/// Checks the size of the result, and gives the operands to the body that they have.
fn run(
    op: &'static str,
    operands: [&Tensor; 2],
    shape: [usize; 5],
    body: impl Fn(Body, [&Tensor; 2]) -> Result<Tensor>,
) -> Result<Tensor> {
    let room = room_for(op, &shape)?;
    let [a, b] = operands;
    if a.dtype() != b.dtype() {
        let problem = format!("their types are {:?} and {:?}", a.dtype(), b.dtype());
        return Err(Error::mismatch(op, a.dims(), b.dims(), problem));
    }
    if room == 0 || a.elem_count() == 0 || b.elem_count() == 0 {
        return Ok(Tensor::zeros(&shape, a.dtype(), a.device())?);
    }
    let (a, b) = (tidy(a)?, tidy(b)?);
    match Body::of([&a, &b]) {
        Body::Half => widened([&a, &b], |[a, b]| body(Body::of([a, b]), [a, b])),
        own => body(own, [&a, &b]),
    }
}
