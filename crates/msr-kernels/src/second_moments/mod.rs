//! Second moments of the windows of images and of what should come out of them.
//!
//! The squared error of a convolution depends on the data through three small arrays alone. With
//! the columns `P (p, n)` of all windows and the targets `Y (o, n)`,
//! `‖W P − Y‖² = tr(W G Wᵀ) − 2 ⟨W, C⟩ + s`, `G = P Pᵀ`, `C = Y Pᵀ`, `s = ‖Y‖²`. They are computed
//! in one pass over the data, and no column matrix as large as the data is ever formed.
//!
//! Where the data lies far from zero, the three terms are much larger than what is left of them.
//! With any centres μ of the windows and ν of the targets, `W P + b 1ᵀ − Y = W P̃ + δ 1ᵀ − Ỹ`,
//! `δ = W μ + b − ν`: the moments of the centred data with a constant one below the windows give
//! the same error, and `δ` takes the place of the bias. See [`SecondMoments::centre`].

mod composed;
mod cpu;
mod cuda;
mod means;
mod products;
#[cfg(test)]
mod tests;

use candle_core::{CpuStorage, D, DType, Storage, Tensor, WithDType};

use crate::body::Body;
use crate::dense::{dense, room_for};
use crate::elementwise::{Binary, binary};
use crate::error::{Error, Result};
use crate::window::Window;
use means::FirstExamples;

/// The second moments of the data of several tasks.
#[derive(Clone, Debug)]
pub struct SecondMoments {
    /// `G = P Pᵀ`, `(t, p, p)`; with a constant one below the windows when one was asked for, or
    /// the data is centred.
    pub gram: Tensor,
    /// `C = Y Pᵀ`, `(t, o, p)`.
    pub cross: Tensor,
    /// `s = ‖Y‖²`, `(t)`.
    pub square: Tensor,
    /// `√G_ii`, `(t, p)`: the norms of the rows of P.
    pub row_norms: Tensor,
    /// The number of target values of a task: what a mean squared error divides by.
    pub count: usize,
    /// What was subtracted from windows and targets, when they lie far from zero.
    pub centre: Option<Centre>,
}

/// What was subtracted from data before its second moments were taken.
#[derive(Clone, Debug)]
pub struct Centre {
    /// μ, `(t, c · kh · kw)`: subtracted from the windows, padding included.
    pub windows: Tensor,
    /// ν, `(t, o)`: subtracted from the targets.
    pub targets: Tensor,
}

impl SecondMoments {
    /// `(A + √s)²` of each task, `A² = Σ_oi W_oi² G_ii` for `weight (t, o, p)`: what independent
    /// rounding errors of the moments are relative to, in `tr(W G Wᵀ) − 2 ⟨W, C⟩ + s`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the weight does not fit the moments.
    pub fn sizes(&self, weight: &Tensor) -> Result<Vec<f64>> {
        if weight.dims() != self.cross.dims() {
            let problem = "a weight for each cross moment is needed";
            return Err(Error::mismatch("second_moments", weight.dims(), self.cross.dims(), problem));
        }
        let (o, p) = (weight.dims()[1], weight.dims()[2]);
        let numbers =
            |t: &Tensor| -> Result<Vec<f64>> { Ok(t.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?) };
        let (norms, squares) = (numbers(&self.row_norms)?, numbers(&self.square)?);
        let weight = weight.contiguous()?;
        let (storage, layout) = weight.storage_and_layout();
        match &*storage {
            Storage::Cpu(CpuStorage::F32(w)) => Ok(sizes(dense(w, layout), o, p, &norms, &squares)),
            Storage::Cpu(CpuStorage::F64(w)) => Ok(sizes(dense(w, layout), o, p, &norms, &squares)),
            _ => Ok(sizes(&numbers(&weight)?, o, p, &norms, &squares)),
        }
    }
}

fn sizes<T: WithDType>(weight: &[T], o: usize, p: usize, norms: &[f64], squares: &[f64]) -> Vec<f64> {
    if o * p == 0 {
        return squares.to_vec();
    }
    let tasks = weight.chunks_exact(o * p).zip(norms.chunks_exact(p)).zip(squares);
    let square = |(w, norm): (&T, &f64)| (w.to_f64() * norm).powi(2);
    tasks
        .map(|((weight, norms), s)| {
            let fit: f64 = weight.iter().zip(norms.iter().cycle()).map(square).sum();
            (fit.sqrt() + s.sqrt()).powi(2)
        })
        .collect()
}

/// `√G_ii` of `gram (t, p, p)`, `(t, p)`.
fn row_norms(gram: &Tensor) -> Result<Tensor> {
    let (t, p) = (gram.dims()[0], gram.dims()[1]);
    let places: Vec<u32> = (0..p).map(|i| (i * p + i) as u32).collect();
    let places = Tensor::from_vec(places, p, gram.device())?;
    Ok(gram.reshape((t, p * p))?.index_select(&places, D::Minus1)?.sqrt()?)
}

/// The moments of the windows of `x` and the targets `y`; `constant` adds a last window entry that
/// is always one, for a bias. Sums over a task run over its examples and positions. Never centred.
///
/// # Shapes
/// `x (t, b, c, h, w)`, `y (t, b, o, oh, ow)`; with `p = c · kh · kw`, one more with a constant
///
/// # Errors
/// [`Error::Mismatch`] when the shapes do not fit each other; as [`Window::output`] when the window
/// does not fit.
pub fn second_moments(x: &Tensor, y: &Tensor, window: Window, constant: bool) -> Result<SecondMoments> {
    check(x, y, window)?;
    Ok(moments(x, y, window, constant, None, false)?.0)
}

/// As [`second_moments`], in double precision whatever the data is in: products of numbers in
/// single precision are exact there, and their sums err by no more than `1e-14` of the sums of
/// their terms' sizes.
///
/// # Errors
/// As [`second_moments`].
pub fn second_moments_in_f64(
    x: &Tensor,
    y: &Tensor,
    window: Window,
    constant: bool,
) -> Result<SecondMoments> {
    check(x, y, window)?;
    Ok(moments(x, y, window, constant, None, true)?.0)
}

/// As [`second_moments`], of data that is centred first when some channel of the images or of the
/// targets lies far from zero; then there is always a constant.
///
/// # Errors
/// As [`second_moments`].
pub fn centred_second_moments(
    x: &Tensor,
    y: &Tensor,
    window: Window,
    constant: bool,
) -> Result<SecondMoments> {
    check(x, y, window)?;
    let (found, first) = moments(x, y, window, constant, None, false)?;
    let [inputs, targets] = match first {
        Some(first) => first,
        None => [FirstExamples::of(x)?, FirstExamples::of(y)?],
    };
    if !inputs.is_far_from_zero() && !targets.is_far_from_zero() {
        return Ok(found);
    }
    let (t, c, o) = (x.dims()[0], x.dims()[2], y.dims()[2]);
    let centre = |sample: FirstExamples, channels: usize, dtype| -> Result<Tensor> {
        Ok(Tensor::from_vec(sample.means, (t, 1, channels, 1, 1), x.device())?.to_dtype(dtype)?)
    };
    let (input, target) = (centre(inputs, c, x.dtype())?, centre(targets, o, y.dtype())?);
    let (x, y) = (binary(Binary::Sub, x, &input)?, binary(Binary::Sub, y, &target)?);
    let (mut found, _) = moments(&x, &y, window, true, Some(&input), false)?;
    let windows = input.reshape((t, c, 1))?.broadcast_as((t, c, window.taps()))?;
    found.centre = Some(Centre {
        windows: windows.contiguous()?.reshape((t, c * window.taps()))?,
        targets: target.reshape((t, o))?,
    });
    Ok(found)
}

/// Refuses shapes that do not fit each other.
fn check(x: &Tensor, y: &Tensor, window: Window) -> Result<()> {
    let (&[t, b, _, h, w], &[ty, by, _, oh, ow]) = (x.dims(), y.dims()) else {
        return Err(Error::mismatch("second_moments", x.dims(), y.dims(), "both need five dimensions"));
    };
    let out = window.output((h, w))?;
    if (ty, by, (oh, ow)) != (t, b, out) {
        let problem = format!("targets must be ({t}, {b}, outputs, {}, {}) for {window:?}", out.0, out.1);
        return Err(Error::mismatch("second_moments", x.dims(), y.dims(), problem));
    }
    for shape in [x.dims(), y.dims()] {
        room_for("second_moments", shape)?;
    }
    Ok(())
}

/// The moments, and where the first images and targets lie, if that is found out in passing; sizes
/// fit. `shift (t, 1, c, 1, 1)` was
/// subtracted from the images, and is to be subtracted from their padding.
fn moments(
    x: &Tensor,
    y: &Tensor,
    window: Window,
    constant: bool,
    shift: Option<&Tensor>,
    in_f64: bool,
) -> Result<(SecondMoments, Option<[FirstExamples; 2]>)> {
    match Body::of([x, y]) {
        Body::Cpu => {
            let (found, first) = cpu::second_moments(x, y, window, constant, shift, in_f64)?;
            Ok((found, Some(first)))
        }
        Body::Cuda => Ok((cuda::second_moments(x, y, window, constant, shift, in_f64)?, None)),
        Body::Half | Body::Composed if in_f64 && x.dtype() != DType::F64 => {
            let (x, y) = (x.to_dtype(DType::F64)?, y.to_dtype(DType::F64)?);
            moments(&x, &y, window, constant, shift, in_f64)
        }
        Body::Half | Body::Composed => Ok((composed::second_moments(x, y, window, constant, shift)?, None)),
    }
}

/// The number of target values of a task of targets `(t, b, o, oh, ow)`.
fn count(y: &Tensor) -> usize {
    y.dims()[1..].iter().product()
}
