//! Slices that one can see, the adjoint, and indices that do not fit.

use candle_core::{DType, Device, Tensor};
use msr_testkit::{assert_close, normal};

use super::{index_add, index_select};
use crate::error::Result;

#[test]
fn slices_are_picked_and_put_back() -> Result<()> {
    let x = Tensor::new(&[[1f32, 2., 3.], [4., 5., 6.]], &Device::Cpu)?;
    let index = Tensor::new(&[2i64, 0, 2], &Device::Cpu)?;
    let picked = index_select(&x, &index, 1)?;
    assert_eq!(picked.to_vec2::<f32>()?, [[3., 1., 3.], [6., 4., 6.]]);
    assert_eq!(index_add(&picked, &index, 1, 3)?.to_vec2::<f32>()?, [[1., 0., 6.], [4., 0., 12.]]);
    let x = normal(1, (5, 31, 3), DType::F64).transpose(0, 2)?;
    let index = Tensor::new(&[30u32, 0, 7, 7, 7, 12], &Device::Cpu)?;
    let y = normal(2, (3, 6, 5), DType::F64);
    let left = (index_select(&x, &index, 1)? * &y)?.sum_all()?;
    assert_close("adjoint", &left, &(index_add(&y, &index, 1, 31)? * &x)?.sum_all()?, 1e-13);
    let none = Tensor::zeros(0, DType::U32, &Device::Cpu)?;
    assert_eq!(index_select(&x, &none, 1)?.dims(), [3, 0, 5]);
    assert_eq!(index_add(&x.narrow(1, 0, 0)?, &none, 1, 2)?.dims(), [3, 2, 5]);
    Ok(())
}

#[test]
fn indices_that_do_not_fit_are_named() -> Result<()> {
    let x = normal(1, (2, 3), DType::F32);
    let message = |index: &[i64], dim| {
        let index = Tensor::from_slice(index, index.len(), &Device::Cpu).unwrap();
        index_select(&x, &index, dim).unwrap_err().to_string()
    };
    assert_eq!(message(&[0, 3], 1), "index_select: index 1 is 3, but there are only 3 to choose from");
    assert_eq!(message(&[-1], 1), "index_select: index 0 is -1, but there are only 3 to choose from");
    assert_eq!(message(&[0], 2), "index_select: expected a dimension 2, got [2, 3]");
    let index = Tensor::new(&[0u32, 1], &Device::Cpu)?;
    let error = index_add(&x, &index, 1, 2).unwrap_err().to_string();
    assert!(error.contains("one index for each slice along dimension 1"), "{error}");
    let error = index_select(&x, &index.to_dtype(DType::F32)?, 1).unwrap_err().to_string();
    assert_eq!(error, "index_select: expected integer indices, got F32");
    Ok(())
}
