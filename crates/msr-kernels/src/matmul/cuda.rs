//! Products on a GPU by cuBLAS, with operands where they lie: transposed, broadcast, or with a
//! distance between rows. What it cannot take is copied first.
#![expect(unsafe_code, reason = "asks cuBLAS for products")]

use candle_core::Tensor;

use crate::cuda::{Matrices, Products, contiguous, products};
use crate::error::Result;

/// Calls of cuBLAS for one product of tensors; for more, operands are copied.
const MOST_CALLS: usize = 4;

/// An operand: sizes and strides of what leads, then those of its matrices.
struct Operand {
    lead: Vec<usize>,
    rows: usize,
    columns: usize,
    row: usize,
    column: usize,
}

impl Operand {
    /// `t` with its leading dimensions broadcast to `lead`; sizes fit.
    fn new(t: &Tensor, lead: &[usize]) -> Self {
        let (dims, strides, matrix) = (t.dims(), t.stride(), t.rank() - 2);
        let missing = lead.len() - matrix;
        let stride = |d: usize| match d.checked_sub(missing) {
            Some(own) if dims[own] > 1 => strides[own],
            _ => 0,
        };
        Self {
            lead: (0..lead.len()).map(stride).collect(),
            rows: dims[matrix],
            columns: dims[matrix + 1],
            row: strides[matrix],
            column: strides[matrix + 1],
        }
    }

    /// How cuBLAS reads the matrices: not at all when neither rows nor columns are contiguous.
    fn matrices(&self) -> Option<Matrices> {
        let fits = |near: usize, near_size: usize, far: usize, far_size: usize| {
            (near == 1 || near_size == 1) && (far >= near_size || far_size == 1)
        };
        let leading = |far: usize, far_size: usize, near_size: usize| {
            if far_size == 1 { near_size.max(1) } else { far }
        };
        if fits(self.column, self.columns, self.row, self.rows) {
            let leading = leading(self.row, self.rows, self.columns);
            return Some(Matrices { start: 0, transposed: false, leading, distance: 0 });
        }
        fits(self.row, self.rows, self.column, self.columns).then(|| {
            let leading = leading(self.column, self.columns, self.rows);
            Matrices { start: 0, transposed: true, leading, distance: 0 }
        })
    }
}

/// What cuBLAS is asked for.
#[derive(Clone, Debug, PartialEq)]
struct Plan {
    /// Whether the right operand of the product is the left one of the calls.
    swapped: bool,
    calls: Vec<Products>,
}

/// `a @ b`; sizes fit, and none is zero. `shape` is that of the result.
pub(super) fn matmul(a: &Tensor, b: &Tensor, shape: &[usize]) -> Result<Tensor> {
    if let Some(plan) = plan(a, b, shape) {
        return run(a, b, shape, &plan);
    }
    let lead = &shape[..shape.len() - 2];
    // One that is there once stays so.
    let copy = |t: &Tensor| -> Result<Tensor> {
        let own = &t.dims()[t.rank() - 2..];
        let single = t.elem_count() == own.iter().product::<usize>();
        contiguous(&if single { t.clone() } else { t.broadcast_as([lead, own].concat())? })
    };
    let (a, b) = (copy(a)?, copy(b)?);
    let plan = plan(&a, &b, shape).ok_or_else(|| {
        crate::Error::mismatch("matmul", a.dims(), b.dims(), "cannot be multiplied on a GPU")
    })?;
    run(&a, &b, shape, &plan)
}

fn run(a: &Tensor, b: &Tensor, shape: &[usize], plan: &Plan) -> Result<Tensor> {
    let operands = if plan.swapped { [b, a] } else { [a, b] };
    // SAFETY: the plan addresses the operands by their own strides, and fills the result.
    unsafe { products(shape, operands, &plan.calls) }
}

/// The calls of cuBLAS; none when it cannot take the operands as they are, or would be called too
/// often.
fn plan(a: &Tensor, b: &Tensor, shape: &[usize]) -> Option<Plan> {
    let lead = &shape[..shape.len() - 2];
    let (left, right) = (Operand::new(a, lead), Operand::new(b, lead));
    let (m, k, n) = (left.rows, left.columns, right.columns);
    let (as_left, as_right) = (left.matrices()?, right.matrices()?);
    // Leading dimensions that all three go through in equal steps are one.
    let mut batches: Vec<(usize, [usize; 3])> = Vec::new();
    let mut distance = m * n;
    for d in (0..lead.len()).rev().filter(|&d| lead[d] > 1) {
        let steps = [left.lead[d], right.lead[d], distance];
        distance *= lead[d];
        match batches.last_mut() {
            Some((size, inner)) if (0..3).all(|o| steps[o] == inner[o] * *size) => *size *= lead[d],
            _ => batches.push((lead[d], steps)),
        }
    }
    let (batch, [step_a, step_b, step_c]) = *batches.first().unwrap_or(&(1, [0; 3]));
    let outer = batches.get(1..).unwrap_or(&[]);
    let calls: usize = outer.iter().map(|(size, _)| size).product();
    if calls > MOST_CALLS {
        return None;
    }
    let a = Matrices { distance: step_a, ..as_left };
    let b = Matrices { distance: step_b, ..as_right };
    let c = Matrices { start: 0, transposed: false, leading: n, distance: step_c };
    let mut swapped = false;
    let one = if batch > 1 && step_b == 0 && !a.transposed && step_a == m * a.leading {
        // One matrix on the right, and rows on the left that follow each other through the batch:
        // all are rows of one matrix.
        Products { m: m * batch, n, k, batch: 1, a, b, c }
    } else if batch > 1 && step_a == 0 && n == 1 && (right.row == 1 || k == 1) && step_b >= k {
        // One matrix on the left, and columns alone on the right: they are the rows of a matrix
        // that is multiplied with the transpose of that one.
        swapped = true;
        let rows = Matrices { start: 0, transposed: false, leading: step_b, distance: 0 };
        let matrix = Matrices { transposed: !a.transposed, ..a };
        Products { m: batch, n: m, k, batch: 1, a: rows, b: matrix, c: Matrices { leading: m, ..c } }
    } else {
        Products { m, n, k, batch, a, b, c }
    };
    let start = |mut call: usize| {
        let mut starts = [0; 3];
        for (size, steps) in outer {
            (0..3).for_each(|o| starts[o] += call % size * steps[o]);
            call /= size;
        }
        starts
    };
    let call = |number: usize| {
        let [mut x, mut y, z] = start(number);
        if swapped {
            (x, y) = (y, x);
        }
        let at = |m: Matrices, start: usize| Matrices { start, ..m };
        Products { a: at(one.a, x), b: at(one.b, y), c: at(one.c, z), ..one }
    };
    Some(Plan { swapped, calls: (0..calls).map(call).collect() })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::plan;
    use crate::cuda::Products;

    /// What the plan says, done with loops.
    fn by_plan(a: &Tensor, b: &Tensor, shape: &[usize]) -> crate::Result<Option<Vec<f64>>> {
        let Some(plan) = plan(a, b, shape) else { return Ok(None) };
        let numbers = |t: &Tensor| -> crate::Result<Vec<f64>> {
            let candle_core::Storage::Cpu(candle_core::CpuStorage::F64(all)) = &*t.storage_and_layout().0
            else {
                unreachable!("drawn as f64")
            };
            Ok(all[t.layout().start_offset()..].to_vec())
        };
        let (mut a, mut b) = (numbers(a)?, numbers(b)?);
        if plan.swapped {
            (a, b) = (b, a);
        }
        let mut c = vec![f64::NAN; shape.iter().product()];
        for Products { m, n, k, batch, a: x, b: y, c: z } in plan.calls {
            for (t, i, j) in (0..batch).flat_map(|t| (0..m).flat_map(move |i| (0..n).map(move |j| (t, i, j))))
            {
                let place = |of: crate::cuda::Matrices, row: usize, column: usize| {
                    let (far, near) = if of.transposed { (column, row) } else { (row, column) };
                    of.start + t * of.distance + far * of.leading + near
                };
                c[place(z, i, j)] = (0..k).map(|l| a[place(x, i, l)] * b[place(y, l, j)]).sum();
            }
        }
        Ok(Some(c))
    }

    #[test]
    fn plans_give_the_products_of_views() -> crate::Result<()> {
        let draw = |shape: &[usize]| Tensor::randn(0f64, 1., shape, &Device::Cpu);
        let cases = [
            (draw(&[4, 3])?, draw(&[3, 5])?, true),
            (draw(&[3, 4])?.t()?, draw(&[5, 3])?.t()?, true),
            (draw(&[6, 4, 3])?, draw(&[3, 5])?, true),
            (draw(&[4, 3])?, draw(&[6, 3, 5])?, true),
            (draw(&[4, 3])?, draw(&[6, 3, 1])?, true),
            (draw(&[3, 4])?.t()?, draw(&[6, 3, 1])?, true),
            (draw(&[2, 1, 4, 3])?, draw(&[3, 3, 5])?, true),
            (draw(&[2, 3, 4, 3])?.narrow(2, 1, 2)?, draw(&[2, 3, 3, 5])?.narrow(3, 2, 3)?, true),
            (draw(&[4, 1])?, draw(&[1, 5])?, true),
            (draw(&[2, 7, 3])?.transpose(0, 1)?, draw(&[7, 3, 1])?, true),
            (draw(&[9, 1, 4, 3])?, draw(&[1, 8, 3, 2])?, false),
            (draw(&[3, 4, 2])?.transpose(0, 2)?, draw(&[3, 5])?, false),
        ];
        for (a, b, taken) in cases {
            assert_eq!((a.dtype(), b.dtype()), (DType::F64, DType::F64));
            let expected = crate::matmul(&a, &b)?;
            let found = by_plan(&a, &b, expected.dims())?;
            assert_eq!(found.is_some(), taken, "{:?} by {:?}", a.dims(), b.dims());
            let expected = expected.flatten_all()?.to_vec1::<f64>()?;
            for (x, y) in found.into_iter().flatten().zip(expected) {
                assert!((x - y).abs() < 1e-12, "{x} is not {y}");
            }
        }
        Ok(())
    }
}
