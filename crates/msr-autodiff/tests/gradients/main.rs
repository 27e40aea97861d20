//! Every operation, first, second and third order, against central finite differences in f64.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "tests")]

mod cases;
mod dimensions;
mod elementwise;
mod shapes;
mod windows;

use std::collections::BTreeSet;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Graph, Node, Recompute, Window, checkpoint, grad, mse, unroll};
use msr_testkit::{FiniteDifference, gradcheck, normal};

use cases::Domain::Real;
use cases::{Case, case, check};

/// The families of operations.
const FAMILIES: [fn() -> Vec<Case>; 9] = [
    elementwise::one_number,
    elementwise::two_numbers,
    dimensions::along,
    shapes::shape,
    shapes::by_index,
    windows::windows,
    windows::convolutions,
    windows::matrix_products,
    windows::solutions,
];

#[test]
fn every_operation() {
    for family in FAMILIES {
        check(family());
    }
}

/// The table of operations and the checks name the same ones.
#[test]
fn the_table_of_operations_is_what_is_checked() {
    let rows = include_str!("../../src/operations.md").lines().filter_map(|line| line.strip_prefix("| "));
    let named: Vec<&str> =
        rows.filter_map(|row| row.split('|').nth(1)?.trim().strip_prefix('`')?.strip_suffix('`')).collect();
    let documented: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(documented.len(), named.len(), "an operation has two lines");
    let cases: Vec<Case> = FAMILIES.iter().flat_map(|family| family()).collect();
    let checked: BTreeSet<&str> = cases.iter().map(Case::operation).collect();
    let missing: Vec<_> = documented.difference(&checked).collect();
    assert!(missing.is_empty(), "without a check: {missing:?}");
    let missing: Vec<_> = checked.difference(&documented).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
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
        case("max, permuted", &[&[3, 2, 4]], Real, |x| x[0].permute(&[2, 0, 1])?.max(1)),
        case("avg_pool, broadcast", &[&[1, 4, 1]], Real, |x| {
            x[0].broadcast_to(&[2, 4, 3])?.avg_pool(Window::square(2, 1, 0))
        }),
        case("cumsum, narrowed", &[&[2, 6]], Real, |x| x[0].narrow(1, 1, 4)?.t()?.cumsum(0)),
    ]);
}

/// Operations put together.
#[test]
fn compositions() {
    let index = Tensor::new(&[[1u32, 4, 0], [4, 4, 2]], &Device::Cpu).unwrap();
    check(vec![
        case("detach", &[&[5], &[5]], Real, |x| x[0].mul(&x[1])?.add(&x[0].detach())?.sub(&x[0].detach())),
        case("cross-entropy", &[&[2, 3, 5]], Real, move |x| {
            x[0].log_softmax(2)?.gather_class(&index)?.mean(&[1])?.neg()
        }),
        // Ridge regression: v₀ + (ΦᵀΦ + λ)⁻¹ Φᵀ (y − Φ v₀), with fewer equations than unknowns.
        case("ridge regression", &[&[2, 3], &[2, 1], &[3, 1], &[]], Real, |x| {
            let (phi, identity) = (&x[0], Node::constant(&Tensor::eye(3, DType::F64, &Device::Cpu)?));
            let ridge = identity.mul(&x[3].exp()?)?;
            let rest = x[1].sub(&phi.matmul(&x[2])?)?;
            x[2].add(&phi.t()?.matmul(phi)?.add(&ridge)?.solve_positive(&phi.t()?.matmul(&rest)?)?)
        }),
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
