//! Against candle's sums.

use candle_core::{DType, Device};
use msr_testkit::normal;

use super::*;

#[test]
fn sums_are_those_of_each_tensor() -> Result<()> {
    let all = [normal(1, (4, 3, 2), DType::F64), normal(2, 4, DType::F64), normal(3, (4, 1), DType::F64)];
    let sums = sum_tasks(&all.iter().collect::<Vec<_>>())?;
    for (x, sum) in all.iter().zip(&sums) {
        let error = (sum - x.sum(0)?)?.abs()?.sum_all()?.to_scalar::<f64>()?;
        assert!(error < 1e-14 && sum.dims() == &x.dims()[1..]);
    }
    let none = Tensor::zeros((0, 2), DType::F64, &Device::Cpu)?;
    assert_eq!(sum_tasks(&[&none])?[0].to_vec1::<f64>()?, [0.0, 0.0]);
    assert!(sum_tasks(&[&all[0], &none]).is_err());
    assert!(sum_tasks(&[&sums[1]]).is_err());
    assert!(sum_tasks(&[])?.is_empty());
    Ok(())
}
