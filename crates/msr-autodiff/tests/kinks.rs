//! Where a function has no derivative, what is equal, what is far out, and operands that do not
//! fit.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Convolution, Graph, Node, Result, Window, grad, stack, where_cond};

fn leaf(values: &[f64]) -> Node {
    Node::leaf(&Tensor::from_slice(values, values.len(), &Device::Cpu).unwrap())
}

fn numbers(node: &Node) -> Vec<f64> {
    node.value().to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn slope(y: &Node, x: &Node) -> Node {
    grad(&y.sum_all().unwrap(), &[x], Graph::Keep).unwrap().remove(0)
}

#[test]
fn kinks_and_ties() -> Result<()> {
    let zero = leaf(&[0.0]);
    assert_eq!(numbers(&slope(&zero.relu()?, &zero)), [0.0]);
    assert_eq!(numbers(&slope(&zero.abs()?, &zero)), [0.0]);
    let first = slope(&zero.elu(0.3)?, &zero);
    assert_eq!(numbers(&first), [0.3]);
    assert_eq!(numbers(&slope(&first, &zero)), [0.0]);
    let (a, b) = (leaf(&[1., 2., 3.]), leaf(&[1., 5., 2.]));
    for (y, to_a, to_b) in
        [(a.maximum(&b)?, [0.5, 0., 1.], [0.5, 1., 0.]), (a.minimum(&b)?, [0.5, 1., 0.], [0.5, 0., 1.])]
    {
        assert_eq!(numbers(&slope(&y, &a)), to_a);
        assert_eq!(numbers(&slope(&y, &b)), to_b);
    }
    assert_eq!(numbers(&slope(&a.clamp(1., 2.5)?, &a)), [0.5, 1., 0.]);
    let equal = leaf(&[4., 4., 1., 4., 1.]);
    let third = 1.0 / 3.0;
    assert_eq!(numbers(&slope(&equal.max(0)?, &equal)), [third, third, 0., third, 0.]);
    assert_eq!(numbers(&slope(&equal.min(0)?, &equal)), [0., 0., 0.5, 0., 0.5]);
    let pooled = equal.reshape(&[1, 5])?.max_pool(Window::line(5, 1, 0))?;
    assert_eq!(numbers(&slope(&pooled, &equal)), [1., 0., 0., 0., 0.]);
    Ok(())
}

/// What is left out is left out, and not multiplied by zero: it may be infinite.
#[test]
fn what_is_left_out_may_be_infinite() -> Result<()> {
    let x = leaf(&[-1., -4., 4.]);
    let zeros = leaf(&[0.; 3]);
    let infinite = |x: &Node| x.sqrt();
    for (name, y) in [
        ("maximum", infinite(&x.maximum(&zeros)?)?),
        ("clamp", infinite(&x.clamp(0.0, f64::INFINITY)?)?),
        ("where_cond", infinite(&where_cond(&x.value().gt(0f64)?, &x, &zeros)?)?),
    ] {
        let first = slope(&y, &x);
        let second = numbers(&slope(&first, &x));
        assert_eq!((numbers(&first), second), (vec![0., 0., 0.25], vec![0., 0., -0.03125]), "{name}");
    }
    let x = leaf(&[0., 2.]);
    let y = x.abs()?.sqrt()?;
    assert_eq!(numbers(&slope(&y, &x))[0], 0.0);
    let x = leaf(&[1., 9.]);
    let y = x.max(0)?.affine(f64::INFINITY, 0.0)?;
    assert_eq!(numbers(&slope(&y, &x)), [0., f64::INFINITY]);
    Ok(())
}

/// Powers with zeros and negative numbers.
#[test]
fn powers_at_the_edges() -> Result<()> {
    let (a, b) = (leaf(&[0., -2., 0., 5., -2.]), leaf(&[2., 3., 0., 0., 0.5]));
    let y = a.pow(&b)?;
    assert_eq!(numbers(&y)[..4], [0., -8., 1., 1.]);
    assert!(numbers(&y)[4].is_nan());
    assert_eq!(numbers(&slope(&y, &a))[..4], [0., 12., 0., 0.]);
    let to_b = numbers(&slope(&y, &b));
    assert_eq!((to_b[0], to_b[2], to_b[3]), (0.0, f64::NEG_INFINITY, 5f64.ln()));
    assert!(to_b[1].is_nan());
    Ok(())
}

/// Values and two derivatives far out, and near zero, with sixty digits (mpmath).
#[test]
fn precision_far_out() {
    type Function = fn(&Node) -> Result<Node>;
    let cases: [(&str, Function, f64, [f64; 3]); 8] = [
        (
            "silu",
            Node::silu,
            -20.,
            [-4.122_307_236_380_407e-8, -3.916_191_866_064_678e-8, -3.710_076_488_101_912e-8],
        ),
        (
            "silu",
            Node::silu,
            30.,
            [29.999_999_999_997_193, 1.000_000_000_002_713_7, -2.620_134_431_274_233e-12],
        ),
        (
            "gelu",
            Node::gelu,
            -5.,
            [-2.291_796_196_629_506e-7, -1.546_361_987_532_594_6e-6, -9.934_132_224_996_202e-6],
        ),
        (
            "gelu",
            Node::gelu,
            4.,
            [3.999_929_754_051_807_6, 1.000_335_123_197_122_7, -0.001_474_059_663_765_336_5],
        ),
        (
            "gelu_erf",
            Node::gelu_erf,
            -6.,
            [-5.919_525_870_226_189e-9, -3.546_870_945_390_201_5e-8, -2.065_800_168_939_917e-7],
        ),
        (
            "gelu_erf",
            Node::gelu_erf,
            5.,
            [4.999_998_566_742_14, 1.000_007_146_946_002, -3.419_454_883_888_885e-5],
        ),
        (
            "erf",
            Node::erf,
            4.,
            [0.999_999_984_582_742_1, 1.269_823_467_186_655_8e-7, -1.015_858_773_749_324_7e-6],
        ),
        (
            "erf",
            Node::erf,
            1e-8,
            [1.128_379_167_095_512_5e-8, std::f64::consts::FRAC_2_SQRT_PI, -2.256_758_334_191_025e-8],
        ),
    ];
    for (dtype, unit) in [(DType::F64, 1e-14), (DType::F32, 4e-6), (DType::BF16, 2f64.powi(-4))] {
        for (name, f, at, expected) in cases {
            let x = Node::leaf(&Tensor::new(&[at], &Device::Cpu).unwrap().to_dtype(dtype).unwrap());
            let y = f(&x).unwrap();
            let first = slope(&y, &x);
            let found = [numbers(&y)[0], numbers(&first)[0], numbers(&slope(&first, &x))[0]];
            for (order, (found, expected)) in found.iter().zip(expected).enumerate() {
                let error = (found - expected).abs();
                assert!(error <= unit * expected.abs(), "{name}({at}), {dtype:?}, order {order}: {found}");
            }
        }
    }
    for f in [Node::silu, Node::gelu, Node::gelu_erf] {
        let x = leaf(&[f64::NEG_INFINITY, f64::INFINITY, 1e300]);
        let y = f(&x).unwrap();
        assert_eq!(numbers(&y), [0., f64::INFINITY, 1e300]);
        assert_eq!(numbers(&slope(&y, &x)), [0., 1., 1.]);
    }
}

/// Half precision is computed in `f32` and rounded once.
#[test]
fn moments_in_half_precision() -> Result<()> {
    for dtype in [DType::F16, DType::BF16] {
        let x = Tensor::arange(0f64, 4096f64, &Device::Cpu)?.affine(1.0 / 512.0, 60.0)?;
        let x = Node::leaf(&x.to_dtype(dtype)?);
        let wide = Node::leaf(&x.value().to_dtype(DType::F64)?);
        let unit = if dtype == DType::F16 { 2f64.powi(-11) } else { 2f64.powi(-8) };
        for (name, found, expected) in [
            ("var", x.var(&[0])?, wide.var(&[0])?),
            ("log_sum_exp", x.log_sum_exp(&[0])?, wide.log_sum_exp(&[0])?),
            ("max", x.max(0)?, wide.max(0)?),
            ("softmax", x.softmax(0)?.max(0)?, wide.softmax(0)?.max(0)?),
        ] {
            let (found, expected) = (found.scalar()?, expected.scalar()?);
            assert!(
                (found - expected).abs() <= unit * expected,
                "{name}, {dtype:?}: {found}, not {expected}"
            );
        }
    }
    Ok(())
}

#[test]
fn sums_of_exponentials_with_infinities() -> Result<()> {
    let minus = f64::NEG_INFINITY;
    assert_eq!(leaf(&[minus, minus]).log_sum_exp(&[0])?.scalar()?, minus);
    assert_eq!(leaf(&[f64::INFINITY, 1.]).log_sum_exp(&[0])?.scalar()?, f64::INFINITY);
    assert!(leaf(&[f64::NAN, 1.]).log_sum_exp(&[0])?.scalar()?.is_nan());
    let x = leaf(&[1e300, 1e300]);
    assert_eq!(x.log_sum_exp(&[0])?.scalar()?, 1e300);
    assert_eq!(numbers(&slope(&x.log_sum_exp(&[0])?, &x)), [0.5, 0.5]);
    Ok(())
}

/// Empty operands, also views that start behind the end of their storage, give a result or an
/// error.
#[test]
fn panics_on_an_empty_view() -> Result<()> {
    for dtype in [DType::F64, DType::F32, DType::F16] {
        let view = Tensor::zeros((0, 5), dtype, &Device::Cpu)?.narrow(1, 2, 3)?;
        for x in [Node::leaf(&view), Node::constant(&view)] {
            let none = Tensor::zeros((0, 3), DType::U32, &Device::Cpu)?;
            let list = Tensor::zeros(0, DType::U32, &Device::Cpu)?;
            for y in [
                x.silu()?.gelu()?.gelu_erf()?.elu(1.0)?.abs()?.erf()?.sin()?.cos()?.clamp(0., 1.)?,
                x.pow(&x)?.maximum(&x)?.minimum(&x)?,
                where_cond(&none, &x, &x)?,
                x.max(1)?,
                x.softmax(1)?,
                x.log_sum_exp(&[1])?,
                x.var(&[1])?,
                x.cumsum(0)?.cumsum(1)?.flip(&[0, 1])?.roll(2, 0)?.roll(1, 1)?,
                x.repeat(&[2, 2])?,
                x.pad_with_same(1, 1, 2)?,
                stack(&[&x, &x], 1)?,
                x.chunk(2, 1)?.remove(0),
                x.slice_scatter(&x.narrow(1, 0, 2)?, 1, 1)?,
                x.unfold(1, 2, 1)?,
                x.gather(&none, 1)?.gather(&none, 0)?,
                x.scatter(&none, &x, 1)?.scatter_add(&none, &x, 1)?.scatter(&none, &x, 0)?,
                x.index_select(&list, 0)?.index_add(&list, &x, 0)?,
                x.avg_pool(Window::line(2, 1, 0)).unwrap_or(x.clone()),
                x.upsample_nearest(&[6])?,
            ] {
                if y.is_tracked() {
                    assert_eq!(slope(&y, &x).dims(), [0, 3]);
                }
            }
            assert!(x.max(0).is_err() && x.convolve(&x, Convolution::default()).is_err());
        }
    }
    Ok(())
}

#[test]
fn operands_that_do_not_fit_are_named() -> Result<()> {
    let x = Node::leaf(&Tensor::zeros((2, 3), DType::F64, &Device::Cpu)?);
    let index = Tensor::new(&[[0u32, 5]], &Device::Cpu)?;
    let image = Node::leaf(&Tensor::zeros((1, 4, 5, 5), DType::F64, &Device::Cpu)?);
    let kernel = Node::leaf(&Tensor::zeros((4, 3, 2, 2), DType::F64, &Device::Cpu)?);
    let plain = Convolution::default();
    let shifted = Convolution { padding: (9, 9), ..plain };
    let apart = Convolution { dilation: (0, 1), ..plain };
    for (result, expected) in [
        (x.clamp(1., 0.), "clamp: the bounds 1 and 0 have nothing between them"),
        (x.clamp(f64::NAN, 0.), "clamp: the bounds NaN"),
        (x.max(2), "max: expected elements along dimension 2, got [2, 3]"),
        (x.var(&[]), "var: one element along [] of [2, 3]"),
        (x.log_sum_exp(&[1, 1]), "sum: dimension 1 of [2, 3] is named twice"),
        (x.flip(&[2]), "flip: dimension 2 of [2, 3] is out of range"),
        (x.roll(1, 2), "roll: there is no dimension 2 of [2, 3]"),
        (x.cumsum(2), "cumsum: expected a dimension 2, got [2, 3]"),
        (x.repeat(&[2]), "repeat: [2] for the 2 dimensions of [2, 3]"),
        (x.repeat(&[1 << 40, 1 << 40]), "repeat: a tensor of shape"),
        (x.pad_with_same(1, usize::MAX, 1), "pad_with_same: nothing to repeat"),
        (x.pad_with_same(1, 1 << 60, 1), "pad_with_same: a tensor of shape"),
        (x.unfold(1, 4, 1), "unfold: windows of 4 every 1 along dimension 1 of [2, 3]"),
        (x.upsample_nearest(&[0]), "upsample_nearest: from [2, 3] to a size of [0]"),
        (x.gather(&index, 1), "gather: index 1 is 5, but there are only 3 to choose from"),
        (x.gather(&index.repeat((3, 1))?, 1), "gather: [2, 3] by indices of shape [3, 2] along dimension 1"),
        (
            x.scatter(&index, &x, 1),
            "scatter: [2, 3] by indices of shape [1, 2] into [2, 3] along dimension 1",
        ),
        (x.index_select(&index, 1), "index_select: expected a list of indices, got [1, 2]"),
        (x.index_add(&index, &image, 1), "index_add: [2, 3] and source [1, 4, 5, 5]"),
        (x.slice_scatter(&x, 1, 1), "slice_scatter: [2, 3] at 1 of [2, 3] along dimension 1"),
        (stack(&[&x, &image], 0), "stack: [2, 3] and [1, 4, 5, 5] differ"),
        (stack(&[], 0), "stack: 0 nodes of shape [] along dimension 0"),
        (image.convolve(&x, plain), "convolve: [1, 4, 5, 5] and kernel [2, 3]: both need four"),
        (image.convolve(&kernel, plain), "convolve: 4 channels, but the kernel takes 3"),
        (image.convolve(&kernel, Convolution { groups: 3, ..plain }), "and kernel [4, 3, 2, 2] in 3 groups"),
        (image.convolve_transposed(&kernel, apart, (0, 0)), "a kernel of 2 × 2 taps with dilation (0, 1)"),
        (image.convolve_transposed(&kernel, shifted, (0, 0)), "5 × 5 pixels under"),
        (image.convolve_transposed(&kernel, plain, (0, 1)), "with output padding (0, 1)"),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(x.chunk(0, 1).unwrap_err().to_string(), "chunk: no pieces of [2, 3]");
    Ok(())
}
