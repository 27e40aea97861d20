//! Against each tensor alone.

use candle_core::DType;
use msr_testkit::normal;

use super::*;

#[test]
fn steps_and_gradients_are_those_of_each_tensor() -> Result<()> {
    let draw = |seed: u64| {
        [
            normal(seed, (2, 3), DType::F64),
            normal(seed + 1, 5, DType::F64),
            normal(seed + 2, (2, 1), DType::F64),
        ]
    };
    let (v, g, u) = (draw(1), draw(10), draw(20));
    let rates = [normal(30, 1, DType::F64).squeeze(0)?, normal(31, (1, 1), DType::F64)];
    let of = [1, 0, 1];
    let [v, g, u] = [&v, &g, &u].map(|all| all.iter().collect::<Vec<_>>());
    let rates: Vec<&Tensor> = rates.iter().collect();
    let alpha = |i: usize| rates[of[i]].flatten_all()?.get(0)?.to_scalar::<f64>();
    let next = inner_step(&v, &g, &rates, &of)?;
    let [by_gradients, by_rates] = inner_step_grad(&g, &rates, &of, &u)?;
    let mut dots = [0.0, 0.0];
    for i in 0..3 {
        let expected = (v[i] - (g[i] * alpha(i)?)?)?;
        assert!((&next[i] - expected)?.abs()?.sum_all()?.to_scalar::<f64>()? < 1e-14);
        let expected = (u[i] * -alpha(i)?)?;
        assert!((&by_gradients[i] - expected)?.abs()?.sum_all()?.to_scalar::<f64>()? < 1e-14);
        dots[of[i]] -= (u[i] * g[i])?.sum_all()?.to_scalar::<f64>()?;
    }
    for (found, (expected, rate)) in by_rates.iter().zip(dots.into_iter().zip(&rates)) {
        assert_eq!(found.dims(), rate.dims());
        assert!((found.sum_all()?.to_scalar::<f64>()? - expected).abs() < 1e-13);
    }
    assert!(inner_step(&v, &g, &rates, &[0, 1, 2]).is_err());
    assert!(inner_step(&v[..2], &g, &rates, &of).is_err());
    assert!(inner_step(&v, &u, &[v[0]], &[0, 0, 0]).is_err());
    let message = inner_step(&[v[0]], &[v[1]], &rates, &[0]).map_err(|e| e.to_string());
    assert!(message.is_err_and(|m| m.contains("a gradient has the shape of its value")));
    Ok(())
}
