//! The step from candle's operations, with fresh moments.

use candle_core::{Tensor, Var};

use super::Step;
use crate::error::Result;

/// One step; shapes and dtypes fit.
pub(super) fn step(p: &Var, g: &Tensor, first: &mut Tensor, second: &mut Tensor, step: Step) -> Result<()> {
    *first = ((&*first * step.beta1)? + (g * (1.0 - step.beta1))?)?;
    *second = ((&*second * step.beta2)? + (g.sqr()? * (1.0 - step.beta2))?)?;
    let root = ((&*second * step.second_scale)?.sqrt()? + step.epsilon)?;
    let change = ((&*first * step.first_scale)? / root)?;
    Ok(p.set(&(p.as_tensor().detach() - change)?)?)
}
