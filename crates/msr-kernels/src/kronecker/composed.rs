//! The expansion as three products, and the gradients as products too.

use candle_core::Tensor;

use super::{Form, Sizes};
use crate::dense::{contiguous, identity, reshape};
use crate::elementwise::{Binary, binary};
use crate::error::Result;
use crate::matmul::matmul;
use crate::reduce::sum_keepdim;

/// The factors themselves.
fn meant(factors: [&Tensor; 3], form: Form) -> Result<[Tensor; 3]> {
    let one = |factor: &Tensor, beyond: bool| -> Result<Tensor> {
        let whole = match beyond {
            true => {
                binary(Binary::Add, factor, &identity(factor.dims()[0], factor.dtype(), factor.device())?)?
            }
            false => factor.clone(),
        };
        Ok(if form.transposed { whole.t()? } else { whole })
    };
    let [a, b, c] = factors;
    let [of_a, of_b, of_c] = form.beyond_identity;
    Ok([one(a, of_a)?, one(b, of_b)?, one(c, of_c)?])
}

/// The weights; sizes fit and nothing is empty.
pub(super) fn expand(factors: [&Tensor; 3], form: Form, v: &Tensor, sizes: Sizes) -> Result<Tensor> {
    let Sizes { filters, outputs, inputs, taps } = sizes;
    let [a, b, c] = meant(factors, form)?;
    let by_taps = matmul(&reshape(v, &[filters * outputs * inputs, taps])?, &c.t()?)?;
    let by_inputs = matmul(&b, &reshape(&by_taps, &[filters * outputs, inputs, taps])?)?;
    let w = matmul(&a, &reshape(&by_inputs, &[filters, outputs, inputs * taps])?)?;
    reshape(&w, v.dims())
}

/// The gradients by the factors; sizes fit, nothing is empty, and nothing is transposed.
pub(super) fn factor_gradients(
    factors: [&Tensor; 3],
    form: Form,
    [v, g]: [&Tensor; 2],
    sizes: Sizes,
) -> Result<[Tensor; 3]> {
    let Sizes { filters, outputs, inputs, taps } = sizes;
    let [a, b, c] = meant(factors, form)?;
    let all = [filters * outputs * inputs, taps];
    let rows = [filters * outputs, inputs, taps];
    let wholes = [filters, outputs, inputs * taps];
    let v = reshape(v, &wholes)?;
    // (A ⊗ 1 ⊗ 1) v, then (A ⊗ B ⊗ 1) v.
    let by_outputs = reshape(&matmul(&a, &v)?, &rows)?;
    let by_inputs = matmul(&b, &by_outputs)?;
    let g = reshape(g, &all)?;
    let of_c = matmul(&g.t()?, &reshape(&by_inputs, &all)?)?;
    // (1 ⊗ 1 ⊗ Cᵀ) g, then (1 ⊗ Bᵀ ⊗ Cᵀ) g.
    let back = reshape(&matmul(&g, &c)?, &rows)?;
    let side_by_side = |x: &Tensor| -> Result<Tensor> {
        reshape(&contiguous(&x.transpose(0, 1)?)?, &[inputs, filters * outputs * taps])
    };
    let of_b = matmul(&side_by_side(&back)?, &side_by_side(&by_outputs)?.t()?)?;
    let back = reshape(&matmul(&b.t()?, &back)?, &wholes)?;
    let of_a = sum_keepdim(&matmul(&back, &v.t()?)?, &[0])?;
    Ok([reshape(&of_a, &[outputs, outputs])?, of_b, of_c])
}
