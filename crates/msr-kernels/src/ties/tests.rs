//! Loops over rows against indices along a dimension.

use candle_core::{DType, Var};
use msr_testkit::{assert_close, normal};

use super::{Ties, composed, cpu, expand, sum};
use crate::error::{Error, Result};

#[test]
fn the_bodies_agree() -> Result<()> {
    for (elements, count) in [(1, 1), (70, 31), (31, 33)] {
        let parameter: Vec<u32> = (0..elements).map(|i| (i * 7 % count) as u32).collect();
        let ties = Ties::new(&parameter, count)?;
        for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-13)] {
            let x = normal(1, (3, count, 2), dtype).transpose(1, 2)?;
            let line = normal(2, count, dtype);
            for x in [x, line.broadcast_as((3, count))?, line] {
                let ours = cpu::expand(&x, &ties)?;
                assert_close("expand_tied", &ours, &composed::expand(&x, &ties)?, 0.0);
                let sums = cpu::sum(&ours, &ties)?;
                assert_close("sum_tied", &sums, &composed::sum(&ours, &ties)?, tolerance);
            }
        }
    }
    Ok(())
}

/// The gradient of tied elements is the sum over them, for candle too.
#[test]
fn candle_differentiates_what_it_tracks() -> Result<()> {
    let ties = Ties::new(&[0, 1, 1, 0, 1], 3)?;
    let x = Var::from_tensor(&normal(1, (2, 3), DType::F64))?;
    let weights = normal(2, (2, 5), DType::F64);
    let gradients = (expand(&x, &ties)? * &weights)?.sum_all()?.backward()?;
    let found = gradients.get(&x).unwrap();
    assert_close("gradient", found, &sum(&weights, &ties)?, 1e-14);
    Ok(())
}

#[test]
fn ties_and_sizes_that_do_not_fit_are_named() -> Result<()> {
    let error = Ties::new(&[0, 2, 5], 3).unwrap_err();
    assert!(matches!(error, Error::Tie { element: 2, parameter: 5, count: 3 }), "{error}");
    assert!(Ties::new(&[], 3).is_err());
    let ties = Ties::new(&[0, 1, 1], 2)?;
    let message = expand(&normal(1, (4, 3), DType::F64), &ties).unwrap_err().to_string();
    assert_eq!(message, "expand_tied: expected (…, 2), got [4, 3]");
    let message = sum(&normal(1, (), DType::F64), &ties).unwrap_err().to_string();
    assert_eq!(message, "sum_tied: expected (…, 3), got []");
    Ok(())
}
