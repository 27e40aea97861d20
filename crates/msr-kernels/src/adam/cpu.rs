//! The step in two passes over moments and one over the parameter, without temporaries.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Tensor, Var};

use super::Step;
use crate::body::unsupported;
use crate::dense::range;
use crate::error::Result;
use crate::vectorized::vectorized;

/// One step; shapes and dtypes fit.
pub(super) fn step(p: &Var, g: &Tensor, first: &Tensor, second: &Tensor, step: Step) -> Result<()> {
    let g = g.contiguous()?;
    first.inplace_op2(&g, &Decay { beta: step.beta1, square: false })?;
    second.inplace_op2(&g, &Decay { beta: step.beta2, square: true })?;
    p.as_tensor().inplace_op3(first, second, &Update(step))?;
    Ok(())
}

/// `moment ← beta · moment + (1 − beta) · g` or `… g²`.
struct Decay {
    beta: f64,
    square: bool,
}

/// `p ← p − first_scale · m / (√(second_scale · s) + epsilon)`.
struct Update(Step);

macro_rules! decay {
    ($self:expr, $m:expr, $g:expr, $t:ty) => {{
        let (beta, rest) = ($self.beta as $t, (1.0 - $self.beta) as $t);
        let pairs = $m.iter_mut().zip($g);
        if $self.square {
            vectorized(
                #[inline(always)]
                || pairs.for_each(|(m, g)| *m = beta * *m + rest * (g * g)),
            );
        } else {
            vectorized(
                #[inline(always)]
                || pairs.for_each(|(m, g)| *m = beta * *m + rest * g),
            );
        }
    }};
}

macro_rules! update {
    ($self:expr, $p:expr, $m:expr, $s:expr, $t:ty) => {{
        let (a, b, e) = ($self.0.first_scale as $t, $self.0.second_scale as $t, $self.0.epsilon as $t);
        let triples = $p.iter_mut().zip($m).zip($s);
        vectorized(
            #[inline(always)]
            || triples.for_each(|((p, m), s)| *p -= a * m / ((b * s).sqrt() + e)),
        );
    }};
}

impl InplaceOp2 for Decay {
    fn name(&self) -> &'static str {
        "adam_moment"
    }

    fn cpu_fwd(
        &self,
        m: &mut CpuStorage,
        ml: &Layout,
        g: &CpuStorage,
        gl: &Layout,
    ) -> candle_core::Result<()> {
        match (m, g) {
            (CpuStorage::F32(m), CpuStorage::F32(g)) => decay!(self, m[range(ml)], &g[range(gl)], f32),
            (CpuStorage::F64(m), CpuStorage::F64(g)) => decay!(self, m[range(ml)], &g[range(gl)], f64),
            (_, other) => return Err(unsupported(other, "adam_moment")),
        }
        Ok(())
    }
}

impl InplaceOp3 for Update {
    fn name(&self) -> &'static str {
        "adam_update"
    }

    fn cpu_fwd(
        &self,
        p: &mut CpuStorage,
        pl: &Layout,
        m: &CpuStorage,
        ml: &Layout,
        s: &CpuStorage,
        sl: &Layout,
    ) -> candle_core::Result<()> {
        match (p, m, s) {
            (CpuStorage::F32(p), CpuStorage::F32(m), CpuStorage::F32(s)) => {
                update!(self, p[range(pl)], &m[range(ml)], &s[range(sl)], f32);
            }
            (CpuStorage::F64(p), CpuStorage::F64(m), CpuStorage::F64(s)) => {
                update!(self, p[range(pl)], &m[range(ml)], &s[range(sl)], f64);
            }
            (_, other, _) => return Err(unsupported(other, "adam_update")),
        }
        Ok(())
    }
}
