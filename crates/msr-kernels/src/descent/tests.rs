//! The steps against a plain loop, and what is refused. (Gradients are tested where they are used.)

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::combine::{combine, dots, padded};
use super::{descend, descend_grad};
use crate::error::Result;

#[test]
fn lines_of_every_length_are_summed() {
    for count in [0, 1, 5] {
        for length in [1, 16, 17, 48, 70, 130] {
            let width = padded(length);
            let number = |i: usize| (i as f64 * 0.7).sin();
            let lines: Vec<f64> = (0..count * width).map(number).collect();
            let factors: Vec<f64> = (0..count).map(|i| number(i + 100)).collect();
            let mut out: Vec<f64> = (0..width).map(|i| number(i + 1000)).collect();
            let expected: Vec<f64> = (0..width)
                .map(|i| out[i] + (0..count).map(|j| factors[j] * lines[j * width + i]).sum::<f64>())
                .collect();
            combine(&lines, &factors, &mut out);
            for (found, expected) in out.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-12, "{count} lines of {length}");
            }
            let mut products = vec![1.0; count];
            dots(&lines, &out, &mut products);
            for (found, line) in products.iter().zip(lines.chunks_exact(width)) {
                let expected: f64 = line.iter().zip(&out).map(|(x, y)| x * y).sum();
                assert!((found - 1.0 - expected).abs() < 1e-11, "products with {count} lines of {length}");
            }
        }
    }
}

fn operands(t: usize, n: usize, k: usize, dtype: DType) -> Result<[Tensor; 4]> {
    Ok([
        (normal(1, (t, n, k), dtype) * 0.3)?,
        normal(2, (t, n), dtype),
        normal(3, (t, k), dtype),
        (normal(4, k, dtype) * 0.2)?,
    ])
}

/// The steps of one task after the other, written down once more.
fn plain(operands: &[Tensor; 4], steps: usize) -> Result<Vec<Vec<f64>>> {
    let [design, targets, start, rate] = operands;
    let (design, targets) = (design.to_vec3::<f64>()?, targets.to_vec2::<f64>()?);
    let (mut v, rate) = (start.to_vec2::<f64>()?, rate.to_vec1::<f64>()?);
    for ((design, targets), v) in design.iter().zip(&targets).zip(&mut v) {
        for _ in 0..steps {
            let before = v.clone();
            for (row, y) in design.iter().zip(targets) {
                let error = row.iter().zip(&before).map(|(x, v)| x * v).sum::<f64>() - y;
                for ((v, x), rate) in v.iter_mut().zip(row).zip(&rate) {
                    *v -= rate * 2.0 / targets.len() as f64 * error * x;
                }
            }
        }
    }
    Ok(v)
}

#[test]
fn steps_are_those_of_a_plain_loop() -> Result<()> {
    for (t, n, k) in [(1, 1, 1), (3, 5, 2), (2, 68, 30), (33, 20, 17)] {
        let operands = operands(t, n, k, DType::F64)?;
        let [design, targets, start, rate] = &operands;
        for steps in [0, 1, 4] {
            let (last, path) = descend(design, targets, start, rate, steps)?;
            let expected = plain(&operands, steps)?;
            for (found, expected) in last.to_vec2::<f64>()?.iter().zip(&expected) {
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-12, "{t} × {n} × {k}, {steps} steps");
                }
            }
            if steps == 0 {
                let [by_design, by_start, by_rate] = descend_grad(design, targets, rate, &path, start)?;
                let largest = by_design.abs()?.max_all()?.to_scalar::<f64>()?;
                assert_eq!((largest, by_start.to_vec2::<f64>()?), (0.0, start.to_vec2::<f64>()?));
                assert!(by_rate.to_vec1::<f64>()?.iter().all(|&x| x == 0.0));
            }
        }
    }
    Ok(())
}

#[test]
fn the_bits_do_not_depend_on_threads_or_neighbours() -> Result<()> {
    let [design, targets, start, rate] = operands(200, 68, 30, DType::F32)?;
    let bits = |t: &Tensor| -> Result<Vec<u32>> {
        Ok(t.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect())
    };
    let all = |threads: usize, tasks: usize| -> Result<Vec<Vec<u32>>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let of = |t: &Tensor| t.narrow(0, 0, tasks);
            let (last, path) = descend(&of(&design)?, &of(&targets)?, &of(&start)?, &rate, 3)?;
            let [a, b, c] = descend_grad(&of(&design)?, &of(&targets)?, &rate, &path, &last)?;
            [last, a, b, c].iter().map(bits).collect()
        })
    };
    let one = all(1, 200)?;
    assert!(one == all(2, 200)? && one == all(8, 200)?);
    let alone = all(2, 1)?;
    for i in 0..3 {
        assert!(one[i].starts_with(&alone[i]), "number {i}");
    }
    Ok(())
}

#[test]
fn nan_stays_where_it_is() -> Result<()> {
    let [design, targets, start, rate] = operands(3, 5, 2, DType::F64)?;
    let mut numbers = targets.flatten_all()?.to_vec1::<f64>()?;
    numbers[7] = f64::NAN;
    let targets = Tensor::from_vec(numbers, (3, 5), &Device::Cpu)?;
    let (last, _) = descend(&design, &targets, &start, &rate, 2)?;
    let last = last.to_vec2::<f64>()?;
    assert!(last[1].iter().all(|x| x.is_nan()) && last[0].iter().chain(&last[2]).all(|x| x.is_finite()));
    Ok(())
}

#[test]
fn operands_that_do_not_fit_are_refused() -> Result<()> {
    let [design, targets, start, rate] = operands(3, 5, 2, DType::F64)?;
    let ones = |shape: &[usize]| Tensor::ones(shape, DType::F64, &Device::Cpu);
    let problem = |design: &Tensor, targets: &Tensor, start: &Tensor, rate: &Tensor| {
        descend(design, targets, start, rate, 1).err().map_or_else(String::new, |e| e.to_string())
    };
    for (message, expected) in [
        (problem(&ones(&[3])?, &targets, &start, &rate), "a design matrix of each task"),
        (problem(&ones(&[3, 0, 2])?, &targets, &start, &rate), "with rows and columns"),
        (problem(&design, &ones(&[3, 4])?, &start, &rate), "a target is needed for each row"),
        (problem(&design, &ones(&[5, 3])?, &start, &rate), "a target is needed for each row"),
        (problem(&design, &targets, &ones(&[3, 3])?, &rate), "a start of [3, 2] is needed"),
        (problem(&design, &targets, &start, &ones(&[])?), "a rate of [2] is needed"),
        (problem(&design, &targets, &start, &rate.to_dtype(DType::F32)?), "all the same"),
        (problem(&design.to_dtype(DType::F16)?, &targets, &start, &rate), "on one device"),
    ] {
        assert!(message.contains(expected), "{message}");
    }
    let (_, path) = descend(&design, &targets, &start, &rate, 1)?;
    let other = operands(4, 5, 2, DType::F64)?;
    let message = descend_grad(&other[0], &other[1], &rate, &path, &other[2]).unwrap_err().to_string();
    assert!(message.contains("belongs to another design matrix"), "{message}");
    Ok(())
}
