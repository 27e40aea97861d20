//! Products of our own against candle's.

use candle_core::{DType, Tensor};
use msr_testkit::{assert_close, assert_same_bits, normal};

use pulp::Simd;

use super::dots::{COLUMNS as FEW, Dots};
use super::panels::{Panels, grouped};
use super::shared_left::{COLUMNS, Packed, Products};
use super::{composed, cpu, matmul};
use crate::caches::places;
use crate::error::{Error, Result};
use crate::lanes::{Lanes, OnEveryWidth};

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
            (17, 2500, 8),
            (257, 32, 3),
            (300, 300, 40),
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
        let (a, b) = (normal(1, (batch, 290, 100), DType::F64), normal(2, (batch, 100, 310), DType::F64));
        let expected = a.matmul(&b)?;
        let turned = a.transpose(1, 2)?.contiguous()?.transpose(1, 2)?;
        let (plain, turned) = pool.install(|| (matmul(&a, &b).unwrap(), matmul(&turned, &b).unwrap()));
        assert_close("split", &plain, &expected, 1e-12);
        assert_close("split, transposed", &turned, &expected, 1e-12);
    }
    Ok(())
}

/// A long right operand that is transposed, and a left operand that many products share.
#[test]
fn filters_of_tasks_times_symmetry_matrices() -> Result<()> {
    for (dtype, tolerance) in [(DType::F32, 1e-4), (DType::F64, 1e-12)] {
        for (m, k, n) in [(1, 33, 8001), (3, 2, 140_000), (32, 32, 9000), (37, 100, 3333)] {
            let (v, u) = (normal(1, (m, k), dtype), normal(2, (n, k), dtype));
            let wide = Tensor::cat(&[&u, &u], 1)?.narrow(1, 1, k)?;
            let turned = v.t()?.contiguous()?.t()?;
            for (v, u) in [(&v, &u), (&turned, &wide)] {
                let ours = cpu::matmul(v, &u.t()?)?;
                assert_close(&format!("{m} × {k} × {n}"), &ours, &composed::matmul(v, &u.t()?)?, tolerance);
            }
        }
        for (m, k, n, batch) in [(17, 16, 9, 16), (40, 33, 2, 50), (16, 70, 5, 33), (64, 64, 9, 64)] {
            let (a, b) = (normal(1, (m, k), dtype), normal(2, (batch, k, n), dtype));
            for a in [a.clone(), a.t()?.contiguous()?.t()?, Tensor::cat(&[&a, &a], 0)?.narrow(0, m, m)?] {
                let ours = cpu::matmul(&a, &b)?;
                assert_close(&format!("{m} × {k} × {n}"), &ours, &composed::matmul(&a, &b)?, tolerance);
            }
        }
    }
    Ok(())
}

/// The products above on more threads: the same bits.
#[test]
fn threads_change_no_bit() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let (v, u) = (normal(1, (7, 40), dtype), normal(2, (40_000, 40), dtype));
        let (a, b) = (normal(3, (40, 50), dtype), normal(4, (700, 50, 9), dtype));
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (matmul(&v, &u.t().unwrap()).unwrap(), matmul(&a, &b).unwrap()))
        };
        let one = on(1);
        for threads in [2, 8] {
            let many = on(threads);
            assert_same_bits("panels", &many.0, &one.0);
            assert_same_bits("a shared left operand", &many.1, &one.1);
        }
        // A task alone.
        assert_same_bits("panels", &matmul(&v.narrow(0, 3, 1)?, &u.t()?)?, &one.0.narrow(0, 3, 1)?);
    }
    Ok(())
}

/// What a meta-step of a reparameterized layer multiplies, on more threads: the same bits.
#[test]
fn threads_change_no_bit_of_small_products() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for filters in [3, 6, 8, 30] {
            let (v, u) = (normal(1, (32, filters), dtype), normal(2, (4760, filters), dtype));
            let (g, x) = (normal(3, (32, 4760), dtype), normal(4, (32, 19, 70), dtype));
            let (w, y) = (g.reshape((32, 68, 70))?, normal(5, (32, 19, 68), dtype));
            let symmetry = u.reshape((68, 70, filters))?;
            let examples = x.narrow(1, 0, 1)?.reshape((1, 32, 70))?;
            let products = [
                (v.clone(), u.t()?),
                (g.clone(), u.clone()),
                (g.t()?, v.clone()),
                (x.clone(), w.transpose(1, 2)?),
                (y.transpose(1, 2)?, x.clone()),
                (examples.clone(), symmetry.clone()),
                (examples, symmetry.permute((2, 1, 0))?),
            ];
            for (number, (a, b)) in products.iter().enumerate() {
                let on = |threads: usize| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    pool.install(|| matmul(a, b).unwrap())
                };
                let one = on(1);
                for threads in [2, 3, 8] {
                    let name = format!("{filters} filters, product {number}, {threads} threads");
                    assert_same_bits(&name, &on(threads), &one);
                }
            }
        }
    }
    Ok(())
}

/// All loops against sums of products, one after the other.
struct Loops<T>(std::marker::PhantomData<T>);

impl<T: Lanes> Loops<T> {
    /// Whole numbers, of which sums are exact.
    fn number(i: usize) -> T {
        T::from_f64((i * 7919 % 31) as f64 - 15.0)
    }
}

impl<T: Lanes> OnEveryWidth for Loops<T> {
    fn check<S: Simd>(&self, simd: S) {
        for (m, k, n, stride) in [(1, 1, 1, 1), (7, 13, 70, 17), (13, 33, 1100, 33), (32, 2, 40, 2)] {
            let a = |i: usize, c: usize| Self::number(i * k + c);
            let b: Vec<T> = (0..n * stride).map(Self::number).collect();
            let left = grouped(m, k, a);
            for is_large in [false, true] {
                let mut out = vec![T::zero(); m * n];
                let places = places(&mut out).chunks_exact_mut(n).collect();
                simd.vectorize(Panels { a: &left, k, b: &b, stride, is_large, out: places });
                for (i, out) in out.into_iter().enumerate() {
                    let (i, j) = (i / n, i % n);
                    let sum: f64 = (0..k).map(|c| a(i, c).to_f64() * b[j * stride + c].to_f64()).sum();
                    assert_eq!(out.to_f64(), sum, "{simd:?}: {m} × {k} × {n}, row {i}, column {j}");
                }
            }
        }
        for (n, (m, k, stride)) in
            (1..=FEW).flat_map(|n| [(1, 1, 1), (2, 16, 16), (5, 37, 40), (4, 70, 71)].map(|s| (n, s)))
        {
            let a: Vec<T> = (0..m * stride).map(Self::number).collect();
            let columns: Vec<T> = (0..n * k).map(|i| Self::number(i + 3)).collect();
            let mut out = vec![T::zero(); m * n];
            simd.vectorize(Dots { k, a: &a, stride, columns: &columns, n, out: places(&mut out) });
            for (at, out) in out.into_iter().enumerate() {
                let (i, j) = (at / n, at % n);
                let term = |c: usize| a[i * stride + c].to_f64() * columns[j * k + c].to_f64();
                assert_eq!(out.to_f64(), (0..k).map(term).sum::<f64>(), "{simd:?}: {m} × {k} × {n}, {at}");
            }
        }
        for (n, (m, k, count)) in COLUMNS.flat_map(|n| [(1, 1, 1), (19, 5, 2), (40, 40, 37)].map(|s| (n, s)))
        {
            let left = |i: usize, c: usize| Self::number(i * k + c);
            let b: Vec<T> = (0..count * k * n).map(Self::number).collect();
            let mut out = vec![T::zero(); count * m * n];
            let packed = Packed::on(simd, (m, k), left);
            let starts = (0..count).map(|number| number * k * n);
            simd.vectorize(Products { a: &packed, b: &b, starts, n, out: places(&mut out) });
            for (at, out) in out.into_iter().enumerate() {
                let (number, i, j) = (at / (m * n), at / n % m, at % n);
                let term = |c: usize| left(i, c).to_f64() * b[number * k * n + c * n + j].to_f64();
                assert_eq!(out.to_f64(), (0..k).map(term).sum::<f64>(), "{simd:?}: {m} × {k} × {n}, {at}");
            }
        }
    }
}

#[test]
fn every_width_of_vectors() {
    Loops::<f32>(std::marker::PhantomData).check_all();
    Loops::<f64>(std::marker::PhantomData).check_all();
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

/// Numbers of rows at which a part of a product could take another form than the whole.
#[test]
fn threads_change_no_bit_of_divided_products() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for (m, k, n) in [
            (2, 64, 9000),
            (3, 700, 300),
            (17, 300, 90),
            (65, 700, 40),
            (130, 900, 60),
            (257, 300, 7),
            (600, 64, 5000),
        ] {
            let (a, b) = (normal(1, (m, k), dtype), normal(2, (k, n), dtype));
            let columns = |t: &Tensor| -> Result<Tensor> { Ok(t.t()?.contiguous()?.t()?) };
            for (i, (a, b)) in [
                (a.clone(), b.clone()),
                (columns(&a)?, b.clone()),
                (a.clone(), columns(&b)?),
                (columns(&a)?, columns(&b)?),
            ]
            .iter()
            .enumerate()
            {
                let on = |threads: usize| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    pool.install(|| matmul(a, b).unwrap())
                };
                let one = on(1);
                for threads in [2, 3, 8] {
                    let name = format!("{dtype:?} {m} × {k} × {n}, form {i}, {threads} threads");
                    assert_same_bits(&name, &on(threads), &one);
                }
            }
        }
    }
    Ok(())
}

/// Parts are as many as there are threads, unless that changes the form.
#[test]
fn parts_of_products() {
    let rows = |(m, k, n): (usize, usize, usize), threads| {
        cpu::Product { m, n, k, a: (k, 1), b: (n, 1) }.rows_of_parts(threads)
    };
    assert_eq!(rows((1024, 1024, 1024), 2), 512);
    assert_eq!(rows((1024, 1024, 1024), 7), 160);
    assert_eq!(rows((32, 30, 4760), 2), 16);
    // A part of one row; few columns and few rows; at most 64 of both.
    assert_eq!((rows((2, 64, 9000), 2), rows((33, 64, 9000), 2)), (2, 33));
    assert_eq!((rows((24, 300, 5), 2), rows((48, 300, 5), 2)), (24, 32));
    assert_eq!((rows((100, 90, 60), 2), rows((160, 90, 60), 2)), (100, 80));
    // The transpose of a long matrix on the right, and too many rows on the left.
    let long = cpu::Product { m: 600, n: 9000, k: 64, a: (64, 1), b: (1, 64) };
    assert_eq!(long.rows_of_parts(2), 600);
}
