//! One step of Adam, in place: on one tensor, or on all at once.

mod composed;
mod cpu;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor, Var};

use crate::body::Body;
use crate::error::{Error, Result};
use crate::finite::squared_norm;

pub(crate) use cuda::squared_norm as squared_norm_on_device;

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

/// The step of one tensor.
fn step(
    parameter: &Var,
    gradient: &Tensor,
    first: &mut Tensor,
    second: &mut Tensor,
    step: Step,
) -> Result<()> {
    check(parameter, gradient, first, second)?;
    let moments = moment_dtype(parameter.dtype());
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

/// Refuses gradient and moments of other shapes or types than a parameter has.
fn check(parameter: &Var, gradient: &Tensor, first: &Tensor, second: &Tensor) -> Result<()> {
    let moments = moment_dtype(parameter.dtype());
    for (other, dtype) in [(gradient, parameter.dtype()), (first, moments), (second, moments)] {
        if other.dims() != parameter.dims() {
            let problem = "gradient and moments must have the shape of the parameter";
            return Err(Error::mismatch("adam", parameter.dims(), other.dims(), problem));
        }
        if other.dtype() != dtype {
            let expected = format!("{dtype:?} for a parameter of {:?}", parameter.dtype());
            return Err(Error::Dtype { op: "adam", expected, got: other.dtype() });
        }
    }
    Ok(())
}

/// A step to be taken on one tensor: `m ← β₁ m + (1 − β₁) g`, `s ← β₂ s + (1 − β₂) g²`,
/// `p ← p − first_scale · m / (√(second_scale · s) + ε)`.
///
/// Parameter and moments are overwritten; the moments must not share their storage with anything
/// else. Those of a parameter in half precision are in `f32`, see [`moment_dtype`], and so is the
/// whole step; the parameter is rounded once. All have the same shape.
#[derive(Debug)]
pub struct Update<'a> {
    /// The parameter.
    pub parameter: &'a Var,
    /// Its gradient.
    pub gradient: &'a Tensor,
    /// Its first moment.
    pub first: &'a mut Tensor,
    /// Its second moment.
    pub second: &'a mut Tensor,
    /// The constants, which differ between tensors in [`Step::first_scale`] alone.
    pub step: Step,
}

/// What became of a step on all tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// `Σ g²` of each gradient, before they were scaled down.
    pub squares: Vec<f64>,
    /// Whether the step was taken.
    pub is_taken: bool,
}

/// The step of each [`Update`], with gradients that were scaled down to a norm of `longest`
/// all together where they are longer. When a square of [`Taken`] is NaN or, scaled, larger than
/// the moments can hold, no step is taken, and nothing was changed.
///
/// On a GPU everything is decided there: few launches, and the squares are all that comes back.
///
/// # Errors
/// [`Error::Mismatch`] and [`Error::Dtype`] when a gradient or moments do not have the shape and
/// dtype that they must have; nothing was changed then. What the tensor library reports.
pub fn step_all(updates: &mut [Update<'_>], longest: Option<f64>) -> Result<Taken> {
    for u in &*updates {
        check(u.parameter, u.gradient, u.first, u.second)?;
    }
    let on_one_device = updates.iter().all(|u| {
        let all = [u.gradient, &*u.first, &*u.second, updates[0].gradient];
        let parameter = &u.parameter.as_tensor().detach();
        let is_cuda = Body::of([parameter, all[0], all[1], all[2]]) == Body::Cuda;
        is_cuda && all.iter().all(|t| t.device().same_device(parameter.device()) && t.dtype() == parameter.dtype())
    });
    if on_one_device && updates.iter().all(|u| u.gradient.elem_count() > 0 && is_in_place(u)) {
        return cuda::step_all(updates, longest);
    }
    let squares = updates.iter().map(|u| squared_norm(u.gradient)).collect::<Result<Vec<f64>>>()?;
    let mut taken = Taken { squares, is_taken: false };
    let scale = taken.scale(longest);
    let largest = |u: &Update<'_>| match moment_dtype(u.parameter.dtype()) {
        DType::F64 => f64::MAX,
        _ => f64::from(f32::MAX),
    };
    let fits = |(u, square): (&Update<'_>, &f64)| square * scale * scale <= largest(u);
    taken.is_taken = updates.iter().zip(&taken.squares).all(fits);
    if taken.is_taken {
        for u in updates {
            let clipped = if scale < 1.0 { &(u.gradient * scale)? } else { u.gradient };
            step(u.parameter, clipped, u.first, u.second, u.step)?;
        }
    }
    Ok(taken)
}

impl Taken {
    /// The factor that brings the gradients to a norm of `longest` all together; one when they are
    /// shorter.
    pub fn scale(&self, longest: Option<f64>) -> f64 {
        let norm = self.squares.iter().sum::<f64>().sqrt();
        match longest {
            Some(longest) if norm > longest => longest / norm,
            _ => 1.0,
        }
    }
}

/// Whether parameter and moments can be changed where they are.
fn is_in_place(u: &Update<'_>) -> bool {
    let changed = [u.parameter.as_tensor(), &*u.first, &*u.second];
    let apart = (0..3).all(|i| !is_shared(changed[i], changed[(i + 1) % 3]));
    apart && changed.iter().all(|t| t.is_contiguous() && !is_shared(t, u.gradient))
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
