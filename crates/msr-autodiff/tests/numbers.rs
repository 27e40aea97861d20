//! Numbers that came out wrong once, and all of their kind: masks and infinity, long sums, half
//! precision, the far ends of the sigmoid family, empty views.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Graph, Node, Result, Ties, Unary, Value, Window, concat, grad, mse};

fn leaf(values: &[f64], dtype: DType) -> Node {
    let t = Tensor::from_slice(values, values.len(), &Device::Cpu).unwrap();
    Node::leaf(&t.to_dtype(dtype).unwrap())
}

fn ones(shape: &[usize], dtype: DType) -> Node {
    Node::leaf(&Tensor::ones(shape, dtype, &Device::Cpu).unwrap())
}

fn numbers(node: &Node) -> Vec<f64> {
    let flat = node.value().to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    flat.to_vec1().unwrap()
}

/// The gradient of the sum of `f(x)`, and that of the sum of the gradient.
fn derivatives(x: &Node, f: &dyn Fn(&Node) -> Result<Node>) -> [Vec<f64>; 2] {
    let first = grad(&f(x).unwrap().sum_all().unwrap(), &[x], Graph::Keep).unwrap().remove(0);
    if !first.is_tracked() {
        return [numbers(&first), vec![0.0; x.elem_count()]];
    }
    let second = grad(&first.sum_all().unwrap(), &[x], Graph::Drop).unwrap().remove(0);
    [numbers(&first), numbers(&second)]
}

/// What a mask leaves out is left out, and not multiplied by zero: it may be infinite. Values of
/// JAX.
#[test]
fn a_mask_multiplied_by_infinity() {
    for dtype in [DType::F64, DType::F32] {
        let x = leaf(&[-1.0, 0.0, 4.0], dtype);
        let check = |name: &str, f: &dyn Fn(&Node) -> Result<Node>, first: f64, second: f64| {
            let found = derivatives(&x, f);
            for (found, expected) in found.iter().zip([first, second]) {
                assert_eq!(found[..2], [0.0, 0.0], "{name}, {dtype:?}: {found:?}");
                assert!((found[2] - expected).abs() < 1e-6, "{name}, {dtype:?}: {found:?}");
            }
        };
        check("√", &|x| x.relu()?.sqrt(), 0.25, -0.03125);
        check("ln", &|x| x.relu()?.log(), 0.25, -0.0625);
        check("1/x", &|x| x.relu()?.reciprocal(), -0.0625, 0.03125);
        check("power −1.5", &|x| x.relu()?.power(-1.5), -0.046875, 0.029296875);
        check("power ½", &|x| x.relu()?.power(0.5), 0.25, -0.03125);
        check("1 / √", &|x| x.relu()?.sqrt()?.reciprocal(), -0.0625, 0.0234375);
    }
    // The gradient that arrives at the mask is infinite.
    let x = leaf(&[-1.0, 1e-35], DType::F32);
    let [first, _] = derivatives(&x, &|x| x.relu()?.affine(1e30, 0.0)?.affine(1e30, 0.0));
    assert_eq!(first[0], 0.0);
    assert!(first[1].is_infinite());
    // What max-pooling and a class do not choose.
    let image = leaf(&[0.0, 4.0, 0.0, 1.0], DType::F64);
    let pooled = |x: &Node| x.reshape(&[2, 2])?.max_pool(Window::square(2, 2, 0))?.sqrt();
    assert_eq!(derivatives(&image, &pooled)[0], [0.0, 0.25, 0.0, 0.0]);
    let class = Tensor::new(&[1u32], &Device::Cpu).unwrap();
    let chosen = |x: &Node| x.reshape(&[1, 4])?.gather_class(&class)?.sqrt();
    assert_eq!(derivatives(&image, &chosen)[0], [0.0, 0.25, 0.0, 0.0]);
    let masked = derivatives(&leaf(&[f64::NAN], DType::F64), &|x| x.relu());
    assert!(masked[0][0].is_nan(), "the gradient at NaN is NaN");
}

/// The same through candle's own backward pass, for layers used as modules.
#[test]
fn a_mask_multiplied_by_infinity_in_modules() -> Result<()> {
    let gradient = |f: Unary| -> Result<Vec<f64>> {
        let x = candle_core::Var::new(&[-1f64, 0., 4.], &Device::Cpu)?;
        let gradients = Value::map(x.as_tensor(), f)?.sqrt()?.sum_all()?.backward()?;
        Ok(gradients.get(&x).unwrap().to_vec1::<f64>()?)
    };
    assert_eq!(gradient(Unary::Relu)?, [0.0, 0.0, 0.25]);
    // σ(x) / (2 √softplus(x))
    for (found, x) in gradient(Unary::Softplus)?.into_iter().zip([-1f64, 0.0, 4.0]) {
        let expected = 0.5 / ((1.0 + (-x).exp()) * (1.0 + x.exp()).ln().sqrt());
        assert!((found - expected).abs() < 1e-15, "{found}, not {expected}");
    }
    Ok(())
}

/// Sums, means and losses in half precision are those of the numbers, rounded once.
#[test]
fn sums_in_the_storage_type() -> Result<()> {
    for (dtype, unit) in [(DType::F16, 2f64.powi(-11)), (DType::BF16, 2f64.powi(-8))] {
        let close = |name: &str, found: f64, expected: f64| {
            let error = (found - expected).abs();
            assert!(error <= unit * expected.abs(), "{name}, {dtype:?}: {found}, not {expected}");
        };
        let x = ones(&[4096], dtype);
        close("sum", x.sum_all()?.scalar()?, 4096.0);
        close("mean", x.mean_all()?.scalar()?, 1.0);
        close("sum of rows", numbers(&ones(&[4096, 3], dtype).sum(&[0])?)[1], 4096.0);
        close("mean over both", ones(&[300, 2, 300], dtype).mean(&[0, 2])?.sum_all()?.scalar()?, 2.0);
        for (value, expected) in [(1.0, 1.0), (10.0, 100.0)] {
            let x = ones(&[1, 1292], dtype).affine(value, 0.0)?;
            close("mse", mse(&x, &x.affine(0.0, 0.0)?)?.sum_all()?.scalar()?, expected);
            let from_turned =
                mse(&x.reshape(&[1, 2, 646])?.permute(&[0, 2, 1])?, &ones(&[1, 646, 2], dtype))?;
            close("mse of views", from_turned.sum_all()?.scalar()?, (value - 1.0) * (value - 1.0));
        }
        let zeros = ones(&[4096], dtype).affine(0.0, 0.0)?;
        close("log_softmax", numbers(&zeros.log_softmax(0)?)[7], -(4096f64.ln()));
        // Gradients: of a number that is broadcast, of a mean, of a mean squared error, of what is
        // tied, of a product.
        let number = ones(&[], dtype);
        let gradient = |of: &Node, at: &Node| grad(&of.sum_all().unwrap(), &[at], Graph::Drop);
        close("broadcast", gradient(&number.broadcast_to(&[1000])?, &number)?[0].scalar()?, 1000.0);
        let row = ones(&[1, 1], dtype);
        let added = row.add(&ones(&[1000, 1], dtype).detach())?;
        close("broadcast by add", gradient(&added, &row)?[0].scalar()?, 1000.0);
        close("mean", numbers(&gradient(&x.mean_all()?, &x)?[0])[0], 1.0 / 4096.0);
        let y = ones(&[1, 3000], dtype);
        let loss = mse(&y, &ones(&[1, 3000], dtype).affine(-3.0, 0.0)?.detach())?;
        close("mse", numbers(&gradient(&loss, &y)?[0])[5], 8.0 / 3000.0);
        let ties = Ties::new(&[0; 1000], 1)?;
        let one = ones(&[1], dtype);
        close("tied", gradient(&one.expand_tied(&ties)?, &one)?[0].scalar()?, 1000.0);
        let weight = ones(&[1, 1], dtype);
        let product = ones(&[1000, 1], dtype).detach().matmul(&weight)?;
        close("matmul", gradient(&product, &weight)?[0].scalar()?, 1000.0);
        let image = ones(&[1, 1, 1, 1], dtype);
        let columns = image.broadcast_to(&[1, 1, 40, 40])?.im2col(Window::square(1, 1, 0))?;
        close("windows", gradient(&columns, &image)?[0].scalar()?, 1600.0);
        let scores = ones(&[1, 512], dtype);
        let class = Tensor::new(&[3u32], &Device::Cpu)?;
        let cross_entropy = scores.log_softmax(1)?.gather_class(&class)?.neg()?;
        close("cross-entropy", numbers(&gradient(&cross_entropy, &scores)?[0])[3], 1.0 / 512.0 - 1.0);
    }
    Ok(())
}

/// A long sum in single precision, in every direction, and one that overflows on its way.
#[test]
fn long_sums_in_single_precision() -> Result<()> {
    let n = 20_000_000;
    let one = Tensor::ones((1, 1), DType::F32, &Device::Cpu)?;
    let long = Tensor::ones((n, 1), DType::F32, &Device::Cpu)?;
    for (name, node) in [
        ("dimension 0", Node::leaf(&long).sum(&[0])?),
        ("the last", Node::leaf(&long.t()?).sum(&[1])?),
        ("rows", Node::leaf(&long.reshape((n / 2, 2))?).sum(&[0])?.affine(2.0, 0.0)?),
        ("all", Node::leaf(&long).sum_all()?),
        ("product", Node::leaf(&long.t()?).matmul(&Node::leaf(&long))?),
        ("product of a broadcast", Node::leaf(&one.broadcast_as((1, n))?).matmul(&Node::leaf(&long))?),
        ("tied", Node::leaf(&long.t()?).sum_tied(&Ties::new(&vec![0; n], 1)?)?),
        ("mse", mse(&Node::leaf(&long.t()?), &Node::leaf(&long.t()?.zeros_like()?))?.affine(n as f64, 0.0)?),
    ] {
        assert!(numbers(&node).iter().all(|&x| x == n as f64), "{name}: {:?}", numbers(&node));
    }
    let large = leaf(&[3e38, 3e38, -3e38, -2e38], DType::F32);
    assert!((large.sum_all()?.scalar()? - 1e38).abs() < 1e32);
    assert!((large.power(1.0)?.mean_all()?.scalar()? - 2.5e37).abs() < 1e31);
    let squares = mse(
        &leaf(&[1.5e19; 8], DType::F32).reshape(&[1, 8])?,
        &leaf(&[0.0; 8], DType::F32).reshape(&[1, 8])?,
    )?;
    assert!((squares.sum_all()?.scalar()? / 2.25e38 - 1.0).abs() < 1e-6);
    Ok(())
}

/// The sigmoid family from the side that does not cancel, at every order. Values of decimal
/// arithmetic with sixty digits.
#[test]
fn precision_far_out() -> Result<()> {
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        let unit = match dtype {
            DType::F64 => 1e-15,
            DType::F32 => 1e-6,
            DType::F16 => 2f64.powi(-9),
            _ => 2f64.powi(-6),
        };
        let close = |name: &str, found: f64, expected: f64| {
            // Half precision has no numbers as small as some of these.
            let smallest = if dtype == DType::F16 { 2f64.powi(-24) } else { 0.0 };
            let error = (found - expected).abs();
            assert!(
                error <= 8.0 * unit * expected.abs() + smallest,
                "{name}, {dtype:?}: {found}, not {expected}"
            );
        };
        let at = |x: f64| leaf(&[x], dtype);
        close("softplus(−20)", at(-20.0).softplus()?.scalar()?, 2.061_153_620_314_381e-9);
        let module = Value::map(at(-20.0).value(), Unary::Softplus)?;
        close("softplus(−20) of a module", Node::constant(&module).scalar()?, 2.061_153_620_314_381e-9);
        close("σ(−40)", at(-40.0).sigmoid()?.scalar()?, 4.248_354_255_291_589e-18);
        type Function = fn(&Node) -> Result<Node>;
        let families: [(&str, Function, f64, [f64; 2]); 5] = [
            ("σ′(17)", Node::sigmoid, 17.0, [4.139_937_376_003_501_6e-8, -4.139_937_033_221_858e-8]),
            ("σ′(16)", Node::sigmoid, 16.0, [1.125_351_493_909_322_9e-7, -1.125_351_240_626_097_5e-7]),
            ("σ′(−17)", Node::sigmoid, -17.0, [4.139_937_376_003_501_6e-8, 4.139_937_033_221_858e-8]),
            ("tanh′(10)", Node::tanh, 10.0, [8.244_614_455_767_397e-9, -1.648_922_884_356_112_7e-8]),
            ("softplus′(−20)", Node::softplus, -20.0, [2.061_153_618_190_203_7e-9, 2.061_153_613_941_849e-9]),
        ];
        for (name, f, x, expected) in families {
            let found = derivatives(&at(x), &f);
            close(name, found[0][0], expected[0]);
            close(&format!("{name}, second order"), found[1][0], expected[1]);
        }
    }
    Ok(())
}

/// An empty view that starts behind the end of its storage goes through every operation.
#[test]
fn panics_on_an_empty_view() -> Result<()> {
    for dtype in [DType::F64, DType::F32, DType::F16] {
        let view = Tensor::zeros((0, 5), dtype, &Device::Cpu)?.narrow(1, 2, 3)?;
        for x in [Node::leaf(&view), Node::constant(&view)] {
            let ties = Ties::new(&[0, 2, 1, 1], 3)?;
            let class = Tensor::zeros((0, 3), DType::U32, &Device::Cpu)?.narrow(1, 1, 1)?.squeeze(1)?;
            let other = Node::leaf(&Tensor::ones((3, 2), dtype, &Device::Cpu)?);
            let results = [
                x.expand_tied(&ties)?,
                x.sum_tied(&Ties::new(&[0, 1, 0], 2)?)?,
                concat(&[&x, &x], 0)?,
                concat(&[&x, &x], 1)?,
                x.gather_class(&class)?,
                x.log_softmax(1)?,
                x.relu()?.sqrt()?.softplus()?,
                x.add(&x)?.mul(&x)?,
                x.t()?.reshape(&[0, 3])?,
                x.permute(&[1, 0])?,
                x.pad(1, 1, 2)?,
                x.narrow(1, 1, 1)?.narrow(1, 0, 1)?,
                x.sum(&[0])?,
                x.sum_keepdim(&[1])?,
                x.broadcast_to(&[4, 0, 3])?,
                x.matmul(&other)?,
                other.t()?.matmul(&x.t()?)?,
                x.reshape(&[0, 1, 1, 3])?.im2col(Window::line(2, 1, 0))?,
                x.reshape(&[0, 3, 1])?.max_pool(Window {
                    kernel: (2, 1),
                    stride: (1, 1),
                    padding: (0, 0),
                })?,
                mse(&x.t()?.reshape(&[0, 3])?, &x)?,
            ];
            for result in results {
                assert!(numbers(&result).iter().all(|&x| x == 0.0));
                if result.is_tracked() && x.is_tracked() {
                    let gradient = grad(&result.sum_all()?, &[&x], Graph::Keep)?.remove(0);
                    assert_eq!(gradient.dims(), x.dims());
                }
            }
            assert!(x.mean_all().is_err() && x.mean(&[0]).is_err());
        }
    }
    Ok(())
}

/// Shapes that multiply to more than can be counted are refused, not wrapped.
#[test]
fn sizes_that_overflow() -> Result<()> {
    let one = Node::leaf(&Tensor::ones((1, 1), DType::F32, &Device::Cpu)?);
    assert!(one.broadcast_to(&[1 << 33, 1 << 33]).is_err());
    assert!(one.pad(0, 1 << 62, 1 << 62).is_err() && one.pad(1, usize::MAX, 1).is_err());
    let wide = one.broadcast_to(&[1, 1 << 50])?;
    assert!(wide.exp().is_err() && wide.sum(&[1]).is_err() && wide.t()?.add(&wide).is_err());
    assert!(wide.reshape(&[1 << 50]).is_err() && concat(&[&wide, &wide], 1).is_err());
    Ok(())
}
