//! Closeness of tensors.

use candle_core::{DType, Tensor};

fn flat(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// `‖a − b‖ / max(‖b‖, tiny)`: the error of `a` relative to the reference `b`, in the Euclidean
/// norm.
pub fn relative_error(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims(), "shapes differ");
    let (a, b) = (flat(a), flat(b));
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let error = norm(&mut a.iter().zip(&b).map(|(a, b)| a - b));
    error / norm(&mut b.iter().copied()).max(f64::MIN_POSITIVE)
}

/// Asserts that all numbers have the same bits, the sign of a zero included.
#[track_caller]
pub fn assert_same_bits(name: &str, a: &Tensor, b: &Tensor) {
    assert_eq!((a.dims(), a.dtype()), (b.dims(), b.dtype()), "{name}: shapes or types differ");
    for (i, (a, b)) in flat(a).into_iter().zip(flat(b)).enumerate() {
        assert_eq!(a.to_bits(), b.to_bits(), "{name}: element {i} is {a:?}, not {b:?}");
    }
}

/// Asserts `|a − b| ≤ tolerance · max(1, |b|)` element by element; the message names the worst
/// element.
#[track_caller]
pub fn assert_close(name: &str, a: &Tensor, b: &Tensor, tolerance: f64) {
    assert_eq!(a.dims(), b.dims(), "{name}: shapes differ");
    let (a, b) = (flat(a), flat(b));
    let mut worst = (0, -1.0);
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        let error = (a - b).abs() / b.abs().max(1.0);
        // A NaN must count as the worst, not be passed over.
        if error.is_nan() || error > worst.1 {
            worst = (i, if error.is_nan() { f64::INFINITY } else { error });
        }
    }
    let (i, error) = worst;
    assert!(
        error <= tolerance,
        "{name}: element {i} is {} but should be {}: error {error:.3e} is {:.1} times the tolerance {tolerance:.1e}",
        a[i],
        b[i],
        error / tolerance
    );
}
