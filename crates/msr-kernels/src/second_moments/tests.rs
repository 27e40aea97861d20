//! The loop and the composition against the definition.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::{composed, second_moments, second_moments_in_f64};
use crate::error::Result;
use crate::im2col::im2col;
use crate::window::Window;

fn number(t: &Tensor) -> Result<f64> {
    Ok(t.abs()?.max_all()?.to_dtype(DType::F64)?.to_scalar()?)
}

/// The loop, and the composition for other devices, are the definition.
#[test]
fn moments_are_sums_of_products_of_columns() -> Result<()> {
    for (dtype, epsilon) in [(DType::F64, f64::EPSILON), (DType::F32, f64::from(f32::EPSILON))] {
        for (constant, channels, outputs) in [(false, 1, 24), (true, 2, 5), (true, 1, 1)] {
            let window = Window::square(3, 2, 1);
            let x = normal(1, (3, 2, channels, 9, 8), DType::F64).to_dtype(dtype)?;
            let y = normal(2, (3, 2, outputs, 5, 4), DType::F64).to_dtype(dtype)?;
            let mut columns = im2col(&x, window)?.to_dtype(DType::F64)?;
            if constant {
                let ones = Tensor::ones((3, 2, 1, 20), DType::F64, &Device::Cpu)?;
                columns = Tensor::cat(&[&columns, &ones], 2)?;
            }
            let across = columns.transpose(2, 3)?;
            let exact = y.to_dtype(DType::F64)?;
            let gram = columns.matmul(&across.contiguous()?)?.sum(1)?;
            let cross = exact.reshape((3, 2, outputs, 20))?.matmul(&across.contiguous()?)?.sum(1)?;
            let square = exact.sqr()?.flatten_from(1)?.sum(1)?;
            for found in [
                second_moments(&x, &y, window, constant)?,
                composed::second_moments(&x, &y, window, constant, None)?,
            ] {
                let error = |found: &Tensor, expected: &Tensor| -> Result<f64> {
                    number(&(found.to_dtype(DType::F64)? - expected)?)
                };
                // Sums of 40 products of size one; of all targets.
                assert!(error(&found.gram, &gram)? < 100.0 * epsilon);
                assert!(error(&found.cross, &cross)? < 100.0 * epsilon);
                assert!(error(&found.square, &square)? < 8.0 * epsilon * number(&square)?);
                assert_eq!(found.count, 2 * outputs * 20);
            }
            let found = second_moments_in_f64(&x, &y, window, constant)?;
            for (found, expected) in [(found.gram, &gram), (found.cross, &cross), (found.square, &square)] {
                assert!(number(&(found - expected)?)? < 1e-14 * number(&square)?, "{dtype:?}");
            }
            let half = second_moments_in_f64(
                &x.to_dtype(DType::BF16)?,
                &y.to_dtype(DType::BF16)?,
                window,
                constant,
            )?;
            assert_eq!(half.gram.dtype(), DType::F64);
        }
    }
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() -> Result<()> {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
    let window = Window::square(3, 1, 0);
    let x = zeros(&[2, 1, 1, 5, 5])?;
    assert!(second_moments(&x, &zeros(&[2, 1, 4, 3, 3])?, window, false).is_ok());
    let message = |shape: &[usize]| -> Result<String> {
        Ok(second_moments(&x, &zeros(shape)?, window, false).unwrap_err().to_string())
    };
    let large = message(&[2, 1, 4, 5, 5])?;
    assert!(large.contains("[2, 1, 1, 5, 5] and [2, 1, 4, 5, 5]"), "{large}");
    assert!(large.contains("targets must be (2, 1, outputs, 3, 3)"), "{large}");
    assert!(message(&[2, 2, 4, 3, 3])?.contains("[2, 2, 4, 3, 3]"));
    assert!(message(&[2, 4, 3, 3])?.contains("five dimensions"));
    Ok(())
}
