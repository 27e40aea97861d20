//! The steps of each task one after the other, tasks spread over threads. A task's design matrix is
//! copied once, line by line as it is stored; one of `Φ v` and `Φᵀ e` is then a sum of lines, the
//! other one is dot products with them.

use candle_core::{DType, Device, Tensor, WithDType};
use rayon::prelude::*;

use super::combine::{combine, dots, padded};
use super::design::{Lines, Places};
use super::{OP, Path, Sizes};
use crate::error::Result;
use crate::numbers::{Numbers, hold};
use crate::reduce::sum_keepdim;
use crate::threads::worth_spreading;
use crate::vectorized::vectorized;

/// The multiply–adds below which another thread is not worth waking: it sleeps again before the
/// next product of a training step, and one of these operations is soon over.
const SHARE: usize = 1 << 20;

pub(super) fn descend(
    design: &Tensor,
    targets: &Tensor,
    start: &Tensor,
    rate: &Tensor,
    steps: usize,
    sizes: Sizes,
) -> Result<(Tensor, Path)> {
    match design.dtype() {
        DType::F32 => descend_of::<f32>(design, targets, start, rate, steps, sizes),
        _ => descend_of::<f64>(design, targets, start, rate, steps, sizes),
    }
}

pub(super) fn gradient(
    design: &Tensor,
    rate: &Tensor,
    path: &Path,
    g: &Tensor,
    sizes: Sizes,
) -> Result<[Tensor; 3]> {
    match design.dtype() {
        DType::F32 => gradient_of::<f32>(design, rate, path, g, sizes),
        _ => gradient_of::<f64>(design, rate, path, g, sizes),
    }
}

impl Sizes {
    /// The tasks that a thread takes at once.
    fn share(self, steps: usize) -> usize {
        let work = self.rows.saturating_mul(self.columns).saturating_mul(2 * steps + 2);
        (worth_spreading(SHARE) / work.max(1)).clamp(1, self.tasks.max(1))
    }
}

/// The design matrix of one task: its rows or its columns, filled up with zeros.
struct Matrix<'a, T> {
    places: &'a Places,
    lines: Vec<T>,
    width: usize,
}

impl<'a, T: WithDType> Matrix<'a, T> {
    fn new(places: &'a Places) -> Self {
        let (count, length) = places.lines();
        let width = padded(length);
        Self { places, lines: vec![T::zero(); count * width], width }
    }

    #[inline(always)]
    fn read(&mut self, storage: &[T], task: usize) {
        self.places.read(storage, task, &mut self.lines, self.width);
    }

    /// `out ← out + Φ v`; both are filled up.
    #[inline(always)]
    fn times(&self, v: &[T], out: &mut [T]) {
        match self.places.by_columns {
            true => combine(&self.lines, v, out),
            false => dots(&self.lines, v, out),
        }
    }

    /// `out ← out + Φᵀ e`; both are filled up.
    #[inline(always)]
    fn transposed_times(&self, e: &[T], out: &mut [T]) {
        match self.places.by_columns {
            true => dots(&self.lines, e, out),
            false => combine(&self.lines, e, out),
        }
    }
}

fn descend_of<T: Numbers>(
    design: &Tensor,
    targets: &Tensor,
    start: &Tensor,
    rate: &Tensor,
    steps: usize,
    sizes: Sizes,
) -> Result<(Tensor, Path)> {
    let Sizes { tasks, rows: n, columns: k } = sizes;
    let (height, width) = (padded(n), padded(k));
    let places = Places::of(design);
    let (targets, start, rate) = (targets.contiguous()?, start.contiguous()?, rate.contiguous()?);
    let held = [design, &targets, &start, &rate].map(|t| hold(OP, t));
    let design = held[0].storage::<T>()?;
    let (targets, start, rate) = (held[1].dense::<T>()?, held[2].dense::<T>()?, held[3].dense::<T>()?);
    let scale = T::from_f64(2.0 / n as f64);
    let mut after = start.to_vec();
    let mut before = vec![T::zero(); tasks * steps * width];
    let mut errors = vec![T::zero(); tasks * steps * height];
    let mut slopes = vec![T::zero(); tasks * steps * width];
    // After no step there are no chunks, and all is as it was.
    let chunk = |length: usize| (steps * length).max(1);
    let saved = before.par_chunks_mut(chunk(width)).zip(errors.par_chunks_mut(chunk(height)));
    let saved = saved.zip(slopes.par_chunks_mut(chunk(width)));
    let tasks_of = after.par_chunks_exact_mut(k).zip(saved).zip(targets.par_chunks_exact(n)).enumerate();
    tasks_of.with_min_len(sizes.share(steps)).for_each_init(
        || Matrix::new(&places),
        |matrix, (task, ((after, ((before, errors), slopes)), targets))| {
            let steps = before.chunks_exact_mut(width).zip(errors.chunks_exact_mut(height));
            let steps = steps.zip(slopes.chunks_exact_mut(width));
            vectorized(
                #[inline(always)]
                || {
                    matrix.read(design, task);
                    for ((before, error), slope) in steps {
                        before[..k].copy_from_slice(after);
                        error.iter_mut().zip(targets).for_each(|(error, &y)| *error = T::zero() - y);
                        matrix.times(before, error);
                        matrix.transposed_times(error, slope);
                        for ((v, &slope), &rate) in after.iter_mut().zip(&*slope).zip(rate) {
                            *v -= rate * scale * slope;
                        }
                    }
                },
            );
        },
    );
    let tensor = |numbers: Vec<T>, dims: &[usize]| Tensor::from_vec(numbers, dims, &Device::Cpu);
    let path = Path {
        before: tensor(before, &[tasks, steps, width])?,
        errors: tensor(errors, &[tasks, steps, height])?,
        slopes: tensor(slopes, &[tasks, steps, width])?,
    };
    Ok((tensor(after, &[tasks, k])?, path))
}

fn gradient_of<T: Numbers>(
    design: &Tensor,
    rate: &Tensor,
    path: &Path,
    g: &Tensor,
    sizes: Sizes,
) -> Result<[Tensor; 3]> {
    let Sizes { tasks, rows: n, columns: k } = sizes;
    let (height, width) = (padded(n), padded(k));
    let steps = path.before.dims().get(1).copied().unwrap_or(0);
    let (places, lines) = (Places::of(design), Lines::like(design));
    let (g, rate) = (g.contiguous()?, rate.contiguous()?);
    let held = [design, &rate, &g, &path.before, &path.errors, &path.slopes].map(|t| hold(OP, t));
    let design = held[0].storage::<T>()?;
    let (rate, g) = (held[1].dense::<T>()?, held[2].dense::<T>()?);
    let (before, errors, slopes) = (held[3].dense::<T>()?, held[4].dense::<T>()?, held[5].dense::<T>()?);
    let scale = T::from_f64(2.0 / n as f64);
    let mut by_start = g.to_vec();
    let mut by_rate = vec![T::zero(); tasks * k];
    // u and Φ u of each step.
    let mut along = vec![T::zero(); tasks * steps * width];
    let mut across = vec![T::zero(); tasks * steps * height];
    let chunk = |length: usize| (steps * length).max(1);
    let out = along.par_chunks_mut(chunk(width)).zip(across.par_chunks_mut(chunk(height)));
    let out = out.zip(slopes.par_chunks(chunk(width)));
    let sums = by_start.par_chunks_exact_mut(k).zip(by_rate.par_chunks_exact_mut(k));
    sums.zip(out).enumerate().with_min_len(sizes.share(steps)).for_each_init(
        || (Matrix::new(&places), vec![T::zero(); width]),
        |(matrix, back), (task, ((lambda, by_rate), ((along, across), slopes)))| {
            let steps = along.chunks_exact_mut(width).zip(across.chunks_exact_mut(height));
            let steps = steps.zip(slopes.chunks_exact(width)).rev();
            vectorized(
                #[inline(always)]
                || {
                    matrix.read(design, task);
                    for ((u, image), slope) in steps {
                        for c in 0..k {
                            let step = scale * lambda[c];
                            by_rate[c] -= slope[c] * step;
                            u[c] = rate[c] * step;
                        }
                        matrix.times(u, image);
                        back.fill(T::zero());
                        matrix.transposed_times(image, back);
                        lambda.iter_mut().zip(&*back).for_each(|(lambda, &back)| *lambda -= back);
                    }
                },
            );
        },
    );
    let tensor = |numbers: Vec<T>| Tensor::from_vec(numbers, &[tasks, k], &Device::Cpu);
    let by_rate = sum_keepdim(&tensor(by_rate)?, &[0])?.reshape(k)?;
    let (errors, before) = ((errors, height), (before, width));
    let (across, along) = ((&across[..], height), (&along[..], width));
    let by_design = match places.by_columns {
        true => outer([errors, across], [along, before], steps, &lines),
        false => outer([along, before], [errors, across], steps, &lines),
    };
    Ok([lines.tensor(by_design)?, tensor(by_start)?, by_rate])
}

/// Each line of `−Σ_s (x_s · a_s[line] + y_s · b_s[line])` of its task, from the vectors `(t, s,
/// width)` of x and y along the line, and of a and b across.
fn outer<T: WithDType>(
    along: [(&[T], usize); 2],
    across: [(&[T], usize); 2],
    steps: usize,
    lines: &Lines,
) -> Vec<T> {
    let mut out = vec![T::zero(); lines.places.len() * lines.length];
    let share =
        (worth_spreading(SHARE) / (2 * steps * lines.length).max(1)).clamp(1, lines.places.len().max(1));
    let shares = out.par_chunks_mut(share * lines.length).zip(lines.places.par_chunks(share));
    shares.for_each(|(out, places)| {
        let (mut sum, mut factors) = (vec![T::zero(); along[0].1], vec![T::zero(); steps]);
        vectorized(
            #[inline(always)]
            || {
                for (out, &(task, line)) in out.chunks_exact_mut(lines.length).zip(places) {
                    sum.fill(T::zero());
                    for ((vectors, width), (numbers, distance)) in along.into_iter().zip(across) {
                        let own = &numbers[task * steps * distance..][..steps * distance];
                        for (factor, numbers) in factors.iter_mut().zip(own.chunks_exact(distance)) {
                            *factor = T::zero() - numbers[line];
                        }
                        combine(&vectors[task * steps * width..][..steps * width], &factors, &mut sum);
                    }
                    out.copy_from_slice(&sum[..lines.length]);
                }
            },
        );
    });
    out
}
