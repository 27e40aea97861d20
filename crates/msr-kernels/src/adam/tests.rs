//! The passes in place against the composition.

use candle_core::{DType, Tensor, Var};
use msr_testkit::{assert_close, assert_same_bits, normal};

use super::{Step, composed, cpu, step};
use crate::error::{Error, Result};

const STEP: Step = Step { beta1: 0.9, beta2: 0.99, first_scale: 0.05, second_scale: 50.0, epsilon: 1e-8 };

#[test]
fn the_bodies_agree() -> Result<()> {
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-13)] {
        for size in [1, 31, 33] {
            let new = |seed| normal(seed, (size, 3), dtype);
            let (ours, theirs) = (Var::from_tensor(&new(1))?, Var::from_tensor(&new(1))?);
            let (mut m, mut s) = (new(2), new(3).sqr()?);
            let (mut m2, mut s2) = (new(2), new(3).sqr()?);
            // A view, whose numbers lie elsewhere.
            let g = normal(4, (3, size), dtype).t()?;
            for _ in 0..3 {
                cpu::step(&ours, &g, &m, &s, STEP)?;
                composed::step(&theirs, &g, &mut m2, &mut s2, STEP)?;
            }
            let pairs = [(ours.as_tensor(), theirs.as_tensor()), (&m, &m2), (&s, &s2)];
            for (ours, theirs) in pairs {
                assert_close("adam", ours, theirs, tolerance);
            }
            step(&ours, &g, &mut m, &mut s, STEP)?;
            composed::step(&theirs, &g, &mut m2, &mut s2, STEP)?;
            assert_close("adam", ours.as_tensor(), theirs.as_tensor(), tolerance);
        }
    }
    Ok(())
}

#[test]
fn a_gradient_that_does_not_fit_changes_nothing() -> Result<()> {
    let at = |shape: &[usize], dtype| normal(1, shape, dtype);
    let p = Var::from_tensor(&at(&[2, 3], DType::F32))?;
    let before = p.as_tensor().copy()?.to_vec2::<f32>()?;
    let (mut m, mut s): (Tensor, Tensor) = (at(&[2, 3], DType::F32), at(&[2, 3], DType::F32));
    let error = step(&p, &at(&[3, 2], DType::F32), &mut m, &mut s, STEP).unwrap_err();
    assert!(matches!(error, Error::Mismatch { .. }));
    assert!(error.to_string().starts_with("adam: [2, 3] and [3, 2]"), "{error}");
    let error = step(&p, &at(&[2, 3], DType::F64), &mut m, &mut s, STEP).unwrap_err();
    assert_eq!(error.to_string(), "adam: expected F32 for a parameter of F32, got F64");
    assert_eq!(p.as_tensor().to_vec2::<f32>()?, before);
    Ok(())
}

/// A step that threads share has the bits of one.
#[test]
fn threads_change_no_bit() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let on = |threads: usize| -> Result<[Tensor; 3]> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let p = Var::from_tensor(&normal(1, 50_001, dtype))?;
            let (mut m, mut s) = (normal(2, 50_001, dtype), normal(3, 50_001, dtype).sqr()?);
            let g = normal(4, 50_001, dtype);
            pool.install(|| step(&p, &g, &mut m, &mut s, STEP))?;
            Ok([p.as_tensor().copy()?, m, s])
        };
        let one = on(1)?;
        for threads in [2, 8] {
            for (many, one) in on(threads)?.iter().zip(&one) {
                assert_same_bits("adam", many, one);
            }
        }
    }
    Ok(())
}

/// The gradient of half the square of a parameter is the parameter.
#[test]
fn a_gradient_may_be_the_parameter() -> Result<()> {
    let new = || Ok::<_, Error>(Var::from_tensor(&normal(1, (5, 7), DType::F32))?);
    let (p, q) = (new()?, new()?);
    let moment = |seed| normal(seed, (5, 7), DType::F32).sqr();
    let (mut m, mut s, mut m2, mut s2) = (moment(2)?, moment(3)?, moment(2)?, moment(3)?);
    step(&p, &p.as_tensor().detach(), &mut m, &mut s, STEP)?;
    step(&q, &normal(1, (5, 7), DType::F32), &mut m2, &mut s2, STEP)?;
    assert_close("adam", p.as_tensor(), q.as_tensor(), 0.0);
    // Moments that are views of one storage.
    let both = normal(2, (2, 5, 7), DType::F32).sqr()?;
    let half = |i: usize| both.narrow(0, i, 1)?.reshape((5, 7));
    let (mut m, mut s) = (half(0)?, half(1)?);
    let (mut m2, mut s2) = (m.force_contiguous()?, s.force_contiguous()?);
    let g = normal(4, (5, 7), DType::F32);
    step(&p, &g, &mut m, &mut s, STEP)?;
    step(&q, &g, &mut m2, &mut s2, STEP)?;
    assert_close("adam", p.as_tensor(), q.as_tensor(), 1e-6);
    Ok(())
}

/// What is turned in memory is not taken for what lies there.
#[test]
fn a_transposed_moment_is_not_scrambled() -> Result<()> {
    let turned = |seed| normal(seed, (3, 3), DType::F32).t();
    let (mut m, mut s) = (turned(2)?, turned(3)?.sqr()?.t()?.contiguous()?.t()?);
    let (mut m2, mut s2) = (m.force_contiguous()?, s.force_contiguous()?);
    let (p, q) = (
        Var::from_tensor(&normal(1, (3, 3), DType::F32))?,
        Var::from_tensor(&normal(1, (3, 3), DType::F32))?,
    );
    let g = normal(4, (3, 3), DType::F32);
    step(&p, &g, &mut m, &mut s, STEP)?;
    step(&q, &g, &mut m2, &mut s2, STEP)?;
    for (turned, plain) in [(p.as_tensor(), q.as_tensor()), (&m, &m2), (&s, &s2)] {
        assert_close("adam", turned, plain, 1e-5);
    }
    Ok(())
}

/// Half precision: a step in `f32`, rounded once; a gradient of zero changes nothing.
#[test]
fn a_zero_gradient_in_half_precision() -> Result<()> {
    for dtype in [DType::F16, DType::BF16] {
        let start = normal(1, 5, dtype);
        let p = Var::from_tensor(&start)?;
        let zeros = |dtype| Tensor::zeros(5, dtype, start.device());
        let (mut m, mut s) = (zeros(DType::F32)?, zeros(DType::F32)?);
        step(&p, &zeros(dtype)?, &mut m, &mut s, STEP)?;
        assert_close("nothing", p.as_tensor(), &start, 0.0);
        // The square of this gradient is zero in f16.
        let small = Tensor::full(1e-4f32, 5, start.device())?.to_dtype(dtype)?;
        let first = Step { first_scale: 0.05 / 0.1, second_scale: 1.0 / 0.01, ..STEP };
        step(&p, &small, &mut m, &mut s, first)?;
        let moved = (start.to_dtype(DType::F64)? - p.as_tensor().to_dtype(DType::F64)?)?;
        for x in moved.to_vec1::<f64>()? {
            assert!((x - 0.05).abs() < 0.01, "the first step is as long as the rate: {x}");
        }
    }
    Ok(())
}

/// On a GPU all tensors are changed at once: one that is named twice is not taken there.
#[test]
fn one_parameter_under_two_names_is_seen() -> Result<()> {
    let (p, q) = (Var::from_tensor(&normal(1, 3, DType::F32))?, Var::from_tensor(&normal(2, 3, DType::F32))?);
    let g = normal(3, 3, DType::F32);
    let apart = |variables: [&Var; 2]| -> Result<bool> {
        let mut moments = variables.map(|_| (normal(4, 3, DType::F32), normal(5, 3, DType::F32)));
        let updates = variables.into_iter().zip(&mut moments).map(|(parameter, (first, second))| {
            super::Update { parameter, gradient: &g, first, second, factor: 1.0 }
        });
        Ok(super::are_apart(&updates.collect::<Vec<_>>()))
    };
    assert!(apart([&p, &q])? && !apart([&p, &p.clone()])?);
    Ok(())
}
