//! Pictures of filters, of the Kronecker factors, and of the true basis beside what of it was learned.

use anyhow::{Result, bail};
use candle_core::{DType, Device, Tensor};
use msr_groups::{PlaneGroup, SteerableBasis};
use nalgebra::{DMatrix, DVector};

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

/// The true basis functions of one field, and under each its projection on as many learned directions: the columns of a full
/// U; for Kronecker factors, which can reach more filters than the layer ever uses, the leading singular directions of all
/// fields of the adapted filters.
pub fn basis(
    title: &str,
    group: PlaneGroup,
    sizes: Sizes,
    symmetry: &[Tensor],
    adapted: &[Vec<f64>],
) -> Result<Vec<u8>> {
    let basis = SteerableBasis::new(group, sizes.kernel)?;
    let field = group.order() * sizes.kernel * sizes.kernel;
    let whole = sizes.channels * sizes.kernel * sizes.kernel;
    let directions = match symmetry {
        [u] => {
            let u = DMatrix::from_row_slice(u.dims()[0], u.dims()[1], &numbers(u)?);
            leading(u, basis.len() * (whole / field))
        }
        [_, _, _] => {
            let fields: Vec<f64> = adapted.concat();
            leading(DMatrix::from_column_slice(field, fields.len() / field, &fields), basis.len())
        }
        other => bail!("{} symmetry matrices are neither one nor three", other.len()),
    };
    let mut rows = Vec::new();
    for (number, function) in basis.filters().iter().enumerate() {
        let mut padded = DVector::zeros(directions.nrows());
        padded.rows_mut(0, field).copy_from_slice(function);
        let seen = &directions * directions.tr_mul(&padded);
        let largest = largest(function);
        rows.push((format!("{}, true", number + 1), strip(function, sizes, largest)));
        rows.push((format!("{}, learned", number + 1), strip(&seen.as_slice()[..field], sizes, largest)));
    }
    let title = format!("{title}: basis functions of one field, a column for each element of {group}");
    sheet(&title, &rows)
}

/// The left singular vectors of the largest singular values, at most so many; none for values that are zero up to rounding.
fn leading(columns: DMatrix<f64>, count: usize) -> DMatrix<f64> {
    let rows = columns.nrows();
    // Sorted by singular value.
    let svd = columns.svd(true, false);
    let smallest = 1e-6 * svd.singular_values.iter().copied().fold(0.0, f64::max);
    let rank = svd.singular_values.iter().filter(|&&value| value > smallest).count();
    svd.u.map_or_else(|| DMatrix::zeros(rows, 0), |u| u.columns(0, count.min(rank)).into_owned())
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

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::leading;

    #[test]
    fn only_directions_that_are_there() {
        assert_eq!(leading(DMatrix::zeros(4, 3), 3).ncols(), 0);
        let twice = DMatrix::from_column_slice(3, 2, &[1.0, 2.0, 2.0, 1.0, 2.0, 2.0]);
        let found = leading(twice, 2);
        assert_eq!(found.ncols(), 1);
        assert!(
            (found.column(0).norm() - 1.0).abs() < 1e-12 && (found[(1, 0)].abs() - 2.0 / 3.0).abs() < 1e-12
        );
        let largest = leading(DMatrix::from_diagonal_element(3, 3, 1.0) * 2.0, 2);
        assert_eq!((largest.nrows(), largest.ncols()), (3, 2));
    }
}
