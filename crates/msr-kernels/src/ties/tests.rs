//! Loops over rows against indices along a dimension.

use candle_core::{DType, Tensor, Var};
use msr_testkit::{assert_close, assert_same_bits, normal};
use pulp::Simd;

use super::together::{Sums, Values, side_by_side};
use super::{Ties, composed, cpu, expand, sum};
use crate::caches::places;
use crate::error::{Error, Result};
use crate::lanes::{Lanes, OnEveryWidth};

/// Parameters in no order.
fn scattered(elements: usize, count: usize) -> Vec<u32> {
    (0..elements).map(|i| (i * i * 31 % 1009 * 7 % count) as u32).collect()
}

/// Parameters in runs: the same, the next and the one before.
fn in_runs(elements: usize, count: usize) -> Vec<u32> {
    let one = |i: usize| match i / 40 % 3 {
        0 => i / 40,
        1 => i,
        _ => count - 1 - i % count,
    };
    (0..elements).map(|i| (one(i) % count) as u32).collect()
}

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

/// Rows that go together, and those that are left; with and without runs.
#[test]
fn many_rows_of_many_elements() -> Result<()> {
    for (parameter, count) in [(scattered(1500, 70), 70), (in_runs(1500, 70), 70), (scattered(40, 1), 1)] {
        let ties = Ties::new(&parameter, count)?;
        for rows in [2, 16, 37] {
            for (dtype, tolerance) in [(DType::F32, 1e-4), (DType::F64, 1e-12)] {
                let x = normal(1, (rows, count), dtype);
                let ours = cpu::expand(&x, &ties)?;
                assert_close("expand_tied", &ours, &composed::expand(&x, &ties)?, 0.0);
                let y = normal(2, (rows, parameter.len()), dtype);
                assert_close("sum_tied", &cpu::sum(&y, &ties)?, &composed::sum(&y, &ties)?, tolerance);
            }
        }
    }
    Ok(())
}

/// Neither the number of threads nor how rows go together changes a bit.
#[test]
fn threads_change_no_bit() -> Result<()> {
    // More elements than are added one after the other.
    let elements = (1 << 17) + 1234;
    for parameter in [scattered(elements, 50), in_runs(elements, 50)] {
        let ties = Ties::new(&parameter, 50)?;
        for (rows, dtype) in [(1, DType::F32), (3, DType::F64), (19, DType::F32)] {
            let (x, y) = (normal(1, (rows, 50), dtype), normal(2, (rows, elements), dtype));
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| (cpu::expand(&x, &ties).unwrap(), cpu::sum(&y, &ties).unwrap()))
            };
            let (one, sums) = on(1);
            for threads in [2, 8] {
                let (many, many_sums) = on(threads);
                assert_same_bits("expand_tied", &many, &one);
                assert_same_bits("sum_tied", &many_sums, &sums);
            }
            // Each row alone.
            let rows: Vec<Tensor> =
                (0..rows).map(|i| cpu::sum(&y.narrow(0, i, 1)?, &ties)).collect::<Result<_>>()?;
            assert_same_bits("sum_tied", &sums, &Tensor::cat(&rows, 0)?);
        }
    }
    Ok(())
}

/// Rows together against one element after the other.
struct Together<T>(std::marker::PhantomData<T>);

impl<T: Lanes + std::fmt::Debug> OnEveryWidth for Together<T> {
    fn check<S: Simd>(&self, simd: S) {
        let rows = T::lanes::<S>();
        // Whole vectors, and what is left; more than is collected.
        for (elements, count) in [(1, 1), (13, 5), (64, 100), (1111, 100)] {
            let parameters = scattered(elements, count);
            let at = |i: usize| T::from_f64((i * 7919 % 1013) as f64 / 64.0 - 8.0);
            let x: Vec<T> = (0..rows * count).map(at).collect();
            for is_large in [false, true] {
                let mut out = vec![T::zero(); rows * elements];
                let side = side_by_side(&x, count);
                let places = places(&mut out).chunks_exact_mut(elements).collect();
                simd.vectorize(Values { x: &side, parameters: &parameters, is_large, out: places });
                for (i, &out) in out.iter().enumerate() {
                    let expected = x[i / elements * count + parameters[i % elements] as usize];
                    assert_eq!(out, expected, "{simd:?}");
                }
            }
            let y: Vec<T> = (0..rows * elements).map(at).collect();
            let mut sums = vec![0.0; count * rows];
            simd.vectorize(Sums { x: &y, stride: elements, parameters: &parameters, sums: &mut sums });
            let mut expected = vec![0.0; count * rows];
            for (i, y) in y.iter().enumerate() {
                expected[parameters[i % elements] as usize * rows + i / elements] += y.to_f64();
            }
            assert_eq!(sums, expected, "{simd:?}");
        }
    }
}

#[test]
fn every_width_of_vectors() {
    Together::<f32>(std::marker::PhantomData).check_all();
    Together::<f64>(std::marker::PhantomData).check_all();
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
