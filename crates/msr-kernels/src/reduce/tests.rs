//! Sums of our own against candle's.

use candle_core::DType;
use msr_testkit::{assert_close, normal};

use super::{composed, cpu, sum_keepdim};
use crate::error::Result;

#[test]
fn sums_over_dimensions_of_views() -> Result<()> {
    for (dtype, tolerance) in [(DType::F32, 1e-4), (DType::F64, 1e-12)] {
        let x = normal(1, (3, 31, 1, 33), dtype);
        let views = [
            x.clone(),
            x.permute((3, 2, 0, 1))?,
            x.narrow(3, 1, 31)?,
            x.narrow(1, 7, 1)?.broadcast_as((3, 31, 1, 33))?,
            normal(2, (1, 1, 1, 1), dtype),
            normal(3, (3, 0, 2, 5), dtype),
        ];
        for x in views {
            for dims in [&[][..], &[0], &[3], &[1, 2], &[0, 3], &[3, 0, 1], &[0, 1, 2, 3]] {
                let (ours, theirs) = (cpu::sum_keepdim(&x, dims)?, composed::sum_keepdim(&x, dims)?);
                assert_close(&format!("{:?} over {dims:?}", x.dims()), &ours, &theirs, tolerance);
            }
        }
    }
    Ok(())
}

#[test]
fn a_dimension_that_is_not_there_is_named() {
    let message = sum_keepdim(&normal(1, (2, 3), DType::F32), &[0, 5]).unwrap_err().to_string();
    assert_eq!(message, "sum: expected a dimension 5 to sum over, got [2, 3]");
}
