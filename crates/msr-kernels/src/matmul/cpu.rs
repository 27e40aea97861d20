//! Matrix products on the processor.
//!
//! Large batches are spread over the threads of the current rayon pool, each product on one thread;
//! a large product without a batch is split by rows, or by columns when those are very many. The
//! split depends on sizes and the number of threads alone, so the same pool on the same machine
//! gives the same bits. On a thread of the pool less work is spread than from outside, where each
//! operation would wake threads. Products of a matrix and a vector and outer products, the stuff of
//! inner loops, have loops of their own, as have expansions of filter parameters: a general product
//! costs more to set up than they take.
#![expect(unsafe_code, reason = "skips zeroing what it overwrites")]

use std::mem::MaybeUninit;

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};
use rayon::prelude::*;

use super::dots;
use super::shared_left::{self, Packed};
use super::vectors::{dot, outer};
use crate::blocks::column_blocks;
use crate::body::unsupported;
use crate::dense::room_for;
use crate::error::{Error, Result};
use crate::lanes::Lanes;
use crate::reduce::Pairs;
use crate::strided::Space;
use crate::threads::is_in_pool;
use crate::vectorized::vectorized;

/// A multiple of the rows that a general product computes at once.
const TILE: usize = 16;

/// Multiply–adds below which waking a second thread costs more than it saves.
const PARALLEL_FROM: usize = 1 << 23;

/// The same on a thread of the pool.
const PARALLEL_WITHIN: usize = 1 << 18;

/// The summands of an element that are added in many partial sums at once.
const PIECE: usize = 1 << 14;

/// The rows that are added one after the other.
const ROWS: usize = 256;

/// `a @ b`, both `f32` or both `f64` in main memory; the inner sizes are equal.
pub(super) fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (lead_a, lead_b) = (&a.dims()[..a.rank() - 2], &b.dims()[..b.rank() - 2]);
    if lead_a == lead_b {
        return Ok(a.apply_op2(b, BatchedGemm)?);
    }
    let batch = Shape::from(lead_a).broadcast_shape_binary_op(&Shape::from(lead_b), "matmul")?;
    let expand = |t: &Tensor| {
        let mut shape = batch.dims().to_vec();
        shape.extend(&t.dims()[t.rank() - 2..]);
        t.broadcast_as(shape)
    };
    Ok(expand(a)?.apply_op2(&expand(b)?, BatchedGemm)?)
}

struct BatchedGemm;

/// Sizes and (row, column) strides, in elements, of one product of the batch.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: (usize, usize),
    pub(super) b: (usize, usize),
}

impl Product {
    /// Writes all of `out = a @ b`, `out` row-major `(m, n)`; no size is zero. Long sums are added
    /// in pairs of pieces.
    #[inline(always)]
    fn run<T: Lanes>(&self, a: &[T], b: &[T], out: &mut [MaybeUninit<T>], scratch: &mut Vec<T>) {
        let piece = self.piece();
        if self.k > piece {
            self.run_in_pieces(piece, a, b, out, scratch);
        } else {
            self.run_at_once(a, b, out, scratch);
        }
    }

    /// The summands of an element that are added without a break.
    fn piece(&self) -> usize {
        match () {
            () if self.combines_rows() => ROWS,
            () if self.has_long_rows() => dots::INNER,
            () => PIECE,
        }
    }

    /// The rows of each part when they are divided among so many threads at most: parts take the
    /// form that the whole product would.
    pub(super) fn rows_of_parts(&self, threads: usize) -> usize {
        // What `run_at_once`, and the general product, ask of the number of rows.
        let class = |m: usize| {
            let (few, small) = (self.n <= dots::COLUMNS, self.n <= 64);
            [m == 1, few && m < 16, few && m < 256, small && m <= 64, Product { m, ..*self }.is_long()]
        };
        // Whole tiles of rows, so that those at the end are the same.
        let rows = |parts: usize| self.m.div_ceil(parts).next_multiple_of(TILE).min(self.m);
        let last = |parts: usize| self.m - (self.m - 1) / rows(parts) * rows(parts);
        let same = |parts: &usize| [rows(*parts), last(*parts)].iter().all(|&m| class(m) == class(self.m));
        rows((1..=threads.max(1)).rev().find(same).unwrap_or(1))
    }

    /// Whether rows are added one after the other.
    fn combines_rows(&self) -> bool {
        (self.n == 1 && self.a.0 == 1) || (self.m == 1 && self.b.1 == 1)
    }

    /// Whether all products have the same left operand, of some size, and right operands with few
    /// columns.
    fn has_shared_left(&self, offsets: &[[usize; 2]]) -> bool {
        shared_left::COLUMNS.contains(&self.n)
            && self.b == (self.n, 1)
            && self.m.min(self.k) >= SHARED
            && self.k <= PIECE
            && offsets.len() >= SHARED
            && offsets.iter().all(|[i, _]| *i == offsets[0][0])
    }

    /// The sum of the products of so many columns of `a` and rows of `b` at a time.
    fn run_in_pieces<T: Lanes>(
        &self,
        piece: usize,
        a: &[T],
        b: &[T],
        out: &mut [MaybeUninit<T>],
        scratch: &mut Vec<T>,
    ) {
        let (pieces, size) = ((0..self.k).step_by(piece), out.len());
        write_sum(pieces.map(|start| self.product_of(start, piece, a, b, size, scratch)), out);
    }

    /// The same on several threads.
    fn run_pieces_apart<T: Lanes>(&self, a: &[T], b: &[T], out: &mut [MaybeUninit<T>]) {
        let (piece, size) = (self.piece(), out.len());
        let number = |i: usize| self.product_of(i * piece, piece, a, b, size, &mut Vec::new());
        let products: Vec<Vec<T>> = (0..self.k.div_ceil(piece)).into_par_iter().map(number).collect();
        write_sum(products.into_iter(), out);
    }

    /// The product of the columns of `a` and the rows of `b` from `start` on, `piece` at most.
    fn product_of<T: Lanes>(
        &self,
        start: usize,
        piece: usize,
        a: &[T],
        b: &[T],
        size: usize,
        scratch: &mut Vec<T>,
    ) -> Vec<T> {
        let part = Product { k: piece.min(self.k - start), ..*self };
        let mut product = Vec::with_capacity(size);
        let (a, b) = (&a[start * self.a.1..], &b[start * self.b.0..]);
        part.run_at_once(a, b, &mut product.spare_capacity_mut()[..size], scratch);
        // SAFETY: the capacity is at least `size`, and the product wrote the first `size` elements.
        unsafe { product.set_len(size) };
        product
    }

    /// Writes all of `out = a @ b` with one accumulator an element.
    #[inline(always)]
    fn run_at_once<T: Lanes>(&self, a: &[T], b: &[T], out: &mut [MaybeUninit<T>], scratch: &mut Vec<T>) {
        let Product { m, n, k, .. } = *self;
        assert_eq!(out.len(), m * n);
        // A general product would waste most of each vector: they run along the columns of the
        // result.
        let narrow = n <= 8 && m >= 16;
        if k == 1 {
            outer(a, self.a.0, b, self.b.1, n, out);
        } else if self.is_long() {
            self.columns(&self.grouped(a), b, 0, out.chunks_exact_mut(n).collect());
        } else if n == 1 && self.a.0 == 1 {
            // The columns of `a` are contiguous.
            combine_rows(a, self.a.1, b, self.b.0, k, out);
        } else if m == 1 && self.b.1 == 1 {
            combine_rows(b, self.b.0, a, self.a.1, k, out);
        } else if n == 1 && self.a.1 == 1 && self.b.0 == 1 && k >= 64 {
            for (i, out) in out.iter_mut().enumerate() {
                out.write(dot(&a[i * self.a.0..][..k], &b[..k]));
            }
        } else if self.has_long_rows() {
            self.dots(a, b, out, scratch);
        } else if narrow && self.a.0 == 1 && m >= 256 {
            // Column by column, so that vectors run along the many rows, then turned into rows.
            scratch.clear();
            scratch.reserve(m * n);
            self.general(a, b, &mut scratch.spare_capacity_mut()[..m * n], (1, m));
            // SAFETY: `general` wrote the first m · n elements.
            unsafe { scratch.set_len(m * n) };
            for (i, row) in out.chunks_exact_mut(n).enumerate() {
                for (j, out) in row.iter_mut().enumerate() {
                    out.write(scratch[j * m + i]);
                }
            }
        } else {
            self.general(a, b, out, (n, 1));
        }
    }
}

/// Writes the sum of these products, added in pairs.
fn write_sum<T: Lanes>(products: impl Iterator<Item = Vec<T>>, out: &mut [MaybeUninit<T>]) {
    let add = |mut sum: Vec<T>, other: Vec<T>| {
        sum.iter_mut().zip(other).for_each(|(sum, x)| *sum += x);
        sum
    };
    let mut sums = Pairs::default();
    products.for_each(|product| sums.push(product, add));
    let total = sums.total(add).unwrap_or_default();
    assert_eq!(total.len(), out.len());
    out.iter_mut().zip(total).for_each(|(out, x)| {
        out.write(x);
    });
}

/// `out = Σ_c weights[c · sw] rows[c]`, where row `c` starts at `c · stride` and is contiguous; `k`
/// ≥ 1 rows.
#[inline(always)]
fn combine_rows<T: Lanes>(
    rows: &[T],
    stride: usize,
    weights: &[T],
    sw: usize,
    k: usize,
    out: &mut [MaybeUninit<T>],
) {
    let width = out.len();
    let first = weights[0];
    for (out, &x) in out.iter_mut().zip(&rows[..width]) {
        out.write(first * x);
    }
    // SAFETY: the loop above wrote every element of `out`, and `MaybeUninit<T>` has the layout of
    // `T`.
    let out = unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().cast::<T>(), width) };
    for c in 1..k {
        let weight = weights[c * sw];
        for (out, &x) in out.iter_mut().zip(&rows[c * stride..][..width]) {
            *out += weight * x;
        }
    }
}

fn batched<T: Lanes>(a: &[T], la: &Layout, b: &[T], lb: &Layout) -> Result<Vec<T>> {
    let rank = la.dims().len();
    let batch = &la.dims()[..rank - 2];
    let mut shape = la.dims().to_vec();
    shape[rank - 1] = lb.dims()[rank - 1];
    // The unsafe code below trusts this number: sizes of broadcast operands can be anything.
    let total = room_for("matmul", &shape)?;
    let strides = |l: &Layout| (l.stride()[rank - 2], l.stride()[rank - 1]);
    let mut product = Product {
        m: la.dims()[rank - 2],
        n: lb.dims()[rank - 1],
        k: la.dims()[rank - 1],
        a: strides(la),
        b: strides(lb),
    };
    if total == 0 || product.k == 0 {
        return Ok(vec![T::zero(); total]);
    }
    let mut result = Vec::new();
    result.try_reserve_exact(total).map_err(|_| Error::Memory { op: "matmul", shape })?;
    let space = Space::new(
        batch,
        [&la.stride()[..rank - 2], &lb.stride()[..rank - 2]],
        [la.start_offset(), lb.start_offset()],
    );
    let mut offsets = Vec::new();
    let [step_a, step_b] = space.run_strides;
    // A shared right operand turns the batch into more rows of one product.
    if step_b == 0 && step_a == product.m * product.a.0 {
        product.m *= space.run;
        space.for_each_run(|at| offsets.push(at));
    } else {
        space.for_each_run(|[i, j]| {
            offsets.extend((0..space.run).map(|n| [i + n * step_a, j + n * step_b]));
        });
    }
    fill(product, a, b, &offsets, &mut result.spare_capacity_mut()[..total]);
    // SAFETY: the capacity is at least `total`, and `fill` wrote the first `total` elements: the
    // offsets have `total / (m · n)` entries, and each product writes all of its m · n elements.
    unsafe { result.set_len(total) };
    Ok(result)
}

/// The fewest rows, columns and uses of a left operand for which it is worth packing.
const SHARED: usize = 16;

/// The blocks of columns for each thread: some threads are slower than others.
const BLOCKS: usize = 4;

/// A multiple of the columns of a panel, in any vectors.
const WIDTH: usize = 64;

/// One product per pair of offsets, one after the other in `out`.
fn fill<T: Lanes>(product: Product, a: &[T], b: &[T], offsets: &[[usize; 2]], out: &mut [MaybeUninit<T>]) {
    let size = product.m * product.n;
    assert_eq!(out.len(), size * offsets.len());
    let serial = |out: &mut [MaybeUninit<T>], offsets: &[[usize; 2]]| {
        let mut scratch = Vec::new();
        vectorized(
            #[inline(always)]
            || {
                for (out, &[i, j]) in out.chunks_exact_mut(size).zip(offsets) {
                    product.run(&a[i..], &b[j..], out, &mut scratch);
                }
            },
        );
    };
    let from = if is_in_pool() { PARALLEL_WITHIN } else { PARALLEL_FROM };
    let threads = match rayon::current_num_threads() {
        _ if out.len() * product.k < from => 1,
        threads => threads,
    };
    if product.has_shared_left(offsets) {
        let packed =
            Packed::new((product.m, product.k), |i, c| a[offsets[0][0] + i * product.a.0 + c * product.a.1]);
        let share = offsets.len().div_ceil(BLOCKS * threads);
        let times = |(out, offsets): (&mut [_], &[[usize; 2]])| {
            packed.times(b, offsets.iter().map(|offset| offset[1]), product.n, out);
        };
        match threads {
            1 => times((out, offsets)),
            _ => out.par_chunks_mut(share * size).zip(offsets.par_chunks(share)).for_each(times),
        }
    } else if threads == 1 {
        serial(out, offsets);
    } else if offsets.len() >= threads {
        let share = offsets.len().div_ceil(threads);
        out.par_chunks_mut(share * size)
            .zip(offsets.par_chunks(share))
            .for_each(|(out, offsets)| serial(out, offsets));
    } else if product.is_long() {
        let width = product.n.div_ceil(BLOCKS * threads).next_multiple_of(WIDTH);
        for (out, &[i, j]) in out.chunks_exact_mut(size).zip(offsets) {
            let a = product.grouped(&a[i..]);
            let blocks = column_blocks(out, product.n, width);
            let blocks = blocks.into_par_iter().enumerate();
            blocks.for_each(|(number, out)| product.columns(&a, &b[j..], number * width, out));
        }
    } else if product.k > product.piece() && product.m.max(product.n) < product.k {
        for (out, &[i, j]) in out.chunks_exact_mut(size).zip(offsets) {
            product.run_pieces_apart(&a[i..], &b[j..], out);
        }
    } else {
        let rows = product.rows_of_parts(threads);
        for (out, &[i, j]) in out.chunks_exact_mut(size).zip(offsets) {
            out.par_chunks_mut(rows * product.n).enumerate().for_each(|(block, out)| {
                let part = Product { m: out.len() / product.n, ..product };
                part.run(&a[i + block * rows * product.a.0..], &b[j..], out, &mut Vec::new());
            });
        }
    }
}

impl CustomOp2 for BatchedGemm {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let out = match (s1, s2) {
            (CpuStorage::F32(a), CpuStorage::F32(b)) => CpuStorage::F32(batched(a, l1, b, l2)?),
            (CpuStorage::F64(a), CpuStorage::F64(b)) => CpuStorage::F64(batched(a, l1, b, l2)?),
            (other, _) => return Err(unsupported(other, "matmul")),
        };
        let rank = l1.dims().len();
        let mut shape = l1.dims().to_vec();
        shape[rank - 1] = l2.dims()[rank - 1];
        Ok((out, shape.into()))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(super::matmul(grad, &b.t()?)?), Some(super::matmul(&a.t()?, grad)?)))
    }
}
