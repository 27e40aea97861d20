//! The loops against candle's extremes; shares of what is equal.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::{Extreme, composed, cpu, extreme, extreme_shares};
use crate::error::Result;

#[test]
fn the_two_bodies_agree() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        // Few different numbers, so that there are ties.
        let x = normal(1, (3, 31, 33), dtype).round()?;
        for which in [Extreme::Max, Extreme::Min] {
            for dim in 0..3 {
                let ours = cpu::extreme(which, &x, dim)?;
                let theirs = composed::extreme(which, &x, dim)?;
                assert_eq!(ours.dims(), theirs.dims());
                assert_eq!(
                    (&ours - &theirs)?.abs()?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>()?,
                    0.0
                );
                let shares = extreme_shares(&x, &ours, dim)?.sum(dim)?.to_dtype(DType::F64)?;
                let off = (shares - 1.0)?.abs()?.max_all()?.to_scalar::<f64>()?;
                assert!(off < 1e-6, "{off}");
            }
        }
    }
    Ok(())
}

#[test]
fn equal_elements_share() -> Result<()> {
    let x = Tensor::new(&[[2f64, 2., 1.], [f64::NAN, 7., 0.]], &Device::Cpu)?;
    let y = extreme(Extreme::Max, &x, 1)?;
    assert_eq!(y.get(0)?.to_vec1::<f64>()?, [2.]);
    assert!(y.get(1)?.to_vec1::<f64>()?[0].is_nan());
    assert_eq!(extreme_shares(&x, &y, 1)?.to_vec2::<f64>()?, [[0.5, 0.5, 0.], [1., 0., 0.]]);
    Ok(())
}

#[test]
fn what_has_no_extreme_is_named() {
    let message = |shape: &[usize], dim| {
        extreme(Extreme::Min, &normal(1, shape, DType::F32), dim).unwrap_err().to_string()
    };
    assert_eq!(message(&[2, 3], 2), "min: expected elements along dimension 2, got [2, 3]");
    assert_eq!(message(&[2, 0], 1), "min: expected elements along dimension 1, got [2, 0]");
    let (x, y) = (normal(1, (2, 3), DType::F32), normal(1, (2, 3), DType::F32));
    assert!(extreme_shares(&x, &y, 1).unwrap_err().to_string().contains("size one along dimension 1"));
}
