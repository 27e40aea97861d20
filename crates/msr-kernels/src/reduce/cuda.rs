//! Sums on a GPU, of views as they are, in double precision.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use crate::cuda::{Arg, Grid, Kernel, Strides, count, launch};
use crate::error::Result;

const OP: &str = "sum";

/// Terms up to which a thread adds them alone.
const FEW: usize = 64;

/// Threads that keep a device busy.
const BUSY: usize = 1 << 16;

/// Terms that are worth a part of their own.
const PART: usize = 256;

/// How a sum is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// A thread adds all of a sum.
    Few,
    /// A block of so many threads adds each of so many parts of a sum.
    Many { threads: usize, parts: usize },
    /// A thread adds each of so many parts of a sum, neighbouring sums side by side.
    Columns { parts: usize },
}

impl Plan {
    /// For so many sums of so many terms; `side_by_side` when neighbouring sums are closer in
    /// memory than neighbouring terms.
    fn new(sums: usize, terms: usize, side_by_side: bool) -> Self {
        // More parts than this are themselves too many to add one after the other.
        let parts = |threads: usize| (BUSY / (sums * threads).max(1)).clamp(1, (terms / PART).clamp(1, 256));
        match terms {
            0..=FEW => Plan::Few,
            _ if side_by_side && sums >= 32 => match parts(1) {
                1 => Plan::Few,
                parts => Plan::Columns { parts },
            },
            _ => {
                let threads = terms.div_ceil(4).clamp(32, 256);
                Plan::Many { threads, parts: parts(threads) }
            }
        }
    }
}

/// `scale · Σ x` over `dims`, which stay with size one.
pub(super) fn sum_keepdim(x: &Tensor, dims: &[usize], scale: f64) -> Result<Tensor> {
    let shape: Vec<usize> =
        x.dims().iter().enumerate().map(|(d, &size)| if dims.contains(&d) { 1 } else { size }).collect();
    let sums: usize = shape.iter().product();
    if sums == 0 || x.elem_count() == 0 {
        return Ok(Tensor::zeros(shape, x.dtype(), x.device())?);
    }
    let terms = x.elem_count() / sums;
    let of = |summed: bool| -> (Vec<usize>, Vec<usize>) {
        let all = x.dims().iter().zip(x.stride()).enumerate();
        all.filter(|(d, _)| dims.contains(d) == summed).map(|(_, (&size, &stride))| (size, stride)).unzip()
    };
    let ((kept_sizes, kept), (along_sizes, along)) = (of(false), of(true));
    let closest = |sizes: &[usize], strides: &[usize]| {
        let moving = sizes.iter().zip(strides).filter(|(size, _)| **size > 1);
        moving.map(|(_, &stride)| stride).min().unwrap_or(usize::MAX)
    };
    let plan = Plan::new(sums, terms, closest(&kept_sizes, &kept) < closest(&along_sizes, &along));
    let kept = Strides::new(OP, &kept_sizes, [&kept])?;
    let along = Strides::new(OP, &along_sizes, [&along])?;
    let (sums_32, terms_32) = (count(OP, sums)?, count(OP, terms)?);
    let sizes =
        [Arg::Count(sums_32), Arg::Count(terms_32), Arg::Words(kept.words()), Arg::Words(along.words())];
    let run = |name, grid, result, arguments: &[Arg<'_>]| -> Result<Tensor> {
        let kernel = Kernel { operation: "reduce", name, grid };
        // SAFETY: the views are those of x, and every sum, or part of one, has its place in the
        // result and is written.
        let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [result], &[arguments, &sizes].concat()) }?;
        Ok(y)
    };
    let result = (&shape[..], x.dtype());
    let scale_of_last = Arg::Real(scale);
    let part = match plan {
        Plan::Few => {
            return run("reduce_few", Grid::over(sums), result, &[Arg::Result(0), Arg::Of(x), scale_of_last]);
        }
        Plan::Many { threads, parts: 1 } => {
            let grid = Grid::blocks(sums_32.min(1 << 20), threads);
            return run("reduce_many", grid, result, &[Arg::Result(0), Arg::Null, Arg::Of(x), scale_of_last]);
        }
        Plan::Many { threads, parts } => {
            let grid = Grid::blocks(sums_32.min(1 << 20), threads).for_each(parts);
            let arguments = [Arg::Null, Arg::Result(0), Arg::Of(x), scale_of_last];
            run("reduce_many", grid, (&[parts, sums], DType::F64), &arguments)?
        }
        Plan::Columns { parts } => {
            let grid = Grid::over(sums).for_each(parts);
            let result = (&[parts, sums][..], DType::F64);
            run("reduce_columns", grid, result, &[Arg::Result(0), Arg::Of(x)])?
        }
    };
    sum_of_parts(&part, &shape, x.dtype(), scale)
}

/// `scale · Σ` over the first dimension of `parts (p, sums)`, which are in `f64`: of that shape and
/// dtype.
pub(crate) fn sum_of_parts(parts: &Tensor, shape: &[usize], dtype: DType, scale: f64) -> Result<Tensor> {
    let (p, sums) = parts.dims2()?;
    let arguments = [
        Arg::Result(0),
        Arg::Of(parts),
        Arg::Real(scale),
        Arg::Count(count(OP, sums)?),
        Arg::Count(count(OP, p)?),
    ];
    let kernel = Kernel { operation: "reduce", name: "reduce_parts", grid: Grid::over(sums) };
    // SAFETY: there are `p` rows of as many numbers as there are sums.
    let [y] = unsafe { launch(kernel, parts.device(), dtype, [(shape, dtype)], &arguments) }?;
    Ok(y)
}

#[cfg(test)]
mod tests {
    use super::Plan;

    #[test]
    fn sums_are_divided_until_the_device_is_busy() {
        assert_eq!(Plan::new(1 << 20, 10, false), Plan::Few);
        assert_eq!(Plan::new(1 << 20, 1_000, true), Plan::Few);
        assert_eq!(Plan::new(1_000, 10_000, true), Plan::Columns { parts: 39 });
        assert_eq!(Plan::new(1_000, 1_000, false), Plan::Many { threads: 250, parts: 1 });
        assert_eq!(Plan::new(1, 1 << 30, false), Plan::Many { threads: 256, parts: 256 });
    }
}
