//! Choices that one can see, and operands that do not fit.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::select;
use crate::error::Result;

#[test]
fn what_is_not_chosen_is_not_looked_at() -> Result<()> {
    let condition = Tensor::new(&[[1u8], [0]], &Device::Cpu)?;
    let a = Tensor::new(&[1f64, f64::INFINITY], &Device::Cpu)?;
    let b = Tensor::new(&[[f64::NAN, 2.], [3., 4.]], &Device::Cpu)?;
    assert_eq!(select(&condition, &a, &b)?.to_vec2::<f64>()?, [[1., f64::INFINITY], [3., 4.]]);
    let wide = Tensor::new(&[2u32, 0], &Device::Cpu)?;
    assert_eq!(select(&wide, &a, &a.zeros_like()?)?.to_vec1::<f64>()?, [1., 0.]);
    Ok(())
}

#[test]
fn operands_that_do_not_fit_are_named() {
    let x = normal(1, (2, 3), DType::F32);
    let message = select(&x, &x, &x).unwrap_err().to_string();
    assert_eq!(message, "where_cond: expected a condition of u8, u32 or i64, got F32");
    let condition = Tensor::ones((2, 2), DType::U8, &Device::Cpu).unwrap();
    assert!(select(&condition, &x, &x).unwrap_err().to_string().contains("where_cond"));
    assert!(
        select(&x.ones_like().unwrap().to_dtype(DType::U8).unwrap(), &x, &normal(1, 3, DType::F64)).is_err()
    );
}
