//! Statistics of normalisations: those of a support set, for its queries, and running averages.

use candle_core::Tensor;
use msr_autodiff::Node;
use msr_layers::{Buffer, Input, Layer, Parameters, Phase, Values};

use crate::error::{Error, Result};
use crate::task_data::Set;

/// Refuses running averages that are constants: they could not be trained.
pub(crate) fn check_buffers(parameters: &Parameters) -> Result<()> {
    for buffer in parameters.buffers.iter().filter(|b| !b.is_of_task()) {
        buffer.variable().map_err(|_| Error::NotTrainable { name: buffer.name.clone() })?;
    }
    Ok(())
}

/// The running averages among the buffers of a model.
pub(crate) fn running(parameters: &Parameters) -> Vec<Buffer> {
    parameters.buffers.iter().filter(|b| !b.is_of_task()).cloned().collect()
}

/// Values after an inner loop, ready for queries: with the statistics of the support set under
/// them, where the model normalises with those. Gradients flow through them.
pub(crate) fn for_queries(model: &dyn Layer, adapted: Values, support: Set<'_>) -> Result<Values> {
    // Most models have no buffers, which says so without asking for all parameters.
    if adapted.buffers.is_empty() {
        return Ok(adapted.in_phase(Phase::Query));
    }
    let own = model.parameters().buffers;
    if own.iter().all(|buffer| !buffer.is_of_task()) {
        return Ok(adapted.in_phase(Phase::Query));
    }
    let Some(support) = support.examples() else { return Ok(adapted.in_phase(Phase::Query)) };
    let input = Input::Examples(Node::constant(&support.x));
    let in_support = adapted.in_phase(Phase::Support);
    let (_, statistics) = model.forward_with_statistics(&in_support, &input)?;
    let buffers = own
        .iter()
        .zip(&in_support.buffers)
        .zip(statistics)
        .map(|((buffer, old), new)| if buffer.is_of_task() { Some(new) } else { old.clone() });
    Ok(Values { buffers: buffers.collect(), ..in_support }.in_phase(Phase::Query))
}

/// The running averages after a training step whose queries are `query`.
pub(crate) fn next_buffers(model: &dyn Layer, adapted: &Values, query: Set<'_>) -> Result<Vec<Tensor>> {
    if adapted.buffers.is_empty() {
        return Ok(Vec::new());
    }
    let own = model.parameters().buffers;
    if own.iter().all(Buffer::is_of_task) {
        return Ok(Vec::new());
    }
    let Some(query) = query.examples() else { return Ok(Vec::new()) };
    // The numbers alone: no graph of this pass is kept.
    let mut plain = adapted.map(Node::detach);
    plain.buffers = plain.buffers.iter().map(|node| node.as_ref().map(Node::detach)).collect();
    let input = Input::Examples(Node::constant(&query.x));
    let (_, statistics) = model.forward_with_statistics(&plain, &input)?;
    let mut next = Vec::new();
    for (buffer, statistic) in own.iter().zip(&statistics) {
        next.extend(buffer.next(statistic)?);
    }
    Ok(next)
}
