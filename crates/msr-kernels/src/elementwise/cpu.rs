//! Elementwise loops over operands of any strides.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Shape, Tensor};

use super::real::Real;
use super::{Binary, Unary};
use crate::body::unsupported;
use crate::error::Result;
use crate::strided::Space;
use crate::vectorized::vectorized;

/// `a ∘ b`, both `f32` or both `f64` in main memory.
pub(super) fn binary(op: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let shape = a.shape().broadcast_shape_binary_op(b.shape(), op.name())?;
    let (a, b) = (a.broadcast_as(&shape)?, b.broadcast_as(&shape)?);
    // Two views alike; or one, and a bias or a factor.
    let order = match (memory_order(&a), memory_order(&b)) {
        (Some(order), _) if a.stride() == b.stride() || is_repeated(&b) => Some(order),
        (_, Some(order)) if is_repeated(&a) => Some(order),
        _ => None,
    };
    if let Some(order) = order {
        let result = a.permute(&order[..])?.apply_op2_no_bwd(&b.permute(&order[..])?, &BinaryLoop(op))?;
        return Ok(result.permute(inverse(&order))?);
    }
    Ok(a.apply_op2_no_bwd(&b, &BinaryLoop(op))?)
}

/// Whether numbers are there more than once, as in a tensor that was broadcast.
fn is_repeated(t: &Tensor) -> bool {
    t.dims().iter().zip(t.stride()).any(|(&size, &stride)| size > 1 && stride == 0)
}

/// `f(x)`, `f32` or `f64` in main memory.
pub(super) fn unary(op: Unary, x: &Tensor) -> Result<Tensor> {
    if let Some(order) = memory_order(x) {
        return Ok(apply(op, &x.permute(&order[..])?)?.permute(inverse(&order))?);
    }
    apply(op, x)
}

/// A result that candle tracks needs a loop that it can keep.
fn apply(op: Unary, x: &Tensor) -> Result<Tensor> {
    Ok(if x.track_op() { x.apply_op1(UnaryLoop(op))? } else { x.apply_op1_no_bwd(&UnaryLoop(op))? })
}

/// For a permuted view of a contiguous tensor, the order of dimensions in which it is contiguous:
/// reading and writing in that order is as fast as for a contiguous one, and the result is a view
/// alike.
fn memory_order(t: &Tensor) -> Option<Vec<usize>> {
    if t.is_contiguous() {
        return None;
    }
    let mut order: Vec<usize> = (0..t.rank()).collect();
    order.sort_by_key(|&d| (std::cmp::Reverse(t.stride()[d]), t.dims()[d]));
    let mut expected = t.elem_count();
    for &d in &order {
        expected /= t.dims()[d].max(1);
        if t.dims()[d] != 1 && t.stride()[d] != expected {
            return None;
        }
    }
    Some(order)
}

fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
    inverse
}

#[inline(always)]
fn map<T: Real>(op: Unary, x: &[T], layout: &Layout) -> Vec<T> {
    let mut out = Vec::with_capacity(layout.shape().elem_count());
    let space = Space::new(layout.dims(), [layout.stride()], [layout.start_offset()]);
    let stride = space.run_strides[0];
    let mut gathered = Vec::new();
    space.for_each_run(|[start]| {
        if stride == 1 {
            T::apply(op, &x[start..start + space.run], &mut out);
        } else {
            gathered.clear();
            gathered.extend((0..space.run).map(|i| x[start + i * stride]));
            T::apply(op, &gathered, &mut out);
        }
    });
    out
}

#[inline(always)]
fn zip<T: Real>(a: &[T], la: &Layout, b: &[T], lb: &Layout, f: impl Fn(T, T) -> T) -> Vec<T> {
    let mut out = Vec::with_capacity(la.shape().elem_count());
    let space = Space::new(la.dims(), [la.stride(), lb.stride()], [la.start_offset(), lb.start_offset()]);
    let run = space.run;
    match space.run_strides {
        [1, 1] => space.for_each_run(|[i, j]| {
            let (a, b) = (&a[i..i + run], &b[j..j + run]);
            out.extend(a.iter().zip(b).map(|(&a, &b)| f(a, b)));
        }),
        [1, 0] => space.for_each_run(|[i, j]| {
            let b = b[j];
            out.extend(a[i..i + run].iter().map(|&a| f(a, b)));
        }),
        [0, 1] => space.for_each_run(|[i, j]| {
            let a = a[i];
            out.extend(b[j..j + run].iter().map(|&b| f(a, b)));
        }),
        [sa, sb] => space.for_each_run(|[i, j]| {
            out.extend((0..run).map(|n| f(a[i + n * sa], b[j + n * sb])));
        }),
    }
    out
}

#[inline(always)]
fn zip_op<T: Real>(op: Binary, a: &[T], la: &Layout, b: &[T], lb: &Layout) -> Vec<T> {
    match op {
        Binary::Add => zip(a, la, b, lb, |a, b| a + b),
        Binary::Sub => zip(a, la, b, lb, |a, b| a - b),
        Binary::Mul => zip(a, la, b, lb, |a, b| a * b),
        Binary::Div => zip(a, la, b, lb, |a, b| a / b),
        Binary::Gate => zip(a, la, b, lb, T::gate),
        Binary::Weigh => zip(a, la, b, lb, T::weigh),
        Binary::Maximum => zip(a, la, b, lb, T::larger),
        Binary::Minimum => zip(a, la, b, lb, |a, b| -T::larger(-a, -b)),
        Binary::Step => zip(a, la, b, lb, T::step),
        Binary::Pow => zip(a, la, b, lb, T::pow),
    }
}

/// Keeps the loops, which trust that shapes agree, from being called with others.
struct UnaryLoop(Unary);

struct BinaryLoop(Binary);

impl CustomOp1 for UnaryLoop {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let out = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(vectorized(|| map(self.0, x, layout))),
            CpuStorage::F64(x) => CpuStorage::F64(vectorized(|| map(self.0, x, layout))),
            other => return Err(unsupported(other, self.0.name())),
        };
        Ok((out, layout.shape().clone()))
    }

    fn bwd(&self, arg: &Tensor, res: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(self.0.vjp(arg, res, grad)?))
    }
}

impl CustomOp2 for BinaryLoop {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let out = match (s1, s2) {
            (CpuStorage::F32(a), CpuStorage::F32(b)) => {
                CpuStorage::F32(vectorized(|| zip_op(self.0, a, l1, b, l2)))
            }
            (CpuStorage::F64(a), CpuStorage::F64(b)) => {
                CpuStorage::F64(vectorized(|| zip_op(self.0, a, l1, b, l2)))
            }
            (other, _) => return Err(unsupported(other, self.name())),
        };
        Ok((out, l1.shape().clone()))
    }
}
