//! One bad number among many is found.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::is_finite;
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
