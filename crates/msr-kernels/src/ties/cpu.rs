//! Loops over the rows of a contiguous operand: rows, or pieces of one, over the threads of the
//! current rayon pool. How they are divided never changes a bit.
#![expect(unsafe_code, reason = "skips zeroing what is overwritten")]

use std::mem::MaybeUninit;

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;

use super::runs::{Step, for_each_piece};
use super::together::{Sums, TOGETHER, Values, side_by_side};
use super::{Ties, with_last};
use crate::blocks::column_blocks;
use crate::body::unsupported;
use crate::caches::is_large;
use crate::dense::dense;
use crate::error::Result;
use crate::lanes::{Lanes, lanes_here};
use crate::vectorized::vectorized;

/// Elements of all rows below which waking a second thread costs more than it saves.
const PARALLEL_FROM: usize = 1 << 17;

/// The elements whose indices stay in a cache while the rows pass by.
const CHUNK: usize = 1 << 14;

/// The elements that are added one after the other.
const PIECE: usize = 1 << 16;

/// The sums that stay in a cache while elements pass by.
const SUMS: usize = 1 << 15;

/// The partial sums of elements that are tied to the same parameter, one after the other.
const LANES: usize = 32;

/// The value of its parameter for each element.
pub(super) fn expand(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1_no_bwd(&Expand(ties))?)
}

/// The sum over what is tied to each parameter.
pub(super) fn sum(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1_no_bwd(&SumTied(ties))?)
}

/// The threads for so many elements in all.
fn threads(elements: usize) -> usize {
    if elements < PARALLEL_FROM { 1 } else { rayon::current_num_threads() }
}

/// The numbers of a vector, and how many of the rows go together, as many at a time: without runs,
/// and with enough elements that collecting them pays.
fn together<T: Lanes>(ties: &Ties, rows: usize) -> (usize, usize) {
    let lanes = lanes_here::<T>();
    let pays = ties.runs.is_none() && lanes > 1 && ties.elements() >= TOGETHER;
    (lanes, if pays { rows - rows % lanes } else { 0 })
}

struct Expand<'a>(&'a Ties);
struct SumTied<'a>(&'a Ties);

impl Expand<'_> {
    fn run<T: Lanes>(&self, x: &[T]) -> Vec<T> {
        let (n, k) = (self.0.elements(), self.0.count);
        let rows = x.len() / k;
        let mut out = Vec::with_capacity(rows * n);
        let places = &mut out.spare_capacity_mut()[..rows * n];
        let threads = threads(rows * n);
        let (lanes, together) = together::<T>(self.0, rows);
        let (places_together, places) = places.split_at_mut(together * n);
        let (x_together, x) = x.split_at(together * k);
        self.run_together(x_together, lanes, threads, places_together);
        let rows_left = rows - together;
        if rows_left >= threads {
            let share = rows_left.div_ceil(threads).max(1);
            let all = places.par_chunks_mut(share * n).zip(x.par_chunks(share * k));
            all.for_each(|(out, x)| {
                for start in (0..n).step_by(CHUNK) {
                    for (out, row) in out.chunks_exact_mut(n).zip(x.chunks_exact(k)) {
                        self.values(row, start, &mut out[start..n.min(start + CHUNK)]);
                    }
                }
            });
        } else {
            let piece = n.div_ceil(threads);
            for (out, row) in places.chunks_exact_mut(n).zip(x.chunks_exact(k)) {
                let pieces = out.par_chunks_mut(piece).enumerate();
                pieces.for_each(|(number, out)| self.values(row, number * piece, out));
            }
        }
        // SAFETY: the capacity is at least `rows · n`, and the first `rows · n` elements are
        // written: `run_together` writes all of those it is given, the chunks and pieces after it
        // cover the others, and `values` writes all of its `out`.
        unsafe { out.set_len(rows * n) };
        out
    }

    /// Writes all of `out`, groups of so many rows each together.
    fn run_together<T: Lanes>(&self, x: &[T], rows: usize, threads: usize, out: &mut [MaybeUninit<T>]) {
        let (n, k) = (self.0.elements(), self.0.count);
        // Some threads are slower than others.
        let width = n.div_ceil(4 * threads).next_multiple_of(CHUNK);
        let is_large = is_large::<T>(out.len());
        let groups: Vec<Vec<T>> = x.chunks_exact(rows * k).map(|x| side_by_side(x, k)).collect();
        let groups = out.chunks_exact_mut(rows * n).zip(&groups);
        let all = groups.flat_map(|(out, x)| {
            let blocks =
                column_blocks(out, n, width).into_iter().zip(self.0.parameters_of_elements().chunks(width));
            blocks.map(move |(out, parameters)| Values { x, parameters, is_large, out })
        });
        let write = |values: Values<'_, T>| pulp::Arch::new().dispatch(values);
        match threads {
            1 => all.for_each(write),
            _ => all.collect::<Vec<_>>().into_par_iter().for_each(write),
        }
    }

    /// Writes all of `out`: the values of the elements from `start` on.
    fn values<T: Lanes>(&self, row: &[T], start: usize, out: &mut [MaybeUninit<T>]) {
        let elements = start..start + out.len();
        let Some(runs) = &self.0.runs else {
            for (out, &p) in out.iter_mut().zip(&self.0.parameters_of_elements()[elements]) {
                out.write(row[p as usize]);
            }
            return;
        };
        for_each_piece(runs, elements, |elements, parameters, step| {
            let (out, values) = (out[elements].iter_mut(), &row[parameters]);
            match step {
                Step::Same => out.for_each(|out| _ = out.write(values[0])),
                Step::Up => out.zip(values).for_each(|(out, &x)| _ = out.write(x)),
                Step::Down => out.zip(values.iter().rev()).for_each(|(out, &x)| _ = out.write(x)),
            }
        });
    }
}

impl SumTied<'_> {
    /// In `f64`: one parameter may have very many elements. The sums of pieces of so many elements
    /// are added in order.
    fn run<T: Lanes>(&self, x: &[T]) -> Vec<T> {
        let (n, k) = (self.0.elements(), self.0.count);
        let rows = x.len() / n;
        let piece = PIECE.max(8 * k);
        let threads = threads(x.len());
        let mut sums = vec![0f64; rows * k];
        let (lanes, together) = together::<T>(self.0, rows);
        let (sums_together, sums_left) = sums.split_at_mut(together * k);
        let (x_together, x) = x.split_at(together * n);
        let part_together = |x: &[T], start: usize, part: &mut [f64]| {
            let parameters = &self.0.parameters_of_elements()[start..n.min(start + piece)];
            pulp::Arch::new().dispatch(Sums { x: &x[start..], stride: n, parameters, sums: part });
        };
        let add_together = |sums: &mut [f64], part: &[f64]| {
            for (row, sums) in sums.chunks_exact_mut(k).enumerate() {
                sums.iter_mut().zip(part[row..].iter().step_by(lanes)).for_each(|(sum, x)| *sum += x);
            }
        };
        in_pieces(
            (x_together, lanes * n),
            (sums_together, lanes * k),
            (n, piece),
            threads,
            part_together,
            add_together,
        );
        // So many rows at a time that their sums stay in a cache, and the indices, too.
        let part =
            |x: &[T], start: usize, part: &mut [f64]| self.add(&x[start..n.min(start + piece)], start, part);
        let add = |sums: &mut [f64], part: &[f64]| sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        in_pieces((x, n), (sums_left, k), (n, piece), threads, part, add);
        sums.into_iter().map(T::from_f64).collect()
    }

    /// Adds the elements from `start` on to the sums of their parameters.
    fn add<T: Lanes>(&self, x: &[T], start: usize, sums: &mut [f64]) {
        let elements = start..start + x.len();
        let Some(runs) = &self.0.runs else {
            for (&value, &p) in x.iter().zip(&self.0.parameters_of_elements()[elements]) {
                sums[p as usize] += value.to_f64();
            }
            return;
        };
        vectorized(
            #[inline(always)]
            || {
                for_each_piece(
                    runs,
                    elements,
                    #[inline(always)]
                    |elements, parameters, step| {
                        let (x, sums) = (&x[elements], &mut sums[parameters]);
                        match step {
                            Step::Same => sums[0] += sum_run(x),
                            Step::Up => sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += x.to_f64()),
                            Step::Down => {
                                sums.iter_mut().zip(x.iter().rev()).for_each(|(sum, x)| *sum += x.to_f64());
                            }
                        }
                    },
                );
            },
        );
    }
}

/// For each block of `x` and of `sums`, of so many numbers: calls `part` for pieces of so many of
/// the `n` elements, with their start and zeros of the size of a block of sums, and `add`s what
/// that leaves to the sums, in order.
fn in_pieces<T: Lanes>(
    (x, x_block): (&[T], usize),
    (sums, sums_block): (&mut [f64], usize),
    (n, piece): (usize, usize),
    threads: usize,
    part: impl Fn(&[T], usize, &mut [f64]) + Sync,
    add: impl Fn(&mut [f64], &[f64]) + Sync,
) {
    let starts = (0..n.div_ceil(piece)).map(|number| number * piece);
    let blocks = x.len() / x_block;
    if blocks >= threads {
        let share = blocks.div_ceil(threads).min(SUMS.div_ceil(sums_block)).max(1);
        let of_share = |(sums, x): (&mut [f64], &[T])| {
            let mut zeros = vec![0f64; sums_block];
            for start in starts.clone() {
                for (sums, x) in sums.chunks_exact_mut(sums_block).zip(x.chunks_exact(x_block)) {
                    zeros.fill(0.0);
                    part(x, start, &mut zeros);
                    add(sums, &zeros);
                }
            }
        };
        let (sums_share, x_share) = (share * sums_block, share * x_block);
        match threads {
            1 => sums.chunks_mut(sums_share).zip(x.chunks(x_share)).for_each(of_share),
            _ => sums.par_chunks_mut(sums_share).zip(x.par_chunks(x_share)).for_each(of_share),
        }
    } else {
        for (sums, x) in sums.chunks_exact_mut(sums_block).zip(x.chunks_exact(x_block)) {
            let parts = starts.clone().collect::<Vec<_>>().into_par_iter().map(|start| {
                let mut zeros = vec![0f64; sums_block];
                part(x, start, &mut zeros);
                zeros
            });
            parts.collect::<Vec<_>>().iter().for_each(|part| add(sums, part));
        }
    }
}

/// The sum of a run in several partial sums, which the compiler can keep in vectors.
#[inline(always)]
fn sum_run<T: Lanes>(x: &[T]) -> f64 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0f64; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x.to_f64();
        }
    }
    let rest = rest.iter().map(|x| x.to_f64());
    lanes.into_iter().chain(rest).sum()
}

macro_rules! operation {
    ($name:ident, $label:literal, $ties:ident => $size:expr) => {
        impl CustomOp1 for $name<'_> {
            fn name(&self) -> &'static str {
                $label
            }

            fn cpu_fwd(
                &self,
                storage: &CpuStorage,
                layout: &Layout,
            ) -> candle_core::Result<(CpuStorage, Shape)> {
                let y = match storage {
                    CpuStorage::F32(x) => CpuStorage::F32(self.run(dense(x, layout))),
                    CpuStorage::F64(x) => CpuStorage::F64(self.run(dense(x, layout))),
                    other => return Err(unsupported(other, $label)),
                };
                let $ties = self.0;
                Ok((y, with_last(layout.dims(), $size).into()))
            }
        }
    };
}
operation!(Expand, "expand_tied", ties => ties.elements());
operation!(SumTied, "sum_tied", ties => ties.count);
