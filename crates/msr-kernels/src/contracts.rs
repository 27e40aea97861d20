//! What every operation promises, as one table: operations × dtypes × bodies × odd operands.
//!
//! Each operation is a function of tensors of given shapes; what holds for all of them is checked
//! on every body that a dtype has.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use crate::body::with_composed;
use crate::error::Result;
use crate::ties::{self, Ties};
use crate::{
    Binary, Extreme, Unary, Window, avg_pool, binary, centred_second_moments, class_index, col2im, conv2d,
    conv2d_input_grad, conv2d_weight_grad, cumsum, extreme, extreme_shares, gather, im2col, index_add,
    index_select, log_softmax, matmul, max_pool_index, scaled_difference, scaled_sum_keepdim, scatter_add,
    second_moments, select, softmax, spread, squared_distance, sum_keepdim, unary,
};

type Function = dyn Fn(&[Tensor]) -> Result<Tensor>;

/// An operation and the shapes of its operands.
struct Op {
    name: String,
    shapes: Vec<Vec<usize>>,
    run: Box<Function>,
}

fn op(
    name: impl Into<String>,
    shapes: &[&[usize]],
    run: impl Fn(&[Tensor]) -> Result<Tensor> + 'static,
) -> Op {
    Op { name: name.into(), shapes: shapes.iter().map(|s| s.to_vec()).collect(), run: Box::new(run) }
}

pub(crate) const UNARY: [Unary; 26] = [
    Unary::Affine { scale: -1.5, offset: 0.25 },
    Unary::Relu,
    Unary::Exp,
    Unary::Log,
    Unary::Sqrt,
    Unary::Reciprocal,
    Unary::Power(2.5),
    Unary::Power(-2.0),
    Unary::Tanh,
    Unary::SechSquared,
    Unary::Sigmoid,
    Unary::Softplus,
    Unary::Sin,
    Unary::Cos,
    Unary::Abs,
    Unary::Sign,
    Unary::Erf,
    Unary::Gaussian,
    Unary::Silu,
    Unary::SiluSlope,
    Unary::Gelu,
    Unary::GeluSlope,
    Unary::GeluErf,
    Unary::GeluErfSlope,
    Unary::Elu(1.5),
    Unary::EluSlope(1.5),
];

const BINARY: [Binary; 9] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Gate,
    Binary::Weigh,
    Binary::Maximum,
    Binary::Minimum,
    Binary::Step,
];

/// Every operation of this crate that computes with the numbers of its operands.
fn ops() -> Vec<Op> {
    let mut all: Vec<Op> =
        UNARY.into_iter().map(|f| op(f.name(), &[&[3, 4]], move |x| unary(f, &x[0]))).collect();
    all.extend(
        BINARY.into_iter().map(|f| op(f.name(), &[&[3, 4], &[3, 4]], move |x| binary(f, &x[0], &x[1]))),
    );
    let window = Window { kernel: (2, 2), stride: (1, 2), padding: (1, 0) };
    let tied = || Ties::new(&[0, 2, 1, 2, 0], 3);
    let rows = |x: &Tensor| Tensor::zeros((x.dims()[0], x.dims()[1]), DType::U32, &Device::Cpu);
    all.extend([
        op("sum, last", &[&[3, 4]], |x| sum_keepdim(&x[0], &[1])),
        op("sum, first", &[&[3, 4]], |x| sum_keepdim(&x[0], &[0])),
        op("sum, both ends", &[&[3, 4, 2]], |x| sum_keepdim(&x[0], &[0, 2])),
        op("mean", &[&[3, 4]], |x| scaled_sum_keepdim(&x[0], &[1], 0.25)),
        op("log_softmax", &[&[3, 4]], |x| log_softmax(&x[0], 0)),
        op("matmul", &[&[3, 4], &[4, 2]], |x| matmul(&x[0], &x[1])),
        op("matmul, batch", &[&[2, 3, 4], &[4, 5]], |x| matmul(&x[0], &x[1])),
        op("matmul, column", &[&[3, 4], &[4, 1]], |x| matmul(&x[0], &x[1])),
        op("squared_distance", &[&[3, 4], &[3, 4]], |x| squared_distance(&x[0], &x[1], 0.25)),
        op("scaled_difference", &[&[3, 4], &[3, 4], &[3]], |x| scaled_difference(&x[0], &x[1], &x[2], 0.5)),
        op("im2col", &[&[2, 3, 4]], move |x| im2col(&x[0], window)),
        op("col2im", &[&[2, 8, 4]], move |x| col2im(&x[0], Window { padding: (0, 0), ..window }, (3, 4))),
        op("max_pool", &[&[2, 4, 4]], |x| {
            let index = max_pool_index(&x[0], Window::square(2, 2, 0))?;
            gather(&x[0].contiguous()?.reshape((2, 16))?, &index)
        }),
        // Powers of negative numbers are NaN.
        op("pow", &[&[3, 4], &[3, 4]], |x| binary(Binary::Pow, &unary(Unary::Abs, &x[0])?, &x[1])),
        op("softmax", &[&[3, 4]], |x| softmax(&x[0], 0)),
        op("max", &[&[3, 4]], |x| extreme(Extreme::Max, &x[0], 1)),
        op("min", &[&[3, 4, 2]], |x| extreme(Extreme::Min, &x[0], 1)),
        op("extreme_shares", &[&[3, 4]], |x| {
            let largest = extreme(Extreme::Max, &x[0], 0)?;
            binary(Binary::Weigh, &x[0], &extreme_shares(&x[0], &largest, 0)?)
        }),
        op("cumsum", &[&[3, 4]], |x| cumsum(&x[0], 0)),
        op("cumsum, last", &[&[3, 4]], |x| cumsum(&x[0], 1)),
        op("where_cond", &[&[3, 4], &[3, 4]], |x| {
            binary(
                Binary::Add,
                &select(&x[0].gt(0f64)?, &x[0], &x[1])?,
                &select(&x[0].gt(0f64)?, &x[1], &x[0])?,
            )
        }),
        op("index_select", &[&[3, 4]], |x| {
            let found = [3u32, 0, 1, 1, 2].into_iter().filter(|&i| (i as usize) < x[0].dims()[1]);
            index_select(&x[0], &Tensor::from_iter(found, &Device::Cpu)?, 1)
        }),
        op("index_add", &[&[3, 4]], |x| {
            let places = Tensor::from_iter((0..x[0].dims()[0] as u32).map(|i| i % 2), &Device::Cpu)?;
            index_add(&x[0], &places, 0, 2)
        }),
        op("avg_pool", &[&[2, 5, 4]], |x| {
            avg_pool(&x[0], Window { kernel: (3, 2), ..Window::square(2, 2, 0) })
        }),
        op("spread", &[&[2, 2, 3]], |x| {
            spread(&x[0], Window { kernel: (2, 3), ..Window::square(1, 1, 0) }, (3, 5))
        }),
        op("conv2d", &[&[2, 2, 3, 4, 4], &[2, 5, 3, 2, 2]], move |x| conv2d(&x[0], &x[1], window)),
        op("conv2d_input_grad", &[&[2, 2, 5, 5, 2], &[2, 5, 3, 2, 2]], move |x| {
            conv2d_input_grad(&x[0], &x[1], window, (4, 4))
        }),
        op("conv2d_weight_grad", &[&[2, 2, 3, 4, 4], &[2, 2, 5, 5, 2]], move |x| {
            conv2d_weight_grad(&x[0], &x[1], window)
        }),
        op("gather", &[&[3, 4]], move |x| gather(&x[0], &rows(&x[0])?)),
        op("scatter_add", &[&[3, 4]], move |x| scatter_add(&x[0], &rows(&x[0])?, 5)),
        op("expand_tied", &[&[4, 3]], move |x| ties::expand(&x[0], &tied()?)),
        op("sum_tied", &[&[4, 5]], move |x| ties::sum(&x[0], &tied()?)),
        op("second_moments", &[&[1, 2, 1, 3, 4], &[1, 2, 2, 4, 2]], move |x| {
            let found = second_moments(&x[0], &x[1], window, true)?;
            Ok(Tensor::cat(&[&found.gram, &found.cross], 1)?)
        }),
        op("centred_second_moments", &[&[1, 2, 1, 3, 4], &[1, 2, 2, 4, 2]], move |x| {
            let far = [unary(Unary::Affine { scale: 1.0, offset: 9.0 }, &x[0])?, x[1].clone()];
            let found = centred_second_moments(&far[0], &far[1], window, false)?;
            Ok(Tensor::cat(&[&found.gram, &found.cross], 1)?)
        }),
    ]);
    all
}

const DTYPES: [DType; 4] = [DType::F64, DType::F32, DType::F16, DType::BF16];

/// On every body that there is.
fn on_every_body(dtype: DType, check: impl Fn(&str)) {
    check(&format!("{dtype:?}"));
    with_composed(|| check(&format!("{dtype:?}, composed")));
}

fn operands(op: &Op, dtype: DType) -> Vec<Tensor> {
    let operand = |(i, shape): (usize, &Vec<usize>)| normal(i as u64 + 1, shape.as_slice(), DType::F64);
    op.shapes.iter().enumerate().map(operand).map(|t| t.to_dtype(dtype).unwrap()).collect()
}

fn numbers(t: &Tensor) -> Vec<f64> {
    t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// `t` with its element `at` (in row-major order) replaced.
fn with_element(t: &Tensor, at: usize, value: f64) -> Tensor {
    let mut data = numbers(t);
    data[at] = value;
    Tensor::from_vec(data, t.dims(), &Device::Cpu).unwrap().to_dtype(t.dtype()).unwrap()
}

/// Wherever a NaN is put, the result holds one: a run that has diverged says so.
#[test]
fn nan_that_disappears() {
    for op in ops() {
        // These pick single elements; the rest is not read.
        let read: &dyn Fn(usize) -> bool = match op.name.as_str() {
            "gather" => &|at| at % 4 == 0,
            "im2col" => &|at| at < 24,
            _ => &|_| true,
        };
        for dtype in DTYPES {
            let operands = operands(&op, dtype);
            for which in 0..operands.len() {
                for at in (0..operands[which].elem_count()).filter(|&at| read(at)) {
                    let mut operands = operands.clone();
                    operands[which] = with_element(&operands[which], at, f64::NAN);
                    // A gradient that the gate does not let through is not looked at.
                    if op.name == "gate" && which == 0 && numbers(&operands[1])[at] <= 0.0 {
                        continue;
                    }
                    // One to the power of anything is one, as in IEEE 754.
                    if op.name == "pow" && which == 1 && numbers(&operands[0])[at].abs() == 1.0 {
                        continue;
                    }
                    on_every_body(dtype, |body| {
                        let found = numbers(&(op.run)(&operands).unwrap());
                        assert!(found.iter().any(|x| x.is_nan()), "{}, {body}: element {at}", op.name);
                    });
                }
            }
        }
    }
}

/// Zeros, infinite and denormal numbers give on every body and in every dtype what `f64` gives.
#[test]
fn every_dtype_and_body_says_the_same_of_odd_numbers() {
    for op in ops() {
        for dtype in DTYPES {
            // Smaller than the smallest normal number of the type, and no zero.
            let denormal = match dtype {
                DType::F64 => 1e-310,
                DType::F16 => 1e-6,
                _ => 1e-40,
            };
            let odd =
                [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, denormal, -denormal, 3e4, 17.0, -17.0, -20.0];
            // Rounded to the dtype first: the functions are compared, not the conversions.
            let epsilon = match dtype {
                DType::F64 => 1e-12,
                DType::F32 => 1e-5,
                DType::F16 => 2f64.powi(-9),
                _ => 2f64.powi(-6),
            };
            for value in odd {
                // As the convolutions say: zeros around images meet infinite filters.
                if op.name.starts_with("conv2d") && value.is_infinite() {
                    continue;
                }
                let operands: Vec<Tensor> = operands(&op, dtype)
                    .iter()
                    .map(|t| with_element(&with_element(t, 1, value), t.elem_count() - 1, value))
                    .collect();
                let wide: Vec<Tensor> = operands.iter().map(|t| t.to_dtype(DType::F64).unwrap()).collect();
                let exact = (op.run)(&wide).unwrap();
                let expected = numbers(&exact.to_dtype(dtype).unwrap());
                let exact = numbers(&exact);
                on_every_body(dtype, |body| {
                    let found = numbers(&(op.run)(&operands).unwrap());
                    let size = exact.iter().filter(|x| x.is_finite()).fold(0f64, |m, x| m.max(x.abs()));
                    for (i, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
                        let close = if expected.is_finite() {
                            let sums = UNARY.iter().all(|f| f.name() != op.name);
                            let scale = if sums { size } else { expected.abs() };
                            (found - expected).abs() <= epsilon * scale + smallest(dtype)
                        } else {
                            found.is_nan() == expected.is_nan() && (found.is_nan() || found == expected)
                        };
                        assert!(
                            close,
                            "{}, {body} of {value:e}: {found:e}, not {expected:e} at {i}",
                            op.name
                        );
                    }
                });
            }
        }
    }
}

/// What a denormal result may be off by.
fn smallest(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-300,
        DType::F32 | DType::BF16 => 1e-37,
        _ => 2f64.powi(-23),
    }
}

/// A view is what it shows: narrowed from something larger, turned, or broadcast.
#[test]
fn views_give_what_their_copies_give() {
    for op in ops() {
        for dtype in DTYPES {
            let operands = operands(&op, dtype);
            let mut views: Vec<Vec<Tensor>> =
                vec![operands.iter().map(narrowed).collect(), operands.iter().map(turned).collect()];
            let most = operands.iter().map(Tensor::rank).max().unwrap();
            views.extend((0..most).map(|d| operands.iter().map(|t| repeated(t, d)).collect()));
            for views in views {
                let copies: Vec<Tensor> = views.iter().map(|v| v.force_contiguous().unwrap()).collect();
                let expected = numbers(&(op.run)(&copies).unwrap());
                let size = expected.iter().fold(1f64, |m, x| if x.is_finite() { m.max(x.abs()) } else { m });
                on_every_body(dtype, |body| {
                    let found = numbers(&(op.run)(&views).unwrap());
                    let allowed = size * if dtype == DType::F64 { 1e-13 } else { 1e-2 };
                    for (found, expected) in found.iter().zip(&expected) {
                        let same =
                            (found - expected).abs() <= allowed || (found.is_nan() && expected.is_nan());
                        assert!(same || found == expected, "{}, {body}: {found} {expected}", op.name);
                    }
                });
            }
        }
    }
}

fn narrowed(t: &Tensor) -> Tensor {
    let last = t.rank() - 1;
    Tensor::cat(&[t, t, t], last).unwrap().narrow(last, t.dims()[last], t.dims()[last]).unwrap()
}

fn turned(t: &Tensor) -> Tensor {
    let order: Vec<usize> = (0..t.rank()).rev().collect();
    t.permute(&order[..]).unwrap().force_contiguous().unwrap().permute(&order[..]).unwrap()
}

/// One entry along a dimension, or the last one, in place of all.
fn repeated(t: &Tensor, d: usize) -> Tensor {
    let d = d.min(t.rank() - 1);
    t.narrow(d, t.dims()[d] - 1, 1).unwrap().broadcast_as(t.dims()).unwrap()
}

/// An empty operand, also one whose view starts behind the end of its storage, gives a result or an
/// error, and never a panic.
#[test]
fn panics_on_an_empty_view() {
    for op in ops() {
        for dtype in DTYPES {
            for d in 0..op.shapes[0].len() {
                let operands: Vec<Tensor> =
                    op.shapes.iter().map(|shape| empty_view(shape, d, dtype)).collect();
                on_every_body(dtype, |_| {
                    if let Ok(result) = (op.run)(&operands) {
                        assert!(numbers(&result).iter().all(|x| x.is_finite()), "{}", op.name);
                    }
                });
            }
        }
    }
    let scores = empty_view(&[2, 3], 0, DType::F32);
    let classes = Tensor::zeros((0, 4), DType::U32, &Device::Cpu).unwrap().narrow(1, 2, 1).unwrap();
    assert_eq!(class_index(&scores, &classes.squeeze(1).unwrap()).unwrap().dims(), [0, 1]);
    assert!(crate::is_finite(&scores).unwrap());
}

/// The shape with nothing along dimension `d`, as a view into the middle of nothing.
fn empty_view(shape: &[usize], d: usize, dtype: DType) -> Tensor {
    let mut wide = shape.to_vec();
    wide[d.min(shape.len() - 1)] = 0;
    // The start of the view lies behind the end of its storage.
    let along = if d == 0 { shape.len() - 1 } else { 0 };
    let size = wide[along];
    wide[along] = size + 2;
    Tensor::zeros(wide, dtype, &Device::Cpu).unwrap().narrow(along, 2, size).unwrap()
}

/// Operands that are broadcast cost nothing, whatever their size: results that could not be
/// addressed, or for which there is no memory, are errors.
#[test]
fn sizes_that_overflow() {
    let column = |n: usize, dtype| normal(1, (2, 1), dtype).broadcast_as((2, n)).unwrap();
    // 3 · n wraps to one.
    let wide = column(0xAAAA_AAAA_AAAA_AAAB, DType::F32);
    let message = matmul(&normal(1, (3, 2), DType::F32), &wide).unwrap_err().to_string();
    assert!(message.starts_with("matmul: a tensor of shape [3, 12297829382473034411] would"), "{message}");
    for n in [1 << 62, 1 << 50] {
        for dtype in [DType::F32, DType::F64, DType::F16] {
            let wide = column(n, dtype);
            assert!(matmul(&normal(1, (3, 2), dtype), &wide).is_err());
            assert!(unary(Unary::Exp, &wide).is_err() && sum_keepdim(&wide, &[0]).is_err());
            assert!(binary(Binary::Add, &wide, &wide).is_err() && log_softmax(&wide, 0).is_err());
            assert!(squared_distance(&wide, &wide, 1.0).is_err() && softmax(&wide, 0).is_err());
            assert!(extreme(Extreme::Max, &wide, 0).is_err() && cumsum(&wide, 0).is_err());
            assert!(avg_pool(&wide, Window::square(1, 1, 0)).is_err());
            let condition = Tensor::ones((2, 1), DType::U8, &Device::Cpu).unwrap();
            assert!(select(&condition, &wide, &wide).is_err());
            let row = Tensor::zeros(1, DType::U32, &Device::Cpu).unwrap();
            assert!(index_select(&wide, &row, 0).is_err());
            assert!(index_add(&normal(1, (1, 2), dtype), &row, 0, n).is_err());
            assert!(spread(&normal(1, (1, 1), dtype), Window::square(1, n, 0), (n, n)).is_err());
        }
    }
    // Sizes whose product is no number, beside one of zero.
    let hollow = Tensor::zeros((1, 1, 0), DType::F32, &Device::Cpu).unwrap();
    let hollow = hollow.broadcast_as((1 << 33, 1 << 33, 0)).unwrap();
    assert!(sum_keepdim(&hollow, &[0, 1]).is_err() && sum_keepdim(&hollow, &[2]).is_err());
    assert!(unary(Unary::Exp, &hollow).is_err() && binary(Binary::Add, &hollow, &hollow).is_err());
    let images = normal(1, (1, 1, 4, 4), DType::F32).broadcast_as((1 << 33, 1 << 33, 4, 4)).unwrap();
    assert!(max_pool_index(&images, Window::square(2, 2, 0)).is_err());
    let line = normal(1, (1, 1, 3, 3), DType::F32);
    let padded = Window { kernel: (1, 1), stride: (1, 1), padding: (1 << 40, 1 << 40) };
    assert!(im2col(&line, padded).is_err());
    let rows = Tensor::zeros((2, 1), DType::U32, &Device::Cpu).unwrap();
    assert!(scatter_add(&normal(1, (2, 1), DType::F32), &rows, 1 << 60).is_err());
}
