//! The gradient steps of a model that is linear in its adapted parameters, as one operation.

use candle_core::DType;
use msr_autodiff::{Node, concat, descend_least_squares};
use msr_episodes::Targets;
use msr_layers::Values;

use crate::error::Result;
use crate::loss::Loss;
use crate::methods::bilevel::{InnerLoop, Method};
use crate::methods::config::{GradientSteps, Order};
use crate::task_data::Set;

impl InnerLoop {
    /// What the steps from `start` lead to, where all of them are one operation on the design
    /// matrix of each task: for exact derivatives of the squared error, in single or double
    /// precision, when examples are used so often that the design matrix pays. `None` otherwise.
    pub(super) fn descend_at_once(
        &self,
        config: GradientSteps,
        start: &Values,
        rates: &[Node],
        support: Set<'_>,
    ) -> Result<Option<Values>> {
        let (Method::Steps(_, table), Some(support)) = (&self.method, support.examples()) else {
            return Ok(None);
        };
        let (Some(linear), Targets::Values(targets)) = (self.model.linear_in_adapted(), &support.y) else {
            return Ok(None);
        };
        let exact = config.order == Order::Second && self.config.loss == Loss::MeanSquaredError;
        let wide = matches!(support.x.dtype(), DType::F32 | DType::F64);
        if !exact || !wide || config.steps == 0 || self.tied.has_ties() {
            return Ok(None);
        }
        let examples = Node::constant(&support.x);
        let Some(design) = linear.design(start, &examples, config.steps)? else { return Ok(None) };
        if design.dims().split_last().is_none_or(|(_, rows)| rows != targets.dims()) {
            return Ok(None);
        }
        let (v, rate) = (flat(&start.adapted, support.tasks())?, table.flat(rates, &start.adapted)?);
        let last = descend_least_squares(&design, &Node::constant(targets), &v, &rate, config.steps)?;
        Ok(Some(Values { adapted: apart(&last, &start.adapted)?, ..start.clone() }))
    }
}

/// The parameters of each task one after the other: `(t, …)` each `-> (t, k)`.
pub(super) fn flat(adapted: &[Node], tasks: usize) -> Result<Node> {
    let rows = |v: &Node| Ok(v.reshape(&[tasks, v.elem_count() / tasks.max(1)])?);
    let rows = adapted.iter().map(rows).collect::<Result<Vec<Node>>>()?;
    match rows.as_slice() {
        [only] => Ok(only.clone()),
        _ => Ok(concat(&rows.iter().collect::<Vec<_>>(), 1)?),
    }
}

/// The parameters again, in the shapes of those that were put one after the other.
pub(super) fn apart(flat: &Node, like: &[Node]) -> Result<Vec<Node>> {
    let mut at = 0;
    let part = |v: &Node| {
        let size = v.elem_count() / v.dims().first().copied().unwrap_or(1).max(1);
        at += size;
        Ok(flat.narrow(1, at - size, size)?.reshape(v.dims())?)
    };
    like.iter().map(part).collect()
}
