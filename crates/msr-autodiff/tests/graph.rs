//! The graph itself: which nodes get gradients, what is kept, what is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{
    Error, Graph, Node, Recompute, Result, Ties, Window, checkpoint, concat, grad, hvp, mse, unroll, vjp,
};
use msr_testkit::{assert_close, normal};

fn number(x: f64) -> Node {
    Node::leaf(&Tensor::new(x, &Device::Cpu).unwrap())
}

#[test]
fn gradients_with_respect_to_computed_nodes() -> Result<()> {
    // z = y², y = 3x: dz/dy = 2y = 12 at x = 2, dz/dx = 36; both in one call.
    let x = number(2.0);
    let y = x.affine(3.0, 0.0)?;
    let z = y.power(2.0)?;
    let g = grad(&z, &[&y, &x, &z], Graph::Drop)?;
    assert_eq!((g[0].scalar()?, g[1].scalar()?, g[2].scalar()?), (12.0, 36.0, 1.0));
    assert!(!g[0].is_tracked());
    Ok(())
}

#[test]
fn what_the_output_does_not_depend_on_gets_zeros() -> Result<()> {
    let (x, y) = (number(2.0), Node::leaf(&Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?));
    let g = grad(&x.exp()?, &[&y], Graph::Keep)?;
    assert_eq!((g[0].dims(), g[0].dtype()), (&[2usize, 3][..], DType::F32));
    assert_eq!(g[0].sum_all()?.scalar()?, 0.0);
    // Also through a detached path.
    assert_eq!(grad(&x.detach().mul(&x)?, &[&x], Graph::Drop)?[0].scalar()?, 2.0);
    Ok(())
}

/// Recomputation sees every tracked input, whichever one is asked for: the inner gradients depend
/// on all.
#[test]
fn recomputation_with_one_request_at_a_time() -> Result<()> {
    let mut results = Vec::new();
    for recompute in [Recompute::Off, Recompute::On] {
        let (w, context) = problem();
        let all = [&w, &context[0], &context[1], &context[2]];
        let last = unroll(vec![w.clone()], context.clone(), 3, recompute, Arc::new(descend))?.remove(0);
        let outer = last.power(2.0)?.sum_all()?;
        let mut found = Vec::new();
        for first in all {
            let g = grad(&outer, &[first], Graph::Keep)?.remove(0);
            found.push(g.clone());
            for second in all {
                found.extend(grad(&g.power(2.0)?.sum_all()?, &[second], Graph::Drop)?);
            }
        }
        results.push(found);
    }
    for (off, on) in results[0].iter().zip(&results[1]) {
        assert_close("one request", on.value(), off.value(), 1e-11);
    }
    Ok(())
}

#[test]
fn captured_nodes_and_constants_are_refused() -> Result<()> {
    let (x, hidden) = (number(2.0), number(3.0));
    let step = move |_: usize, s: &[Node], _: &[Node]| Ok(vec![s[0].mul(&hidden)?]);
    let message =
        unroll(vec![x.clone()], Vec::new(), 2, Recompute::On, Arc::new(step)).unwrap_err().to_string();
    assert!(message.contains("captured a tracked node"), "{message}");
    let message = grad(&x.exp()?, &[&x, &x.detach()], Graph::Drop).unwrap_err().to_string();
    assert!(message.contains("node 1") && message.contains("Node::leaf"), "{message}");
    Ok(())
}

/// Tensors without elements have shapes, values and gradients like any others.
#[test]
fn empty_tensors() -> Result<()> {
    let leaf = |dims: &[usize]| Node::leaf(&Tensor::zeros(dims, DType::F64, &Device::Cpu).unwrap());
    let (a, b, image) = (leaf(&[0, 3]), leaf(&[3, 0]), leaf(&[2, 1, 0, 3]));
    let line = Window { kernel: (1, 1), stride: (1, 1), padding: (1, 0) };
    let results = [
        (a.add(&a)?, vec![0, 3]),
        (a.exp()?, vec![0, 3]),
        (a.t()?.neg()?, vec![3, 0]),
        (a.sum(&[0])?, vec![3]),
        (b.sum(&[1])?, vec![3]),
        (a.matmul(&b)?, vec![0, 0]),
        (b.matmul(&a)?, vec![3, 3]),
        (image.im2col(line)?, vec![2, 1, 6]),
        (image.im2col(line)?.col2im(line, (0, 3))?, vec![2, 1, 0, 3]),
        (a.reshape(&[3, 0])?, vec![3, 0]),
        (concat(&[&a, &a], 0)?, vec![0, 3]),
        (b.pad(1, 1, 0)?, vec![3, 1]),
        (a.log_softmax(1)?, vec![0, 3]),
        (mse(&a, &a.exp()?)?, vec![0]),
    ];
    for (y, dims) in results {
        assert_eq!(y.dims(), dims);
        let values = y.value().flatten_all()?.to_vec1::<f64>()?;
        assert!(values.len() == dims.iter().product::<usize>() && values.iter().all(|v| *v == 0.0), "{y:?}");
        for g in grad(&y.sum_all()?, &[&a, &b, &image], Graph::Drop)? {
            assert_eq!(g.elem_count(), 0);
        }
    }
    Ok(())
}

/// What other devices run, a composition of candle's operations, agrees with the CPU's own loops.
/// Half precision takes that path on the CPU too.
#[test]
fn the_composition_for_other_devices_agrees() -> Result<()> {
    let (a, b) = (normal(1, (2, 3, 4), DType::F32), normal(2, (2, 4, 3), DType::F32));
    let image = normal(3, (2, 3, 7, 5), DType::F32);
    let window = Window { kernel: (3, 2), stride: (2, 1), padding: (1, 0) };
    let ties = Ties::new(&[3, 1, 1, 0, 2, 3], 4)?;
    let all = |dtype: DType| -> Result<Vec<Tensor>> {
        let at = |t: &Tensor| -> Result<Node> { Ok(Node::leaf(&t.to_dtype(dtype)?)) };
        let (a, b, image) = (at(&a)?, at(&b)?, at(&image)?);
        let positive = a.power(2.0)?.affine(1.0, 0.5)?;
        let columns = image.im2col(window)?;
        let values = [
            a.add(&b.t()?)?,
            a.sub(&b.transpose(1, 2)?)?,
            a.mul(&b.permute(&[0, 2, 1])?.sum_keepdim(&[1])?)?,
            mse(&a, &b.t()?)?,
            a.div(&positive)?,
            a.matmul(&b)?,
            a.permute(&[1, 0, 2])?.matmul(&b.narrow(0, 0, 1)?)?,
            a.sum(&[0, 2])?,
            a.relu()?,
            a.exp()?,
            positive.log()?,
            positive.sqrt()?,
            positive.reciprocal()?,
            a.tanh()?,
            a.sigmoid()?,
            a.softplus()?,
            a.log_softmax(2)?,
            columns.clone(),
            columns.col2im(window, (7, 5))?,
            image.max_pool(Window::square(2, 2, 0))?,
            a.expand_tied(&ties)?,
            a.expand_tied(&ties)?.sum_tied(&ties)?,
        ];
        values.iter().map(|v| Ok(v.value().to_dtype(DType::F32)?)).collect()
    };
    for (i, (half, single)) in all(DType::F16)?.iter().zip(all(DType::F32)?).enumerate() {
        assert_close(&format!("operation {i}"), half, &single, 1e-2);
    }
    Ok(())
}

#[test]
fn constants_record_nothing() -> Result<()> {
    let c = Node::constant(&Tensor::new(2f64, &Device::Cpu)?);
    assert!(!c.exp()?.add(&c)?.is_tracked());
    assert!(c.mul(&number(1.0))?.is_tracked());
    Ok(())
}

#[test]
fn hessian_vector_product() -> Result<()> {
    // f = x² y: H = [[2y, 2x], [2x, 0]] at (2, 5), times (1, -1).
    let (x, y) = (number(2.0), number(5.0));
    let f = x.power(2.0)?.mul(&y)?;
    let h = hvp(&f, &[&x, &y], &[&number(1.0), &number(-1.0)], Graph::Drop)?;
    assert_eq!((h[0].scalar()?, h[1].scalar()?), (10.0 - 4.0, 4.0));
    assert!(hvp(&f, &[&x, &y], &[&x], Graph::Drop).is_err());
    Ok(())
}

#[test]
fn errors_say_what_to_do() -> Result<()> {
    let x = Node::leaf(&normal(1, (2, 3), DType::F64));
    let message = grad(&x, &[&x], Graph::Drop).unwrap_err().to_string();
    assert!(message.contains("one element") && message.contains("sum_all"), "{message}");
    assert!(matches!(vjp(&[(&x, &number(1.0))], &[&x], Graph::Drop), Err(Error::Shape { .. })));
    let message = x.matmul(&x).unwrap_err().to_string();
    assert!(message.contains("inner sizes 3 and 2"), "{message}");
    assert!(x.reshape(&[7]).is_err());
    assert!(x.permute(&[0, 0]).is_err());
    assert!(x.transpose(0, 2).is_err());
    assert!(x.narrow(1, 2, 2).is_err());
    assert!(x.sum_to(&[2]).is_err());
    assert!(x.mean(&[5]).is_err());
    assert!(x.mean(&[0, 0]).unwrap_err().to_string().contains("named twice"));
    assert!(x.sum_keepdim(&[2]).unwrap_err().to_string().contains("out of range"));
    assert!(x.add(&Node::leaf(&normal(1, (2, 3), DType::F32))).is_err());
    assert!(x.im2col(Window::square(1, 1, 0)).is_err());
    assert!(x.max_pool(Window::square(2, 2, 1)).is_err());
    let classes = |c: u32| Tensor::new(&[0, c], &Device::Cpu).unwrap();
    assert!(x.gather_class(&classes(2)).is_ok());
    assert!(x.gather_class(&classes(3)).unwrap_err().to_string().contains("class 3"));
    Ok(())
}

#[test]
fn values_agree_with_candle() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for (m, k, n, batch) in [
            (1, 1, 1, 1),
            (31, 32, 33, 2),
            (127, 128, 3, 1),
            (2, 257, 5, 3),
            (70, 68, 70, 33),
            (68, 3, 1, 32),
            (30, 68, 1, 5),
            (68, 1, 3, 7),
            (1, 31, 33, 2),
            (257, 32, 3, 1),
            (32, 257, 3, 1),
            (33, 300, 1, 2),
            (300, 300, 300, 2),
        ] {
            let a = normal(1, (batch, m, k), dtype);
            let b = normal(2, (batch, k, n), dtype);
            let ours = Node::constant(&a).matmul(&Node::constant(&b))?;
            let tolerance = k as f64 * if dtype == DType::F32 { 1e-6 } else { 1e-15 };
            assert_close("matmul", ours.value(), &a.matmul(&b)?, tolerance);
            let transposed = Node::constant(&a.t()?.contiguous()?).t()?.matmul(&Node::constant(&b))?;
            assert_close("transposed", transposed.value(), ours.value(), tolerance);
        }
        let x = normal(3, (3, 1, 7, 5), dtype);
        let weight = normal(4, (4, 1, 3, 3), dtype);
        let columns = Node::constant(&x).im2col(Window::square(3, 2, 1))?;
        let ours = Node::constant(&weight.reshape((4, 9))?).matmul(&columns)?;
        let candle = x.conv2d(&weight, 1, 2, 1, 1)?;
        assert_close("conv2d", &ours.value().reshape(candle.shape())?, &candle, 1e-5);
        let sum = Node::constant(&x).sum(&[0, 2])?;
        assert_close("sum", sum.value(), &x.sum((0, 2))?, 1e-5);
    }
    Ok(())
}

#[test]
fn pooling_sends_the_gradient_to_the_maximum() -> Result<()> {
    // 3×3 with a 2×2 window: one window, the last row and column are not looked at.
    let x = Tensor::new(&[[1f64, 5., 9.], [2., 3., 9.], [9., 9., 9.]], &Device::Cpu)?;
    let x = Node::leaf(&x);
    let y = x.max_pool(Window::square(2, 2, 0))?;
    assert_eq!((y.dims(), y.scalar()?), (&[1usize, 1][..], 5.0));
    let g = grad(&y, &[&x], Graph::Drop)?;
    assert_eq!(g[0].value().to_vec2::<f64>()?, [[0., 1., 0.], [0., 0., 0.], [0., 0., 0.]]);
    Ok(())
}

#[test]
fn nan_is_not_hidden() -> Result<()> {
    let x = number(f64::NAN);
    assert!(x.relu()?.scalar()?.is_nan() && x.softplus()?.scalar()?.is_nan());
    for place in 0..4 {
        let mut image = [1.0, 2.0, 3.0, 4.0];
        image[place] = f64::NAN;
        let image = Node::leaf(&Tensor::from_slice(&image, (2, 2), &Device::Cpu)?);
        assert!(image.max_pool(Window::square(2, 2, 0))?.scalar()?.is_nan());
    }
    Ok(())
}

#[test]
fn extreme_inputs_stay_finite() -> Result<()> {
    for (x, softplus, sigmoid) in [(1000.0, 1000.0, 1.0), (-1000.0, 0.0, 0.0)] {
        assert_eq!((number(x).softplus()?.scalar()?, number(x).sigmoid()?.scalar()?), (softplus, sigmoid));
    }
    let tiny = number(-40.0).softplus()?.scalar()?;
    assert!((tiny / (-40f64).exp() - 1.0).abs() < 1e-12, "{tiny}");
    Ok(())
}

/// One gradient step on a small regression; `context` is (input, target, rate).
fn descend(_: usize, state: &[Node], context: &[Node]) -> Result<Vec<Node>> {
    let loss = context[0].matmul(&state[0])?.tanh()?.sub(&context[1])?.power(2.0)?.sum_all()?;
    let g = grad(&loss, &[&state[0]], Graph::Keep)?.remove(0);
    Ok(vec![state[0].sub(&g.mul(&context[2])?)?])
}

fn problem() -> (Node, Vec<Node>) {
    let context = vec![
        Node::leaf(&normal(1, (5, 3), DType::F64)),
        Node::leaf(&normal(2, (5, 1), DType::F64)),
        Node::leaf(&Tensor::new(0.05f64, &Device::Cpu).unwrap()),
    ];
    (Node::leaf(&normal(3, (3, 1), DType::F64)), context)
}

/// Recomputation changes memory, not results: first order, and second order of the whole unroll.
#[test]
fn recomputation_gives_the_same_gradients() -> Result<()> {
    for steps in [0, 1, 2, 3, 7] {
        let mut results = Vec::new();
        for recompute in [Recompute::Off, Recompute::On] {
            let (w, context) = problem();
            let last =
                unroll(vec![w.clone()], context.clone(), steps, recompute, Arc::new(descend))?.remove(0);
            let wrt = [&w, &context[0], &context[1], &context[2]];
            let outer = last.power(2.0)?.sum_all()?;
            let first = grad(&outer, &wrt, Graph::Keep)?;
            let squares = first[0].power(2.0)?.sum_all()?.add(&first[3].power(2.0)?.sum_all()?)?;
            let second = grad(&squares, &wrt, Graph::Drop)?;
            results.push((first, second));
        }
        let (off, on) = (&results[0], &results[1]);
        for i in 0..4 {
            assert_close("first order", on.0[i].value(), off.0[i].value(), 1e-13);
            assert_close("second order", on.1[i].value(), off.1[i].value(), 1e-12);
        }
    }
    Ok(())
}

/// The unroll equals a gradient step written out by hand: w₁ = w − a Xᵀ(Xw − y), loss ½‖Xw₁ − y‖²,
/// so d/dw = (I − a XᵀX) Xᵀ(Xw₁ − y).
#[test]
fn one_step_by_hand() -> Result<()> {
    let (x, y, w) =
        (normal(1, (5, 3), DType::F64), normal(2, (5, 1), DType::F64), normal(3, (3, 1), DType::F64));
    let rate = 0.05;
    let leaf = Node::leaf(&w);
    let loss = |w: &Node| -> Result<Node> {
        Node::constant(&x).matmul(w)?.sub(&Node::constant(&y))?.power(2.0)?.sum_all()?.affine(0.5, 0.0)
    };
    let g = grad(&loss(&leaf)?, &[&leaf], Graph::Keep)?.remove(0);
    let stepped = leaf.sub(&g.affine(rate, 0.0)?)?;
    let ours = grad(&loss(&stepped)?, &[&leaf], Graph::Drop)?.remove(0);
    let gram = x.t()?.matmul(&x)?;
    let residual = |w: &Tensor| x.t()?.matmul(&(x.matmul(w)? - &y)?);
    let at_step = residual(&(&w - (residual(&w)? * rate)?)?)?;
    let by_hand = (&at_step - (gram.matmul(&at_step)? * rate)?)?;
    assert_close("step", ours.value(), &by_hand, 1e-13);
    Ok(())
}

#[test]
fn a_checkpoint_has_several_outputs() -> Result<()> {
    let (x, y) = (number(2.0), number(3.0));
    let out = checkpoint(&[&x, &y], |v| Ok(vec![v[0].mul(&v[1])?, v[1].power(2.0)?, v[0].clone()]))?;
    let total = out[0].add(&out[2])?;
    let g = grad(&total, &[&x, &y], Graph::Drop)?;
    assert_eq!((g[0].scalar()?, g[1].scalar()?), (4.0, 2.0));
    // The second output alone: the first input gets nothing.
    let g = grad(&out[1], &[&x, &y], Graph::Drop)?;
    assert_eq!((g[0].scalar()?, g[1].scalar()?), (0.0, 6.0));
    Ok(())
}

/// 10,000 chained gradient steps build, differentiate and drop on a thread with a stack of 64 KiB.
#[test]
fn ten_thousand_steps_on_a_small_stack() {
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(|| {
            let (w, context) = problem();
            let last = unroll(vec![w.clone()], context.clone(), 10_000, Recompute::Off, Arc::new(descend));
            let last = last.unwrap().remove(0);
            let g = grad(&last.sum_all().unwrap(), &[&w, &context[2]], Graph::Drop).unwrap();
            assert!(g[1].scalar().unwrap().is_finite());
            drop(last);
            drop((w, context, g));
        })
        .unwrap()
        .join()
        .unwrap();
}
