//! The passes in place against the composition.

use candle_core::{DType, Tensor, Var};
use msr_testkit::{assert_close, normal};

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
    assert_eq!(error.to_string(), "adam: expected F32 as the parameter, got F64");
    assert_eq!(p.as_tensor().to_vec2::<f32>()?, before);
    Ok(())
}
