//! The product for everything that has no loops of its own.
#![expect(unsafe_code, reason = "calls the gemm crate")]

use std::mem::MaybeUninit;

use super::cpu::Product;
use crate::lanes::Lanes;

impl Product {
    /// The general product into `out` with (row, column) strides `dst`: row-major or column-major.
    pub(super) fn general<T: Lanes>(
        &self,
        a: &[T],
        b: &[T],
        out: &mut [MaybeUninit<T>],
        dst: (usize, usize),
    ) {
        let Product { m, n, k, .. } = *self;
        assert!(out.len() == m * n && (dst == (n, 1) || dst == (1, m)));
        let last = |rows: usize, cols: usize, (rs, cs): (usize, usize)| (rows - 1) * rs + (cols - 1) * cs;
        assert!(last(m, k, self.a) < a.len() && last(k, n, self.b) < b.len());
        // SAFETY: the assertions above bound every element of `a` and `b` that these sizes and
        // strides can reach. `out` is exclusively borrowed and has the m · n elements that `dst`
        // addresses; with `read_dst` false it is only written, every element of it.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.as_mut_ptr().cast::<T>(),
                dst.1 as isize,
                dst.0 as isize,
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
