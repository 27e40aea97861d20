//! One bad number among many is found.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::{composed, is_finite, squared_norm};
use crate::error::Result;

#[test]
fn nan_and_infinity_are_found_wherever_they_are() -> Result<()> {
    for dtype in [DType::F64, DType::F32, DType::F16] {
        for size in [1, 31, 33] {
            let x = normal(1, (size, 3), DType::F64);
            assert!(is_finite(&x.to_dtype(dtype)?)? && is_finite(&x.t()?.to_dtype(dtype)?)?);
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let x = Tensor::cat(&[&x, &x.narrow(0, 0, 1)?.affine(0.0, bad)?], 0)?.to_dtype(dtype)?;
                assert!(!is_finite(&x)? && !is_finite(&x.t()?)?);
            }
        }
        assert!(is_finite(&Tensor::zeros((0, 3), dtype, &Device::Cpu)?)?);
        assert!(is_finite(&Tensor::zeros((), dtype, &Device::Cpu)?)?);
    }
    Ok(())
}

#[test]
fn a_norm_is_right_where_squares_overflow() -> Result<()> {
    let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-6, "{found}");
    for dtype in [DType::F64, DType::F32] {
        let x = normal(1, (70, 91), dtype);
        let exact: f64 = x.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar()?;
        for x in [&x, &x.t()?] {
            close(squared_norm(x)?, exact);
            close(composed::squared_norm(x)?, exact);
        }
        let large = x.affine(1e30, 0.0)?;
        close(squared_norm(&large)?, exact * 1e60);
        close(composed::squared_norm(&large)?, exact * 1e60);
        assert!(squared_norm(&x.affine(f64::NAN, 0.0)?)?.is_nan());
        assert!(!squared_norm(&x.affine(f64::INFINITY, 0.0)?)?.is_finite());
    }
    close(squared_norm(&Tensor::full(300f32, 100, &Device::Cpu)?.to_dtype(DType::F16)?)?, 9e6);
    assert_eq!(squared_norm(&Tensor::zeros((0, 3), DType::F32, &Device::Cpu)?)?, 0.0);
    Ok(())
}
