//! A step on many tensors at once, on a GPU: three launches for each few of them.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use super::{Rule, Update, largest};
use crate::cuda::{Arg, Grid, Kernel, MOST_TENSORS, Many, contiguous, count, launch};
use crate::error::Result;

fn kernel(name: &'static str, grid: Grid) -> Kernel {
    Kernel { operation: "adam", name, grid }
}

fn many(tensors: &[Tensor]) -> Result<Many> {
    Many::of("adam", &tensors.iter().map(Tensor::elem_count).collect::<Vec<_>>())
}

/// The number of a step, counted from one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number<'a> {
    /// Known to the host.
    Known(u64),
    /// One more than a number on the device, which is counted up when the step is taken.
    After(&'a Tensor),
}

/// Numbers of `Plan`.
const PLAN: usize = 3;

/// One step; all on one GPU, contiguous and of one dtype, none empty, and there is one at least.
/// What was watched, then the squares, go into the report, which has room for them.
pub(super) fn step_all(
    updates: &mut [Update<'_>],
    rule: &Rule,
    number: Number<'_>,
    watched: &Tensor,
    report: &Tensor,
) -> Result<()> {
    let (device, dtype) = (updates[0].gradient.device().clone(), updates[0].gradient.dtype());
    let gradients: Vec<Tensor> = updates.iter().map(|u| contiguous(u.gradient)).collect::<Result<_>>()?;
    let watched = &contiguous(watched)?;
    let t = if let Number::Known(t) = number { t as f64 } else { 0.0 };
    let rule = [
        rule.rate,
        rule.beta1,
        rule.beta2,
        rule.epsilon,
        rule.cosine.unwrap_or(0) as f64,
        rule.longest.unwrap_or(0.0),
        largest(dtype),
        t,
    ];
    let plan = measured(&gradients, Some((&rule, number, watched)), report)?;
    for (updates, gradients) in updates.chunks(MOST_TENSORS).zip(gradients.chunks(MOST_TENSORS)) {
        let many = many(gradients)?;
        let parameters: Vec<&Tensor> = updates.iter().map(|u| u.parameter.as_tensor()).collect();
        let firsts: Vec<&Tensor> = updates.iter().map(|u| &*u.first).collect();
        let seconds: Vec<&Tensor> = updates.iter().map(|u| &*u.second).collect();
        let gradients: Vec<&Tensor> = gradients.iter().collect();
        let mut factors: Vec<f64> = updates.iter().map(|u| u.factor).collect();
        factors.resize(MOST_TENSORS, 0.0);
        let arguments = [
            Arg::All(&parameters, MOST_TENSORS),
            Arg::All(&firsts, MOST_TENSORS),
            Arg::All(&seconds, MOST_TENSORS),
            Arg::All(&gradients, MOST_TENSORS),
            Arg::Reals(&factors),
            Arg::Of(&plan),
            Arg::Reals(&rule),
            Arg::Words(&many.words),
        ];
        // SAFETY: each tensor has as many elements as `many` says of it, side by side. Parameters
        // and moments share their memory with nothing, see `is_in_place`; what else reads them does
        // so on the same stream. The plan was made by `adam_plan`.
        let [] = unsafe { launch(kernel("adam_step", many.grid()), &device, dtype, [], &arguments) }?;
    }
    Ok(())
}

/// Writes `Σ g²` of each of some tensors, of which there is one at least, in double precision, into
/// the report, after what is watched. The plan of a step, where there is a rule for it.
fn measured(
    gradients: &[Tensor],
    step: Option<(&[f64; 8], Number<'_>, &Tensor)>,
    report: &Tensor,
) -> Result<Tensor> {
    let (device, dtype) = (gradients[0].device(), gradients[0].dtype());
    let watching = step.map_or(0, |(_, _, watched)| watched.elem_count());
    // Written as a whole before it is read.
    let plan = Tensor::zeros(PLAN, DType::F64, device)?;
    for (number, tensors) in gradients.chunks(MOST_TENSORS).enumerate() {
        let many = many(tensors)?;
        let first = number * MOST_TENSORS;
        let all: Vec<&Tensor> = tensors.iter().collect();
        let arguments = [Arg::Result(0), Arg::All(&all, MOST_TENSORS), Arg::Words(&many.words)];
        let result = (&[many.blocks as usize][..], DType::F64);
        // SAFETY: as above; there is a part for each block.
        let [part] =
            unsafe { launch(kernel("adam_squares", many.grid()), device, dtype, [result], &arguments) }?;
        let squares = report.narrow(0, watching + first, tensors.len())?;
        // The plan is made with the last of them.
        let step = step.filter(|_| first + tensors.len() == gradients.len());
        let (taken, watched) = match step {
            Some((_, Number::After(taken), watched)) => (Arg::Of(taken), Arg::Of(watched)),
            Some((_, Number::Known(_), watched)) => (Arg::Null, Arg::Of(watched)),
            None => (Arg::Null, Arg::Null),
        };
        let all = if step.is_some() { gradients.len() } else { 0 };
        let arguments = [
            Arg::Of(&squares),
            Arg::Of(&part),
            Arg::Of(report),
            Arg::Of(&plan),
            taken,
            watched,
            Arg::Count(count("adam", watching)?),
            Arg::Count(count("adam", all)?),
            Arg::Reals(step.map_or(&[0.0; 8], |(rule, ..)| rule)),
            Arg::Words(&many.words),
        ];
        // SAFETY: the parts are those of `many`; report and plan have room for what is written,
        // and nothing else has their memory yet.
        let [] = unsafe { launch(kernel("adam_plan", Grid::blocks(1, 256)), device, dtype, [], &arguments) }?;
    }
    Ok(plan)
}

/// `Σ x²`, of a tensor on a GPU.
pub(crate) fn squared_norm(x: &Tensor) -> Result<f64> {
    let x = contiguous(x)?.flatten_all()?;
    let square = Tensor::zeros(1, DType::F64, x.device())?;
    measured(&[x], None, &square)?;
    Ok(square.to_vec1::<f64>()?[0])
}
