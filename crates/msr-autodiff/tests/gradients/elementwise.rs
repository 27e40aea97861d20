//! Functions of one and two numbers.

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Node, where_cond};

use crate::cases::Domain::{NonZero, Positive, Real};
use crate::cases::{Case, case};

pub fn one_number() -> Vec<Case> {
    vec![
        case("neg", &[&[5]], Real, |x| x[0].neg()),
        case("affine", &[&[5]], Real, |x| x[0].affine(-1.7, 0.3)),
        case("to_dtype, the same", &[&[5]], Real, |x| x[0].to_dtype(DType::F64)),
        case("relu", &[&[3, 5]], NonZero, |x| x[0].relu()),
        case("exp", &[&[7]], Real, |x| x[0].affine(0.5, 0.0)?.exp()),
        case("log", &[&[7]], Positive, |x| x[0].log()),
        case("sqrt", &[&[7]], Positive, |x| x[0].sqrt()),
        case("reciprocal", &[&[7]], NonZero, |x| x[0].reciprocal()),
        case("power, 2", &[&[7]], Real, |x| x[0].power(2.0)),
        case("power, 3", &[&[7]], Real, |x| x[0].power(3.0)),
        case("power, -1.5", &[&[5]], Positive, |x| x[0].affine(1.0, 0.5)?.power(-1.5)),
        case("power, -2", &[&[5]], NonZero, |x| x[0].affine(2.0, 0.0)?.power(-2.0)),
        case("power, 0", &[&[3]], Real, |x| x[0].power(0.0)),
        case("tanh", &[&[7]], Real, |x| x[0].tanh()),
        case("sigmoid", &[&[7]], Real, |x| x[0].sigmoid()),
        case("softplus", &[&[7]], Real, |x| x[0].softplus()),
        case("to_device, the same", &[&[5]], Real, |x| x[0].to_device(&Device::Cpu)),
        case("sin", &[&[7]], Real, |x| x[0].sin()),
        case("cos", &[&[7]], Real, |x| x[0].cos()),
        case("abs", &[&[7]], NonZero, |x| x[0].abs()),
        case("erf", &[&[7]], Real, |x| x[0].erf()),
        case("silu", &[&[7]], Real, |x| x[0].silu()),
        case("gelu", &[&[7]], Real, |x| x[0].gelu()),
        case("gelu_erf", &[&[7]], Real, |x| x[0].gelu_erf()),
        case("elu", &[&[7]], NonZero, |x| x[0].elu(1.0)),
        case("elu, 0.3", &[&[7]], NonZero, |x| x[0].elu(0.3)),
        case("clamp", &[&[9]], Real, |x| x[0].clamp(-0.5, 0.75)),
        case("clamp, from below", &[&[5]], Real, |x| x[0].clamp(0.1, f64::INFINITY)),
    ]
}

pub fn two_numbers() -> Vec<Case> {
    let integers = Node::constant(&Tensor::new(&[3f64, -2., 1.], &Device::Cpu).unwrap());
    let condition = Tensor::new(&[[1u8, 0, 1], [0, 0, 1]], &Device::Cpu).unwrap();
    let column = condition.narrow(1, 0, 1).unwrap().to_dtype(DType::U32).unwrap();
    vec![
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
        case("pow", &[&[5], &[5]], Positive, |x| x[0].pow(&x[1].affine(0.5, 0.0)?)),
        case("pow, broadcast", &[&[2, 1], &[3]], Positive, |x| x[0].pow(&x[1].affine(-0.5, 0.0)?)),
        case("pow, integers", &[&[2, 3]], NonZero, move |x| x[0].affine(1.5, 0.0)?.pow(&integers)),
        case("pow, itself", &[&[4]], Positive, |x| x[0].affine(0.5, 0.0)?.pow(&x[0])),
        case("maximum", &[&[3, 5], &[3, 5]], Real, |x| x[0].maximum(&x[1])),
        case("maximum, broadcast", &[&[3, 1], &[5]], Real, |x| x[0].maximum(&x[1])),
        case("maximum, of one", &[&[5]], Real, |x| x[0].maximum(&x[0])),
        case("minimum", &[&[3, 5], &[3, 5]], Real, |x| x[0].minimum(&x[1])),
        case("minimum, broadcast", &[&[2, 1, 3], &[4, 1]], Real, |x| x[0].minimum(&x[1])),
        case("where_cond", &[&[2, 3], &[2, 3]], Real, move |x| where_cond(&condition, &x[0], &x[1])),
        case("where_cond, broadcast", &[&[3], &[]], Real, move |x| where_cond(&column, &x[0], &x[1])),
    ]
}
