//! Convolutions, normalisation with ReLU and pool in one, and gradient steps of a linear model,
//! against compositions of single operations, to the third order.
#![allow(clippy::unwrap_used, reason = "tests")]

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Graph, Node, Pool, Result, Window, descend_least_squares, grad, vjp};
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

/// The steps, each by the gradient of the loss; the design matrix stored by rows, by columns, and
/// with rows in two dimensions.
#[test]
fn gradient_steps_on_a_squared_error() {
    for (t, b, m, k) in [(3, 2, 5, 3), (2, 1, 17, 18), (1, 3, 1, 1), (2, 4, 40, 20), (1, 3, 2, 2)] {
        for (order, back) in [
            ([0, 1, 2, 3], [0, 1, 2, 3]),
            ([3, 0, 1, 2], [1, 2, 3, 0]),
            ([2, 0, 1, 3], [1, 2, 0, 3]),
            ([0, 3, 2, 1], [0, 3, 2, 1]),
        ] {
            let dims = [t, b, m, k];
            let stored: [usize; 4] = order.map(|d| dims[d]);
            let design = |x: &Node| x.permute(&back);
            let inputs = [
                normal(1, &stored[..], DType::F64).affine(0.3, 0.0).unwrap(),
                normal(2, (t, b, m), DType::F64),
                normal(3, (t, k), DType::F64),
                normal(4, k, DType::F64).affine(0.1, 0.5).unwrap(),
            ];
            for steps in [0, 1, 3] {
                let fused = |x: &[Node]| descend_least_squares(&design(&x[0])?, &x[1], &x[2], &x[3], steps);
                let composed = |x: &[Node]| {
                    let (phi, count) = (design(&x[0])?, (b * m) as f64);
                    let mut v = x[2].clone();
                    for _ in 0..steps {
                        // A fresh node, so that the gradient is by this v alone.
                        let here = v.affine(1.0, 0.0)?;
                        let y = phi.matmul(&here.reshape(&[t, 1, k, 1])?)?.reshape(&[t, b, m])?;
                        let error = y.sub(&x[1])?;
                        let loss = error.mul(&error)?.sum_all()?.affine(1.0 / count, 0.0)?;
                        let slope = grad(&loss, &[&here], Graph::Keep)?.remove(0);
                        v = here.sub(&slope.mul(&x[3])?)?;
                    }
                    Ok(v)
                };
                agree(&format!("{dims:?} as {order:?}, {steps} steps"), &fused, &composed, &inputs);
            }
        }
    }
}

/// Three products, with and without the identity, of first to third order.
#[test]
fn a_kronecker_expansion() {
    for ([n, o, c, k], beyond) in [([3, 4, 2, 5], false), ([2, 3, 3, 1], true), ([1, 1, 1, 1], true)] {
        let inputs = [
            normal(1, (o, o), DType::F64),
            normal(2, (c, c), DType::F64),
            normal(3, (k, k), DType::F64),
            normal(4, (n, o, c, k), DType::F64),
        ];
        let composed = |x: &[Node]| {
            let factor = |i: usize| match beyond {
                true => x[i].add(&Node::constant(&msr_autodiff::identity(
                    x[i].dims()[0],
                    x[i].dtype(),
                    &Device::Cpu,
                )?)),
                false => Ok(x[i].clone()),
            };
            let w = x[3].matmul(&factor(2)?.t()?)?;
            let w = factor(1)?.matmul(&w)?;
            factor(0)?.matmul(&w.reshape(&[n, o, c * k])?)?.reshape(&[n, o, c, k])
        };
        let fused = |x: &[Node]| x[3].kronecker([&x[0], &x[1], &x[2]], beyond);
        agree(&format!("{n}, {o} × {c} × {k}"), &fused, &composed, &inputs);
    }
}

/// The gradient of a left operand that a large batch shares is one product, of any order.
#[test]
fn a_left_operand_that_a_large_batch_shares() {
    let square = |y: Node| y.mul(&y);
    for lead in [&[1100][..], &[2, 550]] {
        let inputs = [normal(1, (64, 64), DType::F64), normal(2, [lead, &[64, 2]].concat(), DType::F64)];
        agree(
            "shared",
            &|x| square(x[0].matmul(&x[1])?),
            &|x| square(x[1].t()?.matmul(&x[0].t()?)?.t()?),
            &inputs,
        );
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
