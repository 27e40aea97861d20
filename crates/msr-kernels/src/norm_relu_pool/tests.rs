//! What the loops refuse; that they are right, the rules of `msr-autodiff` are tested for, against
//! compositions and finite differences.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::{Cotangents, Pool, norm_relu_pool, norm_relu_pool_grad, norm_relu_pool_second};
use crate::error::Result;

/// The definition, in plain loops over one task in `f64`.
fn defined(y: &Tensor, gamma: &[f64], beta: &[f64], pool: Pool) -> Result<Vec<f64>> {
    let [b, c, h, w]: [usize; 4] = y.dims()[1..].try_into().unwrap();
    let y: Vec<f64> = y.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
    let at = |i: usize, ch: usize, p: usize| y[(i * c + ch) * h * w + p];
    let (side, mut out) = (pool.side(), Vec::new());
    let moments = |ch: usize| {
        let all: Vec<f64> =
            (0..b).flat_map(|i| (0..h * w).map(move |p| (i, p))).map(|(i, p)| at(i, ch, p)).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        (mean, all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64)
    };
    for i in 0..b {
        for ch in 0..c {
            let (mean, variance) = moments(ch);
            let z = |p: usize| {
                let value = gamma[ch] * (at(i, ch, p) - mean) / (variance + 1e-5).sqrt() + beta[ch];
                value.max(0.0)
            };
            for y in 0..h / side {
                for x in 0..w / side {
                    let window = (0..side * side).map(|k| z((y * side + k / side) * w + x * side + k % side));
                    out.push(window.fold(0.0, f64::max));
                }
            }
        }
    }
    Ok(out)
}

#[test]
fn results_are_those_of_the_definition() -> Result<()> {
    for (b, c, h, w) in [(3, 5, 6, 7), (1, 16, 2, 2), (2, 33, 5, 3), (4, 1, 28, 28)] {
        for (dtype, unit) in [(DType::F32, 2f64.powi(-24)), (DType::F64, 2f64.powi(-53))] {
            // Far from zero: the variance is not a difference of squares.
            let y = normal(1, (1, b, c, h, w), dtype).affine(0.7, 10.0)?;
            let (gamma, beta) = (normal(2, (1, c), dtype), normal(3, (1, c), dtype));
            let vector =
                |t: &Tensor| -> Result<Vec<f64>> { Ok(t.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?) };
            for pool in [Pool::None, Pool::TwoByTwo] {
                let (z, _) = norm_relu_pool(&y, &gamma, &beta, 1e-5, pool)?;
                let expected = defined(&y, &vector(&gamma)?, &vector(&beta)?, pool)?;
                assert_eq!(z.elem_count(), expected.len());
                for (found, expected) in vector(&z)?.iter().zip(&expected) {
                    // The rounding of the mean, in units of the deviation, and of what follows.
                    let allowed = unit * (8.0 * 10.0 / 0.7 + 8.0 * expected.abs());
                    assert!((found - expected).abs() < allowed, "{found} for {expected}, {dtype:?} {pool:?}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn nan_stays_nan() -> Result<()> {
    let (y, ones) = (normal(1, (2, 2, 3, 4, 4), DType::F32), Tensor::ones((2, 3), DType::F32, &Device::Cpu)?);
    let mut numbers: Vec<f32> = y.flatten_all()?.to_vec1()?;
    numbers[5] = f32::NAN;
    let y = Tensor::from_vec(numbers, y.dims(), &Device::Cpu)?;
    let (z, _) = norm_relu_pool(&y, &ones, &ones, 1e-5, Pool::TwoByTwo)?;
    let z: Vec<Vec<f32>> = z.permute((0, 2, 1, 3, 4))?.contiguous()?.reshape((6, 8))?.to_vec2()?;
    for (channel, z) in z.iter().enumerate() {
        assert!(z.iter().all(|z| z.is_nan() == (channel == 0)), "channel {channel}");
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() -> Result<()> {
    let y = normal(1, (2, 2, 3, 4, 4), DType::F32);
    let (gamma, beta) = (normal(2, (2, 3), DType::F32), normal(3, (2, 3), DType::F32));
    let says = |error: crate::Error, words: &str| {
        let message = error.to_string();
        assert!(message.contains(words), "{message}");
    };
    let pool = Pool::TwoByTwo;
    says(norm_relu_pool(&y, &gamma.narrow(1, 0, 2)?, &beta, 1e-5, pool).unwrap_err(), "γ of [2, 3]");
    says(norm_relu_pool(&y, &gamma, &beta.to_dtype(DType::F64)?, 1e-5, pool).unwrap_err(), "β is F64");
    says(norm_relu_pool(&y.get(0)?, &gamma, &beta, 1e-5, pool).unwrap_err(), "channels");
    says(norm_relu_pool(&y.narrow(1, 0, 0)?, &gamma, &beta, 1e-5, pool).unwrap_err(), "0 examples");
    says(norm_relu_pool(&y.narrow(3, 0, 1)?, &gamma, &beta, 1e-5, pool).unwrap_err(), "2 × 2 pixels");
    let half = y.to_dtype(DType::F16)?;
    let vector = gamma.to_dtype(DType::F16)?;
    says(norm_relu_pool(&half, &vector, &vector, 1e-5, pool).unwrap_err(), "γ is F16");
    let (z, saved) = norm_relu_pool(&y, &gamma, &beta, 1e-5, pool)?;
    says(norm_relu_pool_grad(&y, &gamma, &saved, &y).unwrap_err(), "a gradient of [2, 2, 3, 2, 2]");
    let other = y.narrow(1, 0, 1)?;
    says(norm_relu_pool_grad(&other, &gamma, &saved, &z).unwrap_err(), "other images");
    let wrong = Cotangents { y: Some(&z), ..Cotangents::default() };
    says(norm_relu_pool_second(&y, &gamma, &saved, &z, wrong).unwrap_err(), "the cotangent by y");
    Ok(())
}
