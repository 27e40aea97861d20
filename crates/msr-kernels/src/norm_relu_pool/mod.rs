//! Batch normalisation by the statistics of the batch, ReLU and max-pool in one pass, with first
//! and second derivatives: what a block of a convolutional network does to the outputs of its
//! convolution. With `ŷ = (y − μ) r`, `r = (σ² + ε)^−½` over examples and pixels, `z = pool(relu(γ
//! ŷ + β))`.
//!
//! In main memory, and on a GPU; composed from single operations it is the same everywhere, see
//! [`is_fused`].

mod cpu;
mod cuda;
mod loops;
mod second;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::dense::room_for;
use crate::error::{Error, Result};

/// What a window of the pool leaves of its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pool {
    /// All: there is no pool.
    None,
    /// The largest of two by two; a last row or column that is alone is left out.
    TwoByTwo,
}

impl Pool {
    /// The pixels along a side of a window, which is also the distance of windows.
    pub fn side(self) -> usize {
        match self {
            Pool::None => 1,
            Pool::TwoByTwo => 2,
        }
    }
}

/// What derivatives need of the forward pass.
#[derive(Clone, Debug)]
pub struct Saved {
    pool: Pool,
    /// `(t, o)` of μ and of r.
    mean: Tensor,
    scale: Tensor,
    /// Which pixel of each window is the largest, from 0 on in row-major order; [`NONE`] where the
    /// result is zero because of the ReLU. `(t, b, oh, ow, o)`; on a GPU `(t, b, o, oh, ow)`.
    index: Tensor,
    /// ŷ of that pixel, in the same order.
    best: Tensor,
}

const OP: &str = "norm_relu_pool";

/// An index of no pixel.
const NONE: u8 = u8::MAX;

/// Whether there are loops or kernels for this tensor: `f32` and `f64` in main memory and on a GPU.
pub fn is_fused(y: &Tensor) -> bool {
    matches!(Body::of([y]), Body::Cpu | Body::Cuda)
}

/// Whether the same loops or kernels take this tensor with y.
fn is_fused_with(y: &Tensor, other: &Tensor) -> bool {
    is_fused(other) && Body::of([y]) == Body::of([y, other])
}

fn checked(y: &Tensor, vectors: &[(&'static str, &Tensor)]) -> Result<[usize; 5]> {
    let Ok(dims) = <[usize; 5]>::try_from(y.dims()) else {
        return Err(Error::shape(OP, "(tasks, examples, channels, height, width)", y.dims()));
    };
    let [t, b, c, h, w] = dims;
    if room_for(OP, y.dims())? == 0 {
        let problem = format!("numbers to normalise, got {b} examples of {c} × {h} × {w} in {t} tasks");
        return Err(Error::shape(OP, problem, y.dims()));
    }
    for (what, v) in vectors {
        if v.dims() != [t, c] {
            return Err(Error::mismatch(OP, y.dims(), v.dims(), format!("{what} of [{t}, {c}] is needed")));
        }
        if !is_fused_with(y, v) {
            let of = |t: &Tensor| format!("{:?} on {:?}", t.dtype(), t.device().location());
            let problem = format!("{what} is {}, the images are {}", of(v), of(y));
            return Err(Error::mismatch(OP, y.dims(), v.dims(), problem));
        }
    }
    if !is_fused(y) {
        let problem = "single or double precision; compose it for other types";
        return Err(Error::shape(OP, problem, y.dims()));
    }
    Ok(dims)
}

/// `pool(relu(γ ŷ + β))`, and what its derivatives need. Of equal pixels the first in row-major
/// order is taken. NaN stays NaN.
///
/// # Shapes
/// `y (t, b, o, h, w)`, `gamma (t, o)`, `beta (t, o) -> (t, b, o, oh, ow)`
///
/// # Errors
/// [`Error::Shape`] and [`Error::Mismatch`] when shapes or types do not fit, there is nothing to
/// normalise or to pool, or [`is_fused`] says no.
pub fn norm_relu_pool(
    y: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
    pool: Pool,
) -> Result<(Tensor, Saved)> {
    let [_, _, _, h, w] = checked(y, &[("γ", gamma), ("β", beta)])?;
    if h < pool.side() || w < pool.side() {
        let problem = format!("at least {0} × {0} pixels to pool", pool.side());
        return Err(Error::shape(OP, problem, y.dims()));
    }
    match Body::of([y]) {
        Body::Cuda => cuda::forward(y, gamma, beta, epsilon, pool),
        _ => cpu::forward(y, gamma, beta, epsilon, pool),
    }
}

/// The gradients of `⟨g, norm_relu_pool(y, γ, β)⟩` by y, γ and β.
///
/// # Shapes
/// `y (t, b, o, h, w)`, `gamma (t, o)`, `g (t, b, o, oh, ow) -> (t, b, o, h, w), (t, o), (t, o)`
///
/// # Errors
/// As [`norm_relu_pool`]; [`Error::Mismatch`] when `saved` is not that of `y`.
pub fn norm_relu_pool_grad(y: &Tensor, gamma: &Tensor, saved: &Saved, g: &Tensor) -> Result<[Tensor; 3]> {
    let dims = checked(y, &[("γ", gamma)])?;
    saved.fits(y, dims, g)?;
    match Body::of([y]) {
        Body::Cuda => cuda::gradient(y, gamma, saved, g),
        _ => cpu::gradient(y, gamma, saved, g),
    }
}

/// What is to be differentiated of the gradients: `⟨a, dy⟩ + ⟨cg, dγ⟩ + ⟨cb, dβ⟩`; what is `None`
/// is zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cotangents<'a> {
    /// Of the gradient by y, `(t, b, o, h, w)`.
    pub y: Option<&'a Tensor>,
    /// Of that by γ, `(t, o)`.
    pub gamma: Option<&'a Tensor>,
    /// Of that by β, `(t, o)`.
    pub beta: Option<&'a Tensor>,
}

/// The gradients by y, γ and g of what [`norm_relu_pool_grad`] gives: its vector–Jacobian product.
///
/// # Shapes
/// Those of y, γ and g.
///
/// # Errors
/// As [`norm_relu_pool_grad`].
pub fn norm_relu_pool_second(
    y: &Tensor,
    gamma: &Tensor,
    saved: &Saved,
    g: &Tensor,
    cotangents: Cotangents<'_>,
) -> Result<[Tensor; 3]> {
    let named = [("the cotangent by γ", cotangents.gamma), ("the cotangent by β", cotangents.beta)];
    let mut vectors = vec![("γ", gamma)];
    vectors.extend(named.into_iter().filter_map(|(what, v)| Some((what, v?))));
    let dims = checked(y, &vectors)?;
    saved.fits(y, dims, g)?;
    if let Some(a) = cotangents.y {
        same("the cotangent by y", y, a, &dims)?;
    }
    match Body::of([y]) {
        Body::Cuda => cuda::second(y, gamma, saved, g, cotangents),
        _ => second::second(y, gamma, saved, g, cotangents),
    }
}

fn same(what: &str, y: &Tensor, other: &Tensor, expected: &[usize]) -> Result<()> {
    if other.dims() == expected && is_fused_with(y, other) {
        return Ok(());
    }
    let problem = format!("{what} of {expected:?} and {:?} is needed", y.dtype());
    Err(Error::mismatch(OP, y.dims(), other.dims(), problem))
}

impl Saved {
    /// Refuses another tensor's, and gradients of other results.
    fn fits(&self, y: &Tensor, [t, b, c, h, w]: [usize; 5], g: &Tensor) -> Result<()> {
        let side = self.pool.side();
        let (oh, ow) = (h / side, w / side);
        let own = self.best.dims();
        let fits =
            if Body::of([y]) == Body::Cuda { own == [t, b, c, oh, ow] } else { own == [t, b, oh, ow, c] };
        if !fits || !is_fused_with(y, &self.best) {
            let problem = "what was saved belongs to other images";
            return Err(Error::mismatch(OP, &[t, b, c, h, w], own, problem));
        }
        same("a gradient", &self.best, g, &[t, b, c, oh, ow])
    }
}
