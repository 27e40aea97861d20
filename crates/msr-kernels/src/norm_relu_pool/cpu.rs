//! The forward pass and the gradient, task by task, tasks spread over threads.

use candle_core::{Device, Tensor, WithDType};
use rayon::prelude::*;

use super::loops::{LANES, Sizes, blocks, either, load, store};
use super::{NONE, OP, Pool, Saved};
use crate::channels_last::{channels_last, images};
use crate::error::Result;
use crate::numbers::{Numbers, with};
use crate::vectorized::vectorized;

/// What is gone through in tasks.
pub(super) fn sizes(y: &Tensor, pool: Pool) -> (usize, Sizes) {
    let dims = y.dims();
    let size = |d: usize| dims.get(d).copied().unwrap_or(0);
    (size(0), Sizes { examples: size(1), channels: size(2), height: size(3), width: size(4), pool })
}

pub(super) fn forward(
    y: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
    pool: Pool,
) -> Result<(Tensor, Saved)> {
    match y.dtype() {
        candle_core::DType::F32 => forward_of::<f32>(y, gamma, beta, epsilon, pool),
        _ => forward_of::<f64>(y, gamma, beta, epsilon, pool),
    }
}

fn forward_of<T: Numbers>(
    y: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
    pool: Pool,
) -> Result<(Tensor, Saved)> {
    let (tasks, sizes) = sizes(y, pool);
    let (c, result) = (sizes.channels, sizes.examples * sizes.result());
    let mut z = vec![T::zero(); tasks * result];
    let mut best = vec![T::zero(); tasks * result];
    let mut index = vec![0u8; tasks * result];
    let (mut mean, mut scale) = (vec![T::zero(); tasks * c], vec![T::zero(); tasks * c]);
    with(OP, &channels_last(y)?, |y| {
        with(OP, gamma, |gamma| {
            with(OP, beta, |beta| {
                let own = mean.par_chunks_exact_mut(c).zip(scale.par_chunks_exact_mut(c));
                let out = z.par_chunks_exact_mut(result).zip(best.par_chunks_exact_mut(result));
                let out = out.zip(index.par_chunks_exact_mut(result));
                let given = gamma.par_chunks_exact(c).zip(beta.par_chunks_exact(c));
                let tasks = y.par_chunks_exact(sizes.examples * sizes.image()).zip(given);
                tasks.zip(own.zip(out)).for_each(
                    |((y, (gamma, beta)), ((mean, scale), ((z, best), index)))| {
                        vectorized(
                            #[inline(always)]
                            || statistics(y, sizes, epsilon, mean, scale),
                        );
                        let affine = Affine { mean, scale, gamma, beta };
                        vectorized(
                            #[inline(always)]
                            || normalised(y, sizes, &affine, z, best, index),
                        );
                    },
                );
                Ok(())
            })
        })
    })?;
    let (oh, ow) = sizes.windows();
    let shape = [tasks, sizes.examples, oh, ow, c];
    let saved = Saved {
        pool,
        mean: Tensor::from_vec(mean, (tasks, c), &Device::Cpu)?,
        scale: Tensor::from_vec(scale, (tasks, c), &Device::Cpu)?,
        index: Tensor::from_vec(index, &shape, &Device::Cpu)?,
        best: Tensor::from_vec(best, &shape, &Device::Cpu)?,
    };
    Ok((images(&Tensor::from_vec(z, &shape, &Device::Cpu)?)?, saved))
}

/// Mean and `(variance + ε)^−½` of each channel. Image by image, which stays in the cache: its
/// mean, then the squares about that; put together after Chan, Golub and LeVeque.
#[inline(always)]
fn statistics<T: Numbers>(y: &[T], sizes: Sizes, epsilon: f64, mean: &mut [T], scale: &mut [T]) {
    let pixels = (sizes.height * sizes.width) as f64;
    for (first, n) in blocks(sizes.channels) {
        let (mut means, mut squares) = ([0f64; LANES], [0f64; LANES]);
        for (number, image) in y.chunks_exact(sizes.image()).enumerate() {
            let sum = match n {
                LANES => image_sum(image, sizes, first, LANES, None),
                _ => image_sum(image, sizes, first, n, None),
            };
            let own: [T; LANES] = std::array::from_fn(|l| T::from_f64(sum[l] / pixels));
            let own_squares = match n {
                LANES => image_sum(image, sizes, first, LANES, Some(&own)),
                _ => image_sum(image, sizes, first, n, Some(&own)),
            };
            // Of so many images before, and this one.
            let before = number as f64;
            for l in 0..LANES {
                let own = own[l].to_f64();
                let rest = sum[l] - own * pixels;
                let own_mean = own + rest / pixels;
                let own_square = own_squares[l] - rest * rest / pixels;
                let apart = own_mean - means[l];
                means[l] += apart / (before + 1.0);
                squares[l] += own_square + apart * apart * pixels * before / (before + 1.0);
            }
        }
        for l in 0..n {
            mean[first + l] = T::from_f64(means[l]);
            scale[first + l] = T::from_f64((squares[l] / sizes.count() + epsilon).sqrt().recip());
        }
    }
}

/// The sum of an image's pixels, or of the squares of their distances from a centre: rows in the
/// image's type, all of them in `f64`.
#[inline(always)]
fn image_sum<T: WithDType>(
    image: &[T],
    sizes: Sizes,
    first: usize,
    n: usize,
    centre: Option<&[T; LANES]>,
) -> [f64; LANES] {
    let mut total = [0f64; LANES];
    for row in image.chunks_exact(sizes.width * sizes.channels) {
        let mut sum = [T::zero(); LANES];
        for pixel in row.chunks_exact(sizes.channels) {
            let x = load(pixel, first, n);
            match centre {
                None => (0..LANES).for_each(|l| sum[l] += x[l]),
                Some(centre) => (0..LANES).for_each(|l| {
                    let apart = x[l] - centre[l];
                    sum[l] += apart * apart;
                }),
            }
        }
        (0..n).for_each(|l| total[l] += sum[l].to_f64());
    }
    total
}

/// μ, r, γ and β of one task.
struct Affine<'a, T> {
    mean: &'a [T],
    scale: &'a [T],
    gamma: &'a [T],
    beta: &'a [T],
}

#[inline(always)]
fn normalised<T: Numbers>(
    y: &[T],
    sizes: Sizes,
    affine: &Affine<'_, T>,
    z: &mut [T],
    best: &mut [T],
    index: &mut [u8],
) {
    for (first, n) in blocks(sizes.channels) {
        match n {
            LANES => normalised_block(y, sizes, affine, z, best, index, first, LANES),
            _ => normalised_block(y, sizes, affine, z, best, index, first, n),
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the loop of one function")]
fn normalised_block<T: Numbers>(
    y: &[T],
    sizes: Sizes,
    affine: &Affine<'_, T>,
    z: &mut [T],
    best: &mut [T],
    index: &mut [u8],
    first: usize,
    n: usize,
) {
    let (mean, scale) = (load(affine.mean, first, n), load(affine.scale, first, n));
    let (gamma, beta) = (load(affine.gamma, first, n), load(affine.beta, first, n));
    let (places, count) = sizes.places();
    let (oh, ow) = sizes.windows();
    for example in 0..sizes.examples {
        for i in 0..oh {
            for j in 0..ow {
                let (from, to) = sizes.window(example, i, j);
                // A number like the others, so that one vector of conditions serves all three.
                let mut chosen = [T::zero(); LANES];
                let mut normal = [T::zero(); LANES];
                let mut largest = [T::zero(); LANES];
                for (number, place) in places[..count].iter().enumerate() {
                    let x = load(y, from + place + first, n);
                    let this = T::from_f64(number as f64);
                    for l in 0..LANES {
                        let own = (x[l] - mean[l]) * scale[l];
                        let value = own * gamma[l] + beta[l];
                        // Of NaN and a number, NaN.
                        let more = number == 0 || value > largest[l] || value.partial_cmp(&value).is_none();
                        chosen[l] = either(more, this, chosen[l]);
                        normal[l] = either(more, own, normal[l]);
                        largest[l] = either(more, value, largest[l]);
                    }
                }
                let (z, best) = (&mut z[to + first..][..n], &mut best[to + first..][..n]);
                let index = &mut index[to + first..][..n];
                for l in 0..n {
                    let off = largest[l] <= T::zero();
                    z[l] = if off { T::zero() } else { largest[l] };
                    index[l] = if off { NONE } else { chosen[l].to_f64() as u8 };
                    best[l] = normal[l];
                }
            }
        }
    }
}

pub(super) fn gradient(y: &Tensor, gamma: &Tensor, saved: &Saved, g: &Tensor) -> Result<[Tensor; 3]> {
    match y.dtype() {
        candle_core::DType::F32 => gradient_of::<f32>(y, gamma, saved, g),
        _ => gradient_of::<f64>(y, gamma, saved, g),
    }
}

/// One task of what was saved, with the gradient of its results.
#[derive(Clone, Copy)]
pub(super) struct Task<'a, T> {
    pub(super) y: &'a [T],
    pub(super) gamma: &'a [T],
    pub(super) mean: &'a [T],
    pub(super) scale: &'a [T],
    pub(super) index: &'a [u8],
    pub(super) best: &'a [T],
    pub(super) g: &'a [T],
}

/// Calls `f` with all tasks.
pub(super) fn with_tasks<T: Numbers, R>(
    (y, gamma, saved, g): (&Tensor, &Tensor, &Saved, &Tensor),
    sizes: Sizes,
    f: impl FnOnce(Vec<Task<'_, T>>) -> Result<R>,
) -> Result<R> {
    let (image, result, c) =
        (sizes.examples * sizes.image(), sizes.examples * sizes.result(), sizes.channels);
    with(OP, &channels_last(y)?, |y: &[T]| {
        with(OP, &channels_last(g)?, |g: &[T]| {
            with(OP, gamma, |gamma: &[T]| {
                with(OP, &saved.mean, |mean: &[T]| {
                    with(OP, &saved.scale, |scale: &[T]| {
                        with(OP, &saved.index, |index: &[u8]| {
                            with(OP, &saved.best, |best: &[T]| {
                                let task = |t: usize| Task {
                                    y: &y[t * image..][..image],
                                    gamma: &gamma[t * c..][..c],
                                    mean: &mean[t * c..][..c],
                                    scale: &scale[t * c..][..c],
                                    index: &index[t * result..][..result],
                                    best: &best[t * result..][..result],
                                    g: &g[t * result..][..result],
                                };
                                f((0..y.len() / image).map(task).collect())
                            })
                        })
                    })
                })
            })
        })
    })
}

fn gradient_of<T: Numbers>(y: &Tensor, gamma: &Tensor, saved: &Saved, g: &Tensor) -> Result<[Tensor; 3]> {
    let (count, sizes) = sizes(y, saved.pool);
    let (image, c) = (sizes.examples * sizes.image(), sizes.channels);
    let mut dy = vec![T::zero(); count * image];
    let (mut dgamma, mut dbeta) = (vec![T::zero(); count * c], vec![T::zero(); count * c]);
    with_tasks((y, gamma, saved, g), sizes, |tasks| {
        let vectors = dgamma.par_chunks_exact_mut(c).zip(dbeta.par_chunks_exact_mut(c));
        let out = dy.par_chunks_exact_mut(image).zip(vectors);
        out.zip(tasks).for_each(|((dy, (dgamma, dbeta)), task)| {
            vectorized(
                #[inline(always)]
                || {
                    for (first, n) in blocks(sizes.channels) {
                        match n {
                            LANES => gradient_block(task, sizes, dy, dgamma, dbeta, first, LANES),
                            _ => gradient_block(task, sizes, dy, dgamma, dbeta, first, n),
                        }
                    }
                },
            );
        });
        Ok(())
    })?;
    let shape = [count, sizes.examples, sizes.height, sizes.width, c];
    Ok([
        images(&Tensor::from_vec(dy, &shape, &Device::Cpu)?)?,
        Tensor::from_vec(dgamma, (count, c), &Device::Cpu)?,
        Tensor::from_vec(dbeta, (count, c), &Device::Cpu)?,
    ])
}

/// `Σ g` and `Σ g ŷ` of a block's channels, g being the gradient behind the pool and the ReLU: rows
/// in the type of the images, all of them in `f64`.
#[inline(always)]
pub(super) fn sums<T: Numbers>(task: Task<'_, T>, sizes: Sizes, first: usize, n: usize) -> [[f64; LANES]; 2] {
    let mut totals = [[0f64; LANES]; 2];
    let (_, ow) = sizes.windows();
    for (row, g) in task.g.chunks_exact(ow * sizes.channels).enumerate() {
        let mut sums = [[T::zero(); LANES]; 2];
        let start = row * ow * sizes.channels;
        for j in 0..ow {
            let at = j * sizes.channels + first;
            let (g, best) = (load(g, at, n), load(task.best, start + at, n));
            let index = load(task.index, start + at, n);
            for l in 0..LANES {
                let g = either(index[l] == NONE, T::zero(), g[l]);
                sums[0][l] += g;
                sums[1][l] += g * best[l];
            }
        }
        for (total, sum) in totals.iter_mut().zip(sums) {
            (0..n).for_each(|l| total[l] += sum[l].to_f64());
        }
    }
    totals
}

/// `dy = γ r (g − Σ g / N − ŷ Σ g ŷ / N)`, `dγ = Σ g ŷ`, `dβ = Σ g` of a block's channels.
#[inline(always)]
fn gradient_block<T: Numbers>(
    task: Task<'_, T>,
    sizes: Sizes,
    dy: &mut [T],
    dgamma: &mut [T],
    dbeta: &mut [T],
    first: usize,
    n: usize,
) {
    let [g0, g1] = sums(task, sizes, first, n);
    let mean = load(task.mean, first, n);
    let (scale, gamma) = (load(task.scale, first, n), load(task.gamma, first, n));
    let (mut here, mut dense, mut slope) = ([T::zero(); LANES], [T::zero(); LANES], [T::zero(); LANES]);
    for l in 0..n {
        dgamma[first + l] = T::from_f64(g1[l]);
        dbeta[first + l] = T::from_f64(g0[l]);
        let (r, factor) = (scale[l].to_f64(), gamma[l].to_f64() * scale[l].to_f64());
        here[l] = T::from_f64(factor);
        dense[l] = T::from_f64(-factor * g0[l] / sizes.count());
        slope[l] = T::from_f64(-factor * r * g1[l] / sizes.count());
    }
    let (places, count) = sizes.places();
    let (oh, ow) = sizes.windows();
    for example in 0..sizes.examples {
        for i in 0..oh {
            for j in 0..ow {
                let (from, to) = sizes.window(example, i, j);
                let g = load(task.g, to + first, n);
                let index = load(task.index, to + first, n);
                for (number, place) in places[..count].iter().enumerate() {
                    let at = from + place + first;
                    let x = load(task.y, at, n);
                    let out = std::array::from_fn(|l| {
                        let own = either(index[l] == number as u8, g[l] * here[l], T::zero());
                        own + dense[l] + slope[l] * (x[l] - mean[l])
                    });
                    store(&out, dy, at, n);
                }
            }
        }
    }
    for at in sizes.left_out() {
        let at = at + first;
        let x = load(task.y, at, n);
        let out = std::array::from_fn(|l| dense[l] + slope[l] * (x[l] - mean[l]));
        store(&out, dy, at, n);
    }
}
