//! Kernels whose loops depend on sizes, at sizes from which they take another form, and the second
//! moments.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use msr_kernels::ties::{self, Ties};
use msr_kernels::{
    SecondMoments, Unary, Window, avg_pool, centred_second_moments, conv2d, conv2d_input_grad,
    conv2d_weight_grad, matmul, second_moments, second_moments_in_f64, spread, unary,
};

use super::operation::Domain::{Positive, Real};
use super::operation::{Operation, kernel, kernel_of_many};
use super::shapes;

/// The second moments of images.
pub fn moments() -> Vec<Operation> {
    let moments = |found: SecondMoments| vec![found.gram, found.cross, found.square, found.row_norms];
    let square = Window::square(3, 1, 0);
    vec![
        kernel_of_many(
            "second_moments",
            Positive,
            |n| shapes![[2, 3, 1, 5, n + 2], [2, 3, 2, 3, n]],
            move |x| Ok(moments(second_moments(&x[0], &x[1], square, true)?)),
        ),
        kernel_of_many(
            "second_moments, padded",
            Positive,
            |n| shapes![[2, 2, 2, 3, n], [2, 2, 3, 3, n]],
            move |x| Ok(moments(second_moments(&x[0], &x[1], Window::square(3, 1, 1), false)?)),
        ),
        kernel_of_many(
            "second_moments_in_f64",
            Positive,
            |n| shapes![[2, 3, 1, 5, n + 2], [2, 3, 2, 3, n]],
            move |x| Ok(moments(second_moments_in_f64(&x[0], &x[1], square, true)?)),
        ),
        kernel(
            "centred_second_moments",
            Real,
            |n| shapes![[2, 3, 1, 5, n + 2], [2, 3, 2, 3, n]],
            move |x| {
                let far = unary(Unary::Affine { scale: 0.25, offset: 4.0 }, &x[0])?;
                squared_error(&centred_second_moments(&far, &x[1], square, false)?)
            },
        ),
        kernel(
            "centred_second_moments, padded",
            Real,
            |n| shapes![[2, 3, 2, 3, n + 4], [2, 3, 2, 3, n + 4]],
            move |x| {
                let far = unary(Unary::Affine { scale: 0.25, offset: 2.0 }, &x[0])?;
                squared_error(&centred_second_moments(&far, &x[1], Window::square(3, 1, 1), true)?)
            },
        )
        .in_full_precision(),
        kernel_of_many(
            "second_moments, many entries",
            Positive,
            |_| shapes![[2, 3, 6, 7, 8], [2, 3, 9, 7, 8]],
            move |x| Ok(moments(second_moments(&x[0], &x[1], Window::square(3, 1, 1), true)?)),
        ),
    ]
}

/// `‖W P − Y‖²` of each task from its moments, for a W whose entries are all 0.1, in f64 on the
/// processor: what does not depend on how the data was centred.
fn squared_error(found: &SecondMoments) -> Result<Tensor> {
    let wide = |t: &Tensor| t.to_device(&Device::Cpu)?.to_dtype(DType::F64);
    let (gram, cross, square) = (wide(&found.gram)?, wide(&found.cross)?, wide(&found.square)?);
    let mut weight = Tensor::full(0.1, cross.dims(), &Device::Cpu)?;
    if let Some(centre) = &found.centre {
        // Beside the constant one stands W μ − ν.
        let (t, o, p) = cross.dims3()?;
        let taps = weight.narrow(2, 0, p - 1)?.contiguous()?;
        let means = taps.matmul(&wide(&centre.windows)?.reshape((t, p - 1, 1))?)?;
        let beside = (means - wide(&centre.targets)?.reshape((t, o, 1))?)?;
        weight = Tensor::cat(&[&taps, &beside], 2)?;
    }
    let fit = (weight.matmul(&gram)? * &weight)?.sum((1, 2))?;
    Ok(((fit - ((weight * cross)?.sum((1, 2))? * 2.0)?)? + square)?)
}

/// Large operands, whatever the size that is asked for.
pub fn forms() -> Vec<Operation> {
    const SAME: Window = Window { kernel: (3, 3), stride: (1, 1), padding: (1, 1) };
    // A circulant, whose parameters come in runs, and parameters in no order.
    let in_runs = || -> Result<Ties> {
        Ok(Ties::new(&(0..900u32).map(|i| (i % 30 + 30 - i / 30) % 30).collect::<Vec<_>>(), 30)?)
    };
    let scattered = || -> Result<Ties> {
        Ok(Ties::new(&(0..900u32).map(|i| i * i * 31 % 1009 % 30).collect::<Vec<_>>(), 30)?)
    };
    let all = vec![
        kernel(
            "matmul, long right",
            Positive,
            |_| shapes![[3, 32], [8200, 32]],
            |x| matmul(&x[0], &x[1].t()?),
        ),
        kernel(
            "matmul, left shared by many",
            Positive,
            |_| shapes![[40, 50], [32, 50, 9]],
            |x| matmul(&x[0], &x[1]),
        ),
        kernel(
            "ties in runs, expand",
            Real,
            |_| shapes![[17, 30]],
            move |x| anyhow::Ok(ties::expand(&x[0], &in_runs()?)?),
        ),
        kernel(
            "ties in runs, sum",
            Positive,
            |_| shapes![[17, 900]],
            move |x| anyhow::Ok(ties::sum(&x[0], &in_runs()?)?),
        ),
        kernel(
            "many ties, expand",
            Real,
            |_| shapes![[17, 30]],
            move |x| anyhow::Ok(ties::expand(&x[0], &scattered()?)?),
        ),
        kernel(
            "many ties, sum",
            Positive,
            |_| shapes![[17, 900]],
            move |x| anyhow::Ok(ties::sum(&x[0], &scattered()?)?),
        ),
        // By Winograd's form where that pays.
        kernel(
            "conv2d, 32 channels",
            Real,
            |_| shapes![[1, 2, 32, 14, 14], [1, 32, 32, 3, 3]],
            |x| conv2d(&x[0], &x[1], SAME),
        ),
        kernel(
            "conv2d_input_grad, 32 channels",
            Real,
            |_| shapes![[1, 2, 32, 14, 14], [1, 32, 32, 3, 3]],
            |x| conv2d_input_grad(&x[0], &x[1], SAME, (14, 14)),
        ),
        kernel(
            "conv2d_weight_grad, 32 channels",
            Real,
            |_| shapes![[1, 2, 32, 14, 14], [1, 2, 32, 14, 14]],
            |x| conv2d_weight_grad(&x[0], &x[1], SAME),
        ),
    ];
    all.into_iter()
        .chain(further_convolutions())
        .chain(large_windows())
        .map(Operation::in_full_precision)
        .collect()
}

/// Convolutions whose tiles are of other sizes, whose sums are divided, and of other windows.
fn further_convolutions() -> Vec<Operation> {
    const HALF: Window = Window { kernel: (3, 3), stride: (2, 2), padding: (1, 1) };
    const WIDE: Window = Window { kernel: (5, 4), stride: (1, 2), padding: (2, 1) };
    let of = |name: &str, window: Window, image: (usize, usize), [t, b, c, o]: [usize; 4]| {
        let (h, w) = image;
        let (oh, ow) = window.output(image).unwrap_or_default();
        let (x, y) = (vec![t, b, c, h, w], vec![t, b, o, oh, ow]);
        let filters = vec![t, o, c, window.kernel.0, window.kernel.1];
        let shapes = |a: &Vec<usize>, b: &Vec<usize>| {
            let both = vec![a.clone(), b.clone()];
            move |_: usize| both.clone()
        };
        [
            kernel(format!("conv2d, {name}"), Real, shapes(&x, &filters), move |x| {
                conv2d(&x[0], &x[1], window)
            }),
            kernel(format!("conv2d_input_grad, {name}"), Real, shapes(&y, &filters), move |x| {
                conv2d_input_grad(&x[0], &x[1], window, image)
            }),
            kernel(format!("conv2d_weight_grad, {name}"), Real, shapes(&x, &y), move |x| {
                conv2d_weight_grad(&x[0], &x[1], window)
            }),
        ]
    };
    let all = [
        of("65 channels", Window::square(3, 1, 1), (6, 5), [2, 3, 33, 65]),
        of("long sums", Window::square(3, 1, 1), (40, 33), [1, 2, 3, 12]),
        of("a stride", HALF, (9, 12), [2, 3, 5, 40]),
        of("other windows", WIDE, (9, 10), [2, 2, 9, 40]),
        of("few outputs", WIDE, (9, 10), [2, 2, 9, 5]),
    ];
    all.into_iter().flatten().collect()
}

/// Windows with so many pixels that they are added together.
fn large_windows() -> Vec<Operation> {
    const LARGE: Window = Window { kernel: (20, 30), stride: (3, 1), padding: (0, 0) };
    vec![
        kernel("avg_pool, large window", Positive, |_| shapes![[3, 30, 31]], |x| avg_pool(&x[0], LARGE)),
        kernel("spread, large window", Positive, |_| shapes![[3, 4, 2]], |x| spread(&x[0], LARGE, (30, 31))),
    ]
}
