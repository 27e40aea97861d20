//! Pictures of filters, of the Kronecker factors, and of the true basis beside what of it was
//! learned.

use anyhow::{Result, bail};
use candle_core::Tensor;
use msr_groups::{PlaneGroup, SteerableBasis};
use msr_report::picture::{self, Picture};
use nalgebra::{DMatrix, DVector};

use super::filters::Filters;
use super::sizes::Sizes;
use crate::engine::entries;

/// The filters of the first test task, field by field, one for each element of the group; the true
/// ones above. Each field is on its own scale.
pub fn filters(title: &str, group: PlaneGroup, sizes: Sizes, filters: &Filters) -> Result<Picture> {
    let Some(learned) = filters.learned.first() else { bail!("a picture of no filters") };
    let truth = filters.truth.as_ref().and_then(|truth| truth.first());
    let field = group.order() * sizes.taps();
    let mut fields = Vec::new();
    for (number, part) in learned.chunks_exact(field).enumerate() {
        let range = number * field..(number + 1) * field;
        let mut rows = Vec::new();
        rows.extend(truth.map(|truth| (format!("field {}, true", number + 1), truth[range].to_vec())));
        rows.push((format!("field {}, learned", number + 1), part.to_vec()));
        fields.push(rows);
    }
    strips(&format!("{title}: filters of one test task"), group, sizes, &fields)
}

/// The first field of the first test task, true and after adaptation by each method, on one scale.
pub fn comparison(
    problem: &str,
    group: PlaneGroup,
    methods: &[(String, Filters, Sizes)],
) -> Result<Option<Picture>> {
    let Some((_, first, sizes)) = methods.first() else { return Ok(None) };
    let field = group.order() * sizes.taps();
    let part = |of: Option<&Vec<f64>>| Some(of?.get(..field)?.to_vec());
    let mut shown: Vec<(String, Vec<f64>)> = Vec::new();
    let truth = first.truth.as_ref().and_then(|truth| part(truth.first()));
    shown.extend(truth.map(|truth| ("true".to_string(), truth)));
    for (method, filters, _) in methods {
        shown.extend(part(filters.learned.first()).map(|learned| (method.clone(), learned)));
    }
    if shown.is_empty() {
        return Ok(None);
    }
    let title = format!("{problem}: one field of a test task, after one example");
    Ok(Some(strips(&title, group, *sizes, &[shown])?))
}

/// Groups of rows of filters, a column for each element of the group.
fn strips(title: &str, group: PlaneGroup, sizes: Sizes, rows: &[Vec<(String, Vec<f64>)>]) -> Result<Picture> {
    let n = group.rotations();
    let angle = |g: usize| format!("{:.0}", 360.0 * (g % n) as f64 / n as f64);
    let heading = |g: usize| if g < n { angle(g) } else { format!("m{}", angle(g)) };
    let headings: Vec<String> = (0..group.order()).map(heading).collect();
    let quantity = if group.order() == n {
        "rotation angle in degrees"
    } else {
        "rotation angle in degrees (m: mirrored first)"
    };
    Ok(picture::filters(title, quantity, &headings, sizes.kernel, rows)?)
}

/// The true basis functions of one field, and under each its projection on as many learned
/// directions: the columns of a full U; for Kronecker factors, which can reach more filters than
/// the layer ever uses, the leading singular directions of all fields of the adapted filters.
pub fn basis(
    title: &str,
    group: PlaneGroup,
    sizes: Sizes,
    symmetry: &[Tensor],
    adapted: &[Vec<f64>],
) -> Result<Picture> {
    let basis = SteerableBasis::new(group, sizes.kernel)?;
    let field = group.order() * sizes.taps();
    let whole = sizes.channels * sizes.taps();
    let directions = match symmetry {
        [u] => {
            let u = DMatrix::from_row_slice(u.dims()[0], u.dims()[1], &entries(u)?);
            leading(u, basis.len() * (whole / field))
        }
        [_, _, _] => {
            let fields: Vec<f64> = adapted.concat();
            leading(DMatrix::from_column_slice(field, fields.len() / field, &fields), basis.len())
        }
        other => bail!("{} symmetry matrices are neither one nor three", other.len()),
    };
    let mut functions = Vec::new();
    for (number, function) in basis.filters().iter().enumerate() {
        let mut padded = DVector::zeros(directions.nrows());
        padded.rows_mut(0, field).copy_from_slice(function);
        let seen = &directions * directions.tr_mul(&padded);
        functions.push(vec![
            (format!("{}, true", number + 1), function.clone()),
            (format!("{}, projected", number + 1), seen.as_slice()[..field].to_vec()),
        ]);
    }
    let title =
        format!("{title}: true basis functions of one field, and their projections on what was learned");
    strips(&title, group, sizes, &functions)
}

/// The left singular vectors of the largest singular values, at most so many; none for values that
/// are zero up to rounding.
fn leading(columns: DMatrix<f64>, count: usize) -> DMatrix<f64> {
    let rows = columns.nrows();
    // Sorted by singular value.
    let svd = columns.svd(true, false);
    let smallest = 1e-6 * svd.singular_values.iter().copied().fold(0.0, f64::max);
    let rank = svd.singular_values.iter().filter(|&&value| value > smallest).count();
    svd.u.map_or_else(|| DMatrix::zeros(rows, 0), |u| u.columns(0, count.min(rank)).into_owned())
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
