//! One step of Adam on one tensor, in place.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::{Tensor, Var};

use crate::body::Body;
use crate::error::{Error, Result};

/// The constants of one step, the bias corrections included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The decay β₁ of the first moment.
    pub beta1: f64,
    /// The decay β₂ of the second moment.
    pub beta2: f64,
    /// The learning rate over `1 − β₁ᵗ`: the factor of the first moment.
    pub first_scale: f64,
    /// `1 / (1 − β₂ᵗ)`: the factor of the second moment.
    pub second_scale: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

/// `m ← β₁ m + (1 − β₁) g`, `s ← β₂ s + (1 − β₂) g²`,
/// `p ← p − first_scale · m / (√(second_scale · s) + ε)`.
///
/// Parameter and moments are overwritten; the moments must not share their storage with anything
/// else.
///
/// # Shapes
/// all equal
///
/// # Errors
/// [`Error::Mismatch`] and [`Error::Dtype`] when gradient or moments do not have the shape and
/// dtype of the parameter; nothing was changed then. What the tensor library reports.
pub fn step(
    parameter: &Var,
    gradient: &Tensor,
    first: &mut Tensor,
    second: &mut Tensor,
    step: Step,
) -> Result<()> {
    for other in [gradient, &*first, &*second] {
        if other.dims() != parameter.dims() {
            let problem = "gradient and moments must have the shape of the parameter";
            return Err(Error::mismatch("adam", parameter.dims(), other.dims(), problem));
        }
        if other.dtype() != parameter.dtype() {
            let expected = format!("{:?} as the parameter", parameter.dtype());
            return Err(Error::Dtype { op: "adam", expected, got: other.dtype() });
        }
    }
    match Body::of([parameter.as_tensor()]) {
        Body::Cpu => cpu::step(parameter, gradient, first, second, step),
        Body::Half | Body::Composed => composed::step(parameter, gradient, first, second, step),
    }
}
