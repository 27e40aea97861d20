//! Solutions solve, and what has none is named.

use super::*;
use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

#[test]
fn the_solution_solves_and_other_matrices_are_refused() -> Result<()> {
    let m = normal(1, (4, 7, 5), DType::F64);
    let a = m.transpose(1, 2)?.contiguous()?.matmul(&m)?;
    let b = normal(2, (4, 5, 2), DType::F64);
    let x = solve_positive(&a, &b)?;
    let error = (a.matmul(&x)? - &b)?.abs()?.max_all()?.to_scalar::<f64>()?;
    assert!(error < 1e-9, "{error}");
    // Rank five of seven: no solution is singled out, in neither precision.
    let deficient = m.matmul(&m.transpose(1, 2)?.contiguous()?)?;
    for dtype in [DType::F64, DType::F32] {
        let ones = Tensor::ones((4, 7, 1), dtype, &Device::Cpu)?;
        let message = solve_positive(&deficient.to_dtype(dtype)?, &ones)
            .err()
            .map_or_else(String::new, |e| e.to_string());
        assert!(message.contains("matrix 0 of 4 is not positive definite"), "{message}");
        assert!(message.contains("pivot 6 of 7") || message.contains("pivot 7 of 7"), "{message}");
    }
    let nan = Tensor::cat(&[&a.narrow(0, 0, 3)?, &(a.narrow(0, 0, 1)? * f64::NAN)?], 0)?;
    for (a, b) in [(&nan, &b), (&a, &(b.affine(1.0, f64::INFINITY)?))] {
        let message = solve_positive(a, b).err().map_or_else(String::new, |e| e.to_string());
        assert!(message.contains("of 4, or its right side, holds NaN or infinite"), "{message}");
    }
    assert!(solve_positive(&a, &b.narrow(0, 0, 3)?).is_err());
    // Large enough for threads; the first matrix that fails is named, and the bits do not depend on
    // threads.
    let m = normal(3, (5, 90, 70), DType::F64);
    let large = m.transpose(1, 2)?.contiguous()?.matmul(&m)?;
    let b = normal(4, (5, 70, 3), DType::F64);
    let x = solve_positive(&large, &b)?;
    assert!((large.matmul(&x)? - &b)?.abs()?.max_all()?.to_scalar::<f64>()? < 1e-7);
    let alone = solve_positive(&large.narrow(0, 3, 1)?, &b.narrow(0, 3, 1)?)?;
    assert_eq!(alone.to_vec3::<f64>()?[0], x.to_vec3::<f64>()?[3]);
    let holes = Tensor::cat(&[&large.narrow(0, 0, 2)?, &large.narrow(0, 2, 3)?.zeros_like()?], 0)?;
    let message = solve_positive(&holes, &b).err().map_or_else(String::new, |e| e.to_string());
    assert!(message.contains("matrix 2 of 5 is not positive definite (pivot 1 of 70)"), "{message}");
    Ok(())
}
