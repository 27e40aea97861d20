//! The error type of this crate.

/// What can go wrong while building or applying a layer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration that describes no layer.
    #[error("{layer}: {problem}")]
    Config {
        /// The layer.
        layer: &'static str,
        /// Which field is wrong and what it must be.
        problem: String,
    },

    /// An input or parameter of the wrong shape.
    #[error("{layer}: {what} should have shape {expected}, got {got:?}")]
    Shape {
        /// The layer.
        layer: &'static str,
        /// The tensor.
        what: &'static str,
        /// The shape in words.
        expected: String,
        /// The shape found.
        got: Vec<usize>,
    },

    /// The values of a forward pass are not as many as the layer has parameters.
    #[error(
        "{layer}: the forward pass got {} shared and {} adapted values, the layer has {} shared and {} \
         adapted parameters", .got.0, .got.1, .expected.0, .expected.1
    )]
    Count {
        /// The layer.
        layer: &'static str,
        /// The numbers of shared and of adapted parameters.
        expected: (usize, usize),
        /// The numbers of shared and of adapted values.
        got: (usize, usize),
    },

    /// The value of a parameter has the wrong shape.
    #[error("parameter `{name}` should have shape {expected}, got {got:?}")]
    Parameter {
        /// The parameter.
        name: String,
        /// The shape in words.
        expected: String,
        /// The shape found.
        got: Vec<usize>,
    },

    /// Different variables under one name, or one that is shared here and adapted there.
    #[error(
        "two parameters are called `{name}` and are not one parameter: they are different tensors, or one is shared and \
         the other adapted. Build each layer with a prefix of its own, vb.pp(name); to use one layer twice, hand the \
         same layer over twice"
    )]
    Name {
        /// The name.
        name: String,
    },

    /// An operation on nodes failed.
    #[error(transparent)]
    Autodiff(#[from] msr_autodiff::Error),

    /// The tensor library refused an operation, or a tensor is missing from the `VarBuilder`.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl From<msr_autodiff::KernelError> for Error {
    fn from(error: msr_autodiff::KernelError) -> Self {
        Self::Autodiff(error.into())
    }
}

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(inner) => inner,
            Error::Autodiff(inner) => inner.into(),
            other => candle_core::Error::wrap(other),
        }
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Refuses sizes of zero, naming the first, and sizes whose product does not fit a `usize`.
pub(crate) fn require_sizes(layer: &'static str, sizes: &[(&str, usize)]) -> Result<()> {
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
        return Err(Error::Config { layer, problem: format!("{name} must be at least 1") });
    }
    match sizes.iter().try_fold(1usize, |product, (_, size)| product.checked_mul(*size)) {
        Some(_) => Ok(()),
        None => Err(Error::Config { layer, problem: format!("sizes {sizes:?} are too large") }),
    }
}
