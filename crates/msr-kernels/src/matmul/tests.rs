//! Products of our own against candle's.

use candle_core::{DType, Tensor};
use msr_testkit::{assert_close, normal};

use super::{composed, cpu, matmul};
use crate::error::{Error, Result};

/// Every special loop has a size here: outer products, vectors, narrow and long ones, threads.
#[test]
fn products_of_all_shapes() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for (m, k, n) in [
            (1, 1, 1),
            (31, 1, 33),
            (1, 33, 31),
            (33, 31, 1),
            (31, 33, 31),
            (2, 257, 5),
            (33, 300, 3),
            (257, 32, 3),
            (300, 300, 300),
        ] {
            let (a, b) = (normal(1, (2, m, k), dtype), normal(2, (2, k, n), dtype));
            let tolerance = k as f64 * if dtype == DType::F32 { 1e-6 } else { 1e-15 };
            // Transposed in memory, narrowed, and one matrix for the whole batch.
            let turned = |t: &Tensor| t.transpose(1, 2)?.contiguous()?.transpose(1, 2);
            let wide = Tensor::cat(&[&a, &a], 2)?.narrow(2, k, k)?;
            for (a, b) in [
                (a.clone(), b.clone()),
                (turned(&a)?, b.clone()),
                (a.clone(), turned(&b)?),
                (wide, b.clone()),
                (a.clone(), b.narrow(0, 1, 1)?),
                (a.narrow(0, 1, 1)?, b.clone()),
                (a.narrow(0, 0, 1)?.broadcast_as((2, m, k))?, b.clone()),
            ] {
                let (ours, theirs) = (cpu::matmul(&a, &b)?, composed::matmul(&a, &b)?);
                assert_close(&format!("{m} × {k} × {n}, {dtype:?}"), &ours, &theirs, tolerance);
            }
        }
    }
    Ok(())
}

/// Devices have one batch dimension at most; broadcasts of several are products, too.
#[test]
fn batches_of_several_dimensions() -> Result<()> {
    for (a, b) in [
        (&[2, 1, 1, 7, 3][..], &[2, 1, 1, 3, 1][..]),
        (&[2, 1, 5, 7, 3], &[4, 1, 3, 2]),
        (&[2, 5, 7, 3], &[3, 2]),
        (&[7, 3], &[2, 5, 3, 2]),
        (&[2, 5, 7, 3], &[1, 1, 3, 2]),
        (&[1, 1, 7, 3], &[3, 2]),
        (&[7, 3], &[1, 1, 1, 3, 2]),
    ] {
        let (a, b) = (normal(1, a, DType::F64), normal(2, b, DType::F64));
        let (ours, composed) = (cpu::matmul(&a, &b)?, composed::matmul(&a, &b)?);
        assert_eq!(ours.dims(), composed.dims());
        assert_close(&format!("{:?} @ {:?}", a.dims(), b.dims()), &ours, &composed, 1e-14);
    }
    Ok(())
}

/// The split over threads changes no product, whatever the number of threads.
#[test]
fn products_on_several_threads() -> Result<()> {
    for (batch, threads) in [(1, 3), (1, 1), (2, 3), (7, 3)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (a, b) = (normal(1, (batch, 290, 300), DType::F64), normal(2, (batch, 300, 310), DType::F64));
        let expected = a.matmul(&b)?;
        let turned = a.transpose(1, 2)?.contiguous()?.transpose(1, 2)?;
        let (plain, turned) = pool.install(|| (matmul(&a, &b).unwrap(), matmul(&turned, &b).unwrap()));
        assert_close("split", &plain, &expected, 1e-12);
        assert_close("split, transposed", &turned, &expected, 1e-12);
    }
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let at = |shape: &[usize]| normal(1, shape, DType::F64);
    let error = matmul(&at(&[2, 3]), &at(&[4, 5])).unwrap_err();
    assert!(matches!(&error, Error::Mismatch { op: "matmul", left, right, .. }
        if *left == [2, 3] && *right == [4, 5]));
    assert_eq!(error.to_string(), "matmul: [2, 3] and [4, 5]: inner sizes 3 and 4 differ");
    let message = matmul(&at(&[3]), &at(&[3, 5])).unwrap_err().to_string();
    assert!(message.contains("[3] and [3, 5]: both need two dimensions"), "{message}");
    let message = matmul(&at(&[2, 3, 4]), &at(&[5, 4, 3])).unwrap_err().to_string();
    assert!(message.contains("[2]") && message.contains("[5]"), "{message}");
}
