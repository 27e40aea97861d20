//! Against sums over all indices, and against differences.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::*;

/// A, B and C, what the form says of them included.
fn meant(factors: &[Tensor; 3], form: Form) -> Result<[Vec<Vec<f64>>; 3]> {
    let mut all = [const { Vec::new() }; 3];
    for ((to, factor), beyond) in all.iter_mut().zip(factors).zip(form.beyond_identity) {
        let factor = if form.transposed { factor.t()? } else { factor.clone() };
        *to = factor.contiguous()?.to_vec2::<f64>()?;
        for (i, row) in to.iter_mut().enumerate().filter(|_| beyond) {
            row[i] += 1.0;
        }
    }
    Ok(all)
}

fn by_hand(factors: &[Tensor; 3], form: Form, v: &Tensor) -> Result<Tensor> {
    let [a, b, c] = meant(factors, form)?;
    let shape = v.dims4()?;
    let numbers = v.flatten_all()?.to_vec1::<f64>()?;
    let (n, o, inputs, k) = shape;
    let mut w = vec![0.0; numbers.len()];
    for (at, w) in w.iter_mut().enumerate() {
        let (s, j, i, filter) = (at % k, at / k % inputs, at / k / inputs % o, at / k / inputs / o);
        for (a, a_of) in a[i].iter().enumerate() {
            for (b, b_of) in b[j].iter().enumerate() {
                for (r, c_of) in c[s].iter().enumerate() {
                    *w += a_of * b_of * c_of * numbers[((filter * o + a) * inputs + b) * k + r];
                }
            }
        }
    }
    assert_eq!(w.len(), n * o * inputs * k);
    Ok(Tensor::from_vec(w, shape, &Device::Cpu)?)
}

fn forms() -> Vec<Form> {
    let beyond = [[false; 3], [true; 3], [true, false, false], [false, true, true]];
    let both = |beyond_identity| [false, true].map(|transposed| Form { beyond_identity, transposed });
    beyond.into_iter().flat_map(both).collect()
}

fn factors() -> [Tensor; 3] {
    [normal(1, (5, 5), DType::F64), normal(2, (3, 3), DType::F64), normal(3, (4, 4), DType::F64)]
}

fn largest_difference(a: &Tensor, b: &Tensor) -> Result<f64> {
    Ok((a - b)?.abs()?.max_all()?.to_scalar::<f64>()?)
}

#[test]
fn the_expansion_is_the_sum_over_all_indices() -> Result<()> {
    let (factors, v) = (factors(), normal(4, (2, 5, 3, 4), DType::F64));
    for form in forms() {
        let w = expand(factors.each_ref(), form, &v)?;
        assert!(largest_difference(&w, &by_hand(&factors, form, &v)?)? < 1e-12, "{form:?}");
    }
    Ok(())
}

#[test]
fn gradients_of_factors_are_differences() -> Result<()> {
    let (factors, v) = (factors(), normal(4, (2, 5, 3, 4), DType::F64));
    let g = normal(5, (2, 5, 3, 4), DType::F64);
    for form in forms() {
        let gradients = factor_gradients(factors.each_ref(), form, &v, &g)?;
        for (which, gradient) in gradients.iter().enumerate() {
            // The product is linear in each factor: a difference of any length is exact.
            let step = normal(6, factors[which].dims(), DType::F64);
            let mut moved = factors.clone();
            moved[which] = (&moved[which] + &step)?;
            let difference = (by_hand(&moved, form, &v)? - by_hand(&factors, form, &v)?)?;
            let expected = (difference * &g)?.sum_all()?.to_scalar::<f64>()?;
            let got = (gradient * &step)?.sum_all()?.to_scalar::<f64>()?;
            assert!(
                (got - expected).abs() < 1e-10 * (1.0 + expected.abs()),
                "{form:?}, {which}: {got} {expected}"
            );
        }
    }
    Ok(())
}

#[test]
fn empty_batches_and_shapes_that_do_not_fit() -> Result<()> {
    let factors = factors();
    let all = factors.each_ref();
    let none = Tensor::zeros((0, 5, 3, 4), DType::F64, &Device::Cpu)?;
    assert_eq!(expand(all, Form::default(), &none)?.dims(), [0, 5, 3, 4]);
    let [of_a, ..] = factor_gradients(all, Form::default(), &none, &none)?;
    assert_eq!(of_a.sum_all()?.to_scalar::<f64>()?, 0.0);
    let v = normal(4, (2, 5, 3, 4), DType::F64);
    let [a, b, c] = all;
    let refused = expand([b, a, c], Form::default(), &v).map_err(|e| e.to_string());
    assert!(refused.is_err_and(|m| m.contains("[3, 3]") && m.contains("must be square")));
    assert!(expand(all, Form::default(), &v.narrow(0, 0, 1)?.reshape((15, 4))?).is_err());
    assert!(factor_gradients(all, Form::default(), &v, &v.narrow(0, 0, 1)?).is_err());
    assert!(!is_one_pass(all, &v));
    Ok(())
}
