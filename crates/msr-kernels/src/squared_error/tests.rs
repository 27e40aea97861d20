//! One pass against the composition.

use candle_core::{DType, Device, Tensor};

use super::{scaled_difference, squared_distance};
use crate::error::Result;

fn sines(seed: u64, shape: &[usize], dtype: DType) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|i| ((i as f64 + 1.0) * 1.7 + seed as f64).sin()).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
}

fn bits(t: &Tensor) -> Result<Vec<u64>> {
    let values = t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(values.into_iter().map(f64::to_bits).collect())
}

/// One pass, on one thread or several, gives the bits of the composition, which views take.
#[test]
fn one_pass_gives_the_same_bits() -> Result<()> {
    let small: [&[usize]; 6] =
        [&[1, 1, 1], &[3, 7, 5], &[2, 16, 16], &[5, 31, 101], &[3, 19, 1, 68], &[2, 5, 1, 4, 4]];
    // Above the size from which tasks are shared out, one by one and in twos.
    let large: [&[usize]; 2] = [&[4, 512, 600], &[9, 300, 500]];
    for (shape, dtypes) in small
        .iter()
        .map(|shape| (shape, &[DType::F32, DType::F64][..]))
        .chain(large.iter().map(|shape| (shape, &[DType::F32][..])))
    {
        for &dtype in dtypes {
            let (a, b) = (sines(1, shape, dtype)?, sines(2, shape, dtype)?);
            let (s, last) = (sines(3, &shape[..1], dtype)?, shape.len() - 1);
            // A view whose numbers lie elsewhere, with another stride; one that only starts
            // elsewhere.
            let wide = Tensor::cat(&[&a, &a], last)?.narrow(last, shape[last], shape[last])?;
            assert!(!wide.is_contiguous() || shape[1..].iter().product::<usize>() == 1);
            let later = Tensor::cat(&[&b, &a], 0)?.narrow(0, shape[0], shape[0])?;
            assert!(later.is_contiguous());
            let expected =
                (bits(&squared_distance(&wide, &b, 0.3)?)?, bits(&scaled_difference(&wide, &b, &s, 0.3)?)?);
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let pool = pool.unwrap();
                for a in [&a, &later] {
                    let found = pool.install(|| -> Result<_> {
                        Ok((
                            bits(&squared_distance(a, &b, 0.3)?)?,
                            bits(&scaled_difference(a, &b, &s, 0.3)?)?,
                        ))
                    })?;
                    assert!(found == expected, "{shape:?}, {dtype:?}, {threads} threads");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn operands_that_do_not_fit_are_refused() -> Result<()> {
    let ones = |shape: &[usize], dtype| Tensor::ones(shape, dtype, &Device::Cpu);
    let a = ones(&[2, 3], DType::F32)?;
    for b in [
        ones(&[2, 4], DType::F32)?,
        ones(&[2, 1], DType::F32)?,
        ones(&[1, 3], DType::F32)?,
        ones(&[2, 3], DType::F64)?,
    ] {
        assert!(squared_distance(&a, &b, 1.0).is_err() && squared_distance(&b, &a, 1.0).is_err());
        assert!(scaled_difference(&a, &b, &ones(&[2], DType::F32)?, 1.0).is_err());
    }
    for s in [ones(&[3], DType::F32)?, ones(&[2, 1], DType::F32)?, ones(&[2], DType::F64)?] {
        assert!(scaled_difference(&a, &a, &s, 1.0).is_err());
    }
    let message = squared_distance(&a, &ones(&[2, 4], DType::F32)?, 1.0).unwrap_err().to_string();
    assert!(message.contains("[2, 3] and [2, 4]: must be equal"), "{message}");
    let message = scaled_difference(&a, &a, &ones(&[3], DType::F32)?, 1.0).unwrap_err().to_string();
    assert_eq!(message, "scaled_difference: expected one factor for each of 2 tasks, got [3]");
    let number = ones(&[], DType::F32)?;
    assert!(squared_distance(&number, &number, 1.0).is_err());
    let empty = Tensor::zeros((2, 0), DType::F32, &Device::Cpu)?;
    assert_eq!(squared_distance(&empty, &empty, 1.0)?.to_vec1::<f32>()?, [0.0, 0.0]);
    Ok(())
}
