//! Sums in loops that the compiler turns into vectors.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, WithDType};

use super::pairwise::{LANES, Pairs, in_blocks};
use crate::body::unsupported;
use crate::dense::range;
use crate::error::Result;
use crate::vectorized::vectorized;

/// The sum over `dims`, all in range, which stay with size one.
pub(super) fn sum_keepdim(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let mut out = x.clone();
    let mut dims: Vec<usize> = dims.iter().copied().filter(|&d| x.dims()[d] != 1).collect();
    dims.sort_unstable();
    dims.dedup();
    // Each group of neighbouring dimensions is one pass; trailing groups first, they shrink most.
    while let Some(last) = dims.pop() {
        let mut first = last;
        while dims.last().is_some_and(|&d| d + 1 == first) {
            first = dims.pop().unwrap_or(first);
        }
        out = out.contiguous()?.apply_op1_no_bwd(&SumGroup { first, last })?;
    }
    Ok(out)
}

/// Sums a contiguous tensor over the neighbouring dimensions `first..=last`.
struct SumGroup {
    first: usize,
    last: usize,
}

/// The rows that are added one after the other.
const ROWS: usize = 256;

#[inline(always)]
fn sum_group<T: WithDType>(x: &[T], outer: usize, reduced: usize, inner: usize) -> Vec<T> {
    if inner == 1 {
        return x.chunks_exact(reduced.max(1)).take(outer).map(sum_run).collect();
    }
    let mut out = vec![T::zero(); outer * inner];
    for (out, block) in out.chunks_exact_mut(inner).zip(x.chunks_exact(reduced * inner)) {
        if reduced <= ROWS {
            add_rows(out, block);
            continue;
        }
        let mut sums = Pairs::default();
        for rows in block.chunks(ROWS * inner) {
            let mut sum = vec![T::zero(); inner];
            add_rows(&mut sum, rows);
            sums.push(sum, add_vectors);
        }
        if let Some(total) = sums.total(add_vectors) {
            out.copy_from_slice(&total);
        }
    }
    out
}

/// Adds the rows of `block`, each as long as `out`.
#[inline(always)]
fn add_rows<T: WithDType>(out: &mut [T], block: &[T]) {
    for row in block.chunks_exact(out.len()) {
        out.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
    }
}

#[inline(always)]
fn add_vectors<T: WithDType>(mut a: Vec<T>, b: Vec<T>) -> Vec<T> {
    add_rows(&mut a, &b);
    a
}

/// The sum of contiguous numbers.
#[inline(always)]
fn sum_run<T: WithDType>(x: &[T]) -> T {
    in_blocks(x.len(), |range| sum_block(&x[range]))
}

/// Sixteen partial sums: lets the compiler use vectors and keeps the rounding error small.
#[inline(always)]
fn sum_block<T: WithDType>(x: &[T]) -> T {
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    let mut lanes = [T::zero(); LANES];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    let mut total = T::zero();
    for &x in lanes.iter().chain(rest) {
        total += x;
    }
    total
}

impl CustomOp1 for SumGroup {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let mut dims = layout.dims().to_vec();
        let outer = dims[..self.first].iter().product();
        let reduced = dims[self.first..=self.last].iter().product();
        let inner = dims[self.last + 1..].iter().product();
        dims[self.first..=self.last].fill(1);
        let range = range(layout);
        if range.is_empty() {
            let zeros = outer * inner;
            let out = match storage {
                CpuStorage::F32(_) => CpuStorage::F32(vec![0.0; zeros]),
                CpuStorage::F64(_) => CpuStorage::F64(vec![0.0; zeros]),
                other => return Err(unsupported(other, "sum")),
            };
            return Ok((out, dims.into()));
        }
        let out = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(vectorized(
                #[inline(always)]
                || sum_group(&x[range], outer, reduced, inner),
            )),
            CpuStorage::F64(x) => CpuStorage::F64(vectorized(
                #[inline(always)]
                || sum_group(&x[range], outer, reduced, inner),
            )),
            other => return Err(unsupported(other, "sum")),
        };
        Ok((out, dims.into()))
    }
}
