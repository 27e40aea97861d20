//! Convolutions, and normalisation with ReLU and pool in one, against compositions of single
//! operations, to the third order.
#![allow(clippy::unwrap_used, reason = "tests")]

use candle_core::{DType, Tensor};
use msr_autodiff::{Graph, Node, Pool, Result, Window, vjp};
use msr_testkit::normal;

/// A function of some nodes.
type Function<'a> = &'a dyn Fn(&[Node]) -> Result<Node>;

/// What `f` gives, and its derivatives to an order: each the vector–Jacobian product of all that of
/// the order below with fixed cotangents, by all inputs.
fn derivatives(f: Function<'_>, inputs: &[Tensor], order: usize) -> Vec<Tensor> {
    let leaves: Vec<Node> = inputs.iter().map(Node::leaf).collect();
    let wrt: Vec<&Node> = leaves.iter().collect();
    let mut last = vec![f(&leaves).unwrap()];
    let mut all = vec![last[0].value().clone()];
    for step in 0..order {
        let cotangents: Vec<Node> = last
            .iter()
            .enumerate()
            .map(|(i, node)| Node::constant(&normal((100 * step + i + 7) as u64, node.dims(), node.dtype())))
            .collect();
        let pairs: Vec<(&Node, &Node)> = last.iter().zip(&cotangents).collect();
        let graph = if step + 1 < order { Graph::Keep } else { Graph::Drop };
        last = vjp(&pairs, &wrt, graph).unwrap();
        all.extend(last.iter().map(|node| node.value().clone()));
    }
    all
}

/// The largest difference, relative to the norm of what is expected.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap().sqrt();
    let found = found.to_dtype(DType::F64).unwrap();
    norm(&(found - expected).unwrap()) / norm(expected).max(1e-300)
}

fn agree(name: &str, f: Function<'_>, g: Function<'_>, inputs: &[Tensor]) {
    let wide: Vec<Tensor> = inputs.iter().map(|t| t.to_dtype(DType::F64).unwrap()).collect();
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-5)] {
        let inputs: Vec<Tensor> = wide.iter().map(|t| t.to_dtype(dtype).unwrap()).collect();
        for order in 1..=3 {
            let (found, expected) = (derivatives(f, &inputs, order), derivatives(g, &wide, order));
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found.dims(), expected.dims(), "{name}, number {i}");
                let error = difference(found, expected);
                assert!(error < tolerance, "{name}, order {order}, number {i}, {dtype:?}: {error:.1e}");
            }
        }
    }
}

#[test]
fn convolutions_are_products_of_columns() {
    for (window, (h, w), [t, b, c, o]) in [
        (Window::square(3, 1, 1), (5, 6), [2, 2, 3, 4]),
        (Window::square(3, 2, 1), (6, 5), [1, 2, 2, 3]),
        (Window { kernel: (2, 3), stride: (1, 2), padding: (2, 0) }, (3, 7), [2, 1, 1, 2]),
    ] {
        let (kh, kw) = window.kernel;
        let inputs = [normal(1, (t, b, c, h, w), DType::F64), normal(2, (t, o, c, kh, kw), DType::F64)];
        let (oh, ow) = window.output((h, w)).unwrap();
        let composed = |x: &[Node]| {
            let columns = x[0].im2col(window)?;
            x[1].reshape(&[t, 1, o, c * kh * kw])?.matmul(&columns)?.reshape(&[t, b, o, oh, ow])
        };
        // Squared, so that the third order is not zero.
        let square = |y: Node| y.mul(&y);
        agree(
            &format!("{window:?}"),
            &|x| square(x[0].conv2d_of_tasks(&x[1], window)?),
            &|x| square(composed(x)?),
            &inputs,
        );
    }
}

#[test]
fn normalisation_relu_and_pool_in_one() {
    let epsilon = 1e-3;
    let over = [1, 3, 4];
    for (t, b, c, h, w) in [(2, 3, 4, 5, 6), (1, 2, 17, 4, 3), (2, 1, 16, 2, 2)] {
        for pool in [Pool::TwoByTwo, Pool::None] {
            let composed = |x: &[Node]| {
                let count = (b * h * w) as f64;
                let mean = |x: &Node| x.sum_keepdim(&over)?.affine(1.0 / count, 0.0);
                let centred = x[0].sub(&mean(&x[0])?)?;
                let scale = mean(&centred.mul(&centred)?)?.affine(1.0, epsilon)?.power(-0.5)?;
                let channel = |x: &Node| x.reshape(&[t, 1, c, 1, 1]);
                let y = centred.mul(&scale)?.mul(&channel(&x[1])?)?.add(&channel(&x[2])?)?.relu()?;
                if pool == Pool::None { Ok(y) } else { y.max_pool(Window::square(2, 2, 0)) }
            };
            let inputs = [
                normal(1, (t, b, c, h, w), DType::F64).affine(1.5, 0.5).unwrap(),
                normal(2, (t, c), DType::F64),
                normal(3, (t, c), DType::F64).affine(0.5, 0.2).unwrap(),
            ];
            let fused = |x: &[Node]| x[0].norm_relu_pool(&x[1], &x[2], epsilon, pool);
            agree(&format!("{b} × {c} × {h} × {w}, {pool:?}"), &fused, &composed, &inputs);
        }
    }
}

/// Half precision has no loops: it is composed, to the same numbers.
#[test]
fn half_precision_is_composed() {
    let inputs = [
        normal(1, (1, 3, 4, 4, 4), DType::F64),
        normal(2, (1, 4), DType::F64),
        normal(3, (1, 4), DType::F64),
    ];
    let f = |x: &[Node]| x[0].norm_relu_pool(&x[1], &x[2], 1e-3, Pool::TwoByTwo);
    let expected = derivatives(&f, &inputs, 1);
    let half: Vec<Tensor> = inputs.iter().map(|t| t.to_dtype(DType::F16).unwrap()).collect();
    for (found, expected) in derivatives(&f, &half, 1).iter().zip(&expected) {
        assert!(difference(found, expected) < 2e-2, "{}", difference(found, expected));
    }
}
