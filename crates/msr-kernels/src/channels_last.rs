//! Images whose channels lie side by side in memory. Their shape stays `(t, b, c, h, w)`: a tensor
//! of this kind is a view, with the strides of `(t, b, h, w, c)`.

use candle_core::Tensor;

use crate::error::Result;

/// The images `(t, b, c, h, w)` as a contiguous tensor `(t, b, h, w, c)`: the same memory where it
/// is in that order already, otherwise a copy.
pub(crate) fn channels_last(x: &Tensor) -> Result<Tensor> {
    Ok(x.permute((0, 1, 3, 4, 2))?.contiguous()?)
}

/// The contiguous tensor `(t, b, h, w, c)` as images `(t, b, c, h, w)`: a view.
pub(crate) fn images(x: &Tensor) -> Result<Tensor> {
    Ok(x.permute((0, 1, 4, 2, 3))?)
}
