//! The second derivative.
//!
//! With `A₀ = Σ a`, `A₁ = Σ a ŷ`, `A_g = Σ a g`, `g₀ = Σ g`, `g₁ = Σ g ŷ` over the N numbers of a
//! channel, k = γ r and `q = A_g − A₀ g₀ / N − A₁ g₁ / N`, what is differentiated is `F = k q + c_γ
//! g₁ + c_β g₀`. By γ this is r q; by g, `k (a − A₀ / N − ŷ A₁ / N) + c_γ ŷ + c_β`; by ŷ, `e = −k
//! (a g₁ + A₁ g) / N + c_γ g`, and by y `r (e − Σ e / N − ŷ Σ e ŷ / N) − γ q r² ŷ / N`.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::cpu::{Task, sizes, sums, with_tasks};
use super::loops::{LANES, Sizes, blocks, either, load, store};
use super::{Cotangents, NONE, OP, Saved};
use crate::channels_last::{channels_last, images};
use crate::error::Result;
use crate::numbers::{Numbers, with};
use crate::vectorized::vectorized;

pub(super) fn second(
    y: &Tensor,
    gamma: &Tensor,
    saved: &Saved,
    g: &Tensor,
    cotangents: Cotangents<'_>,
) -> Result<[Tensor; 3]> {
    match y.dtype() {
        candle_core::DType::F32 => second_of::<f32>(y, gamma, saved, g, cotangents),
        _ => second_of::<f64>(y, gamma, saved, g, cotangents),
    }
}

/// The cotangents of one task.
#[derive(Clone, Copy)]
struct Given<'a, T> {
    y: Option<&'a [T]>,
    gamma: &'a [T],
    beta: &'a [T],
}

fn second_of<T: Numbers>(
    y: &Tensor,
    gamma: &Tensor,
    saved: &Saved,
    g: &Tensor,
    cotangents: Cotangents<'_>,
) -> Result<[Tensor; 3]> {
    let (count, sizes) = sizes(y, saved.pool);
    let (image, result, c) =
        (sizes.examples * sizes.image(), sizes.examples * sizes.result(), sizes.channels);
    let zeros = gamma.zeros_like()?;
    let a = cotangents.y.map(channels_last).transpose()?;
    let mut ddy = vec![T::zero(); count * image];
    let mut ddz = vec![T::zero(); count * result];
    let mut dgamma = vec![T::zero(); count * c];
    let mut run = |a: Option<&[T]>, of_gamma: &[T], of_beta: &[T]| {
        with_tasks((y, gamma, saved, g), sizes, |tasks| {
            let out = ddy.par_chunks_exact_mut(image).zip(ddz.par_chunks_exact_mut(result));
            let out = out.zip(dgamma.par_chunks_exact_mut(c)).zip(tasks).enumerate();
            out.for_each(|(t, (((ddy, ddz), dgamma), task))| {
                let given = Given {
                    y: a.map(|a| &a[t * image..][..image]),
                    gamma: &of_gamma[t * c..][..c],
                    beta: &of_beta[t * c..][..c],
                };
                vectorized(
                    #[inline(always)]
                    || {
                        for (first, n) in blocks(sizes.channels) {
                            match n {
                                LANES => block(task, given, sizes, (ddy, dgamma, ddz), first, LANES),
                                _ => block(task, given, sizes, (ddy, dgamma, ddz), first, n),
                            }
                        }
                    },
                );
            });
            Ok(())
        })
    };
    with(OP, cotangents.gamma.unwrap_or(&zeros), |of_gamma: &[T]| {
        with(OP, cotangents.beta.unwrap_or(&zeros), |of_beta: &[T]| match &a {
            Some(a) => with(OP, a, |a: &[T]| run(Some(a), of_gamma, of_beta)),
            None => run(None, of_gamma, of_beta),
        })
    })?;
    let (oh, ow) = sizes.windows();
    let shape = [count, sizes.examples, sizes.height, sizes.width, c];
    let pooled = [count, sizes.examples, oh, ow, c];
    Ok([
        images(&Tensor::from_vec(ddy, &shape, &Device::Cpu)?)?,
        Tensor::from_vec(dgamma, (count, c), &Device::Cpu)?,
        images(&Tensor::from_vec(ddz, &pooled, &Device::Cpu)?)?,
    ])
}

/// `Σ a`, `Σ a (y − μ)` and `Σ a g` of a block's channels: rows in the type of the images, all of
/// them in `f64`.
#[inline(always)]
fn cotangent_sums<T: Numbers>(
    task: Task<'_, T>,
    a: &[T],
    sizes: Sizes,
    first: usize,
    n: usize,
) -> [[f64; LANES]; 3] {
    let mean = load(task.mean, first, n);
    let mut totals = [[0f64; LANES]; 3];
    let row = sizes.width * sizes.channels;
    for (a, y) in a.chunks_exact(row).zip(task.y.chunks_exact(row)) {
        let mut sums = [[T::zero(); LANES]; 2];
        for (a, y) in a.chunks_exact(sizes.channels).zip(y.chunks_exact(sizes.channels)) {
            let (a, y) = (load(a, first, n), load(y, first, n));
            for l in 0..LANES {
                sums[0][l] += a[l];
                sums[1][l] += a[l] * (y[l] - mean[l]);
            }
        }
        for (total, sum) in totals.iter_mut().zip(sums) {
            (0..n).for_each(|l| total[l] += sum[l].to_f64());
        }
    }
    let (places, count) = sizes.places();
    let (oh, ow) = sizes.windows();
    for example in 0..sizes.examples {
        for i in 0..oh {
            let mut sum = [T::zero(); LANES];
            for j in 0..ow {
                let (from, to) = sizes.window(example, i, j);
                let g = load(task.g, to + first, n);
                let there = chosen(task, a, (from, to), &places[..count], first, n);
                (0..LANES).for_each(|l| sum[l] += there[l] * g[l]);
            }
            (0..n).for_each(|l| totals[2][l] += sum[l].to_f64());
        }
    }
    totals
}

/// The numbers of `a` at the pixels that were the largest of their window; zero where there is
/// none.
#[inline(always)]
fn chosen<T: Numbers>(
    task: Task<'_, T>,
    a: &[T],
    (from, to): (usize, usize),
    places: &[usize],
    first: usize,
    n: usize,
) -> [T; LANES] {
    let index = load(task.index, to + first, n);
    let mut found = [T::zero(); LANES];
    for (number, place) in places.iter().enumerate() {
        let a = load(a, from + place + first, n);
        for l in 0..LANES {
            found[l] = either(index[l] == number as u8, a[l], found[l]);
        }
    }
    found
}

#[inline(always)]
fn block<T: Numbers>(
    task: Task<'_, T>,
    given: Given<'_, T>,
    sizes: Sizes,
    (ddy, dgamma, ddz): (&mut [T], &mut [T], &mut [T]),
    first: usize,
    n: usize,
) {
    let [g0, g1] = sums(task, sizes, first, n);
    let [a0, a1, ag] = match given.y {
        Some(a) => cotangent_sums(task, a, sizes, first, n),
        None => [[0.0; LANES]; 3],
    };
    let mean = load(task.mean, first, n);
    let (scale, gamma) = (load(task.scale, first, n), load(task.gamma, first, n));
    let (cg, cb) = (load(given.gamma, first, n), load(given.beta, first, n));
    let count = sizes.count();
    let zero = [T::zero(); LANES];
    // Of ddy: the factors of a and of g, what is the same everywhere, and the factor of y − μ.
    let (mut of_a, mut of_g, mut dense, mut slope) = (zero, zero, zero, zero);
    // Of ddz: the factor of a, what is the same everywhere, and the factor of ŷ.
    let (mut there_a, mut there, mut there_y) = (zero, zero, zero);
    for l in 0..n {
        let (r, gamma, cg, cb) = (scale[l].to_f64(), gamma[l].to_f64(), cg[l].to_f64(), cb[l].to_f64());
        let (k, a1) = (gamma * r, a1[l] * r);
        let q = ag[l] - a0[l] * g0[l] / count - a1 * g1[l] / count;
        dgamma[first + l] = T::from_f64(r * q);
        let e0 = -k * (g1[l] * a0[l] + a1 * g0[l]) / count + cg * g0[l];
        let e1 = -2.0 * k * a1 * g1[l] / count + cg * g1[l];
        of_a[l] = T::from_f64(-r * k * g1[l] / count);
        of_g[l] = T::from_f64(r * (cg - k * a1 / count));
        dense[l] = T::from_f64(-r * e0 / count);
        slope[l] = T::from_f64(-r * r * (e1 + k * q) / count);
        there_a[l] = T::from_f64(k);
        there[l] = T::from_f64(-k * a0[l] / count + cb);
        there_y[l] = T::from_f64(-k * a1 / count + cg);
    }
    let (places, windows) = sizes.places();
    let (oh, ow) = sizes.windows();
    for example in 0..sizes.examples {
        for i in 0..oh {
            for j in 0..ow {
                let (from, to) = sizes.window(example, i, j);
                let g = load(task.g, to + first, n);
                let best = load(task.best, to + first, n);
                let index = load(task.index, to + first, n);
                let mut largest = zero;
                for (number, place) in places[..windows].iter().enumerate() {
                    let at = from + place + first;
                    let y = load(task.y, at, n);
                    let a = given.y.map_or(zero, |a| load(a, at, n));
                    let mut out = zero;
                    for l in 0..LANES {
                        let is_it = index[l] == number as u8;
                        let own = either(is_it, g[l] * of_g[l], T::zero());
                        largest[l] = either(is_it, a[l], largest[l]);
                        out[l] = own + a[l] * of_a[l] + dense[l] + slope[l] * (y[l] - mean[l]);
                    }
                    store(&out, ddy, at, n);
                }
                let out = std::array::from_fn(|l| {
                    let value = largest[l] * there_a[l] + there[l] + best[l] * there_y[l];
                    either(index[l] == NONE, T::zero(), value)
                });
                store(&out, ddz, to + first, n);
            }
        }
    }
    for at in sizes.left_out() {
        let at = at + first;
        let y = load(task.y, at, n);
        let a = given.y.map_or(zero, |a| load(a, at, n));
        let out = std::array::from_fn(|l| a[l] * of_a[l] + dense[l] + slope[l] * (y[l] - mean[l]));
        store(&out, ddy, at, n);
    }
}
