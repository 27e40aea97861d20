//! What a convolution costs read in place, and as columns and products: time over time.
//!
//! `cargo run --release -p msr-autodiff --example convolution_forms -- 15` takes each time 15
//! times, in turns, and prints ratios of medians; without a number, once and of four sizes. A row
//! is a size: `(tasks, examples, inputs, outputs, side of the image, kernel)`. *inner*: a layer
//! whose input has a gradient as well, with its first gradients, and with second ones; *first*: a
//! layer on data, whose columns are made once, outside the clock. The rules by which convolutions
//! take one form or another rest on it.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Graph, Node, Result, Window, grad, vjp};
use msr_kernels::{Winograd, use_winograd};

/// `(tasks, examples, inputs, outputs, side, kernel)`
const SIZES: [[usize; 6]; 22] = [
    [8, 25, 1, 32, 28, 3],
    [32, 19, 1, 24, 32, 3],
    [8, 25, 3, 32, 84, 3],
    [8, 25, 32, 32, 14, 3],
    [8, 25, 32, 32, 7, 3],
    [8, 25, 32, 32, 3, 3],
    [8, 25, 64, 64, 14, 3],
    [8, 5, 32, 32, 14, 3],
    [8, 25, 8, 8, 14, 3],
    [8, 25, 16, 16, 14, 3],
    [8, 25, 4, 4, 14, 3],
    [8, 25, 32, 1, 14, 3],
    [8, 25, 32, 4, 14, 3],
    [8, 25, 8, 2, 14, 3],
    [8, 25, 2, 8, 14, 3],
    [8, 25, 3, 16, 14, 5],
    [8, 25, 32, 32, 14, 1],
    [8, 25, 32, 32, 14, 5],
    [4, 4, 3, 3, 6, 3],
    [1, 8, 128, 128, 14, 3],
    [1, 100, 32, 48, 14, 3],
    [1, 8, 256, 256, 7, 3],
];

fn columns_of(x: &Node, window: Window) -> Result<Node> {
    x.im2col(window)
}

fn by_columns(columns: &Node, w: &Node) -> Result<Node> {
    let &[t, o, c, kh, kw] = w.dims() else { return Ok(w.clone()) };
    w.reshape(&[t, 1, o, c * kh * kw])?.matmul(columns)
}

fn numbers(shape: &[usize], seed: usize, dtype: DType) -> Result<Node> {
    let count: usize = shape.iter().product();
    let values = (0..count).map(|i| ((i + 7 * seed) as f64 * 0.7).sin()).collect::<Vec<_>>();
    Ok(Node::leaf(&Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?))
}

/// Seconds of the forward pass and its gradients of this order.
fn seconds(order: usize, wrt: &[&Node], cotangent: &Node, forward: &dyn Fn() -> Result<Node>) -> Result<f64> {
    let start = Instant::now();
    let graph = if order == 1 { Graph::Drop } else { Graph::Keep };
    let first = vjp(&[(&forward()?, cotangent)], wrt, graph)?;
    if let (2, Some(by_filters)) = (order, first.last()) {
        grad(&by_filters.mul(by_filters)?.sum_all()?, wrt, Graph::Drop)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Result<()> {
    let samples: Option<usize> = std::env::args().nth(1).and_then(|a| a.parse().ok());
    let (samples, sizes) = (samples.unwrap_or(1), if samples.is_some() { &SIZES[..] } else { &SIZES[3..7] });
    println!("time in place / by columns, without Winograd's form and where it pays; (ms of the latter)");
    for dtype in [DType::F32, DType::F64] {
        for &[t, b, c, o, side, k] in sizes {
            let window = Window::square(k, 1, k / 2);
            let x = numbers(&[t, b, c, side, side], 1, dtype)?;
            let w = numbers(&[t, o, c, k, k], 2, dtype)?;
            let data = x.detach();
            let ready = columns_of(&data, window)?;
            // Cotangents as neighbours leave them: channels side by side, or one after the other.
            let g = x.detach().conv2d_of_tasks(&w.detach(), window)?;
            let rows = by_columns(&ready, &w.detach())?;
            print!("{dtype:?} {:?}:", [t, b, c, o, side, k]);
            for (name, order, inner) in [
                ("inner 1st", 1, true),
                ("inner 2nd", 2, true),
                ("first 1st", 1, false),
                ("first 2nd", 2, false),
            ] {
                let (from, wrt) = if inner { (&x, vec![&x, &w]) } else { (&data, vec![&w]) };
                let mut times = [const { Vec::new() }; 3];
                for _ in 0..samples {
                    for (times, form) in times.iter_mut().zip([Winograd::Never, Winograd::WhereItPays]) {
                        use_winograd(form);
                        times.push(seconds(order, &wrt, &g, &|| from.conv2d_of_tasks(&w, window))?);
                    }
                    times[2].push(seconds(order, &wrt, &rows, &|| match inner {
                        true => by_columns(&columns_of(from, window)?, &w),
                        false => by_columns(&ready, &w),
                    })?);
                }
                let [direct, chosen, columns] = times.map(median);
                let ratio = |time: f64| time / columns;
                print!("  {name} {:.2} {:.2} ({:.1})", ratio(direct), ratio(chosen), 1e3 * chosen);
            }
            println!();
        }
    }
    Ok(())
}
