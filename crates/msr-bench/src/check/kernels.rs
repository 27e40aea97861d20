//! The kernels to check. A new one is a line here.

use anyhow::Result;
use candle_core::{Device, Tensor};
use msr_autodiff::{Graph, Node, descend_least_squares, vjp};
use msr_kernels::kronecker::{self, Form};
use msr_kernels::ties::{self, Ties};
use msr_kernels::{
    Binary, Cotangents, Extreme, Pool, Unary, Window, avg_pool, binary, checked_index, class_index, col2im,
    conv2d, conv2d_input_grad, conv2d_weight_grad, cumsum, descend, descend_grad, extreme, extreme_shares,
    gather, im2col, index_add, index_select, is_fused, log_softmax, matmul, max_pool_index, norm_relu_pool,
    norm_relu_pool_grad, norm_relu_pool_second, scaled_difference, scaled_sum_keepdim, scatter_add, select,
    softmax, solve_positive, spread, squared_distance, sum_keepdim, unary,
};

use super::operation::Domain::{Apart, Definite, Positive, Real};
use super::operation::{Domain, Operation, kernel, kernel_of_many};
use super::{plain, shapes};

/// Functions of one number, and where they are defined.
const UNARY: [(Unary, Domain); 12] = [
    (Unary::Affine { scale: -1.5, offset: 0.25 }, Apart),
    (Unary::Relu, Apart),
    (Unary::Exp, Real),
    (Unary::Log, Positive),
    (Unary::Sqrt, Positive),
    (Unary::Reciprocal, Apart),
    (Unary::Power(2.5), Positive),
    (Unary::Power(-2.0), Apart),
    (Unary::Tanh, Real),
    (Unary::SechSquared, Real),
    (Unary::Sigmoid, Real),
    (Unary::Softplus, Real),
];

const BINARY: [Binary; 5] = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Gate];

/// A window with everything uneven.
const UNEVEN: Window = Window { kernel: (3, 2), stride: (2, 1), padding: (1, 2) };

/// All kernels.
pub fn kernels() -> Vec<Operation> {
    let mut all = elementwise();
    all.extend(sums_and_products());
    all.extend(windows());
    all.extend(by_index());
    all.extend(further().into_iter().map(Operation::in_full_precision));
    all
}

fn elementwise() -> Vec<Operation> {
    let one = UNARY.into_iter().map(|(f, domain)| {
        let name = match f {
            Unary::Power(p) => format!("power {p}"),
            _ => f.name().into(),
        };
        kernel(name, domain, |n| shapes![[n, 3]], move |x| unary(f, &x[0]))
    });
    let two = BINARY.into_iter().flat_map(|f| {
        let run = move |x: &[Tensor]| binary(f, &x[0], &x[1]);
        let spread = format!("{}, broadcast", f.name());
        [
            kernel(f.name(), Apart, |n| shapes![[n, 3], [n, 3]], run),
            kernel(spread, Apart, |n| shapes![[2, n, 1], [3]], run),
        ]
    });
    one.chain(two).collect()
}

fn sums_and_products() -> Vec<Operation> {
    vec![
        kernel("sum, first", Positive, |n| shapes![[n, 5]], |x| sum_keepdim(&x[0], &[0])),
        kernel("sum, last", Positive, |n| shapes![[5, n]], |x| sum_keepdim(&x[0], &[1])),
        kernel("sum, outer two", Positive, |n| shapes![[n, 5, 3]], |x| sum_keepdim(&x[0], &[0, 2])),
        kernel("sum, long", Positive, |n| shapes![[3, 40 * n]], |x| sum_keepdim(&x[0], &[1])),
        kernel(
            "mean",
            Positive,
            |n| shapes![[n, 5]],
            |x| scaled_sum_keepdim(&x[0], &[0], 1.0 / x[0].dims()[0] as f64),
        ),
        kernel("log_softmax, last", Real, |n| shapes![[3, n + 1]], |x| log_softmax(&x[0], 1))
            .against(plain::log_softmax),
        kernel("log_softmax, first", Real, |n| shapes![[n + 1, 3]], |x| log_softmax(&x[0], 0))
            .against(|x| Ok(plain::log_softmax(&[x[0].t()?])?.t()?)),
        kernel("log_softmax, long", Real, |n| shapes![[2, 40 * n]], |x| log_softmax(&x[0], 1))
            .against(plain::log_softmax),
        kernel("softmax", Real, |n| shapes![[3, n + 1]], |x| softmax(&x[0], 1))
            .against(|x| Ok(plain::log_softmax(x)?.exp()?)),
        kernel("matmul, inner", Positive, |n| shapes![[7, n], [n, 5]], |x| matmul(&x[0], &x[1])),
        kernel("matmul, outer", Positive, |n| shapes![[n, 2], [2, n]], |x| matmul(&x[0], &x[1])),
        kernel("matmul, square", Real, |n| shapes![[n, n], [n, n]], |x| matmul(&x[0], &x[1])),
        kernel("matmul, batch", Positive, |n| shapes![[3, n, 4], [3, 4, n]], |x| matmul(&x[0], &x[1])),
        kernel("matmul, shared right", Positive, |n| shapes![[3, n, 4], [4, 5]], |x| matmul(&x[0], &x[1])),
        kernel("matmul, shared left", Positive, |n| shapes![[5, n], [3, n, 2]], |x| matmul(&x[0], &x[1])),
        kernel("matmul, column", Positive, |n| shapes![[n, 4], [4, 1]], |x| matmul(&x[0], &x[1])),
        kernel(
            "matmul, transposed",
            Positive,
            |n| shapes![[n, 7], [5, n]],
            |x| matmul(&x[0].t()?, &x[1].t()?),
        ),
        kernel(
            "solve_positive",
            Definite,
            |n| shapes![[2, n, n], [2, n, 3]],
            |x| solve_positive(&x[0], &x[1]),
        )
        .against(plain::solve),
        kernel(
            "squared_distance",
            Apart,
            |n| shapes![[3, n, 2], [3, n, 2]],
            |x| squared_distance(&x[0], &x[1], 0.25),
        ),
        kernel(
            "squared_distance, long",
            Apart,
            |n| shapes![[2, 120 * n], [2, 120 * n]],
            |x| squared_distance(&x[0], &x[1], 0.25),
        ),
        kernel(
            "scaled_difference",
            Apart,
            |n| shapes![[3, n], [3, n], [3]],
            |x| scaled_difference(&x[0], &x[1], &x[2], 0.5),
        ),
    ]
}

fn windows() -> Vec<Operation> {
    vec![
        kernel("im2col, line", Apart, |n| shapes![[2, 2, 1, n]], |x| im2col(&x[0], Window::line(3, 2, 1))),
        kernel("im2col, uneven", Apart, |n| shapes![[2, n, 4]], |x| im2col(&x[0], UNEVEN)),
        kernel(
            "col2im, line",
            Positive,
            |n| shapes![[2, 6, n]],
            |x| col2im(&x[0], Window::line(3, 1, 1), (1, x[0].dims()[2])),
        ),
        kernel(
            "col2im, uneven",
            Positive,
            |n| shapes![[6, n.div_ceil(2) * 7]],
            |x| col2im(&x[0], UNEVEN, (x[0].dims()[1] / 7 * 2, 4)),
        ),
        kernel(
            "max_pool_index",
            Real,
            |n| shapes![[2, n + 1, 4]],
            |x| max_pool_index(&x[0], Window::square(2, 2, 0)),
        ),
        // Two different numbers, so that several are the largest.
        kernel(
            "max_pool_index, ties",
            Real,
            |n| shapes![[2, n + 2, 5]],
            |x| max_pool_index(&unary(Unary::Sign, &x[0])?, Window::square(3, 1, 0)),
        ),
    ]
}

/// For each of `rows`, `count` numbers below `below`, some of them equal.
fn index(rows: usize, count: usize, below: usize, device: &Device) -> Result<Tensor> {
    let numbers: Vec<u32> = (0..rows * count).map(|i| (i * 7919 % below) as u32).collect();
    Ok(Tensor::from_vec(numbers, (rows, count), device)?)
}

fn by_index() -> Vec<Operation> {
    let picked = |x: &Tensor| index(x.dims()[0], 5, x.dims()[1], x.device());
    let targets = |x: &Tensor| index(x.dims()[0], x.dims()[1], 7, x.device());
    let tied = |n: usize| -> Result<Ties> {
        let parameters: Vec<u32> = (0..n).map(|i| (i * 5 % 4) as u32).collect();
        Ok(Ties::new(&parameters, 4)?)
    };
    vec![
        kernel("gather", Real, |n| shapes![[3, n]], move |x| anyhow::Ok(gather(&x[0], &picked(&x[0])?)?))
            .against(move |x| plain::gather(&x[0], &picked(&x[0])?)),
        kernel(
            "scatter_add",
            Positive,
            |n| shapes![[3, n]],
            move |x| anyhow::Ok(scatter_add(&x[0], &targets(&x[0])?, 7)?),
        )
        .against(move |x| plain::scatter_add(&x[0], &targets(&x[0])?, 7)),
        kernel(
            "class_index",
            Real,
            |n| shapes![[n, 5]],
            move |x| {
                let labels = index(x[0].dims()[0], 1, 5, x[0].device())?.squeeze(1)?;
                anyhow::Ok(class_index(&x[0], &labels)?)
            },
        )
        .against(|x| index(x[0].dims()[0], 1, 5, x[0].device())),
        kernel(
            "ties, expand",
            Real,
            |n| shapes![[3, n, 4]],
            move |x| anyhow::Ok(ties::expand(&x[0], &tied(2 * x[0].dims()[1])?)?),
        ),
        kernel(
            "ties, sum",
            Positive,
            |n| shapes![[3, 2, n]],
            move |x| anyhow::Ok(ties::sum(&x[0], &tied(x[0].dims()[2])?)?),
        ),
    ]
}

/// The results of a block of a network, and their derivatives with the gradient that is given last,
/// or with the results as the gradient: in one pass where there are loops for that, composed
/// otherwise.
fn block(x: &[Tensor], pool: Pool) -> Result<Vec<Tensor>> {
    let [y, gamma, beta, a, given @ ..] = x else { return Ok(Vec::new()) };
    if is_fused(y) {
        let (z, saved) = norm_relu_pool(y, gamma, beta, 1e-2, pool)?;
        let g = given.first().unwrap_or(&z);
        let first = norm_relu_pool_grad(y, gamma, &saved, g)?;
        let cotangents = Cotangents { y: Some(a), gamma: None, beta: Some(beta) };
        let second = norm_relu_pool_second(y, gamma, &saved, g, cotangents)?;
        return Ok([vec![z], first.into(), second.into()].concat());
    }
    let [y, gamma, beta, a] = [y, gamma, beta, a].map(Node::leaf);
    let z = y.norm_relu_pool(&gamma, &beta, 1e-2, pool)?;
    let g = given.first().map_or_else(|| z.detach_leaf(), Node::leaf);
    let first = vjp(&[(&z, &g)], &[&y, &gamma, &beta], Graph::Keep)?;
    let second = vjp(&[(&first[0], &a), (&first[2], &beta.detach())], &[&y, &gamma, &g], Graph::Drop)?;
    Ok([vec![z], first, second].concat().iter().map(|node| node.value().clone()).collect())
}

/// Gradient steps of a linear model, and their gradient: at once where there are loops for that.
fn steps(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let [design, targets, start, rate] = x else { return Ok(Vec::new()) };
    // All operands are positive, so that all terms have one sign and no digits cancel.
    let negative = |x: &Tensor| unary(Unary::Affine { scale: -1.0, offset: 0.0 }, x);
    let (targets, rate) = (&negative(targets)?, &negative(rate)?);
    if is_fused(design) {
        let (last, path) = descend(design, targets, start, rate, 2)?;
        let gradients = descend_grad(design, targets, rate, &path, start)?;
        return Ok([vec![last], gradients.into()].concat());
    }
    let [design, targets, start, rate] = [design, targets, start, rate].map(Node::leaf);
    let last = descend_least_squares(&design, &targets, &start, &rate, 2)?;
    let gradients = vjp(&[(&last, &start.detach())], &[&design, &start, &rate], Graph::Drop)?;
    Ok([vec![last], gradients].concat().iter().map(|node| node.value().clone()).collect())
}

/// The expansion of filters, and the gradients of its factors.
fn kronecker_of(x: &[Tensor], form: Form) -> Result<Vec<Tensor>> {
    let [a, b, c, v, g] = x else { return Ok(Vec::new()) };
    let w = kronecker::expand([a, b, c], form, v)?;
    Ok([vec![w], kronecker::factor_gradients([a, b, c], form, v, g)?.into()].concat())
}

fn further() -> Vec<Operation> {
    const STEP: Window = Window { kernel: (3, 3), stride: (2, 1), padding: (1, 1) };
    let picked = |x: &Tensor| -> Result<Tensor> { Ok(index(1, 3, x.dims()[1], x.device())?.squeeze(0)?) };
    vec![
        kernel_of_many(
            "norm_relu_pool and derivatives",
            Real,
            |n| shapes![[2, 2, 3, 2, n + 1], [2, 3], [2, 3], [2, 2, 3, 2, n + 1]],
            |x| block(x, Pool::TwoByTwo),
        ),
        kernel_of_many(
            "norm_relu_pool and derivatives, no pool",
            Real,
            |n| shapes![[2, n, 3, 3, 2], [2, 3], [2, 3], [2, n, 3, 3, 2], [2, n, 3, 3, 2]],
            |x| block(x, Pool::None),
        ),
        kernel_of_many(
            "kronecker, many outputs",
            Positive,
            |n| shapes![[n, n], [2, 2], [3, 3], [1, n, 2, 3], [1, n, 2, 3]],
            |x| kronecker_of(x, Form::new(true)),
        ),
        kernel_of_many(
            "kronecker, many taps",
            Positive,
            |n| shapes![[5, 5], [2, 2], [n, n], [3, 5, 2, n], [3, 5, 2, n]],
            |x| kronecker_of(x, Form::default().transpose()),
        ),
        kernel_of_many(
            "kronecker, too wide for one pass",
            Positive,
            |n| shapes![[3, 3], [n, n], [9, 9], [1, 3, n, 9], [1, 3, n, 9]],
            |x| kronecker_of(x, Form { beyond_identity: [true, false, true], transposed: false }),
        ),
        kernel_of_many(
            "descend and its gradient",
            Positive,
            |n| shapes![[2, n, 3, 2], [2, n, 3], [2, 2], [2]],
            steps,
        ),
        kernel_of_many(
            "descend and its gradient, wide",
            Positive,
            |n| shapes![[2, 3, n], [2, 3], [2, n], [n]],
            steps,
        ),
        kernel(
            "conv2d",
            Positive,
            |n| shapes![[2, 1, 2, n, 4], [2, 3, 2, 3, 3]],
            |x| conv2d(&x[0], &x[1], STEP),
        ),
        kernel(
            "conv2d_input_grad",
            Positive,
            |n| shapes![[2, 1, 3, n, 4], [2, 3, 2, 3, 3]],
            |x| conv2d_input_grad(&x[0], &x[1], STEP, (2 * x[0].dims()[3], 4)),
        ),
        kernel(
            "conv2d_weight_grad",
            Positive,
            |n| shapes![[2, 1, 2, 2 * n, 4], [2, 1, 3, n, 4]],
            |x| conv2d_weight_grad(&x[0], &x[1], STEP),
        ),
        kernel(
            "avg_pool",
            Positive,
            |n| shapes![[2, n + 2, 4]],
            |x| avg_pool(&x[0], Window::square(2, 1, 0)),
        ),
        kernel(
            "spread",
            Positive,
            |n| shapes![[2, n, 3]],
            |x| spread(&x[0], Window::square(2, 1, 0), (x[0].dims()[1] + 1, 4)),
        ),
        kernel("cumsum", Positive, |n| shapes![[3, n]], |x| cumsum(&x[0], 1)),
        kernel("cumsum, long", Positive, |n| shapes![[2, 40 * n]], |x| cumsum(&x[0], 1)),
        kernel("cumsum, first", Positive, |n| shapes![[n, 3]], |x| cumsum(&x[0], 0)),
        kernel("extreme, largest", Real, |n| shapes![[3, n]], |x| extreme(Extreme::Max, &x[0], 1)),
        kernel("extreme, long", Real, |n| shapes![[2, 40 * n]], |x| extreme(Extreme::Max, &x[0], 1)),
        kernel("extreme, smallest", Real, |n| shapes![[n, 3]], |x| extreme(Extreme::Min, &x[0], 0)),
        kernel(
            "extreme_shares",
            Real,
            |n| shapes![[3, n]],
            |x| extreme_shares(&x[0], &extreme(Extreme::Max, &x[0], 1)?, 1),
        ),
        kernel(
            "select",
            Real,
            |n| shapes![[3, n], [3, n]],
            |x| {
                let numbers: Vec<u8> = (0..x[0].elem_count()).map(|i| (i % 3 > 0).into()).collect();
                let condition = Tensor::from_vec(numbers, x[0].dims(), x[0].device())?;
                anyhow::Ok(select(&condition, &x[0], &x[1])?)
            },
        ),
        kernel(
            "index_select",
            Real,
            |n| shapes![[3, n]],
            move |x| {
                let index = checked_index("index_select", &picked(&x[0])?, x[0].dims()[1])?;
                anyhow::Ok(index_select(&x[0], &index, 1)?)
            },
        ),
        kernel(
            "index_select, rows",
            Real,
            |n| shapes![[7, n]],
            |x| {
                let rows = checked_index("index_select", &index(1, 5, 7, x[0].device())?.squeeze(0)?, 7)?;
                anyhow::Ok(index_select(&x[0], &rows, 0)?)
            },
        ),
        kernel(
            "index_add",
            Positive,
            |n| shapes![[n, 3]],
            move |x| {
                let index = checked_index("index_add", &picked(&x[0])?, 5)?;
                anyhow::Ok(index_add(&x[0], &index, 1, 5)?)
            },
        ),
    ]
}
