//! Second moments of the windows of images and of what should come out of them.
//!
//! The squared error of a convolution depends on the data through three small arrays alone. With
//! the columns `P (p, n)` of all windows and the targets `Y (o, n)`,
//! `‖W P − Y‖² = tr(W G Wᵀ) − 2 ⟨W, C⟩ + s`, `G = P Pᵀ`, `C = Y Pᵀ`, `s = ‖Y‖²`. They are computed
//! in one pass over the data, and no column matrix as large as the data is ever formed.

mod composed;
mod cpu;
mod products;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::window::Window;

/// The second moments of the data of several tasks.
#[derive(Clone, Debug)]
pub struct SecondMoments {
    /// `G = P Pᵀ`, `(t, p, p)`; with a constant one below the windows when one was asked for.
    pub gram: Tensor,
    /// `C = Y Pᵀ`, `(t, o, p)`.
    pub cross: Tensor,
    /// `s = ‖Y‖²`, `(t)`.
    pub square: Tensor,
    /// The number of target values of a task: what a mean squared error divides by.
    pub count: usize,
}

/// The moments of the windows of `x` and the targets `y`; `constant` adds a last window entry that
/// is always one, for a bias. Sums over a task run over its examples and positions.
///
/// # Shapes
/// `x (t, b, c, h, w)`, `y (t, b, o, oh, ow)`; with `p = c · kh · kw`, one more with a constant
///
/// # Errors
/// [`Error::Mismatch`] when the shapes do not fit each other; as [`Window::output`] when the window
/// does not fit.
pub fn second_moments(x: &Tensor, y: &Tensor, window: Window, constant: bool) -> Result<SecondMoments> {
    let (&[t, b, _, h, w], &[ty, by, _, oh, ow]) = (x.dims(), y.dims()) else {
        return Err(Error::mismatch("second_moments", x.dims(), y.dims(), "both need five dimensions"));
    };
    let out = window.output((h, w))?;
    if (ty, by, (oh, ow)) != (t, b, out) {
        let problem = format!("targets must be ({t}, {b}, outputs, {}, {}) for {window:?}", out.0, out.1);
        return Err(Error::mismatch("second_moments", x.dims(), y.dims(), problem));
    }
    match Body::of([x, y]) {
        Body::Cpu => cpu::second_moments(x, y, window, constant),
        Body::Composed => composed::second_moments(x, y, window, constant),
    }
}

/// The number of target values of a task of targets `(t, b, o, oh, ow)`.
fn count(y: &Tensor) -> usize {
    y.dims()[1..].iter().product()
}
