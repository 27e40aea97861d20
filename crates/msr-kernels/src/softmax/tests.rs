//! Softmax and its logarithm against their definitions.

use candle_core::DType;
use msr_testkit::{assert_close, normal};

use super::{log_softmax, softmax};
use crate::error::Result;

#[test]
fn it_is_the_logarithm_of_shares() -> Result<()> {
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-13), (DType::F16, 1e-2)] {
        let x = normal(1, (3, 31, 33), DType::F64).to_dtype(dtype)?;
        let repeated = x.narrow(1, 0, 1)?.broadcast_as((3, 31, 33))?;
        for x in [x.clone(), x.transpose(0, 2)?, repeated, x.narrow(0, 0, 1)?] {
            for dim in 0..3 {
                let found = log_softmax(&x, dim)?.to_dtype(DType::F64)?;
                let exact = x.to_dtype(DType::F64)?.contiguous()?;
                let total = exact.exp()?.sum_keepdim(dim)?.log()?;
                assert_close("log_softmax", &found, &exact.broadcast_sub(&total)?, tolerance);
                let shares = softmax(&x, dim)?.to_dtype(DType::F64)?;
                assert_close("softmax", &shares, &exact.broadcast_sub(&total)?.exp()?, tolerance);
            }
        }
    }
    let huge = log_softmax(&normal(1, (2, 3), DType::F32).affine(1e30, 0.0)?, 1)?;
    assert!(crate::is_finite(&huge)?);
    Ok(())
}

#[test]
fn a_dimension_without_elements_is_named() {
    let message = log_softmax(&normal(1, (2, 3), DType::F32), 2).unwrap_err().to_string();
    assert_eq!(message, "log_softmax: expected elements along dimension 2, got [2, 3]");
    assert!(log_softmax(&normal(1, (2, 0), DType::F32), 1).is_err());
}
