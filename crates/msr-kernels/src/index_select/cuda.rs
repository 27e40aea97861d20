//! Slices by index on a GPU. A sum looks for its own summands among the indices, so that its order
//! is theirs.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::Tensor;

use crate::cuda::{Arg, Grid, Kernel, contiguous, count, launch, packs};
use crate::error::Result;

/// Numbers of a slice from which threads share one.
const WIDE: usize = 64;

fn kernel(name: &'static str, grid: Grid) -> Kernel {
    Kernel { operation: "index_select", name, grid }
}

/// The slices along `dim` that a list of `u32` names, as a result of this shape, which is not
/// empty.
pub(super) fn index_select(x: &Tensor, index: &Tensor, dim: usize, shape: &[usize]) -> Result<Tensor> {
    const OP: &str = "index_select";
    let x = &contiguous(x)?;
    let inner: usize = shape[dim + 1..].iter().product();
    let slices = shape[..=dim].iter().product::<usize>();
    let all = count(OP, slices * inner)?;
    let [n, k, inner_32] = [x.dims()[dim], shape[dim], inner].map(|size| count(OP, size));
    let sizes = [Arg::Count(n?), Arg::Count(k?), Arg::Count(inner_32?)];
    let of = [Arg::Result(0), Arg::Of(x), Arg::Of(index)];
    let (kernel, rest) = match inner >= WIDE {
        true => {
            let packs = packs([x], inner);
            let each = if packs > 0 { packs as usize } else { inner };
            let rest = [&[Arg::Count(count(OP, slices)?)], &sizes[..], &[Arg::Count(packs)]].concat();
            (kernel("index_select", Grid::over(each).for_each(slices)), rest)
        }
        false => {
            let rest = [&[Arg::Count(all)], &sizes[..]].concat();
            (kernel("index_select_narrow", Grid::over(slices * inner)), rest)
        }
    };
    let arguments = [&of[..], &rest].concat();
    // SAFETY: x is contiguous and has n slices of `inner` numbers for each of the outer ones, the
    // list k indices, and the result k slices; what an index that is too large names is not read.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(shape, x.dtype())], &arguments) }?;
    Ok(y)
}

/// The sums of slices at the places that a list of `u32` names, in zeros of a shape; neither is
/// empty.
pub(super) fn index_add(x: &Tensor, index: &Tensor, dim: usize, shape: &[usize]) -> Result<Tensor> {
    const OP: &str = "index_add";
    let x = &contiguous(x)?;
    let all = shape.iter().product();
    let arguments = [
        Arg::Result(0),
        Arg::Of(x),
        Arg::Of(index),
        Arg::Count(count(OP, all)?),
        Arg::Count(count(OP, shape[dim])?),
        Arg::Count(count(OP, x.dims()[dim])?),
        Arg::Count(count(OP, shape[dim + 1..].iter().product())?),
    ];
    let kernel = kernel("index_add", Grid::over(all));
    // SAFETY: x is contiguous and has a slice for each index, of as many numbers as those of the
    // result, each of which has a thread that writes it.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(shape, x.dtype())], &arguments) }?;
    Ok(y)
}
