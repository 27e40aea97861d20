//! Batched matrix products with broadcast batch dimensions and operands of any strides.
//!
//! The batch is spread over the threads and each product runs on one of them: the products of a
//! meta-batch are many and small. A product without a batch is split by rows. The split depends on
//! sizes alone, so the same build on the same machine gives the same bits.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::strided::Space;
use super::{on_cpu, unsupported};

/// Multiply–adds below which a second thread costs more than it saves.
const PARALLEL_FROM: usize = 1 << 18;

/// `a @ b` over the last two dimensions, with numpy's broadcasting of the leading ones. candle's own
/// `backward` can differentiate it once.
///
/// # Shapes
/// `(…, m, k) @ (…, k, n) -> (…, m, n)`
///
/// # Errors
/// When an operand has fewer than two dimensions, the inner sizes differ, the batch dimensions do not
/// broadcast, or dtype or device differ.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (&[ref lead_a @ .., m, k], &[ref lead_b @ .., k2, n]) = (a.dims(), b.dims()) else {
        candle_core::bail!("matmul: {:?} @ {:?}: both need two dimensions", a.dims(), b.dims());
    };
    if k != k2 {
        candle_core::bail!("matmul: {:?} @ {:?}: inner sizes differ", a.dims(), b.dims());
    }
    if !on_cpu(a) || a.dtype() != b.dtype() || !b.device().is_cpu() {
        return a.broadcast_matmul(b);
    }
    if lead_a == lead_b {
        return a.apply_op2(b, BatchedGemm);
    }
    let batch = Shape::from(lead_a).broadcast_shape_binary_op(&Shape::from(lead_b), "matmul")?;
    let expand = |t: &Tensor, rows: usize, cols: usize| {
        let mut shape = batch.dims().to_vec();
        shape.extend([rows, cols]);
        t.broadcast_as(shape)
    };
    expand(a, m, k)?.apply_op2(&expand(b, k, n)?, BatchedGemm)
}

struct BatchedGemm;

/// Sizes and element strides of one product of the batch.
#[derive(Clone, Copy)]
struct Product {
    m: usize,
    n: usize,
    k: usize,
    a: (usize, usize),
    b: (usize, usize),
}

impl Product {
    /// Writes `out = a @ b`, `out` row-major `(m, n)`.
    fn run<T: WithDType>(&self, a: &[T], b: &[T], out: &mut [T]) {
        let Product { m, n, k, .. } = *self;
        debug_assert_eq!(out.len(), m * n);
        if m == 0 || n == 0 {
            return;
        }
        if k == 0 {
            out.fill(T::zero());
            return;
        }
        let last = |rows: usize, cols: usize, (rs, cs): (usize, usize)| (rows - 1) * rs + (cols - 1) * cs;
        assert!(last(m, k, self.a) < a.len() && last(k, n, self.b) < b.len());
        // SAFETY: the assertion above bounds every element of `a` and `b` that these sizes and
        // strides can reach; `out` is exclusively borrowed, has m * n elements, and is only written.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.as_mut_ptr(),
                1,
                n as isize,
                false,
                a.as_ptr(),
                self.a.1 as isize,
                self.a.0 as isize,
                b.as_ptr(),
                self.b.1 as isize,
                self.b.0 as isize,
                T::zero(),
                T::one(),
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

fn batched<T: WithDType>(a: &[T], la: &Layout, b: &[T], lb: &Layout) -> Vec<T> {
    let rank = la.dims().len();
    let batch = &la.dims()[..rank - 2];
    let strides = |l: &Layout| (l.stride()[rank - 2], l.stride()[rank - 1]);
    let mut product = Product {
        m: la.dims()[rank - 2],
        n: lb.dims()[rank - 1],
        k: la.dims()[rank - 1],
        a: strides(la),
        b: strides(lb),
    };
    let mut out = vec![T::zero(); batch.iter().product::<usize>() * product.m * product.n];
    if out.is_empty() {
        return out;
    }
    let space = Space::new(
        batch,
        [&la.stride()[..rank - 2], &lb.stride()[..rank - 2]],
        [la.start_offset(), lb.start_offset()],
    );
    let mut offsets = Vec::new();
    let [step_a, step_b] = space.run_strides;
    // A shared right operand turns the batch into more rows of one product.
    if step_b == 0 && (space.run == 1 || step_a == product.m * product.a.0) {
        product.m *= space.run;
        space.for_each_run(|at| offsets.push(at));
    } else {
        space.for_each_run(|[i, j]| {
            offsets.extend((0..space.run).map(|n| [i + n * step_a, j + n * step_b]));
        });
    }
    let size = product.m * product.n;
    let threads = rayon::current_num_threads();
    if threads == 1 || out.len() * product.k < PARALLEL_FROM {
        for (out, [i, j]) in out.chunks_exact_mut(size).zip(offsets) {
            product.run(&a[i..], &b[j..], out);
        }
    } else if offsets.len() >= threads {
        let share = offsets.len().div_ceil(threads);
        out.par_chunks_mut(share * size).zip(offsets.par_chunks(share)).for_each(|(out, offsets)| {
            for (out, &[i, j]) in out.chunks_exact_mut(size).zip(offsets) {
                product.run(&a[i..], &b[j..], out);
            }
        });
    } else {
        let rows = product.m.div_ceil(threads);
        for (out, [i, j]) in out.chunks_exact_mut(size).zip(offsets) {
            out.par_chunks_mut(rows * product.n).enumerate().for_each(|(block, out)| {
                let part = Product { m: out.len() / product.n, ..product };
                part.run(&a[i + block * rows * product.a.0..], &b[j..], out);
            });
        }
    }
    out
}

impl CustomOp2 for BatchedGemm {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let out = match (s1, s2) {
            (CpuStorage::F32(a), CpuStorage::F32(b)) => CpuStorage::F32(batched(a, l1, b, l2)),
            (CpuStorage::F64(a), CpuStorage::F64(b)) => CpuStorage::F64(batched(a, l1, b, l2)),
            (other, _) => return Err(unsupported(other, "matmul")),
        };
        let rank = l1.dims().len();
        let mut shape = l1.dims().to_vec();
        shape[rank - 1] = l2.dims()[rank - 1];
        Ok((out, shape.into()))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(matmul(grad, &b.t()?)?), Some(matmul(&a.t()?, grad)?)))
    }
}
