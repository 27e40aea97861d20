//! Kernels on an NVIDIA GPU: how `kernel.cu` of an operation is launched by its `cuda.rs`.
//!
//! All is compiled with and without the feature `cuda`; without it, no tensor lies on a GPU, and a
//! launch is an error. What a launch needs (grids, strides) is plain Rust, which tests reach.

#[cfg_attr(feature = "cuda", path = "enabled.rs")]
#[cfg_attr(not(feature = "cuda"), path = "disabled.rs")]
mod device;
mod grid;
mod lines;
mod many;
mod resident;
mod strides;
mod window;

use candle_core::{DType, Tensor};

pub(crate) use crate::dense::contiguous;
pub(crate) use device::{Recorded, launch, open, products, record};
pub(crate) use grid::Grid;
pub(crate) use lines::Lines;
pub(crate) use many::{MOST_TENSORS, Many};
pub(crate) use resident::Resident;
pub(crate) use strides::Strides;
pub(crate) use window::Geometry;

use crate::error::{Error, Result};

/// An argument of a kernel.
#[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "read where kernels are launched"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arg<'a> {
    /// The result of that number: a pointer to its first element.
    Result(usize),
    /// A pointer to a tensor's first element.
    Of(&'a Tensor),
    /// A null pointer.
    Null,
    /// An `u32`.
    Count(u32),
    /// A `double`.
    Real(f64),
    /// A structure by value that is made of `u32`.
    Words(&'a [u32]),
    /// A structure by value that is made of `double`.
    Reals(&'a [f64]),
    /// A structure by value of so many pointers: those of tensors, then null pointers.
    All(&'a [&'a Tensor], usize),
}

/// A kernel and how many threads run it.
#[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "read where kernels are launched"))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    /// The folder of the operation.
    pub(crate) operation: &'static str,
    /// The name in `kernel.cu`.
    pub(crate) name: &'static str,
    /// The blocks and threads.
    pub(crate) grid: Grid,
}

/// A number of elements, for a kernel.
///
/// # Errors
/// [`Error::Size`] when it is 2³¹ or more: kernels count in 32 bits, and go on after all threads of
/// a grid; and a grid has fewer blocks.
pub(crate) fn count(op: &'static str, n: usize) -> Result<u32> {
    match u32::try_from(n) {
        Ok(count) if count < 1 << 31 => Ok(count),
        _ => Err(Error::Size { op, shape: vec![n] }),
    }
}

/// Matrix products of a batch on a GPU, as cuBLAS takes them: `C = A B` in row-major order, for
/// matrices at equal distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Products {
    /// Rows of A and C.
    pub(crate) m: usize,
    /// Columns of B and C.
    pub(crate) n: usize,
    /// Columns of A, rows of B.
    pub(crate) k: usize,
    /// How many.
    pub(crate) batch: usize,
    /// The left operands.
    pub(crate) a: Matrices,
    /// The right operands.
    pub(crate) b: Matrices,
    /// The results.
    pub(crate) c: Matrices,
}

/// Matrices at equal distances in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Matrices {
    /// The first element of the first, counted from that of the tensor.
    pub(crate) start: usize,
    /// Whether columns, not rows, are contiguous.
    pub(crate) transposed: bool,
    /// The distance of neighbouring rows; of columns when transposed.
    pub(crate) leading: usize,
    /// The distance of neighbouring matrices; zero when they are the same.
    pub(crate) distance: usize,
}

/// The packs of sixteen bytes in each of the contiguous rows of so many numbers that operands and a
/// new result have; none where a row does not begin at an address for them.
pub(crate) fn packs<const N: usize>(operands: [&Tensor; N], row: usize) -> u32 {
    let pack = 16 / operands.first().map_or(4, |t| t.dtype().size_in_bytes());
    let begins = |t: &&Tensor| t.layout().start_offset().is_multiple_of(pack);
    if row.is_multiple_of(pack) && operands.iter().all(begins) {
        u32::try_from(row / pack).unwrap_or(0)
    } else {
        0
    }
}

/// The elements of a tensor once, side by side, and how many times its first `lead` dimensions
/// repeat them without a copy: once, for one that is not repeated.
pub(crate) fn once(t: &Tensor, lead: usize) -> Result<(Tensor, usize)> {
    let dims = &t.dims()[..lead];
    let (repeats, mut first) = (dims.iter().product(), t.clone());
    if repeats > 1 && dims.iter().zip(t.stride()).all(|(&size, &stride)| size == 1 || stride == 0) {
        for dim in 0..lead {
            first = first.narrow(dim, 0, 1)?;
        }
        return Ok((contiguous(&first)?, repeats));
    }
    Ok((contiguous(t)?, 1))
}

/// What a result is to be.
pub(crate) type Shaped<'a> = (&'a [usize], DType);

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::once;

    #[test]
    fn what_is_repeated_is_read_once() -> crate::Result<()> {
        let x = Tensor::arange(0f32, 6., &Device::Cpu)?.reshape((2, 3))?;
        let (first, repeats) = once(&x.broadcast_as((4, 5, 2, 3))?, 2)?;
        assert_eq!((first.dims(), repeats), (&[1, 1, 2, 3][..], 20));
        assert_eq!(first.flatten_all()?.to_vec1::<f32>()?, [0., 1., 2., 3., 4., 5.]);
        assert_eq!(once(&x.t()?.broadcast_as((4, 3, 2))?, 1)?.0.flatten_all()?.to_vec1::<f32>()?[1], 3.0);
        for (t, lead) in
            [(x.clone(), 1), (x.clone(), 0), (Tensor::zeros((1, 3), DType::F32, &Device::Cpu)?, 1)]
        {
            let (all, repeats) = once(&t, lead)?;
            assert_eq!((all.dims(), repeats), (t.dims(), 1));
        }
        Ok(())
    }
}
