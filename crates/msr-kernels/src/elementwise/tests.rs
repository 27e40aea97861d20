//! The loops against candle's operations, over operands of all strides.

use candle_core::{DType, Tensor};
use msr_testkit::{assert_close, normal};

use super::{Binary, Unary, binary, composed, cpu, unary};
use crate::contracts::UNARY;
use crate::error::Result;

fn tolerance(dtype: DType) -> f64 {
    if dtype == DType::F32 { 1e-5 } else { 1e-13 }
}

/// Odd sizes, as they lie in memory and as transposed, narrowed and broadcast views.
fn views(dtype: DType) -> Result<Vec<Tensor>> {
    let x = normal(1, (3, 31, 33), dtype);
    Ok(vec![
        normal(2, (1, 1), dtype),
        normal(3, 33, dtype),
        x.transpose(1, 2)?,
        x.permute((2, 0, 1))?,
        x.narrow(2, 1, 31)?,
        x.narrow(1, 5, 1)?.broadcast_as((3, 31, 33))?,
        normal(4, (3, 0, 31), dtype),
        x,
    ])
}

#[test]
fn functions_of_one_number() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for x in views(dtype)? {
            for op in UNARY {
                let positive = matches!(op, Unary::Log | Unary::Sqrt | Unary::Reciprocal | Unary::Power(_));
                // Far from the pole at zero, where rounding would be amplified.
                let x = if positive { x.abs()?.affine(1.0, 0.5)? } else { x.clone() };
                let (ours, theirs) = (cpu::unary(op, &x)?, composed::unary(op, &x)?);
                assert_close(&format!("{op:?} {dtype:?}"), &ours, &theirs, tolerance(dtype));
            }
        }
    }
    Ok(())
}

#[test]
fn functions_of_two_numbers() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let mut pairs: Vec<(Tensor, Tensor)> =
            views(dtype)?.iter().map(|x| Ok((x.clone(), x.affine(0.5, 3.0)?))).collect::<Result<_>>()?;
        let x = normal(5, (3, 31, 33), dtype);
        let far = |t: &Tensor| t.abs()?.affine(1.0, 0.5);
        pairs.push((x.transpose(1, 2)?, far(&normal(6, (33, 31), dtype))?));
        pairs.push((x.narrow(1, 0, 1)?, far(&normal(7, (31, 1), dtype))?));
        pairs.push((x.clone(), far(&x.narrow(0, 1, 1)?)?));
        pairs.push((x.clone(), far(&normal(8, (), dtype))?));
        pairs.push((x.permute((1, 2, 0))?, far(&x.permute((1, 2, 0))?)?));
        for (a, b) in pairs {
            for op in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div] {
                let (ours, theirs) = (cpu::binary(op, &a, &b)?, composed::binary(op, &a, &b)?);
                assert_close(&format!("{op:?} {dtype:?}"), &ours, &theirs, tolerance(dtype));
            }
        }
    }
    Ok(())
}

#[test]
fn half_precision_is_composed() -> Result<()> {
    let x = normal(1, (3, 5), DType::F32);
    let half = unary(Unary::Tanh, &x.to_dtype(DType::F16)?)?;
    assert_close("tanh", &half.to_dtype(DType::F32)?, &x.tanh()?, 1e-2);
    Ok(())
}

#[test]
fn shapes_and_dtypes_that_do_not_fit_are_named() {
    let (a, b) = (normal(1, (2, 3), DType::F64), normal(1, (2, 4), DType::F64));
    let message = binary(Binary::Mul, &a, &b).unwrap_err().to_string();
    assert!(message.contains("[2, 3]") && message.contains("[2, 4]"), "{message}");
    let message = binary(Binary::Mul, &a, &normal(1, (2, 3), DType::F32)).unwrap_err().to_string();
    assert!(message.contains("F64") && message.contains("F32"), "{message}");
}
