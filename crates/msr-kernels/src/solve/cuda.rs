//! Cholesky's factorisation on a GPU, a block for each matrix. What failed comes back to the host:
//! one number for each matrix.
#![expect(unsafe_code, reason = "launches a kernel")]

use candle_core::{DType, Tensor};

use crate::cuda::{Arg, Grid, Kernel, contiguous, count, launch};
use crate::error::{Error, Result};

/// The shared memory of a block that every device has.
const SHARED: usize = 48 << 10;

/// The solutions, of the dtype of both; neither `k` nor `r` is zero.
pub(super) fn solve(a: &Tensor, b: &Tensor, (k, r): (usize, usize), smallest: f64) -> Result<Tensor> {
    const OP: &str = "solve";
    let (a, b) = (&contiguous(a)?, &contiguous(b)?);
    let batch = a.elem_count() / (k * k);
    if batch == 0 {
        return Ok(Tensor::zeros(b.dims(), b.dtype(), b.device())?);
    }
    count(OP, k * k.max(r))?;
    let bytes = k * k * size_of::<f64>();
    // Next to what the kernel keeps there itself.
    let fits = bytes <= SHARED - 64;
    let blocks = count(OP, batch)?;
    let grid = Grid { shared: if fits { bytes as u32 } else { 0 }, ..Grid::blocks(blocks, 256) };
    let kernel = Kernel { operation: "solve", name: "solve_positive", grid };
    let factors = if fits { 0 } else { a.elem_count() };
    let results = [
        (b.dims(), b.dtype()),
        (&[batch][..], DType::U32),
        (&[factors.max(1)][..], DType::F64),
        (&[b.elem_count()][..], DType::F64),
    ];
    let arguments = [
        Arg::Result(0),
        Arg::Result(1),
        if fits { Arg::Null } else { Arg::Result(2) },
        Arg::Result(3),
        Arg::Of(a),
        Arg::Of(b),
        Arg::Real(smallest),
        Arg::Count(count(OP, k)?),
        Arg::Count(count(OP, r)?),
    ];
    // SAFETY: there are `batch` matrices of k × k and right sides of k × r, as many solutions and
    // right sides in double precision, and a number of what failed for each; the triangle has its
    // place in shared memory or in the third result.
    let [x, failed, ..] = unsafe { launch(kernel, a.device(), a.dtype(), results, &arguments) }?;
    let failed = failed.to_vec1::<u32>()?;
    match failed.iter().enumerate().find(|(_, what)| **what > 0) {
        None => Ok(x),
        Some((matrix, 1)) => Err(Error::NotFinite { matrix, batch }),
        Some((matrix, &what)) => {
            Err(Error::NotPositiveDefinite { matrix, batch, pivot: what as usize - 1, size: k })
        }
    }
}
