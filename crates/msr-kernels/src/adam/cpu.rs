//! The step in one pass over parameter, moments and gradient, without temporaries.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Tensor, Var};
use rayon::prelude::*;

use super::{Step, is_shared};
use crate::body::unsupported;
use crate::dense::range;
use crate::error::Result;
use crate::threads::is_in_pool;
use crate::vectorized::vectorized;

/// The numbers that a thread takes at once.
const SHARE: usize = 1 << 13;

/// One step; shapes and dtypes fit.
pub(super) fn step(p: &Var, g: &Tensor, first: &Tensor, second: &Tensor, step: Step) -> Result<()> {
    // A gradient can be the parameter itself, which cannot be read while it is written.
    let shared = [p.as_tensor(), first, second].iter().any(|t| is_shared(t, g));
    let g = if shared { g.force_contiguous()? } else { g.contiguous()? };
    first.inplace_op1(&Within(|m: &mut CpuStorage, ml: &Layout| {
        let m = RefCell::new(m);
        second.inplace_op1(&Within(|s: &mut CpuStorage, sl: &Layout| {
            let mut m = m.borrow_mut();
            let update = Update { step, moments: RefCell::new((&mut **m, ml, s, sl)) };
            p.inplace_op2(&g, &update)
        }))
    }))?;
    Ok(())
}

/// Hands out a storage to be changed.
struct Within<F>(F);

impl<F: Fn(&mut CpuStorage, &Layout) -> candle_core::Result<()>> InplaceOp1 for Within<F> {
    fn name(&self) -> &'static str {
        "adam_moment"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        self.0(storage, layout)
    }
}

/// The first moment and the second one, with their layouts.
type Moments<'a> = (&'a mut CpuStorage, &'a Layout, &'a mut CpuStorage, &'a Layout);

/// The step of a parameter whose moments these are.
struct Update<'a> {
    step: Step,
    moments: RefCell<Moments<'a>>,
}

macro_rules! update {
    ($step:expr, $p:expr, $m:expr, $s:expr, $g:expr, $t:ty) => {{
        let Step { beta1, beta2, first_scale, second_scale, epsilon } = $step;
        let (beta1, rest1) = (beta1 as $t, (1.0 - beta1) as $t);
        let (beta2, rest2) = (beta2 as $t, (1.0 - beta2) as $t);
        let (a, b, e) = (first_scale as $t, second_scale as $t, epsilon as $t);
        let update = |(((p, m), s), g): (((&mut [$t], &mut [$t]), &mut [$t]), &[$t])| {
            vectorized(
                #[inline(always)]
                || {
                    for (((p, m), s), &g) in p.iter_mut().zip(m).zip(s).zip(g) {
                        *m = beta1 * *m + rest1 * g;
                        *s = beta2 * *s + rest2 * (g * g);
                        *p -= a * *m / ((b * *s).sqrt() + e);
                    }
                },
            );
        };
        if $p.len() >= 2 * SHARE && is_in_pool() {
            let shares = $p.par_chunks_mut(SHARE).zip($m.par_chunks_mut(SHARE));
            let shares = shares.zip($s.par_chunks_mut(SHARE)).zip($g.par_chunks(SHARE));
            shares.for_each(update);
        } else {
            update((((&mut $p, &mut $m), &mut $s), &$g));
        }
    }};
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn cpu_fwd(
        &self,
        p: &mut CpuStorage,
        pl: &Layout,
        g: &CpuStorage,
        gl: &Layout,
    ) -> candle_core::Result<()> {
        let (m, ml, s, sl) = &mut *self.moments.borrow_mut();
        match (p, &mut **m, &mut **s, g) {
            (CpuStorage::F32(p), CpuStorage::F32(m), CpuStorage::F32(s), CpuStorage::F32(g)) => {
                update!(self.step, p[range(pl)], m[range(ml)], s[range(sl)], g[range(gl)], f32);
            }
            (CpuStorage::F64(p), CpuStorage::F64(m), CpuStorage::F64(s), CpuStorage::F64(g)) => {
                update!(self.step, p[range(pl)], m[range(ml)], s[range(sl)], g[range(gl)], f64);
            }
            (.., other) => return Err(unsupported(other, "adam")),
        }
        Ok(())
    }
}
