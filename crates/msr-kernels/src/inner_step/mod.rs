//! The step `v − α g` of all adapted parameters at once, and its gradients.

mod composed;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::error::{Error, Result};

const OP: &str = "inner_step";

/// `v_i − α g_i` for several tensors, with the number α that each has; on a GPU in one launch.
///
/// # Shapes
/// `values` and `gradients` of the same shapes, `rates` of one element each; `of` says which rate
/// each tensor has
///
/// # Errors
/// [`Error::Mismatch`] and [`Error::Shape`] when shapes or counts do not fit.
pub fn inner_step(
    values: &[&Tensor],
    gradients: &[&Tensor],
    rates: &[&Tensor],
    of: &[usize],
) -> Result<Vec<Tensor>> {
    check(values, gradients, rates, of)?;
    match inner_step_is_one_pass([values, gradients, rates]) {
        true => cuda::scaled(Some(values), gradients, &of_each(rates, of)),
        false => composed::step(values, gradients, &of_each(rates, of)),
    }
}

/// The gradients of `Σ_i ⟨u_i, v_i − α g_i⟩` by each g, `−α u_i`, and by each rate, `−Σ ⟨u_i,
/// g_i⟩` over the tensors that have it; on a GPU in three launches.
///
/// # Shapes
/// As [`inner_step`], with `cotangents` u of the shapes of `gradients`; the gradients by rates have
/// the shapes of `rates`
///
/// # Errors
/// As [`inner_step`].
pub fn inner_step_grad(
    gradients: &[&Tensor],
    rates: &[&Tensor],
    of: &[usize],
    cotangents: &[&Tensor],
) -> Result<[Vec<Tensor>; 2]> {
    check(cotangents, gradients, rates, of)?;
    let each = of_each(rates, of);
    match inner_step_is_one_pass([cotangents, gradients, rates]) {
        true => {
            Ok([cuda::scaled(None, cotangents, &each)?, cuda::by_rates(gradients, cotangents, rates, of)?])
        }
        false => composed::gradients(gradients, cotangents, rates, of),
    }
}

/// Whether both are done in a few launches: then one operation is better than one for each tensor.
/// The lists are values or cotangents, gradients, and rates.
pub fn inner_step_is_one_pass(all: [&[&Tensor]; 3]) -> bool {
    let [_, gradients, rates] = all;
    let mut tensors = all.into_iter().flatten();
    let Some(first) = gradients.first() else { return false };
    let alike = |t: &&Tensor| Body::of([first, t]) == Body::Cuda && first.device().same_device(t.device());
    gradients.len() <= cuda::MOST
        && rates.len() <= cuda::MOST
        && rates.iter().all(|rate| rate.elem_count() == 1)
        && tensors.all(|t| alike(t) && t.elem_count() > 0)
}

/// The rate of each tensor.
fn of_each<'a>(rates: &[&'a Tensor], of: &[usize]) -> Vec<&'a Tensor> {
    of.iter().filter_map(|&rate| rates.get(rate).copied()).collect()
}

fn check(values: &[&Tensor], gradients: &[&Tensor], rates: &[&Tensor], of: &[usize]) -> Result<()> {
    let counts = [values.len(), gradients.len(), of.len()];
    if counts.iter().any(|&n| n != counts[0]) || of.iter().any(|&rate| rate >= rates.len()) {
        let expected = "as many values as gradients, each with a rate that there is";
        return Err(Error::shape(OP, expected, &[values.len(), gradients.len(), of.len(), rates.len()]));
    }
    if let Some(rate) = rates.iter().find(|rate| rate.elem_count() != 1) {
        return Err(Error::shape(OP, "rates of one element", rate.dims()));
    }
    match values.iter().zip(gradients).find(|(v, g)| v.dims() != g.dims()) {
        Some((v, g)) => Err(Error::mismatch(OP, v.dims(), g.dims(), "a gradient has the shape of its value")),
        None => Ok(()),
    }
}
