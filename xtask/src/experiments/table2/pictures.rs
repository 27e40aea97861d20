//! Pictures of filters, of the Kronecker factors, and of what the symmetry matrix makes of the true basis.

use anyhow::{Result, bail};
use candle_core::{DType, Device, Tensor};
use msr_autodiff::kernels::cholesky::solve_positive;
use msr_groups::{PlaneGroup, SteerableBasis};

use super::cell::Sizes;
use crate::report::picture::{Panel, sheet};

/// Pixels per tap, and per entry of a factor.
const TAP: usize = 11;
const ENTRY: usize = 5;

/// The filters of the first test task, field by field, one for each element of the group; the true ones above.
pub fn filters(
    title: &str,
    group: PlaneGroup,
    sizes: Sizes,
    truth: Option<&[Vec<f64>]>,
    adapted: &[Vec<f64>],
) -> Result<Vec<u8>> {
    let (Some(learned), truth) = (adapted.first(), truth.and_then(<[_]>::first)) else {
        bail!("a picture of no filters");
    };
    let largest = largest(truth.unwrap_or(learned));
    let field = group.order() * sizes.kernel * sizes.kernel;
    let mut rows = Vec::new();
    for (number, part) in learned.chunks_exact(field).enumerate() {
        let from = number * field;
        if let Some(truth) = truth {
            let label = format!("field {}, true", number + 1);
            rows.push((label, strip(&truth[from..from + field], sizes, largest)));
        }
        rows.push((format!("field {}, learned", number + 1), strip(part, sizes, largest)));
    }
    let title = format!("{title}: filters of one test task, a column for each element of {group}");
    sheet(&title, &rows)
}

/// A, B and C, and the products A Aᵀ and C Cᵀ by which a gradient step in v moves the weights.
pub fn factors(title: &str, symmetry: &[Tensor]) -> Result<Vec<u8>> {
    let [a, b, c] = symmetry else { bail!("a picture of Kronecker factors needs three") };
    let panel = |caption: &str, matrix: &Tensor| -> Result<Panel> {
        let values = numbers(matrix)?;
        let scale = if matrix.dims()[0] < 12 { 2 * ENTRY } else { ENTRY };
        Ok(Panel::new(caption, &values, largest(&values), matrix.dims()[1], scale))
    };
    let gram = |m: &Tensor| -> Result<Tensor> { Ok(m.matmul(&m.t()?)?) };
    let rows = [
        ("channels".to_string(), vec![panel("A", a)?, panel("A A^T", &gram(a)?)?]),
        ("inputs".to_string(), vec![panel("B", b)?]),
        ("taps".to_string(), vec![panel("C", c)?, panel("C C^T", &gram(c)?)?]),
    ];
    sheet(&format!("{title}: Kronecker factors, each on its own scale"), &rows)
}

/// The true basis functions of the first field, and under each what the symmetry matrix leaves of it: its projection on the
/// columns of U, or `A Aᵀ ψ C Cᵀ` rescaled to fit.
pub fn basis(title: &str, group: PlaneGroup, sizes: Sizes, symmetry: &[Tensor]) -> Result<Vec<u8>> {
    let basis = SteerableBasis::new(group, sizes.kernel)?;
    let taps = sizes.kernel * sizes.kernel;
    let field = group.order() * taps;
    let mut rows = Vec::new();
    for (number, function) in basis.filters().iter().enumerate() {
        let mut whole = vec![0.0; sizes.channels * taps];
        whole[..field].copy_from_slice(function);
        let seen = seen_through(&whole, sizes.channels, taps, symmetry)?;
        let largest = largest(function);
        rows.push((format!("{}, true", number + 1), strip(function, sizes, largest)));
        rows.push((format!("{}, learned", number + 1), strip(&seen[..field], sizes, largest)));
    }
    let title = format!("{title}: basis functions of one field, a column for each element of {group}");
    sheet(&title, &rows)
}

/// What the symmetry matrix makes of filters.
fn seen_through(filters: &[f64], channels: usize, taps: usize, symmetry: &[Tensor]) -> Result<Vec<f64>> {
    let double = |t: &Tensor| t.to_device(&Device::Cpu)?.to_dtype(DType::F64);
    match symmetry {
        [a, _, c] => {
            let (a, c) = (double(a)?, double(c)?);
            let w = Tensor::from_slice(filters, (channels, taps), &Device::Cpu)?;
            let seen = numbers(&a.matmul(&a.t()?.matmul(&w)?)?.matmul(&c)?.matmul(&c.t()?)?)?;
            let along: f64 = seen.iter().zip(filters).map(|(s, w)| s * w).sum();
            let square = seen.iter().map(|s| s * s).sum::<f64>().max(f64::MIN_POSITIVE);
            Ok(seen.iter().map(|s| s * along / square).collect())
        }
        [u] => {
            let u = double(u)?;
            let w = Tensor::from_slice(filters, (channels * taps, 1), &Device::Cpu)?;
            let across = u.t()?.contiguous()?;
            let gram = across.matmul(&u)?;
            // Columns may depend on each other, and U may be zero.
            let size = gram.abs()?.max_all()?.to_scalar::<f64>()?.max(f64::MIN_POSITIVE);
            let ridge = (Tensor::eye(gram.dims()[0], DType::F64, &Device::Cpu)? * (1e-9 * size))?;
            numbers(&u.matmul(&solve_positive(&(gram + ridge)?, &across.matmul(&w)?)?)?)
        }
        other => bail!("{} symmetry matrices are neither one nor three", other.len()),
    }
}

/// Filters side by side.
fn strip(filters: &[f64], sizes: Sizes, largest: f64) -> Vec<Panel> {
    let taps = sizes.kernel * sizes.kernel;
    filters.chunks_exact(taps).map(|f| Panel::new("", f, largest, sizes.kernel, TAP)).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()))
}

fn numbers(t: &Tensor) -> Result<Vec<f64>> {
    Ok(t.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}
