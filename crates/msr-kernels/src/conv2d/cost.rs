//! Where windows are better read where they lie than as columns.

use candle_core::{DType, Tensor};

use super::cpu;
use crate::body::Body;
use crate::window::Window;

/// Whether a convolution of images `x (t, b, c, h, w)` with this many outputs, and both adjoints,
/// are faster with windows read where they lie ([`conv2d`](crate::conv2d)) than with windows as
/// columns ([`im2col`](crate::im2col)) and products. Always on a GPU that runs this crate's
/// kernels: columns would have to be written and read there, which takes longer than what is
/// computed with them. Never in half precision, on other devices, or where the window does not fit.
///
/// `uses`: how often columns would be used that are made once, of images without a gradient.
pub fn conv2d_pays(x: &Tensor, outputs: usize, window: Window, uses: Option<usize>) -> bool {
    let &[_, _, inputs, height, width] = x.dims() else { return false };
    let Ok(result) = window.output((height, width)) else { return false };
    match Body::of([x]) {
        Body::Cpu => (),
        Body::Cuda => return true,
        Body::Half | Body::Composed => return false,
    }
    let block = if x.dtype() == DType::F64 { cpu::block::<f64>() } else { cpu::block::<f32>() };
    let (channels, pixels) = ([inputs, outputs], [height * width, result.0 * result.1]);
    in_place_pays(channels, window.taps(), pixels, block, uses)
}

/// The same of numbers of channels, taps of the window, pixels of image and result, with outputs in
/// blocks of `block`.
///
/// Both have three products of `taps · inputs · outputs` multiply–adds a pixel. In place, outputs
/// are computed in whole blocks, and those of the adjoint in the images are the inputs. As columns,
/// each number is written, read and added back, which takes as long as [`COLUMN`] multiply–adds;
/// or, made once, written as in [`MADE`] and read for two products as in [`READ`]. The numbers are
/// from the example `convolution_forms` of msr-autodiff.
pub(super) fn in_place_pays(
    channels: [usize; 2],
    taps: usize,
    pixels: [usize; 2],
    block: usize,
    uses: Option<usize>,
) -> bool {
    const COLUMN: f64 = 80.0;
    const MADE: f64 = 55.0;
    const READ: f64 = 25.0;
    let whole = channels.map(|n| n.next_multiple_of(block) as f64);
    let ([inputs, outputs], [image, result]) = (channels.map(|n| n as f64), pixels.map(|n| n as f64));
    let in_place = 2.0 * inputs * whole[1] * result + outputs * whole[0] * image;
    let columns = (3.0 * inputs * outputs + COLUMN * inputs) * result;
    let made_once = |uses: usize| 2.0 * whole[1] < 2.0 * outputs + READ + MADE / uses.max(1) as f64;
    // A window of one pixel makes columns of the image as it is.
    taps > 1 && in_place < columns && uses.is_none_or(made_once)
}
