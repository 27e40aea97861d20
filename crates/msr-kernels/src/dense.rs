//! The numbers of contiguous operands, and how many a result may have.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Layout, Tensor};

use crate::body::Body;
use crate::elementwise::copy_on_device;
use crate::error::{Error, Result};

/// The places of a contiguous operand's numbers in its storage.
pub(crate) fn range(layout: &Layout) -> Range<usize> {
    match layout.shape().elem_count() {
        // An empty view may start behind the end of its storage.
        0 => 0..0,
        count => layout.start_offset()..layout.start_offset() + count,
    }
}

/// The elements from which it is worth asking whether there is memory for them.
const LARGE: usize = 1 << 28;

/// The numbers of a contiguous operand.
pub(crate) fn dense<'a, T>(data: &'a [T], layout: &Layout) -> &'a [T] {
    &data[range(layout)]
}

/// The number of elements of a shape. An operand that is broadcast costs no memory, so shapes can
/// be asked for that no result could have; and so can sizes whose product would not even be a
/// number, beside one of zero.
///
/// # Errors
/// [`Error::Size`] when a tensor of that shape could not be addressed.
pub fn element_count(op: &'static str, shape: &[usize]) -> Result<usize> {
    // Sizes of zero left out, so that the product of some of the sizes is no larger.
    let mut sizes = shape.iter().filter(|&&size| size > 0);
    let product = sizes.try_fold(1usize, |product, &size| product.checked_mul(size));
    let product = product.filter(|&n| n <= isize::MAX as usize / 8);
    let product = product.ok_or_else(|| Error::Size { op, shape: shape.to_vec() })?;
    Ok(if shape.contains(&0) { 0 } else { product })
}

/// The number of elements of a result that is to be written.
///
/// # Errors
/// As [`element_count`]; [`Error::Memory`] when it is large and the system has no room for it: an
/// allocation that fails would end the program.
pub fn room_for(op: &'static str, shape: &[usize]) -> Result<usize> {
    let n = element_count(op, shape)?;
    // In the widest type.
    if n > LARGE && Vec::<f64>::new().try_reserve_exact(n).is_err() {
        return Err(Error::Memory { op, shape: shape.to_vec() });
    }
    Ok(n)
}

/// The elements of `x` side by side: `x` itself where they are. On a GPU by a kernel to which sizes
/// and strides are arguments; candle would upload them.
///
/// # Errors
/// What the tensor library reports.
pub fn contiguous(x: &Tensor) -> Result<Tensor> {
    if !x.is_contiguous() && Body::of([x]) == Body::Cuda {
        return copy_on_device(x);
    }
    Ok(x.contiguous()?)
}

/// The elements of `x` in row-major order, in another shape: a view where that can be, otherwise as
/// [`contiguous`].
///
/// # Errors
/// When there are not as many elements in that shape.
pub fn reshape(x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    Ok(contiguous(x)?.reshape(shape)?)
}

/// The identity matrix, `(size, size)`. On a GPU it is uploaded, once a size: candle would compare
/// numbers there.
///
/// # Errors
/// What the tensor library reports.
pub fn identity(size: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    if !device.is_cuda() {
        return Ok(Tensor::eye(size, dtype, device)?);
    }
    // Kept for good: recorded graphs read them. Few sizes are asked for, those of layers.
    static MADE: Mutex<Vec<Tensor>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |t: &&Tensor| t.dims()[0] == size && t.dtype() == dtype && t.device().same_device(device);
    if let Some(found) = made.iter().find(fits) {
        return Ok(found.clone());
    }
    let new = Tensor::eye(size, dtype, &Device::Cpu)?.to_device(device)?;
    made.push(new.clone());
    Ok(new)
}

/// The same tensor; an empty one as one that starts at the front of its storage: candle's own
/// operations panic on an empty view whose start lies behind the end.
///
/// # Errors
/// What the tensor library reports.
pub fn tidy(x: &Tensor) -> Result<Tensor> {
    if x.elem_count() == 0 && x.layout().start_offset() > 0 {
        return Ok(Tensor::zeros(x.dims(), x.dtype(), x.device())?);
    }
    Ok(x.clone())
}
