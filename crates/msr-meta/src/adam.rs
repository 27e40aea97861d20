//! Adam with its state in the open, so that it can be saved.

use candle_core::{CpuStorage, DType, InplaceOp2, InplaceOp3, Layout, Tensor};
use msr_autodiff::kernels::vectorized;

use crate::error::{Error, Result};
use crate::learner::{OuterParameter, check_names};

/// The learning rate over time, as a factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// Always one.
    #[default]
    Constant,
    /// `(1 + cos(π t / steps)) / 2` at step t, then zero: from one to nothing over so many steps.
    Cosine {
        /// The number of steps.
        steps: u64,
    },
}

impl Schedule {
    /// The factor of step `t`, counted from zero.
    fn factor(self, t: u64) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Cosine { steps } => {
                if t >= steps {
                    return 0.0;
                }
                0.5 * (1.0 + (std::f64::consts::PI * t as f64 / steps as f64).cos())
            }
        }
    }
}

/// The constants of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// The learning rate.
    pub rate: f64,
    /// How the rate changes over time.
    pub schedule: Schedule,
    /// The decay of the first moment.
    pub beta1: f64,
    /// The decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    /// 1e-3 at all times, 0.9, 0.999, 1e-8.
    fn default() -> Self {
        Self { rate: 1e-3, schedule: Schedule::Constant, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// Adam: `m ← β₁ m + (1 − β₁) g`, `s ← β₂ s + (1 − β₂) g²`,
/// `p ← p − rate · m̂ / (√ŝ + ε)` with the bias-corrected moments m̂, ŝ, times the
/// [factor](OuterParameter::rate) of each parameter.
///
/// Source: Kingma, Ba, "Adam: A Method for Stochastic Optimization" (ICLR 2015), algorithm 1.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    steps: u64,
    first: Vec<Tensor>,
    second: Vec<Tensor>,
}

impl Adam {
    /// The state before the first step, for these parameters.
    ///
    /// # Errors
    /// [`Error::Config`] for constants or rate factors outside their range, or two parameters of the same name.
    pub fn new(config: AdamConfig, parameters: &[OuterParameter]) -> Result<Self> {
        let AdamConfig { rate, beta1, beta2, epsilon, .. } = config;
        let decays = (0.0..1.0).contains(&beta1) && (0.0..1.0).contains(&beta2);
        if !rate.is_finite() || rate < 0.0 || !decays || !epsilon.is_finite() || epsilon <= 0.0 {
            return Err(Error::config(format!(
                "Adam needs rate ≥ 0, 0 ≤ beta < 1 and epsilon > 0, got {config:?}"
            )));
        }
        check_names(parameters)?;
        if let Some(p) = parameters.iter().find(|p| !p.rate.is_finite() || p.rate < 0.0) {
            return Err(Error::config(format!(
                "the rate factor of `{}` must be ≥ 0, got {}",
                p.name, p.rate
            )));
        }
        let zeros = || {
            let zero = |p: &OuterParameter| p.variable.as_tensor().detach().zeros_like();
            parameters.iter().map(zero).collect::<candle_core::Result<Vec<_>>>()
        };
        Ok(Self { config, steps: 0, first: zeros()?, second: zeros()? })
    }

    /// The number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments, first and second, in the order of the parameters.
    pub fn moments(&self) -> (&[Tensor], &[Tensor]) {
        (&self.first, &self.second)
    }

    /// Puts back a saved state.
    ///
    /// # Errors
    /// [`Error::Config`] when the tensors do not have the shapes of the present ones.
    pub fn restore(&mut self, steps: u64, first: Vec<Tensor>, second: Vec<Tensor>) -> Result<()> {
        let fits = |new: &[Tensor], old: &[Tensor]| {
            new.len() == old.len()
                && new.iter().zip(old).all(|(n, o)| n.dims() == o.dims() && n.dtype() == o.dtype())
        };
        if !fits(&first, &self.first) || !fits(&second, &self.second) {
            return Err(Error::config("the saved moments of Adam do not fit these parameters"));
        }
        // Copies: a tensor that was read from a file may share its storage with others.
        let copy =
            |tensors: Vec<Tensor>| tensors.iter().map(Tensor::copy).collect::<candle_core::Result<_>>();
        (self.steps, self.first, self.second) = (steps, copy(first)?, copy(second)?);
        Ok(())
    }

    /// One step, in place.
    ///
    /// # Errors
    /// When a gradient does not have the shape and dtype of its parameter; nothing was changed then.
    pub fn step(&mut self, parameters: &[OuterParameter], gradients: &[Tensor]) -> Result<()> {
        if parameters.len() != self.first.len() || gradients.len() != self.first.len() {
            return Err(Error::config(format!(
                "Adam was built for {} parameters, got {} and {} gradients",
                self.first.len(),
                parameters.len(),
                gradients.len()
            )));
        }
        for (p, g) in parameters.iter().zip(gradients) {
            if p.variable.dims() != g.dims() || p.variable.dtype() != g.dtype() {
                return Err(Error::config(format!(
                    "the gradient of `{}` is {:?} of {:?}, the parameter {:?} of {:?}",
                    p.name,
                    g.dims(),
                    g.dtype(),
                    p.variable.dims(),
                    p.variable.dtype()
                )));
            }
        }
        self.steps += 1;
        for (i, (p, g)) in parameters.iter().zip(gradients).enumerate() {
            let (first, second) = (&self.first[i], &self.second[i]);
            let update = Update::new(self.config, p.rate, self.steps);
            if p.variable.device().is_cpu() && matches!(p.variable.dtype(), DType::F32 | DType::F64) {
                let g = g.contiguous()?;
                first.inplace_op2(&g, &Decay { beta: self.config.beta1, square: false })?;
                second.inplace_op2(&g, &Decay { beta: self.config.beta2, square: true })?;
                p.variable.as_tensor().inplace_op3(first, second, &update)?;
            } else {
                self.first[i] = ((first * self.config.beta1)? + (g * (1.0 - self.config.beta1))?)?;
                self.second[i] = ((second * self.config.beta2)? + (g.sqr()? * (1.0 - self.config.beta2))?)?;
                let root = ((&self.second[i] * update.second_scale)?.sqrt()? + update.epsilon)?;
                let change = ((&self.first[i] * update.first_scale)? / root)?;
                p.variable.set(&(p.variable.as_tensor().detach() - change)?)?;
            }
        }
        Ok(())
    }
}

/// `moment ← beta · moment + (1 − beta) · g` or `… g²`.
struct Decay {
    beta: f64,
    square: bool,
}

/// `p ← p − first_scale · m / (√(second_scale · s) + epsilon)`.
struct Update {
    first_scale: f64,
    second_scale: f64,
    epsilon: f64,
}

impl Update {
    fn new(config: AdamConfig, factor: f64, steps: u64) -> Self {
        let correction = |beta: f64| 1.0 - beta.powf(steps as f64);
        Self {
            first_scale: factor * config.rate * config.schedule.factor(steps - 1) / correction(config.beta1),
            second_scale: 1.0 / correction(config.beta2),
            epsilon: config.epsilon,
        }
    }
}

/// The elements that a contiguous layout covers.
fn range(layout: &Layout) -> std::ops::Range<usize> {
    layout.start_offset()..layout.start_offset() + layout.shape().elem_count()
}

fn unsupported(op: &'static str) -> candle_core::Error {
    candle_core::Error::Msg(format!("{op}: parameters, gradients and moments must all be f32 or all f64"))
}

macro_rules! decay {
    ($self:expr, $m:expr, $g:expr, $t:ty) => {{
        let (beta, rest) = ($self.beta as $t, (1.0 - $self.beta) as $t);
        let pairs = $m.iter_mut().zip($g);
        if $self.square {
            vectorized(|| pairs.for_each(|(m, g)| *m = beta * *m + rest * (g * g)));
        } else {
            vectorized(|| pairs.for_each(|(m, g)| *m = beta * *m + rest * g));
        }
    }};
}

macro_rules! update {
    ($self:expr, $p:expr, $m:expr, $s:expr, $t:ty) => {{
        let (a, b, e) = ($self.first_scale as $t, $self.second_scale as $t, $self.epsilon as $t);
        let triples = $p.iter_mut().zip($m).zip($s);
        vectorized(|| triples.for_each(|((p, m), s)| *p -= a * m / ((b * s).sqrt() + e)));
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
            _ => return Err(unsupported("adam_moment")),
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
            _ => return Err(unsupported("adam_update")),
        }
        Ok(())
    }
}
