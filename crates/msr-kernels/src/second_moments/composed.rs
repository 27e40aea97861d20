//! Second moments as products of column matrices, for other devices and dtypes.

use candle_core::Tensor;

use super::SecondMoments;
use crate::elementwise::{Binary, binary};
use crate::error::Result;
use crate::im2col::im2col;
use crate::matmul::matmul;
use crate::reduce::sum_keepdim;
use crate::window::Window;

/// The moments; sizes fit.
pub(super) fn second_moments(
    x: &Tensor,
    y: &Tensor,
    window: Window,
    constant: bool,
    shift: Option<&Tensor>,
) -> Result<SecondMoments> {
    let (t, b, o) = (y.dims()[0], y.dims()[1], y.dims()[2]);
    let positions = y.dims()[3] * y.dims()[4];
    let mut columns = match shift {
        None => im2col(x, window)?,
        // Padding is zero before the shift, as the images were.
        Some(shift) => {
            let back = im2col(&binary(Binary::Add, x, shift)?, window)?;
            let shift = shift.broadcast_as((t, 1, shift.dims()[2], 1, window.taps()))?;
            binary(Binary::Sub, &back, &shift.contiguous()?.reshape((t, 1, (), 1))?)?
        }
    };
    if constant {
        columns = Tensor::cat(&[&columns, &Tensor::ones((t, b, 1, positions), x.dtype(), x.device())?], 2)?;
    }
    let across = columns.transpose(2, 3)?;
    let outputs = y.reshape((t, b, o, positions))?;
    let gram = sum_keepdim(&matmul(&columns, &across)?, &[1])?.squeeze(1)?;
    Ok(SecondMoments {
        row_norms: super::row_norms(&gram)?,
        gram,
        cross: sum_keepdim(&matmul(&outputs, &across)?, &[1])?.squeeze(1)?,
        square: sum_keepdim(&binary(Binary::Mul, y, y)?.flatten_from(1)?, &[1])?.squeeze(1)?,
        count: super::count(y),
        centre: None,
    })
}
