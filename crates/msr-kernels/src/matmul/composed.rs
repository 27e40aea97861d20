//! Matrix products by candle.

use candle_core::{Shape, Tensor};

use crate::error::Result;

/// `a @ b`; sizes fit. Other devices take plain layouts and one batch dimension only.
pub(super) fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (lead_a, m, k) = split(a);
    let (lead_b, _, n) = split(b);
    let lead = Shape::from(lead_a).broadcast_shape_binary_op(&Shape::from(lead_b), "matmul")?;
    let (lead, count) = (lead.dims(), lead.elem_count());
    // One matrix on the right: all rows on the left are those of one matrix, too.
    let product = if lead_b.iter().all(|&size| size == 1) {
        a.contiguous()?.reshape((count * m, k))?.matmul(&b.contiguous()?.reshape((k, n))?)?
    } else {
        let batch = |t: &Tensor, rows: usize, columns: usize| -> Result<Tensor> {
            let spread = t.broadcast_as([lead, &[rows, columns]].concat())?;
            Ok(spread.contiguous()?.reshape((count, rows, columns))?)
        };
        batch(a, m, k)?.matmul(&batch(b, k, n)?)?
    };
    Ok(product.reshape([lead, &[m, n]].concat())?)
}

/// The leading dimensions, and the two of a matrix.
fn split(t: &Tensor) -> (&[usize], usize, usize) {
    match t.dims() {
        [lead @ .., rows, columns] => (lead, *rows, *columns),
        // Refused before.
        _ => (&[], 1, 1),
    }
}
