//! Elements by index, against loops.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::{class_index, gather, scatter_add};
use crate::error::{Error, Result};

#[test]
fn elements_are_picked_and_put_back() -> Result<()> {
    let x = normal(1, (33, 31), DType::F64).t()?;
    let index: Vec<u32> = (0..31 * 5).map(|i| i * 11 % 33).collect();
    let index = Tensor::from_vec(index, (31, 5), &Device::Cpu)?;
    let (values, at) = (x.to_vec2::<f64>()?, index.to_vec2::<u32>()?);
    let picked = gather(&x, &index)?;
    let mut sums = vec![vec![0.0; 33]; 31];
    for (r, row) in picked.to_vec2::<f64>()?.iter().enumerate() {
        for (j, &y) in row.iter().enumerate() {
            assert_eq!(y, values[r][at[r][j] as usize]);
            sums[r][at[r][j] as usize] += y;
        }
    }
    assert_eq!(scatter_add(&picked, &index, 33)?.to_vec2::<f64>()?, sums);
    Ok(())
}

#[test]
fn indices_that_do_not_fit_are_named() -> Result<()> {
    let scores = normal(1, (2, 2, 3), DType::F32);
    let index = |data: [i64; 4]| Tensor::from_slice(&data, (2, 2), &Device::Cpu);
    assert_eq!(class_index(&scores, &index([0, 2, 1, 0])?)?.dims(), [4, 1]);
    for bad in [3, -1] {
        let error = class_index(&scores, &index([0, 2, bad, 0])?).unwrap_err();
        assert!(matches!(error, Error::Class { element: 2, class, count: 3, .. } if class == bad));
    }
    let message = class_index(&scores, &index([0; 4])?.to_dtype(DType::F32)?).unwrap_err().to_string();
    assert_eq!(message, "gather_class: expected integer class indices, got F32");
    let message = class_index(&scores, &index([0; 4])?.narrow(0, 0, 1)?).unwrap_err().to_string();
    assert!(message.contains("[2, 2, 3] and [1, 2]"), "{message}");
    let rows = Tensor::zeros((3, 1), DType::U32, &Device::Cpu)?;
    let message = gather(&normal(1, (2, 3), DType::F32), &rows).unwrap_err().to_string();
    assert!(message.contains("[2, 3] and [3, 1]"), "{message}");
    Ok(())
}
