//! The error type of this crate.

use candle_core::DType;

/// What can go wrong in a kernel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operand does not have the shape that the operation needs.
    #[error("{op}: expected {expected}, got {got:?}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// The shape in words.
        expected: String,
        /// The shape found.
        got: Vec<usize>,
    },

    /// Two operands whose shapes do not fit each other.
    #[error("{op}: {left:?} and {right:?}: {problem}")]
    Mismatch {
        /// The operation.
        op: &'static str,
        /// The shape of the first operand.
        left: Vec<usize>,
        /// The shape of the second operand.
        right: Vec<usize>,
        /// What must hold between them and does not.
        problem: String,
    },

    /// A window that is larger than the padded image.
    #[error("window: {side} {kernel} of the kernel is larger than the input's {size} with padding {padding}")]
    Window {
        /// `height` or `width`.
        side: &'static str,
        /// The size of the window, in pixels.
        kernel: usize,
        /// The size of the image, in pixels.
        size: usize,
        /// The zeros added on each side, in pixels.
        padding: usize,
    },

    /// A window of size zero, one that does not move, or one whose padding overflows.
    #[error(
        "window: {side} of kernel and stride must be at least 1 and padding below half of the address \
         space, got kernel {kernel}, stride {stride}, padding {padding}"
    )]
    Geometry {
        /// `height` or `width`.
        side: &'static str,
        /// The size of the window, in pixels.
        kernel: usize,
        /// The distance between neighbouring windows, in pixels.
        stride: usize,
        /// The zeros added on each side, in pixels.
        padding: usize,
    },

    /// A window with padding, for an operation that takes none.
    #[error("{op}: padding {padding:?} is not supported; pad the input")]
    Padding {
        /// The operation.
        op: &'static str,
        /// The padding, (height, width), in pixels.
        padding: (usize, usize),
    },

    /// An operand has a dtype that does not fit.
    #[error("{op}: expected {expected}, got {got:?}")]
    Dtype {
        /// The operation.
        op: &'static str,
        /// The dtype in words.
        expected: String,
        /// The dtype found.
        got: DType,
    },

    /// A result with more elements than can be addressed.
    #[error("{op}: a tensor of shape {shape:?} would have more elements than can be addressed")]
    Size {
        /// The operation.
        op: &'static str,
        /// The shape that was asked for.
        shape: Vec<usize>,
    },

    /// A result for which there is not enough memory.
    #[error("{op}: there is no memory for a result of shape {shape:?}")]
    Memory {
        /// The operation.
        op: &'static str,
        /// The shape that was asked for.
        shape: Vec<usize>,
    },

    /// A class index that names no class.
    #[error("{op}: element {element} has class {class}, but there are only {count}")]
    Class {
        /// The operation.
        op: &'static str,
        /// The place of the element.
        element: usize,
        /// Its class.
        class: i64,
        /// The number of classes.
        count: usize,
    },

    /// An index that names nothing.
    #[error("{op}: index {element} is {index}, but there are only {count} to choose from")]
    Index {
        /// The operation.
        op: &'static str,
        /// The place of the index.
        element: usize,
        /// The index itself.
        index: i64,
        /// What it must be below.
        count: usize,
    },

    /// An element that is tied to a parameter that is not there.
    #[error("ties: element {element} is tied to parameter {parameter}, but there are only {count}")]
    Tie {
        /// The place of the element.
        element: usize,
        /// The parameter that it is tied to, counted from zero.
        parameter: usize,
        /// The number of free parameters.
        count: usize,
    },

    /// A system of equations with a number that is not finite.
    #[error(
        "solve: matrix {matrix} of {batch}, or its right side, holds NaN or infinite numbers: look for \
         them in the examples, or for parameters that have diverged"
    )]
    NotFinite {
        /// The place of the matrix in the batch, counted from zero.
        matrix: usize,
        /// The number of matrices.
        batch: usize,
    },

    /// A matrix that is not positive definite.
    #[error(
        "solve: matrix {matrix} of {batch} is not positive definite (pivot {pivot} of {size}): the \
         equations do not determine all unknowns; give more examples or a larger ridge"
    )]
    NotPositiveDefinite {
        /// The place of the matrix in the batch, counted from zero.
        matrix: usize,
        /// The number of matrices.
        batch: usize,
        /// The pivot that is not positive, counted from one.
        pivot: usize,
        /// The number of rows.
        size: usize,
    },

    /// The name of a device that is not understood.
    #[error("`{name}` is no device; use cpu, cuda or cuda:N, the GPU of number N counted from zero")]
    Place {
        /// What was asked for.
        name: String,
    },

    /// A GPU was asked for, of a program that was built without what drives one.
    #[error(
        "this program was built without CUDA; build it with --features cuda, on a machine with the CUDA \
         toolkit (or with one from PyPI: scripts/cuda-toolkit.sh), or use --device cpu"
    )]
    BuiltWithoutCuda,

    /// A GPU that cannot be used.
    #[error(
        "CUDA device {ordinal} cannot be used: {problem}; see whether `nvidia-smi` lists it, and whether \
         LD_LIBRARY_PATH names the folder of the driver's libcuda.so.1 before any stand-in for it; or use \
         --device cpu"
    )]
    NoCudaDevice {
        /// The number of the GPU, counted from zero.
        ordinal: usize,
        /// What the driver says.
        problem: String,
    },

    /// The tensor library refused an operation (shape, dtype or device mismatch, out of memory).
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An operand with an unexpected shape.
    pub(crate) fn shape(op: &'static str, expected: impl Into<String>, got: &[usize]) -> Self {
        Self::Shape { op, expected: expected.into(), got: got.to_vec() }
    }

    /// Two shapes that do not fit each other.
    pub(crate) fn mismatch(
        op: &'static str,
        left: &[usize],
        right: &[usize],
        problem: impl Into<String>,
    ) -> Self {
        Self::Mismatch { op, left: left.to_vec(), right: right.to_vec(), problem: problem.into() }
    }
}

/// For bodies that candle calls, whose errors must be candle's.
impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(inner) => inner,
            other => candle_core::Error::wrap(other),
        }
    }
}
