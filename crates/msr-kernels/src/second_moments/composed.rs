//! Second moments as products of column matrices, for other devices and dtypes.

use candle_core::Tensor;

use super::SecondMoments;
use crate::error::Result;
use crate::im2col::im2col;
use crate::matmul::matmul;
use crate::window::Window;

/// The moments; sizes fit.
pub(super) fn second_moments(
    x: &Tensor,
    y: &Tensor,
    window: Window,
    constant: bool,
) -> Result<SecondMoments> {
    let (t, b, o) = (y.dims()[0], y.dims()[1], y.dims()[2]);
    let positions = y.dims()[3] * y.dims()[4];
    let mut columns = im2col(x, window)?;
    if constant {
        columns = Tensor::cat(&[&columns, &Tensor::ones((t, b, 1, positions), x.dtype(), x.device())?], 2)?;
    }
    let across = columns.transpose(2, 3)?;
    let outputs = y.reshape((t, b, o, positions))?;
    Ok(SecondMoments {
        gram: matmul(&columns, &across)?.sum(1)?,
        cross: matmul(&outputs, &across)?.sum(1)?,
        square: y.sqr()?.flatten_from(1)?.sum(1)?,
        count: super::count(y),
    })
}
