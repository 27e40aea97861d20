//! Loops over rows against indices along a dimension.

use candle_core::{DType, Var};
use msr_testkit::{assert_close, normal};

use super::{Classes, composed, cpu, spread, sum_by};
use crate::error::{Error, Result};

#[test]
fn the_bodies_agree() -> Result<()> {
    for (elements, count) in [(1, 1), (70, 31), (31, 33)] {
        let class: Vec<u32> = (0..elements).map(|i| (i * 7 % count) as u32).collect();
        let classes = Classes::new(&class, count)?;
        for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-13)] {
            let x = normal(1, (3, count, 2), dtype).transpose(1, 2)?;
            let line = normal(2, count, dtype);
            for x in [x, line.broadcast_as((3, count))?, line] {
                let ours = cpu::spread(&x, &classes)?;
                assert_close("spread", &ours, &composed::spread(&x, &classes)?, 0.0);
                let sums = cpu::sum_by(&ours, &classes)?;
                assert_close("sum_by", &sums, &composed::sum_by(&ours, &classes)?, tolerance);
            }
        }
    }
    Ok(())
}

/// The gradient of elements that share a value is the sum over them, for candle too.
#[test]
fn candle_differentiates_what_it_tracks() -> Result<()> {
    let classes = Classes::new(&[0, 1, 1, 0, 1], 3)?;
    let x = Var::from_tensor(&normal(1, (2, 3), DType::F64))?;
    let weights = normal(2, (2, 5), DType::F64);
    let gradients = (spread(&x, &classes)? * &weights)?.sum_all()?.backward()?;
    let found = gradients.get(&x).unwrap();
    assert_close("gradient", found, &sum_by(&weights, &classes)?, 1e-14);
    Ok(())
}

#[test]
fn classes_and_sizes_that_do_not_fit_are_named() -> Result<()> {
    let error = Classes::new(&[0, 2, 5], 3).unwrap_err();
    assert!(matches!(error, Error::Class { element: 2, class: 5, count: 3, .. }), "{error}");
    assert!(Classes::new(&[], 3).is_err());
    let classes = Classes::new(&[0, 1, 1], 2)?;
    let message = spread(&normal(1, (4, 3), DType::F64), &classes).unwrap_err().to_string();
    assert_eq!(message, "spread: expected (…, 2), got [4, 3]");
    let message = sum_by(&normal(1, (), DType::F64), &classes).unwrap_err().to_string();
    assert_eq!(message, "sum_by: expected (…, 3), got []");
    Ok(())
}
