//! Windows, convolutions, products and solutions.

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Convolution, Node, Result, Window};

use crate::cases::Domain::Real;
use crate::cases::{Case, case};

pub fn windows() -> Vec<Case> {
    let window = Window { kernel: (3, 2), stride: (2, 1), padding: (1, 2) };
    vec![
        case("im2col, line", &[&[2, 2, 1, 7]], Real, |x| x[0].im2col(Window::line(3, 1, 0))),
        case("im2col, line, stride 2, padding 1", &[&[2, 1, 7]], Real, |x| {
            x[0].im2col(Window::line(3, 2, 1))
        }),
        case("im2col, square", &[&[1, 2, 5, 3]], Real, |x| x[0].im2col(Window::square(3, 1, 1))),
        case("im2col, uneven", &[&[2, 5, 3]], Real, move |x| x[0].im2col(window)),
        case("col2im, line", &[&[2, 3, 5]], Real, |x| x[0].col2im(Window::line(3, 1, 0), (1, 7))),
        case("col2im, uneven", &[&[12, 15]], Real, move |x| x[0].col2im(window, (5, 2))),
        case("max_pool, 7 to 3", &[&[2, 7, 7]], Real, |x| x[0].max_pool(Window::square(2, 2, 0))),
        case("max_pool, overlapping", &[&[1, 5, 4]], Real, |x| x[0].max_pool(Window::square(3, 1, 0))),
        case("max_pool, uneven", &[&[3, 5, 7]], Real, |x| {
            x[0].max_pool(Window { kernel: (2, 3), stride: (3, 2), padding: (0, 0) })
        }),
        case("avg_pool, 7 to 3", &[&[2, 7, 7]], Real, |x| x[0].avg_pool(Window::square(2, 2, 0))),
        case("avg_pool, overlapping", &[&[1, 5, 4]], Real, |x| x[0].avg_pool(Window::square(3, 1, 0))),
        case("avg_pool, uneven", &[&[5, 7]], Real, |x| {
            x[0].avg_pool(Window { kernel: (2, 3), stride: (3, 2), padding: (0, 0) })
        }),
        case("upsample_nearest, line", &[&[2, 3]], Real, |x| x[0].upsample_nearest(&[7])),
        case("upsample_nearest", &[&[2, 2, 3]], Real, |x| x[0].upsample_nearest(&[4, 9])),
        case("upsample_nearest, to less", &[&[5, 3]], Real, |x| x[0].upsample_nearest(&[2, 3])),
    ]
}

pub fn convolutions() -> Vec<Case> {
    let uneven = Convolution { stride: (2, 1), padding: (1, 2), dilation: (1, 2), groups: 1 };
    let grouped = Convolution { groups: 2, ..Convolution::default() };
    let both = Convolution { stride: (2, 2), dilation: (2, 1), groups: 2, ..Convolution::default() };
    vec![
        case("convolve", &[&[1, 2, 4, 3], &[3, 2, 2, 2]], Real, |x| {
            x[0].convolve(&x[1], Convolution::default())
        }),
        case("convolve, uneven", &[&[2, 1, 4, 3], &[2, 1, 3, 2]], Real, move |x| {
            x[0].convolve(&x[1], uneven)
        }),
        case("convolve, grouped", &[&[1, 4, 3, 2], &[2, 2, 2, 1]], Real, move |x| {
            x[0].convolve(&x[1], grouped)
        }),
        case("convolve, lines", &[&[2, 2, 6], &[3, 2, 3]], Real, move |x| x[0].convolve(&x[1], uneven)),
        case("convolve_transposed", &[&[1, 2, 3, 2], &[2, 3, 2, 2]], Real, |x| {
            x[0].convolve_transposed(&x[1], Convolution::default(), (0, 0))
        }),
        case("convolve_transposed, uneven", &[&[2, 1, 3, 3], &[1, 2, 3, 3]], Real, move |x| {
            x[0].convolve_transposed(&x[1], uneven, (1, 0))
        }),
        case("convolve_transposed, grouped", &[&[1, 4, 2, 2], &[4, 1, 2, 2]], Real, move |x| {
            x[0].convolve_transposed(&x[1], both, (1, 1))
        }),
        case("convolve_transposed, lines", &[&[2, 2, 4], &[2, 1, 3]], Real, move |x| {
            x[0].convolve_transposed(&x[1], Convolution { stride: (1, 2), ..uneven }, (0, 1))
        }),
    ]
}

pub fn matrix_products() -> Vec<Case> {
    vec![
        case("matmul", &[&[3, 5], &[5, 2]], Real, |x| x[0].matmul(&x[1])),
        case("matmul, one", &[&[1, 1], &[1, 1]], Real, |x| x[0].matmul(&x[1])),
        case("matmul, batch", &[&[2, 3, 5], &[2, 5, 1]], Real, |x| x[0].matmul(&x[1])),
        case("matmul, shared right", &[&[2, 3, 5], &[5, 2]], Real, |x| x[0].matmul(&x[1])),
        case("matmul, shared left", &[&[3, 5], &[2, 5, 2]], Real, |x| x[0].matmul(&x[1])),
        case("matmul, two batches", &[&[2, 1, 3, 2], &[3, 2, 1]], Real, |x| x[0].matmul(&x[1])),
        case("matmul, transposed", &[&[5, 3], &[2, 5]], Real, |x| x[0].t()?.matmul(&x[1].t()?)),
        case("matmul, permuted batch", &[&[3, 2, 5], &[5, 3]], Real, |x| {
            x[0].permute(&[1, 0, 2])?.matmul(&x[1])
        }),
    ]
}

/// `MᵀM + 1/2`: symmetric and positive definite.
pub fn positive(m: &Node, k: usize) -> Result<Node> {
    let identity = Node::constant(&Tensor::eye(k, DType::F64, &Device::Cpu)?);
    m.t()?.matmul(m)?.add(&identity.affine(0.5, 0.0)?)
}

/// Solutions of linear systems, through matrices that are symmetric and positive by construction.
pub fn solutions() -> Vec<Case> {
    vec![
        case("kronecker", &[&[3, 3], &[2, 2], &[2, 2], &[2, 3, 2, 2]], Real, |x| {
            x[3].kronecker([&x[0], &x[1], &x[2]], false)
        }),
        case("kronecker, beyond the identity", &[&[2, 2], &[1, 1], &[3, 3], &[2, 1, 3]], Real, |x| {
            x[3].kronecker([&x[0], &x[1], &x[2]], true)
        }),
        case("solve_positive", &[&[4, 3], &[3, 2]], Real, move |x| positive(&x[0], 3)?.solve_positive(&x[1])),
        case("solve_positive, one", &[&[1, 1], &[1, 1]], Real, move |x| {
            positive(&x[0], 1)?.solve_positive(&x[1])
        }),
        case("solve_positive, batch", &[&[2, 3, 2], &[2, 2, 1]], Real, move |x| {
            positive(&x[0], 2)?.solve_positive(&x[1])
        }),
    ]
}
