//! Every operation, first, second and third order, against central finite differences in f64.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Graph, Node, Recompute, Result, Ties, Window, checkpoint, concat, grad, mse, unroll};
use msr_testkit::{FiniteDifference, gradcheck, normal};

type Function = dyn Fn(&[Node]) -> Result<Node>;

struct Case {
    name: &'static str,
    shapes: Vec<Vec<usize>>,
    domain: Domain,
    f: Box<Function>,
}

/// Where the inputs of a case are drawn from.
#[derive(Clone, Copy)]
enum Domain {
    /// N(0, 1)
    Real,
    /// N(0, 1) pushed away from zero, where a function has a kink or a pole
    NonZero,
    /// 0.3 + |N(0, 1)|
    Positive,
}

fn case(
    name: &'static str,
    shapes: &[&[usize]],
    domain: Domain,
    f: impl Fn(&[Node]) -> Result<Node> + 'static,
) -> Case {
    Case { name, shapes: shapes.iter().map(|s| s.to_vec()).collect(), domain, f: Box::new(f) }
}

fn draw(seed: u64, shape: &[usize], domain: Domain) -> Tensor {
    let x = normal(seed, shape, DType::F64);
    match domain {
        Domain::Real => x,
        Domain::NonZero => (&x + x.sign().unwrap() * 0.3).unwrap(),
        Domain::Positive => (x.abs().unwrap() + 0.3).unwrap(),
    }
}

fn check(cases: Vec<Case>) {
    for (n, case) in cases.iter().enumerate() {
        let inputs: Vec<Tensor> =
            case.shapes.iter().enumerate().map(|(i, s)| draw((100 * n + i) as u64, s, case.domain)).collect();
        gradcheck(case.name, &case.f, &inputs, 3, FiniteDifference::default());
    }
}

use Domain::{NonZero, Positive, Real};

#[test]
fn arithmetic() {
    check(vec![
        case("add", &[&[3, 5], &[3, 5]], Real, |x| x[0].add(&x[1])),
        case("add, broadcast", &[&[2, 3, 1], &[5]], Real, |x| x[0].add(&x[1])),
        case("add, scalar", &[&[], &[7]], Real, |x| x[0].add(&x[1])),
        case("sub", &[&[7], &[7]], Real, |x| x[0].sub(&x[1])),
        case("sub, broadcast", &[&[1, 5], &[3, 1]], Real, |x| x[0].sub(&x[1])),
        case("mul", &[&[3, 5], &[3, 5]], Real, |x| x[0].mul(&x[1])),
        case("mul, broadcast", &[&[2, 1, 3], &[5, 1]], Real, |x| x[0].mul(&x[1])),
        case("mul, itself", &[&[5]], Real, |x| x[0].mul(&x[0])),
        case("div", &[&[3, 3], &[3, 3]], NonZero, |x| x[0].div(&x[1])),
        case("div, broadcast", &[&[3], &[2, 1]], NonZero, |x| x[0].div(&x[1])),
        case("neg", &[&[5]], Real, |x| x[0].neg()),
        case("affine", &[&[5]], Real, |x| x[0].affine(-1.7, 0.3)),
        case("to_dtype, the same", &[&[5]], Real, |x| x[0].to_dtype(DType::F64)),
    ]);
}

#[test]
fn functions_of_one_number() {
    check(vec![
        case("relu", &[&[3, 5]], NonZero, |x| x[0].relu()),
        case("exp", &[&[7]], Real, |x| x[0].affine(0.5, 0.0)?.exp()),
        case("log", &[&[7]], Positive, |x| x[0].log()),
        case("sqrt", &[&[7]], Positive, |x| x[0].sqrt()),
        case("reciprocal", &[&[7]], NonZero, |x| x[0].reciprocal()),
        case("power 2", &[&[7]], Real, |x| x[0].power(2.0)),
        case("power 3", &[&[7]], Real, |x| x[0].power(3.0)),
        case("power -1.5", &[&[5]], Positive, |x| x[0].affine(1.0, 0.5)?.power(-1.5)),
        case("power -2", &[&[5]], NonZero, |x| x[0].affine(2.0, 0.0)?.power(-2.0)),
        case("power 0", &[&[3]], Real, |x| x[0].power(0.0)),
        case("tanh", &[&[7]], Real, |x| x[0].tanh()),
        case("sigmoid", &[&[7]], Real, |x| x[0].sigmoid()),
        case("softplus", &[&[7]], Real, |x| x[0].softplus()),
        case("log_softmax, last", &[&[3, 5]], Real, |x| x[0].log_softmax(1)),
        case("log_softmax, first", &[&[3, 2]], Real, |x| x[0].log_softmax(0)),
    ]);
}

#[test]
fn sums_and_broadcasts() {
    check(vec![
        case("sum, first", &[&[3, 5]], Real, |x| x[0].sum(&[0])),
        case("sum, last", &[&[3, 5]], Real, |x| x[0].sum(&[1])),
        case("sum, middle", &[&[2, 3, 5]], Real, |x| x[0].sum(&[1])),
        case("sum, outer two", &[&[2, 3, 5]], Real, |x| x[0].sum(&[0, 2])),
        case("sum, all", &[&[3, 3]], Real, |x| x[0].sum_all()),
        case("sum, transposed", &[&[3, 5]], Real, |x| x[0].t()?.sum(&[1])),
        case("mean", &[&[3, 5]], Real, |x| x[0].mean(&[1])),
        case("mean, all", &[&[3, 5]], Real, |x| x[0].mean_all()),
        case("broadcast", &[&[3, 1]], Real, |x| x[0].broadcast_to(&[2, 3, 5])),
        case("sum_to", &[&[2, 3, 5]], Real, |x| x[0].sum_to(&[3, 1])),
        case("mse", &[&[3, 2, 5], &[3, 2, 5]], Real, |x| mse(&x[0], &x[1])),
        case("mse, transposed", &[&[3, 5], &[5, 3]], Real, |x| mse(&x[0], &x[1].t()?)),
        case("mse, numbers", &[&[4], &[4]], Real, |x| mse(&x[0], &x[1])),
        case("mse, weighted tasks", &[&[3, 4], &[3, 4], &[3]], Real, |x| mse(&x[0], &x[1])?.mul(&x[2])),
    ]);
}

#[test]
fn shapes() {
    check(vec![
        case("expand_tied", &[&[2, 3]], Real, |x| x[0].expand_tied(&Ties::new(&[0, 2, 2, 1, 0], 3)?)),
        case("expand_tied, a parameter without elements", &[&[3]], Real, |x| {
            x[0].expand_tied(&Ties::new(&[2, 0], 3)?)
        }),
        case("sum_tied", &[&[2, 2, 5]], Real, |x| x[0].sum_tied(&Ties::new(&[0, 2, 2, 1, 0], 4)?)),
        case("sum_tied, transposed", &[&[5, 2]], Real, |x| {
            x[0].t()?.sum_tied(&Ties::new(&[0, 1, 1, 1, 0], 2)?)
        }),
        case("reshape", &[&[3, 5]], Real, |x| x[0].reshape(&[5, 3])),
        case("reshape, transposed", &[&[3, 5]], Real, |x| x[0].t()?.reshape(&[15])),
        case("transpose", &[&[3, 5]], Real, |x| x[0].transpose(0, 1)),
        case("permute", &[&[2, 3, 5]], Real, |x| x[0].permute(&[2, 0, 1])),
        case("narrow", &[&[3, 7]], Real, |x| x[0].narrow(1, 2, 3)),
        case("pad", &[&[3, 2]], Real, |x| x[0].pad(0, 1, 2)),
        case("concat", &[&[3, 2], &[3, 1], &[3, 5]], Real, |x| concat(&[&x[0], &x[1], &x[2]], 1)),
        case("concat, twice the same", &[&[3]], Real, |x| concat(&[&x[0], &x[0]], 0)),
        case("detach", &[&[5], &[5]], Real, |x| x[0].mul(&x[1])?.add(&x[0].detach())?.sub(&x[0].detach())),
    ]);
}

#[test]
fn matrix_products() {
    check(vec![
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
    ]);
}

/// Solutions of linear systems, through matrices that are symmetric and positive by construction.
#[test]
fn solutions() {
    let positive = |m: &Node, k: usize| -> Result<Node> {
        let identity = Node::constant(&Tensor::eye(k, DType::F64, &Device::Cpu)?);
        m.t()?.matmul(m)?.add(&identity.affine(0.5, 0.0)?)
    };
    check(vec![
        case("solve", &[&[4, 3], &[3, 2]], Real, move |x| positive(&x[0], 3)?.solve_positive(&x[1])),
        case("solve, one", &[&[1, 1], &[1, 1]], Real, move |x| positive(&x[0], 1)?.solve_positive(&x[1])),
        case("solve, batch", &[&[2, 3, 2], &[2, 2, 1]], Real, move |x| {
            positive(&x[0], 2)?.solve_positive(&x[1])
        }),
        // Ridge regression: v₀ + (ΦᵀΦ + λ)⁻¹ Φᵀ (y − Φ v₀), with fewer equations than unknowns.
        case("ridge regression", &[&[2, 3], &[2, 1], &[3, 1], &[]], Real, |x| {
            let (phi, identity) = (&x[0], Node::constant(&Tensor::eye(3, DType::F64, &Device::Cpu)?));
            let ridge = identity.mul(&x[3].exp()?)?;
            let rest = x[1].sub(&phi.matmul(&x[2])?)?;
            x[2].add(&phi.t()?.matmul(phi)?.add(&ridge)?.solve_positive(&phi.t()?.matmul(&rest)?)?)
        }),
    ]);
}

#[test]
fn windows() {
    let window = Window { kernel: (3, 2), stride: (2, 1), padding: (1, 2) };
    check(vec![
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
    ]);
}

#[test]
fn gather_by_class() {
    let index = Tensor::new(&[[1u32, 4, 0], [4, 4, 2]], &Device::Cpu).unwrap();
    check(vec![
        case("gather_class", &[&[2, 3, 5]], Real, {
            let index = index.clone();
            move |x| x[0].gather_class(&index)
        }),
        case("cross-entropy", &[&[2, 3, 5]], Real, move |x| {
            x[0].log_softmax(2)?.gather_class(&index)?.mean(&[1])?.neg()
        }),
    ]);
}

/// Operands that are views, with strides of all kinds.
#[test]
fn views() {
    check(vec![
        case("add, both permuted", &[&[2, 3, 4], &[2, 3, 4]], Real, |x| {
            x[0].permute(&[2, 0, 1])?.add(&x[1].permute(&[2, 0, 1])?)
        }),
        case("mul, permuted and broadcast", &[&[3, 2], &[3]], Real, |x| {
            x[0].t()?.mul(&x[1].broadcast_to(&[2, 3])?)
        }),
        case("tanh, permuted", &[&[2, 3, 2]], Real, |x| x[0].permute(&[1, 2, 0])?.tanh()),
        case("sum, narrowed and permuted", &[&[3, 5]], Real, |x| x[0].narrow(1, 1, 3)?.t()?.sum(&[0])),
        case("log_softmax, broadcast", &[&[3]], Real, |x| x[0].broadcast_to(&[1, 3])?.log_softmax(0)),
        case("im2col, permuted", &[&[5, 2, 3]], Real, |x| {
            x[0].permute(&[1, 0, 2])?.im2col(Window::square(2, 1, 0))
        }),
    ]);
}

#[test]
fn checkpoints() {
    check(vec![
        case("checkpoint", &[&[2, 3], &[3, 2]], Real, |x| {
            Ok(checkpoint(&[&x[0], &x[1]], |x| Ok(vec![x[0].matmul(&x[1])?.tanh()?]))?.remove(0))
        }),
        case("unroll, recomputed", &[&[2], &[2], &[]], Real, |x| {
            let step = |_: usize, state: &[Node], context: &[Node]| {
                let loss = state[0].mul(&context[0])?.tanh()?.sum_all()?;
                let g = grad(&loss, &[&state[0]], Graph::Keep)?.remove(0);
                Ok(vec![state[0].sub(&g.mul(&context[1])?)?])
            };
            let context = vec![x[1].clone(), x[2].clone()];
            Ok(unroll(vec![x[0].clone()], context, 3, Recompute::On, Arc::new(step))?.remove(0))
        }),
    ]);
}

/// A small convolutional network inside one gradient step: the composition that matters.
#[test]
fn a_gradient_step_through_everything() {
    let target = normal(9, &[2, 3], DType::F64);
    let f = move |x: &[Node]| {
        let loss = |w: &Node, v: &Node| {
            let h = w.matmul(&x[2].im2col(Window::square(3, 1, 1))?)?.tanh()?;
            let h = h.reshape(&[2, 2, 5, 5])?.max_pool(Window::square(2, 2, 0))?;
            mse(&h.reshape(&[2, 8])?.matmul(v)?, &Node::constant(&target))?.sum_all()
        };
        let (w, v) = (&x[0], &x[1]);
        let g = grad(&loss(w, v)?, &[w, v], Graph::Keep)?;
        loss(&w.sub(&g[0].affine(0.1, 0.0)?)?, &v.sub(&g[1].affine(0.1, 0.0)?)?)
    };
    let inputs = [
        normal(1, &[2, 9], DType::F64),
        normal(2, &[8, 3], DType::F64),
        normal(3, &[2, 1, 5, 5], DType::F64),
    ];
    gradcheck("step", &f, &inputs, 2, FiniteDifference { step: 1e-5, tolerance: 1e-6 });
}
