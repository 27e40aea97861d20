//! The gradient rules to check, at first and second order. A new one is a line here.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{
    Convolution, Graph, Node, Pool, Recompute, Result, Ties, Window, checkpoint, concat,
    descend_least_squares, for_tasks, grad, inner_step, mse, stack, unroll, where_cond,
};

use msr_kernels::identity;

use super::operation::Domain::{Apart, Positive, Real};
use super::operation::{Operation, rule};
use super::shapes;

/// All rules.
pub fn rules() -> Vec<Operation> {
    let mut all = arithmetic();
    all.extend(functions());
    all.extend(sums());
    all.extend(shape_changes());
    all.extend(products());
    all.extend(windows());
    all.extend(compositions());
    let further = [further_functions(), further_sums(), further_shapes(), by_index(), convolutions()];
    // In half precision the rules' own tests look at them.
    all.extend(further.into_iter().flatten().map(Operation::in_full_precision));
    all
}

fn arithmetic() -> Vec<Operation> {
    vec![
        rule("add, broadcast", Real, |n| shapes![[2, n, 1], [3]], |x| x[0].add(&x[1])),
        rule("sub, broadcast", Apart, |n| shapes![[1, n], [3, 1]], |x| x[0].sub(&x[1])),
        rule("mul, broadcast", Apart, |n| shapes![[2, 1, n], [3, 1]], |x| x[0].mul(&x[1])),
        rule("mul, itself", Apart, |n| shapes![[n]], |x| x[0].mul(&x[0])),
        rule("div, broadcast", Apart, |n| shapes![[n], [2, 1]], |x| x[0].div(&x[1])),
        rule("neg", Real, |n| shapes![[n]], |x| x[0].neg()),
        rule("affine", Positive, |n| shapes![[n]], |x| x[0].affine(-1.7, -0.3)),
        rule(
            "to_dtype, there and back",
            Real,
            |n| shapes![[n]],
            |x| x[0].to_dtype(DType::F64)?.affine(0.5, 0.0)?.to_dtype(x[0].dtype()),
        ),
    ]
}

fn functions() -> Vec<Operation> {
    vec![
        rule("relu", Apart, |n| shapes![[n, 3]], |x| x[0].relu()),
        rule("exp", Real, |n| shapes![[n]], |x| x[0].affine(0.5, 0.0)?.exp()),
        rule("log", Positive, |n| shapes![[n]], |x| x[0].log()),
        rule("sqrt", Positive, |n| shapes![[n]], |x| x[0].sqrt()),
        rule("reciprocal", Apart, |n| shapes![[n]], |x| x[0].reciprocal()),
        rule("power 3", Apart, |n| shapes![[n]], |x| x[0].power(3.0)),
        rule("power -1.5", Positive, |n| shapes![[n]], |x| x[0].affine(1.0, 0.5)?.power(-1.5)),
        rule("tanh", Real, |n| shapes![[n]], |x| x[0].tanh()),
        rule("sigmoid", Real, |n| shapes![[n]], |x| x[0].sigmoid()),
        rule("softplus", Real, |n| shapes![[n]], |x| x[0].softplus()),
        rule("log_softmax, last", Real, |n| shapes![[3, n + 1]], |x| x[0].log_softmax(1)),
        rule("log_softmax, first", Real, |n| shapes![[n + 1, 3]], |x| x[0].log_softmax(0)),
    ]
}

fn sums() -> Vec<Operation> {
    vec![
        rule("sum_keepdim", Positive, |n| shapes![[n, 3, 2]], |x| x[0].sum_keepdim(&[0, 2])),
        rule("sum", Positive, |n| shapes![[3, n]], |x| x[0].sum(&[1])),
        rule("scaled_sum", Positive, |n| shapes![[n, 3]], |x| x[0].scaled_sum(&[0], 0.3)),
        rule("sum_all", Positive, |n| shapes![[n, 2]], |x| x[0].sum_all()),
        rule("mean", Positive, |n| shapes![[3, n]], |x| x[0].mean(&[1])),
        rule("mean_all", Positive, |n| shapes![[3, n]], |x| x[0].mean_all()),
        rule("broadcast_to", Real, |n| shapes![[n, 1]], |x| x[0].broadcast_to(&[2, x[0].dims()[0], 3])),
        rule("sum_to", Positive, |n| shapes![[2, n, 3]], |x| x[0].sum_to(&[x[0].dims()[1], 1])),
        rule("mse", Apart, |n| shapes![[3, n, 2], [3, n, 2]], |x| mse(&x[0], &x[1])),
        rule(
            "mse, weighted tasks",
            Apart,
            |n| shapes![[3, n], [3, n], [3]],
            |x| mse(&x[0], &x[1])?.mul(&x[2]),
        ),
    ]
}

/// Ties of `n` elements to four parameters.
fn tied(n: usize) -> Result<Ties> {
    let parameters: Vec<u32> = (0..n).map(|i| (i * 5 % 4) as u32).collect();
    Ok(Ties::new(&parameters, 4)?)
}

fn shape_changes() -> Vec<Operation> {
    vec![
        rule("expand_tied", Real, |n| shapes![[3, n, 4]], |x| x[0].expand_tied(&tied(2 * x[0].dims()[1])?)),
        rule("sum_tied", Positive, |n| shapes![[3, n]], |x| x[0].sum_tied(&tied(x[0].dims()[1])?)),
        rule("reshape", Real, |n| shapes![[3, n]], |x| x[0].t()?.reshape(&[x[0].elem_count()])),
        rule("transpose", Real, |n| shapes![[3, n]], |x| x[0].transpose(0, 1)),
        rule("permute", Real, |n| shapes![[2, n, 3]], |x| x[0].permute(&[2, 0, 1])),
        rule("narrow", Real, |n| shapes![[3, n + 2]], |x| x[0].narrow(1, 1, x[0].dims()[1] - 2)),
        rule("pad", Real, |n| shapes![[n, 3]], |x| x[0].pad(0, 1, 2)),
        rule("concat", Real, |n| shapes![[3, n], [3, 1], [3, 5]], |x| concat(&[&x[0], &x[1], &x[2]], 1)),
        rule("detach", Positive, |n| shapes![[n], [n]], |x| x[0].mul(&x[1])?.add(&x[0].detach())),
        rule(
            "gather_class",
            Real,
            |n| shapes![[n, 5]],
            |x| {
                let labels: Vec<u32> = (0..x[0].dims()[0]).map(|i| (i * 3 % 5) as u32).collect();
                x[0].gather_class(&Tensor::from_vec(labels, x[0].dims()[0], x[0].device())?)
            },
        ),
    ]
}

fn products() -> Vec<Operation> {
    vec![
        rule("matmul, inner", Positive, |n| shapes![[3, n], [n, 2]], |x| x[0].matmul(&x[1])),
        rule("matmul, outer", Positive, |n| shapes![[n, 2], [2, n]], |x| x[0].matmul(&x[1])),
        rule("matmul, batch", Positive, |n| shapes![[2, n, 3], [2, 3, 4]], |x| x[0].matmul(&x[1])),
        rule("matmul, shared right", Positive, |n| shapes![[2, n, 3], [3, 4]], |x| x[0].matmul(&x[1])),
        rule("matmul, shared left", Positive, |n| shapes![[n, 3], [2, 3, 4]], |x| x[0].matmul(&x[1])),
        rule("matmul, transposed", Positive, |n| shapes![[5, n], [2, 5]], |x| x[0].t()?.matmul(&x[1].t()?)),
        rule(
            "solve_positive",
            Apart,
            |n| shapes![[2, n, 3], [2, 3, 2]],
            |x| {
                let scale = 0.5 / x[0].dims()[1] as f64;
                let identity = Node::constant(&identity(3, x[0].dtype(), x[0].device())?);
                let positive = x[0].transpose(1, 2)?.matmul(&x[0])?.affine(scale, 0.0)?.add(&identity)?;
                positive.solve_positive(&x[1])
            },
        ),
    ]
}

fn windows() -> Vec<Operation> {
    const UNEVEN: Window = Window { kernel: (3, 2), stride: (2, 1), padding: (1, 2) };
    vec![
        rule("im2col, line", Real, |n| shapes![[2, 2, 1, n]], |x| x[0].im2col(Window::line(3, 2, 1))),
        rule("im2col, uneven", Real, |n| shapes![[2, n, 4]], |x| x[0].im2col(UNEVEN)),
        rule(
            "col2im, uneven",
            Positive,
            |n| shapes![[6, n.div_ceil(2) * 7]],
            |x| x[0].col2im(UNEVEN, (x[0].dims()[1] / 7 * 2, 4)),
        ),
        rule("max_pool", Real, |n| shapes![[2, n + 1, 4]], |x| x[0].max_pool(Window::square(2, 2, 0))),
        rule(
            "max_pool, overlapping",
            Real,
            |n| shapes![[n + 2, 5]],
            |x| x[0].max_pool(Window::square(3, 1, 0)),
        ),
    ]
}

fn compositions() -> Vec<Operation> {
    let all = vec![
        rule(
            "cross-entropy",
            Real,
            |n| shapes![[2, n, 5]],
            |x| {
                let n = x[0].dims()[1];
                let labels: Vec<u32> = (0..2 * n).map(|i| (i * 3 % 5) as u32).collect();
                let labels = Tensor::from_vec(labels, (2, n), &Device::Cpu)?.to_device(x[0].device())?;
                x[0].log_softmax(2)?.gather_class(&labels)?.mean(&[1])?.neg()
            },
        ),
        rule(
            "checkpoint",
            Real,
            |n| shapes![[n, 3], [3, 2]],
            |x| Ok(checkpoint(&[&x[0], &x[1]], |x| Ok(vec![x[0].matmul(&x[1])?.tanh()?]))?.remove(0)),
        ),
        rule(
            "unroll, recomputed",
            Real,
            |n| shapes![[n], [n], [1]],
            |x| {
                let step = |_: usize, state: &[Node], context: &[Node]| {
                    let loss = state[0].mul(&context[0])?.tanh()?.sum_all()?;
                    let g = grad(&loss, &[&state[0]], Graph::Keep)?.remove(0);
                    Ok(vec![state[0].sub(&g.mul(&context[1])?)?])
                };
                let context = vec![x[1].clone(), x[2].affine(0.1, 0.0)?];
                Ok(unroll(vec![x[0].clone()], context, 3, Recompute::On, Arc::new(step))?.remove(0))
            },
        ),
        // A convolution, a pooling and a product inside one gradient step.
        rule(
            "a gradient step",
            Real,
            |n| shapes![[2, 9], [8, 3], [2, 1, 4, 4], [n, 2, 3]],
            |x| {
                let loss = |w: &Node, v: &Node| {
                    let h = w.matmul(&x[2].im2col(Window::square(3, 1, 1))?)?.affine(0.3, 0.0)?.tanh()?;
                    let h = h.reshape(&[2, 2, 4, 4])?.max_pool(Window::square(2, 2, 0))?;
                    let y = h.reshape(&[2, 8])?.matmul(v)?.broadcast_to(x[3].dims())?;
                    mse(&y, &x[3])?.mean_all()
                };
                let (w, v) = (&x[0], &x[1]);
                let g = grad(&loss(w, v)?, &[w, v], Graph::Keep)?;
                loss(&w.sub(&g[0].affine(0.1, 0.0)?)?, &v.sub(&g[1].affine(0.1, 0.0)?)?)
            },
        ),
    ];
    // Half precision would show how these chains of operations round, and no more.
    all.into_iter().map(Operation::in_full_precision).collect()
}

fn further_functions() -> Vec<Operation> {
    vec![
        rule("sin", Real, |n| shapes![[n]], |x| x[0].sin()),
        rule("cos", Real, |n| shapes![[n]], |x| x[0].cos()),
        rule("abs", Apart, |n| shapes![[n]], |x| x[0].abs()),
        rule("erf", Real, |n| shapes![[n]], |x| x[0].erf()),
        rule("silu", Real, |n| shapes![[n]], |x| x[0].silu()),
        rule("gelu", Real, |n| shapes![[n]], |x| x[0].gelu()),
        rule("gelu_erf", Real, |n| shapes![[n]], |x| x[0].gelu_erf()),
        rule("elu", Apart, |n| shapes![[n]], |x| x[0].elu(0.7)),
        rule("clamp", Apart, |n| shapes![[n]], |x| x[0].mul(&x[0])?.clamp(0.05, 1e6)),
        rule("pow", Positive, |n| shapes![[n], [n]], |x| x[0].pow(&x[1])),
        rule("maximum", Real, |n| shapes![[3, n], [n]], |x| x[0].maximum(&x[1])),
        rule("minimum", Real, |n| shapes![[3, n], [n]], |x| x[0].minimum(&x[1])),
        rule(
            "where_cond",
            Real,
            |n| shapes![[3, n], [3, n]],
            |x| {
                let numbers: Vec<u8> = (0..x[0].elem_count()).map(|i| (i % 3 > 0).into()).collect();
                where_cond(&Tensor::from_vec(numbers, x[0].dims(), x[0].device())?, &x[0], &x[1])
            },
        ),
    ]
}

fn further_sums() -> Vec<Operation> {
    vec![
        rule("scaled_sum_keepdim", Positive, |n| shapes![[3, n]], |x| x[0].scaled_sum_keepdim(&[1], 0.3)),
        rule("mean_keepdim", Positive, |n| shapes![[3, n]], |x| x[0].mean_keepdim(&[1])),
        rule("var", Real, |n| shapes![[3, n + 1]], |x| x[0].var(&[1])),
        rule("var_keepdim", Real, |n| shapes![[n + 1, 3]], |x| x[0].var_keepdim(&[0])),
        rule("log_sum_exp", Real, |n| shapes![[3, n]], |x| x[0].log_sum_exp(&[1])),
        rule("softmax", Real, |n| shapes![[3, n + 1]], |x| x[0].softmax(1)),
        rule("cumsum", Positive, |n| shapes![[3, n]], |x| x[0].cumsum(1)),
        rule("max", Real, |n| shapes![[3, n]], |x| x[0].max(1)),
        rule("min", Real, |n| shapes![[3, n]], |x| x[0].min(1)),
        rule("max_keepdim", Real, |n| shapes![[n, 3]], |x| x[0].max_keepdim(0)),
        rule("min_keepdim", Real, |n| shapes![[n, 3]], |x| x[0].min_keepdim(0)),
    ]
}

fn further_shapes() -> Vec<Operation> {
    vec![
        rule("flip", Real, |n| shapes![[3, n]], |x| x[0].flip(&[1])),
        rule("roll", Real, |n| shapes![[3, n]], |x| x[0].roll(-2, 1)),
        rule("repeat", Real, |n| shapes![[3, n]], |x| x[0].repeat(&[2, 3])),
        rule("stack", Real, |n| shapes![[3, n], [3, n]], |x| stack(&[&x[0], &x[1], &x[0]], 1)),
        rule(
            "chunk",
            Real,
            |n| shapes![[3, 2 * n]],
            |x| {
                let parts = x[0].chunk(2, 1)?;
                parts[0].mul(&parts[1])
            },
        ),
        rule("slice_scatter", Real, |n| shapes![[3, n + 2], [3, n]], |x| x[0].slice_scatter(&x[1], 1, 1)),
        rule("pad_with_same", Real, |n| shapes![[3, n]], |x| x[0].pad_with_same(1, 2, 1)),
        rule("unfold", Real, |n| shapes![[3, n + 2]], |x| x[0].unfold(1, 3, 2)),
    ]
}

/// For each of `rows`, `count` different numbers below `below`.
fn index(rows: usize, count: usize, below: usize, device: &Device) -> Result<Tensor> {
    let numbers: Vec<u32> = (0..rows * count).map(|i| ((i % count + i / count) % below) as u32).collect();
    Ok(Tensor::from_vec(numbers, (rows, count), device)?)
}

fn by_index() -> Vec<Operation> {
    let few = |x: &Node| index(3, 2, x.dims()[1], x.device());
    vec![
        rule("gather", Real, |n| shapes![[3, n + 1]], move |x| x[0].gather(&few(&x[0])?, 1)),
        rule("scatter", Real, |n| shapes![[3, n + 1], [3, 2]], move |x| x[0].scatter(&few(&x[0])?, &x[1], 1)),
        rule(
            "scatter_add",
            Real,
            |n| shapes![[3, n + 1], [3, 2]],
            move |x| x[0].scatter_add(&few(&x[0])?, &x[1], 1),
        ),
        rule(
            "index_select",
            Real,
            |n| shapes![[3, n + 1]],
            |x| x[0].index_select(&index(1, 2, x[0].dims()[1], x[0].device())?.squeeze(0)?, 1),
        ),
        rule(
            "index_add",
            Real,
            |n| shapes![[3, n + 1], [3, 2]],
            |x| x[0].index_add(&index(1, 2, x[0].dims()[1], x[0].device())?.squeeze(0)?, &x[1], 1),
        ),
    ]
}

fn convolutions() -> Vec<Operation> {
    const STEP: Window = Window { kernel: (3, 3), stride: (2, 1), padding: (1, 1) };
    let how = Convolution { stride: (2, 1), padding: (1, 1), ..Convolution::default() };
    vec![
        rule("avg_pool", Real, |n| shapes![[2, n + 1, 4]], |x| x[0].avg_pool(Window::square(2, 2, 0))),
        rule("upsample_nearest", Real, |n| shapes![[2, n, 3]], |x| x[0].upsample_nearest(&[5, 7])),
        rule(
            "convolve",
            Positive,
            |n| shapes![[1, 2, n + 1, 4], [3, 2, 3, 3]],
            move |x| x[0].convolve(&x[1], how),
        ),
        rule(
            "convolve_transposed",
            Positive,
            |n| shapes![[1, 2, n, 4], [2, 3, 3, 3]],
            move |x| x[0].convolve_transposed(&x[1], how, (0, 0)),
        ),
        rule(
            "conv2d_of_tasks",
            Positive,
            |n| shapes![[2, 1, 2, n, 4], [2, 3, 2, 3, 3]],
            |x| x[0].conv2d_of_tasks(&x[1], STEP),
        ),
        rule(
            "conv2d_of_tasks_input_grad",
            Positive,
            |n| shapes![[2, 1, 3, n, 4], [2, 3, 2, 3, 3]],
            |x| x[0].conv2d_of_tasks_input_grad(&x[1], STEP, (2 * x[0].dims()[3], 4)),
        ),
        rule(
            "conv2d_of_tasks_weight_grad",
            Positive,
            |n| shapes![[2, 1, 2, 2 * n, 4], [2, 1, 3, n, 4]],
            |x| x[0].conv2d_of_tasks_weight_grad(&x[1], STEP),
        ),
        rule(
            "descend_least_squares",
            Real,
            |n| shapes![[2, n, 2], [2, n], [2, 2], [2]],
            |x| descend_least_squares(&x[0], &x[1], &x[2], &x[3], 2),
        ),
        rule(
            "for_tasks and inner_step",
            Real,
            |n| shapes![[n, 3], [2], [3, n, 3], [3, 2], [1], [1]],
            |x| {
                let start = for_tasks(&[&x[0], &x[1]], 3)?;
                let rates = [x[4].reshape(&[])?, x[5].reshape(&[])?];
                let start: Vec<&Node> = start.iter().collect();
                let next = inner_step(&start, &[&x[2], &x[3]], &[&rates[0], &rates[1]], &[1, 1])?;
                let next: Vec<&Node> = next.iter().collect();
                let next = inner_step(&next, &[&x[2], &x[3]], &[&rates[0], &rates[1]], &[1, 0])?;
                next[0].mul(&next[1].sum_all()?)
            },
        ),
        rule(
            "kronecker, many outputs",
            Real,
            |n| shapes![[n, n], [2, 2], [3, 3], [1, n, 2, 3]],
            |x| x[3].kronecker([&x[0], &x[1], &x[2]], false),
        ),
        rule(
            "kronecker, many inputs",
            Real,
            |n| shapes![[3, 3], [n, n], [1, 1], [3, 3, n, 1]],
            |x| x[3].kronecker([&x[0], &x[1], &x[2]], true),
        ),
        rule(
            "kronecker, of one filter for all tasks",
            Real,
            |n| shapes![[3, 3], [2, 2], [4, 4], [3, 2, 4], [n, 3, 2, 4]],
            |x| {
                let all = for_tasks(&[&x[3]], x[4].dims()[0])?.remove(0);
                all.kronecker([&x[0], &x[1], &x[2]], true)?.mul(&x[4])
            },
        ),
        rule(
            "norm_relu_pool",
            Real,
            |n| shapes![[2, 2, 3, 2, n + 1], [2, 3], [2, 3]],
            |x| x[0].norm_relu_pool(&x[1], &x[2], 1e-2, Pool::TwoByTwo),
        ),
    ]
}
