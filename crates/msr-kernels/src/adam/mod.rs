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

/// The constants of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The learning rate.
    pub rate: f64,
    /// The decay β₁ of the first moment.
    pub beta1: f64,
    /// The decay β₂ of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// The steps over which the rate falls to nothing, as `(1 + cos(π (t − 1) / steps)) / 2` at
    /// step t, counted from one.
    pub cosine: Option<u64>,
    /// The largest norm that all gradients together may have: longer ones are scaled down to it.
    pub longest: Option<f64>,
}

impl Rule {
    /// The constants of step `t`, counted from one, of a tensor with a factor on its rate.
    fn at(&self, t: u64, factor: f64) -> Step {
        let Rule { rate, beta1, beta2, epsilon, .. } = *self;
        let correction = |beta: f64| 1.0 - beta.powf(t as f64);
        let fallen = match self.cosine {
            Some(steps) => 0.5 * (1.0 + (std::f64::consts::PI * (t - 1) as f64 / steps as f64).cos()),
            None => 1.0,
        };
        let first_scale = factor * rate * fallen / correction(beta1);
        Step { beta1, beta2, first_scale, second_scale: 1.0 / correction(beta2), epsilon }
    }
}

/// The constants of one step, the bias corrections included.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    beta1: f64,
    beta2: f64,
    /// The learning rate over `1 − β₁ᵗ`: the factor of the first moment.
    first_scale: f64,
    /// `1 / (1 − β₂ᵗ)`: the factor of the second moment.
    second_scale: f64,
    epsilon: f64,
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

/// A tensor on which a step is to be taken. Parameter and moments are overwritten; the moments must
/// not share their storage with anything else. Those of a parameter in half precision are in `f32`,
/// see [`moment_dtype`], and so is the whole step; the parameter is rounded once. All have the same
/// shape.
#[derive(Debug)]
pub struct Update<'a> {
    /// The parameter p.
    pub parameter: &'a Var,
    /// Its gradient g.
    pub gradient: &'a Tensor,
    /// Its first moment m.
    pub first: &'a mut Tensor,
    /// Its second moment s.
    pub second: &'a mut Tensor,
    /// The factor on its rate.
    pub factor: f64,
}

/// What became of a step on all tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The numbers that were watched.
    pub watched: Vec<f64>,
    /// `Σ g²` of each gradient, before they were scaled down.
    pub squares: Vec<f64>,
    /// Whether the step was taken.
    pub is_taken: bool,
}

/// The t-th step, counted from one, of each [`Update`]: `m ← β₁ m + (1 − β₁) g`, `s ← β₂ s + (1 −
/// β₂) g²`, `p ← p − factor · rate · m̂ / (√ŝ + ε)` with the bias-corrected moments `m̂ = m / (1 −
/// β₁ᵗ)` and `ŝ = s / (1 − β₂ᵗ)`, and gradients that were scaled down where they are longer than
/// [`Rule::longest`].
///
/// When a number in `watched`, a vector in `f64`, is NaN or infinite, or a square of [`Taken`] is
/// NaN or, scaled, larger than the moments can hold, no step is taken, and nothing was changed.
///
/// On a GPU everything is decided there: three launches for up to 64 tensors, and what [`Taken`]
/// says is all that comes back.
///
/// # Errors
/// [`Error::Mismatch`] and [`Error::Dtype`] when a gradient or moments do not have the shape and
/// dtype that they must have; nothing was changed then. What the tensor library reports.
pub fn step_all(updates: &mut [Update<'_>], rule: &Rule, t: u64, watched: &Tensor) -> Result<Taken> {
    check_all(updates, watched)?;
    if is_on_one_gpu(updates) {
        let report = Tensor::zeros(watched.elem_count() + updates.len(), DType::F64, watched.device())?;
        cuda::step_all(updates, rule, cuda::Number::Known(t), watched, &report)?;
        return Taken::read(&report, watched.elem_count(), rule, largest(updates[0].parameter.dtype()));
    }
    let watched = watched.to_vec1::<f64>()?;
    let squares = updates.iter().map(|u| squared_norm(u.gradient)).collect::<Result<Vec<f64>>>()?;
    let mut taken = Taken { watched, squares, is_taken: false };
    let scale = taken.scale(rule.longest);
    let fits = |(u, square): (&Update<'_>, &f64)| square * scale * scale <= largest(u.parameter.dtype());
    taken.is_taken = taken.are_losses_finite() && updates.iter().zip(&taken.squares).all(fits);
    if taken.is_taken {
        for u in updates {
            let clipped = if scale < 1.0 { &(u.gradient * scale)? } else { u.gradient };
            step(u.parameter, clipped, u.first, u.second, rule.at(t, u.factor))?;
        }
    }
    Ok(taken)
}

/// As [`step_all`] on a GPU, where the number of the step lies there, too, so that the same
/// launches can be replayed (see [`Graph`](crate::Graph)): `steps_taken` is counted up when a step
/// is taken. What was watched, and then the squares, are written to `report`, for
/// [`Taken::of_report`].
///
/// # Shapes
/// `steps_taken (1)`, `watched (t)`, `report (t + updates)`, all in `f64`
///
/// # Errors
/// As [`step_all`]; [`Error::Shape`] when the tensors do not lie on one GPU, or cannot be changed
/// where they are.
pub fn step_on_device(
    updates: &mut [Update<'_>],
    rule: &Rule,
    steps_taken: &Tensor,
    watched: &Tensor,
    report: &Tensor,
) -> Result<()> {
    check_all(updates, watched)?;
    let fits = |t: &Tensor, size: usize| {
        t.dims() == [size]
            && t.dtype() == DType::F64
            && t.is_contiguous()
            && t.device().same_device(watched.device())
    };
    let size = watched.elem_count() + updates.len();
    if !is_on_one_gpu(updates) || !fits(steps_taken, 1) || !fits(report, size) {
        let expected =
            format!("parameters and moments on one GPU, a number of steps, and {size} for the report");
        return Err(Error::shape("adam", expected, report.dims()));
    }
    cuda::step_all(updates, rule, cuda::Number::After(steps_taken), watched, report)
}

/// Refuses what does not fit each other.
fn check_all(updates: &[Update<'_>], watched: &Tensor) -> Result<()> {
    if watched.rank() != 1 || watched.dtype() != DType::F64 {
        return Err(Error::shape("adam", "a vector in f64 to watch", watched.dims()));
    }
    updates.iter().try_for_each(|u| check(u.parameter, u.gradient, u.first, u.second))
}

/// Whether the kernels can take the step: on one GPU, of one dtype, none empty, and in place.
fn is_on_one_gpu(updates: &[Update<'_>]) -> bool {
    let fits = |u: &Update<'_>| {
        let first = updates[0].gradient;
        let parameter = &u.parameter.as_tensor().detach();
        let all = [parameter, u.gradient, &*u.first, &*u.second];
        let alike = all.iter().all(|t| t.device().same_device(first.device()) && t.dtype() == first.dtype());
        alike && Body::of(all) == Body::Cuda && u.gradient.elem_count() > 0 && is_in_place(u)
    };
    !updates.is_empty() && updates.iter().all(fits) && are_apart(updates)
}

/// Whether no two parameters share their memory: blocks that change it at once would race.
fn are_apart(updates: &[Update<'_>]) -> bool {
    let place = |u: &Update<'_>| std::ptr::from_ref(&*u.parameter.storage_and_layout().0).addr();
    let mut places: Vec<usize> = updates.iter().map(place).collect();
    places.sort_unstable();
    places.windows(2).all(|pair| pair[0] != pair[1])
}

/// The largest square that the moments of a parameter can hold.
fn largest(parameter: DType) -> f64 {
    if moment_dtype(parameter) == DType::F64 { f64::MAX } else { f64::from(f32::MAX) }
}

impl Taken {
    /// What [`step_on_device`] reports: so many numbers that were watched, then the squares.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn of_report(report: &Tensor, watched: usize, rule: &Rule, parameter: DType) -> Result<Self> {
        Self::read(report, watched, rule, largest(parameter))
    }

    /// Whether all numbers that were watched, the losses of a step, are finite.
    pub fn are_losses_finite(&self) -> bool {
        self.watched.iter().all(|x| x.is_finite())
    }

    fn read(report: &Tensor, watched: usize, rule: &Rule, largest: f64) -> Result<Self> {
        let mut watched_and_squares = report.to_vec1::<f64>()?;
        let squares = watched_and_squares.split_off(watched.min(watched_and_squares.len()));
        let mut taken = Self { watched: watched_and_squares, squares, is_taken: false };
        let scale = taken.scale(rule.longest);
        taken.is_taken =
            taken.are_losses_finite() && taken.squares.iter().all(|square| square * scale * scale <= largest);
        Ok(taken)
    }

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
