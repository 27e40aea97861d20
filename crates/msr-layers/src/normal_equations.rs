//! The mean squared error of a model that is linear in its adapted parameters, as a quadratic form
//! of them.

use msr_autodiff::Node;

use crate::error::{Error, Result};

/// The mean squared error of each task as a function of its adapted parameters v: `vᵀ A v − 2 bᵀ v
/// + constant`. Its minimum solves the normal equations `A v = b`.
#[derive(Clone, Debug)]
pub struct NormalEquations {
    /// `A = ΦᵀΦ / N`, `(t, k, k)`, for predictions `Φ v + y₀` of N numbers.
    pub matrix: Node,
    /// `b = Φᵀ (y − y₀) / N`, `(t, k)`.
    pub rhs: Node,
}

impl NormalEquations {
    /// From the design matrix `Φ (t, n, k)` and the targets `(t, n)`.
    ///
    /// # Errors
    /// When the shapes do not fit each other.
    pub fn from_design(design: &Node, targets: &Node) -> Result<Self> {
        let &[t, n, k] = design.dims() else {
            let (expected, got) = ("(tasks, values, parameters)".into(), design.dims().to_vec());
            return Err(Error::Shape { layer: "NormalEquations", what: "design", expected, got });
        };
        let scale = 1.0 / n.max(1) as f64;
        let across = design.t()?;
        let rhs = across.matmul(&targets.reshape(&[t, n, 1])?)?.affine(scale, 0.0)?.reshape(&[t, k])?;
        Ok(Self { matrix: across.matmul(design)?.affine(scale, 0.0)?, rhs })
    }
}

/// The error of a layer that is asked for an error from moments that it does not take.
pub(crate) fn no_moments(layer: &'static str) -> Error {
    Error::Config { layer, problem: "this layer's squared error has no moments".into() }
}
