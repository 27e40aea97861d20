//! The loops against sums of spans, and sums of halves that stay exact.

use candle_core::{DType, Device, Tensor};
use msr_testkit::{assert_close, normal};

use super::{composed, cpu, cumsum};
use crate::error::Result;

#[test]
fn the_two_bodies_agree() -> Result<()> {
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-13)] {
        let x = normal(1, (3, 31, 33), dtype);
        for dim in 0..3 {
            let sums = cpu::cumsum(&x, dim)?;
            assert_close("cumsum", &sums, &composed::cumsum(&x, dim)?, tolerance);
            let turned = x.transpose(0, 2)?;
            assert_close("cumsum of a view", &cumsum(&turned, 2 - dim)?.transpose(0, 2)?, &sums, tolerance);
        }
    }
    Ok(())
}

#[test]
fn long_sums_do_not_lose_their_summands() -> Result<()> {
    let ones = Tensor::ones(4096, DType::BF16, &Device::Cpu)?;
    assert_eq!(cumsum(&ones, 0)?.to_dtype(DType::F32)?.to_vec1::<f32>()?[4095], 4096.0);
    let message = cumsum(&ones, 1).unwrap_err().to_string();
    assert_eq!(message, "cumsum: expected a dimension 1, got [4096]");
    Ok(())
}
