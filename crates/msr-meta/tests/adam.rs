//! Adam at the edges of its number types, and what it hands out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use candle_core::{DType, Device, Tensor, Var};
use msr_meta::{Adam, AdamConfig, Error, OuterParameter, Schedule};
use msr_testkit::{assert_close, normal};

fn parameter(value: &Tensor) -> OuterParameter {
    OuterParameter { name: "p".into(), variable: Var::from_tensor(value).unwrap(), rate: 1.0 }
}

fn numbers(t: &Tensor) -> Vec<f64> {
    t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// A gradient of zero moves nothing, in no dtype: ε is not zero once it is rounded.
#[test]
fn an_epsilon_that_is_rounded_to_zero() {
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        let start = normal(1, 5, dtype);
        let p = [parameter(&start)];
        let mut adam = Adam::new(AdamConfig::default(), &p).unwrap();
        adam.step(&p, &[start.zeros_like().unwrap()]).unwrap();
        assert_close("nothing moves", p[0].variable.as_tensor(), &start, 0.0);
        let tiny = Adam::new(AdamConfig { epsilon: 1e-46, ..AdamConfig::default() }, &p);
        assert_eq!(tiny.is_ok(), dtype == DType::F64, "{dtype:?}");
        let fast = Adam::new(AdamConfig { rate: 1e39, ..AdamConfig::default() }, &p);
        assert_eq!(fast.is_ok(), dtype == DType::F64, "{dtype:?}");
        if let Err(error) = tiny {
            let message = error.to_string();
            assert!(message.contains("epsilon 0") && message.contains("`p`"), "{message}");
        }
    }
}

/// A gradient whose square is infinite would freeze its parameter for ever: it is refused, or
/// clipped when that was asked for.
#[test]
fn one_huge_gradient() {
    let start = normal(1, 5, DType::F32);
    let huge = Tensor::new(&[1e20f32, 0., 1., 2., 3.], &Device::Cpu).unwrap();
    let p = [parameter(&start)];
    let mut adam = Adam::new(AdamConfig::default(), &p).unwrap();
    let error = adam.step(&p, std::slice::from_ref(&huge)).unwrap_err();
    assert!(matches!(error, Error::GradientTooLarge { .. }), "{error}");
    assert!(error.to_string().contains("clip_norm"), "{error}");
    assert_close("unchanged", p[0].variable.as_tensor(), &start, 0.0);
    assert_eq!(adam.steps(), 0);
    let nan = adam.step(&p, &[huge.affine(f64::NAN, 0.0).unwrap()]).unwrap_err();
    assert!(matches!(nan, Error::GradientNotFinite { .. }), "{nan}");
    let mut clipped = Adam::new(AdamConfig { clip_norm: Some(1.0), ..AdamConfig::default() }, &p).unwrap();
    clipped.step(&p, std::slice::from_ref(&huge)).unwrap();
    let (first, second) = clipped.moments().unwrap();
    assert!((numbers(&first[0])[0] - 0.1).abs() < 1e-6 && (numbers(&second[0])[0] - 0.001).abs() < 1e-8);
    let before = numbers(p[0].variable.as_tensor())[0];
    clipped.step(&p, &[Tensor::ones(5, DType::F32, &Device::Cpu).unwrap()]).unwrap();
    assert!(numbers(p[0].variable.as_tensor())[0] < before, "it still moves");
}

/// The norm is that of all gradients together; shorter ones are left alone.
#[test]
fn gradients_are_clipped_by_their_global_norm() {
    let config = AdamConfig { clip_norm: Some(1.0), ..AdamConfig::default() };
    let moments = |gradients: [f64; 2]| {
        let p = [parameter(&normal(1, 1, DType::F64)), parameter(&normal(2, 1, DType::F64))];
        let p = p.map(|p| OuterParameter { name: format!("{:?}", p.variable.id()), ..p });
        let gradients = gradients.map(|g| Tensor::new(&[g], &Device::Cpu).unwrap());
        let mut adam = Adam::new(config, &p).unwrap();
        adam.step(&p, &gradients).unwrap();
        let (first, _) = adam.moments().unwrap();
        [numbers(&first[0])[0] * 10.0, numbers(&first[1])[0] * 10.0]
    };
    for (given, expected) in [([30.0, -40.0], [0.6, -0.8]), ([0.3, 0.4], [0.3, 0.4])] {
        for (found, expected) in moments(given).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
    }
    for clip_norm in [Some(0.0), Some(f64::NAN), Some(-1.0)] {
        assert!(Adam::new(AdamConfig { clip_norm, ..AdamConfig::default() }, &[]).is_err());
    }
}

/// What moments() returned does not change with the next step, and brings back the right state.
#[test]
fn handed_out_moments_that_change_later() {
    let run = |restore: bool| {
        let p = [parameter(&normal(1, (3, 3), DType::F32))];
        let mut adam = Adam::new(AdamConfig::default(), &p).unwrap();
        adam.step(&p, &[normal(2, (3, 3), DType::F32)]).unwrap();
        let (first, second) = adam.moments().unwrap();
        let held = (numbers(&first[0]), numbers(&second[0]));
        let value = p[0].variable.as_tensor().copy().unwrap();
        adam.step(&p, &[normal(3, (3, 3), DType::F32)]).unwrap();
        assert_eq!((numbers(&first[0]), numbers(&second[0])), held);
        if restore {
            adam.restore(1, first, second).unwrap();
            p[0].variable.set(&value).unwrap();
            adam.step(&p, &[normal(3, (3, 3), DType::F32)]).unwrap();
        }
        numbers(p[0].variable.as_tensor())
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn a_transposed_moment_is_not_scrambled() {
    let run = |turned: bool| {
        let p = [parameter(&normal(1, (3, 3), DType::F32))];
        let mut adam = Adam::new(AdamConfig::default(), &p).unwrap();
        let moment = |seed| {
            let m = normal(seed, (3, 3), DType::F32).sqr().unwrap();
            if turned { m.t().unwrap().contiguous().unwrap().t().unwrap() } else { m }
        };
        adam.restore(5, vec![moment(4)], vec![moment(5)]).unwrap();
        adam.step(&p, &[normal(2, (3, 3), DType::F32)]).unwrap();
        numbers(p[0].variable.as_tensor())
    };
    assert_eq!(run(true), run(false));
}

/// A schedule that makes every rate zero is refused, at once or when it is over.
#[test]
fn a_schedule_without_steps() {
    let p = [parameter(&normal(1, 2, DType::F32))];
    let with = |steps| {
        let schedule = Schedule::Cosine { steps };
        Adam::new(AdamConfig { schedule, ..AdamConfig::default() }, &p)
    };
    assert!(with(0).unwrap_err().to_string().contains("at least 1"));
    let mut adam = with(2).unwrap();
    let g = [normal(2, 2, DType::F32)];
    assert!(adam.step(&p, &g).is_ok() && adam.step(&p, &g).is_ok());
    let message = adam.step(&p, &g).unwrap_err().to_string();
    assert!(message.contains("ends after 2 steps"), "{message}");
}
