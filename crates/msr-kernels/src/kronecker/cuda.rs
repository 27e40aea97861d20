//! The expansion on a GPU, in one pass: a block keeps a few outputs of a filter in shared memory.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use super::{Form, OP, Sizes};
use crate::cuda::{Arg, Grid, Kernel, contiguous, count, launch, once};
use crate::error::Result;

/// The shared memory of a block that every device has, next to what the launch itself needs.
const SHARED: usize = (48 << 10) - 64;

/// Threads of a block.
const THREADS: usize = 256;

/// Blocks that keep a device busy; each has a part of the gradients of the factors.
const BUSY: usize = 256;

/// Outputs of a block, as in `kernel.cu`: the numbers of two packs.
fn rows(dtype: DType) -> usize {
    32 / dtype.size_in_bytes()
}

/// The bytes of shared memory: rows of A, and twice what those outputs have.
fn shared(sizes: Sizes) -> usize {
    32 * (sizes.outputs + 2 * sizes.row())
}

/// Whether a few outputs fit into shared memory, and all filters into 32 bits.
pub(super) fn fits(sizes: Sizes, dtype: DType) -> bool {
    let squares = sizes.outputs * rows(dtype) + sizes.inputs * sizes.inputs + sizes.taps * sizes.taps;
    let largest = sizes.count().max(squares).max(sizes.outputs * sizes.outputs);
    sizes.outputs < 1 << 12 && shared(sizes) <= SHARED && largest < 1 << 30
}

/// `Sizes` of `kernel.cu`.
fn words(sizes: Sizes, form: Form, repeats: usize) -> Result<Vec<u32>> {
    let Sizes { filters, outputs, inputs, taps } = sizes;
    let distance = if repeats > 1 { 0 } else { outputs * inputs * taps };
    let counts = [filters, outputs, inputs, taps, distance].into_iter().map(|size| count(OP, size));
    let flags = form.beyond_identity.into_iter().chain([form.transposed]).map(|flag| Ok(u32::from(flag)));
    counts.chain(flags).collect()
}

fn kernel(name: &'static str, grid: Grid) -> Kernel {
    Kernel { operation: OP, name, grid }
}

/// The weights; sizes fit and nothing is empty.
pub(super) fn expand(factors: [&Tensor; 3], form: Form, v: &Tensor, sizes: Sizes) -> Result<Tensor> {
    let [a, b, c] = factors.map(contiguous);
    let (a, b, c, (numbers, repeats)) = (&a?, &b?, &c?, once(v, v.rank() - 3)?);
    let slabs = sizes.outputs.div_ceil(rows(v.dtype()));
    let grid = Grid::blocks(count(OP, slabs)?, THREADS).for_each(sizes.filters);
    let grid = Grid { shared: shared(sizes) as u32, ..grid };
    let words = words(sizes, form, repeats)?;
    let arguments =
        [Arg::Result(0), Arg::Of(a), Arg::Of(b), Arg::Of(c), Arg::Of(&numbers), Arg::Words(&words)];
    let result = [(v.dims(), v.dtype())];
    // SAFETY: the factors are square, as large as the dimensions of v, of whose filters there are
    // as many, or the same one; the blocks cover all outputs of all filters, and have the shared
    // memory that the kernel divides.
    let [w] = unsafe { launch(kernel("kronecker", grid), v.device(), v.dtype(), result, &arguments) }?;
    Ok(w)
}

/// The gradients by the factors; sizes fit, nothing is empty, and nothing is transposed.
pub(super) fn factor_gradients(
    factors: [&Tensor; 3],
    form: Form,
    [v, g]: [&Tensor; 2],
    sizes: Sizes,
) -> Result<[Tensor; 3]> {
    let shapes = factors.map(Tensor::dims);
    let [a, b, c] = factors.map(contiguous);
    let (a, b, c, (numbers, repeats)) = (&a?, &b?, &c?, once(v, v.rank() - 3)?);
    let g = &contiguous(g)?;
    let (dtype, device) = (v.dtype(), v.device());
    let Sizes { outputs, inputs, taps, .. } = sizes;
    let slabs = outputs.div_ceil(rows(dtype));
    let parts = (BUSY / slabs).clamp(1, sizes.filters);
    let length = outputs * rows(dtype) + inputs * inputs + taps * taps;
    let words = words(sizes, form, repeats)?;
    let grid = Grid::blocks(count(OP, slabs)?, THREADS).for_each(parts);
    let grid = Grid { shared: shared(sizes) as u32, ..grid };
    let arguments = [
        Arg::Result(0),
        Arg::Of(a),
        Arg::Of(b),
        Arg::Of(c),
        Arg::Of(&numbers),
        Arg::Of(g),
        Arg::Words(&words),
    ];
    let result = [(&[parts, slabs, length][..], dtype)];
    // SAFETY: as above, with g as large as v; each of the parts × slabs blocks has a filter at
    // least, and writes all of its part.
    let [part] = unsafe { launch(kernel("kronecker_factors", grid), device, dtype, result, &arguments) }?;
    let grid = Grid::over(outputs * outputs + inputs * inputs + taps * taps);
    let arguments = [
        Arg::Result(0),
        Arg::Result(1),
        Arg::Result(2),
        Arg::Of(&part),
        Arg::Count(count(OP, parts)?),
        Arg::Words(&words),
    ];
    let results = shapes.map(|shape| (shape, dtype));
    // SAFETY: the parts are those that were just written, of the same sizes.
    unsafe { launch(kernel("kronecker_sum", grid), device, dtype, results, &arguments) }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::{Sizes, fits, shared};

    #[test]
    fn conv4_of_any_width_in_use_fits() {
        let sizes = |width| Sizes { filters: 32, outputs: width, inputs: width, taps: 9 };
        for width in [1, 24, 32, 64, 80] {
            assert!(fits(sizes(width), DType::F32) && fits(sizes(width), DType::F64), "{width}");
        }
        assert_eq!(shared(sizes(64)), 38_912);
        assert!(!fits(sizes(81), DType::F32));
        assert!(!fits(Sizes { filters: 1 << 20, ..sizes(64) }, DType::F32));
    }
}
