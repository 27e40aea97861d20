//! Second moments in one pass, image by image, tasks spread over threads.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::SecondMoments;
use super::means::{self, FirstExamples};
use super::products::Products;
use crate::body::unsupported;
use crate::dense::{dense, tidy};
use crate::error::{Error, Result};
use crate::im2col::gather_columns;
use crate::vectorized::vectorized;
use crate::window::Window;

/// The moments; sizes fit.
pub(super) fn second_moments(
    x: &Tensor,
    y: &Tensor,
    window: Window,
    constant: bool,
    shift: Option<&Tensor>,
    in_f64: bool,
) -> Result<(SecondMoments, [FirstExamples; 2])> {
    let (t, c, o) = (x.dims()[0], x.dims()[2], y.dims()[2]);
    let p = x.dims()[2] * window.taps() + usize::from(constant);
    let padding = match shift {
        Some(shift) => shift.neg()?.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?,
        None => vec![0.0; t * x.dims()[2]],
    };
    let moments = SecondMomentsLoop { window, constant, padding, in_f64 };
    let all = tidy(x)?.contiguous()?.apply_op2_no_bwd(&tidy(y)?.contiguous()?, &moments)?;
    let gram = all.narrow(1, 0, p * p)?.contiguous()?.reshape((t, p, p))?;
    // Means and mean squares of the channels of images and targets.
    let samples = tidy(&all.narrow(1, p * p + o * p + 1 + p, 2 * (c + o))?)?.to_dtype(DType::F64)?;
    let samples = samples.to_vec2::<f64>()?;
    let part = |start: usize, channels| -> Vec<f64> {
        samples.iter().flat_map(|task| &task[start..start + channels]).copied().collect()
    };
    let of_images = FirstExamples { means: part(0, c), squares: part(c, c) };
    let of_targets = FirstExamples { means: part(2 * c, o), squares: part(2 * c + o, o) };
    let found = SecondMoments {
        row_norms: all.narrow(1, p * p + o * p + 1, p)?.contiguous()?,
        gram,
        cross: all.narrow(1, p * p, o * p)?.contiguous()?.reshape((t, o, p))?,
        square: all.narrow(1, p * p + o * p, 1)?.contiguous()?.reshape(t)?,
        count: super::count(y),
        centre: None,
    };
    Ok((found, [of_images, of_targets]))
}

struct SecondMomentsLoop {
    window: Window,
    constant: bool,
    /// What lies around the images, for each task and channel.
    padding: Vec<f64>,
    /// Whether to compute in double precision whatever the data is in.
    in_f64: bool,
}

/// Numbers as those that are multiplied.
trait As<T>: WithDType {
    /// The numbers, in `room` where they are not what is multiplied.
    fn converted<'a>(numbers: &'a [Self], room: &'a mut Vec<T>) -> &'a [T];
}

impl<T: WithDType> As<T> for T {
    fn converted<'a>(numbers: &'a [T], _: &'a mut Vec<T>) -> &'a [T] {
        numbers
    }
}

impl As<f64> for f32 {
    fn converted<'a>(numbers: &'a [f32], room: &'a mut Vec<f64>) -> &'a [f64] {
        room.clear();
        vectorized(
            #[inline(always)]
            || room.extend(numbers.iter().map(|&x| f64::from(x))),
        );
        room
    }
}

impl SecondMomentsLoop {
    /// Gram matrix, cross moments and square of each task, one after the other, then the norms of
    /// the rows of P, and means and mean squares of the channels of the first example.
    fn run<N: As<T>, T: Products>(
        &self,
        (x, lx): (&[N], &Layout),
        (y, ly): (&[N], &Layout),
    ) -> Result<(Vec<T>, Shape)> {
        let (&[t, b, c, h, w], &[_, _, o, oh, ow]) = (lx.dims(), ly.dims()) else {
            return Err(Error::mismatch("second_moments", lx.dims(), ly.dims(), "both need five dimensions"));
        };
        let taps = c * self.window.kernel.0 * self.window.kernel.1;
        let (p, length) = (taps + usize::from(self.constant), oh * ow);
        let (image, outputs) = (c * h * w, o * length);
        let moments = p * p + o * p;
        let size = moments + 1 + p + 2 * (c + o);
        let mut all = vec![T::zero(); t * size];
        if length * b * o * image == 0 {
            return Ok((all, (t, size).into()));
        }
        let (x, y) = (dense(x, lx), dense(y, ly));
        let task = |out: &mut [T], padding: &[f64], x: &[N], y: &[N]| -> Result<()> {
            // Padding stays as it is from image to image, and a last row stays one.
            let mut columns = vec![T::zero(); p * length];
            let of_channel = self.window.taps() * length;
            for (rows, &value) in columns.chunks_exact_mut(of_channel).zip(padding) {
                rows.fill(T::from_f64(value));
            }
            columns[taps * length..].fill(T::one());
            let mut slots = vec![T::zero(); moments * T::SLOT];
            let mut totals = vec![0f64; moments];
            // The entries of rows that the slots still take, and those of one addition to them.
            let (span, step) = (T::span(), T::step());
            let (mut square, mut left) = (0f64, span);
            let samples = &mut out[moments + 1 + p..];
            let (mut room_for_x, mut room_for_y) = (Vec::new(), Vec::new());
            for (i, (x, y)) in x.chunks_exact(image).zip(y.chunks_exact(outputs)).enumerate() {
                let (x, y) = (N::converted(x, &mut room_for_x), N::converted(y, &mut room_for_y));
                gather_columns(self.window, (h, w), x, c, &mut columns[..taps * length])?;
                let (gram, cross) = slots.split_at_mut(p * p * T::SLOT);
                let mut start = 0;
                while start < length {
                    // A part of an image may fill the slots.
                    if left == 0 {
                        empty(gram, cross, &mut totals);
                        left = span;
                    }
                    let range = start..length.min(start + left);
                    (start, left) = (range.end, left.saturating_sub(range.len().next_multiple_of(step)));
                    T::add_products(&columns, &columns, length, range.clone(), true, gram);
                    T::add_products(y, &columns, length, range, false, cross);
                }
                for part in y.chunks(span) {
                    let mut slot = vec![T::zero(); T::SLOT];
                    T::add_squares(part, &mut slot);
                    square += T::totals(&slot).map(T::to_f64).sum::<f64>();
                }
                // Now that the numbers are at hand.
                if i == 0 {
                    let (images, targets) = samples.split_at_mut(2 * c);
                    for (image, slots) in [(x, images), (y, targets)] {
                        let (means, squares) = slots.split_at_mut(slots.len() / 2);
                        means::of_image(image, means, squares);
                    }
                }
            }
            let (gram, cross) = slots.split_at_mut(p * p * T::SLOT);
            empty(gram, cross, &mut totals);
            out.iter_mut().zip(&totals).for_each(|(out, &total)| *out = T::from_f64(total));
            // The upper triangle is the lower one.
            for i in 0..p {
                for j in i + 1..p {
                    out[i * p + j] = out[j * p + i];
                }
            }
            out[moments] = T::from_f64(square);
            (0..p).for_each(|i| out[moments + 1 + i] = T::from_f64(totals[i * p + i].sqrt()));
            Ok(())
        };
        let tasks = (x.par_chunks_exact(b * image)).zip(y.par_chunks_exact(b * outputs));
        let outputs = all.par_chunks_exact_mut(size).zip(self.padding.par_chunks_exact(c));
        outputs.zip(tasks).try_for_each(|((out, padding), (x, y))| task(out, padding, x, y))?;
        Ok((all, (t, size).into()))
    }
}

/// Moves what is in the slots into the totals.
fn empty<T: Products>(gram: &mut [T], cross: &mut [T], totals: &mut [f64]) {
    let sums = T::totals(gram).chain(T::totals(cross));
    totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum.to_f64());
    gram.fill(T::zero());
    cross.fill(T::zero());
}

impl CustomOp2 for SecondMomentsLoop {
    fn name(&self) -> &'static str {
        "second_moments"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        match (s1, s2) {
            (CpuStorage::F32(x), CpuStorage::F32(y)) if self.in_f64 => {
                let (all, shape) = self.run((x, l1), (y, l2))?;
                Ok((CpuStorage::F64(all), shape))
            }
            (CpuStorage::F32(x), CpuStorage::F32(y)) => {
                let (all, shape) = self.run((x, l1), (y, l2))?;
                Ok((CpuStorage::F32(all), shape))
            }
            (CpuStorage::F64(x), CpuStorage::F64(y)) => {
                let (all, shape) = self.run((x, l1), (y, l2))?;
                Ok((CpuStorage::F64(all), shape))
            }
            (other, _) => Err(unsupported(other, "second_moments")),
        }
    }
}
