//! Convolutions on the processor: the images of a task one after the other, or over the threads of
//! the current rayon pool; how they are divided never changes a bit.
#![expect(unsafe_code, reason = "skips zeroing what is overwritten")]

use std::mem::MaybeUninit;

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Sizes;
use super::correlate::{Border, Correlation};
use super::filters::{Packed, VECTORS, of_task};
use super::weight_grad::{PIECE, Products};
use super::winograd::{self, Room, Tiles, Transformed};
use crate::body::unsupported;
use crate::channels_last::{channels_last, images};
use crate::dense::dense;
use crate::error::Result;
use crate::lanes::Lanes;
use crate::reduce::Pairs;

/// Multiply–adds below which waking a second thread costs more than it saves.
const PARALLEL_FROM: usize = 1 << 22;

pub(super) fn conv2d(x: &Tensor, w: &Tensor, sizes: Sizes) -> Result<Tensor> {
    images(&channels_last(x)?.apply_op2_no_bwd(w, &Forward(sizes))?)
}

pub(super) fn conv2d_input_grad(g: &Tensor, w: &Tensor, sizes: Sizes) -> Result<Tensor> {
    images(&channels_last(g)?.apply_op2_no_bwd(w, &InputGrad(sizes))?)
}

pub(super) fn conv2d_weight_grad(x: &Tensor, g: &Tensor, sizes: Sizes) -> Result<Tensor> {
    let filters = channels_last(x)?.apply_op2_no_bwd(&channels_last(g)?, &WeightGrad(sizes))?;
    // (t, kh, kw, c, o)
    Ok(filters.permute((0, 4, 3, 1, 2))?)
}

/// The outputs of a tile on this processor.
pub(super) fn block<T: Lanes>() -> usize {
    struct Block<T>(std::marker::PhantomData<T>);
    impl<T: Lanes> WithSimd for Block<T> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            VECTORS * T::lanes::<S>()
        }
    }
    pulp::Arch::new().dispatch(Block::<T>(std::marker::PhantomData))
}

/// A correlation of all images with the filters of their tasks.
struct Plan {
    border: Border,
    outputs: usize,
    kernel: (usize, usize),
    stride: (usize, usize),
    /// Of the results, in pixels.
    size: (usize, usize),
    examples: usize,
    /// Whether it is computed in Winograd's form.
    winograd: bool,
}

/// The packed filters of one task.
enum Filters<T> {
    Direct(Packed<T>),
    Winograd(Transformed<T>),
}

impl Plan {
    fn forward(sizes: Sizes) -> Self {
        let Sizes { image: (h, w), window, .. } = sizes;
        let (pad, signed) = (window.padding, |n: usize| n as isize);
        let border = Border {
            image: sizes.image,
            channels: sizes.inputs,
            size: (h + 2 * pad.0, w + 2 * pad.1),
            first: (signed(pad.0), signed(pad.1)),
            distance: (1, 1),
        };
        let (kernel, stride) = (window.kernel, window.stride);
        let (outputs, size, examples) = (sizes.outputs, sizes.result, sizes.examples);
        Self { border, outputs, kernel, stride, size, examples, winograd: false }
    }

    /// The same in Winograd's form, where it has one that pays, with outputs in such blocks.
    fn or_winograd(mut self, block: usize) -> Self {
        let channels = (self.border.channels, self.outputs);
        self.winograd = (self.kernel, self.stride) == ((3, 3), (1, 1))
            && winograd::is_chosen(|| winograd::pays(self.examples, channels, self.size, block));
        if self.winograd {
            self.border.size = winograd::reach(self.size);
        }
        self
    }

    /// The results, with zeros between them where there is a stride, are correlated with the
    /// filters turned round.
    fn input_grad(sizes: Sizes) -> Self {
        let Sizes { image: (h, w), window, .. } = sizes;
        let first = |kernel: usize, padding: usize| kernel as isize - 1 - padding as isize;
        let border = Border {
            image: sizes.result,
            channels: sizes.outputs,
            size: (h + window.kernel.0 - 1, w + window.kernel.1 - 1),
            first: (first(window.kernel.0, window.padding.0), first(window.kernel.1, window.padding.1)),
            distance: window.stride,
        };
        let (outputs, examples) = (sizes.inputs, sizes.examples);
        let (kernel, stride, size) = (window.kernel, (1, 1), sizes.image);
        Self { border, outputs, kernel, stride, size, examples, winograd: false }
    }

    /// The multiply–adds of an image.
    fn cost(&self) -> usize {
        let fan_in = self.kernel.0 * self.kernel.1 * self.border.channels;
        self.size.0 * self.size.1 * self.outputs * fan_in
    }

    /// The results of contiguous images `(t · b, h, w, c)`.
    fn run<T: Lanes>(&self, images: &[T], filters: &[Filters<T>]) -> Vec<T> {
        let image = self.border.image.0 * self.border.image.1 * self.border.channels;
        let result = self.size.0 * self.size.1 * self.outputs;
        let count = images.len() / image;
        let mut out: Vec<T> = Vec::with_capacity(count * result);
        let places = &mut out.spare_capacity_mut()[..count * result];
        let work = || {
            let bordered = if self.border.is_none() { 0 } else { self.border.len() };
            (vec![T::zero(); bordered], Room::default())
        };
        let one = |(buffer, room): &mut (Vec<T>, Room<T>),
                   (number, image): (usize, &[T]),
                   out: &mut [MaybeUninit<T>]| {
            if !buffer.is_empty() {
                self.border.fill(image, buffer);
            }
            let buffer = if buffer.is_empty() { image } else { buffer };
            let (inputs, outputs, size) = (self.border.channels, self.outputs, self.size);
            match &filters[number / self.examples] {
                Filters::Winograd(filters) => {
                    pulp::Arch::new().dispatch(Tiles { buffer, inputs, filters, outputs, size, room, out });
                }
                Filters::Direct(filters) => pulp::Arch::new().dispatch(Correlation {
                    buffer,
                    width: self.border.size.1,
                    inputs,
                    kernel: self.kernel,
                    stride: self.stride,
                    filters,
                    outputs,
                    size,
                    out,
                }),
            }
        };
        if is_parallel(count.saturating_mul(self.cost())) {
            let images = images.par_chunks_exact(image).enumerate();
            let all = images.zip(places.par_chunks_exact_mut(result));
            all.for_each_init(work, |work, (image, out)| one(work, image, out));
        } else {
            let mut work = work();
            let images = images.chunks_exact(image).enumerate();
            images.zip(places.chunks_exact_mut(result)).for_each(|(image, out)| one(&mut work, image, out));
        }
        // SAFETY: the capacity is at least `count · result`; each image wrote all of its `result`
        // elements, since the blocks of filters cover its outputs, and the rows, or the tiles, its
        // pixels.
        unsafe { out.set_len(count * result) };
        out
    }
}

fn is_parallel(cost: usize) -> bool {
    rayon::current_num_threads() > 1 && cost >= PARALLEL_FROM
}

/// The adjoint in the filters, `(t, kh, kw, c, o)`.
fn weight_grad<T: Lanes>(sizes: Sizes, x: &[T], g: &[T]) -> Vec<T> {
    let Plan { border, kernel, stride, size, examples, outputs, .. } = Plan::forward(sizes);
    let block = block::<T>();
    let padded = outputs.next_multiple_of(block);
    let pixels = size.0 * size.1;
    // So many images at a time that a register takes its share of products.
    let group = PIECE.div_ceil(pixels).min(examples);
    let (image, result) = (border.image.0 * border.image.1 * border.channels, pixels * outputs);
    let entries = kernel.0 * kernel.1 * border.channels;
    let of_group = |images: &[T], results: &[T]| {
        let count = images.len() / image;
        let mut buffer = Vec::new();
        if !border.is_none() {
            buffer = vec![T::zero(); count * border.len()];
            let buffers = buffer.chunks_exact_mut(border.len());
            images.chunks_exact(image).zip(buffers).for_each(|(image, buffer)| border.fill(image, buffer));
        }
        let mut wide = Vec::new();
        if padded != outputs {
            wide = vec![T::zero(); count * pixels * padded];
            let rows = wide.chunks_exact_mut(padded).zip(results.chunks_exact(outputs));
            rows.for_each(|(wide, row)| wide[..outputs].copy_from_slice(row));
        }
        let mut sums = vec![T::zero(); entries * padded];
        pulp::Arch::new().dispatch(Products {
            buffer: if border.is_none() { images } else { &buffer },
            buffer_size: border.size,
            inputs: border.channels,
            kernel,
            stride,
            results: if padded == outputs { results } else { &wide },
            size,
            outputs: padded,
            images: count,
            sums: &mut sums,
        });
        sums
    };
    let add = |mut sum: Vec<T>, other: Vec<T>| {
        sum.iter_mut().zip(other).for_each(|(sum, x)| *sum += x);
        sum
    };
    let parallel = is_parallel(examples * pixels * outputs * entries);
    let mut all = Vec::with_capacity(sizes.tasks * entries * outputs);
    for (x, g) in x.chunks_exact(examples * image).zip(g.chunks_exact(examples * result)) {
        let mut pairs = Pairs::default();
        if parallel {
            let groups = x.par_chunks(group * image).zip(g.par_chunks(group * result));
            let sums: Vec<Vec<T>> = groups.map(|(x, g)| of_group(x, g)).collect();
            sums.into_iter().for_each(|sums| pairs.push(sums, add));
        } else {
            let groups = x.chunks(group * image).zip(g.chunks(group * result));
            groups.for_each(|(x, g)| pairs.push(of_group(x, g), add));
        }
        let total = pairs.total(add).unwrap_or_default();
        all.extend(total.chunks_exact(padded).flat_map(|row| &row[..outputs]));
    }
    all
}

struct Forward(Sizes);
struct InputGrad(Sizes);
struct WeightGrad(Sizes);

/// The correlation of contiguous images with the filters of their tasks.
fn correlated<T: Lanes>(plan: Plan, x: &[T], lx: &Layout, w: &[T], lw: &Layout, backwards: bool) -> Vec<T> {
    let block = block::<T>();
    let plan = plan.or_winograd(block);
    let of_task = |t: usize| {
        let packed = of_task(w, lw, t, block, backwards);
        if plan.winograd { Filters::Winograd(Transformed::new(&packed)) } else { Filters::Direct(packed) }
    };
    let filters: Vec<Filters<T>> = (0..lw.dims()[0]).map(of_task).collect();
    plan.run(dense(x, lx), &filters)
}

macro_rules! operation {
    ($name:ident, $label:literal, |$sizes:ident, $x:ident, $lx:ident, $w:ident, $lw:ident| $result:expr, $shape:expr) => {
        impl CustomOp2 for $name {
            fn name(&self) -> &'static str {
                $label
            }

            fn cpu_fwd(
                &self,
                first: &CpuStorage,
                $lx: &Layout,
                second: &CpuStorage,
                $lw: &Layout,
            ) -> candle_core::Result<(CpuStorage, Shape)> {
                let $sizes = self.0;
                let out = match (first, second) {
                    (CpuStorage::F32($x), CpuStorage::F32($w)) => CpuStorage::F32($result),
                    (CpuStorage::F64($x), CpuStorage::F64($w)) => CpuStorage::F64($result),
                    (other, _) => return Err(unsupported(other, $label)),
                };
                Ok((out, $shape))
            }
        }
    };
}
operation!(Forward, "conv2d", |sizes, x, lx, w, lw| correlated(Plan::forward(sizes), x, lx, w, lw, false), {
    let [t, b, o, h, w] = sizes.results();
    [t, b, h, w, o].as_slice().into()
});
operation!(
    InputGrad,
    "conv2d_input_grad",
    |sizes, x, lx, w, lw| correlated(Plan::input_grad(sizes), x, lx, w, lw, true),
    {
        let [t, b, c, h, w] = sizes.images();
        [t, b, h, w, c].as_slice().into()
    }
);
operation!(
    WeightGrad,
    "conv2d_weight_grad",
    |sizes, x, lx, w, lw| weight_grad(sizes, dense(x, lx), dense(w, lw)),
    {
        let [t, o, c, kh, kw] = sizes.filters();
        [t, kh, kw, c, o].as_slice().into()
    }
);
