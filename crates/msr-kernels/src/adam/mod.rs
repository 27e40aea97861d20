//! One step of Adam on one tensor, in place.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor, Var};

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
/// else. Those of a parameter in half precision are in `f32`, see [`moment_dtype`], and so is the
/// whole step; the parameter is rounded once.
///
/// # Shapes
/// all equal
///
/// # Errors
/// [`Error::Mismatch`] and [`Error::Dtype`] when gradient or moments do not have the shape and
/// dtype that they must have; nothing was changed then. What the tensor library reports.
pub fn step(
    parameter: &Var,
    gradient: &Tensor,
    first: &mut Tensor,
    second: &mut Tensor,
    step: Step,
) -> Result<()> {
    let moments = moment_dtype(parameter.dtype());
    for (other, dtype) in [(gradient, parameter.dtype()), (&*first, moments), (&*second, moments)] {
        if other.dims() != parameter.dims() {
            let problem = "gradient and moments must have the shape of the parameter";
            return Err(Error::mismatch("adam", parameter.dims(), other.dims(), problem));
        }
        if other.dtype() != dtype {
            let expected = format!("{dtype:?} for a parameter of {:?}", parameter.dtype());
            return Err(Error::Dtype { op: "adam", expected, got: other.dtype() });
        }
    }
    // The loops change contiguous numbers where they are, all at once.
    let changed = [parameter.as_tensor(), &*first, &*second];
    let apart = (0..3).all(|i| !is_shared(changed[i], changed[(i + 1) % 3]));
    let in_place = apart && changed.iter().all(|t| t.is_contiguous());
    match Body::of([parameter.as_tensor()]) {
        Body::Cpu if in_place => cpu::step(parameter, gradient, first, second, step),
        Body::Half => {
            let wide = Var::from_tensor(&parameter.as_tensor().detach().to_dtype(moments)?)?;
            composed::step(&wide, &gradient.to_dtype(moments)?, first, second, step)?;
            Ok(parameter.set(&wide.as_tensor().to_dtype(parameter.dtype())?)?)
        }
        Body::Cpu | Body::Cuda | Body::Composed => composed::step(parameter, gradient, first, second, step),
    }
}

/// Whether two tensors are views of one storage.
fn is_shared(a: &Tensor, b: &Tensor) -> bool {
    let (a, b) = (a.storage_and_layout().0, b.storage_and_layout().0);
    std::ptr::eq(&*a, &*b)
}

/// The dtype of the moments of a parameter: its own, and `f32` for half precision, in which squares
/// of small gradients are zero.
pub fn moment_dtype(parameter: DType) -> DType {
    match parameter {
        DType::F16 | DType::BF16 => DType::F32,
        own => own,
    }
}
