//! A loop of differentiable steps.

use std::ops::Range;
use std::sync::Arc;

use crate::checkpoint::checkpoint;
use crate::error::Result;
use crate::node::Node;

/// Whether the graph of each step of [`unroll`] is kept or computed again when it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recompute {
    /// Keep every step's graph: fastest, memory grows with the number of steps.
    #[default]
    Off,
    /// Keep no graph. The backward pass halves the range of steps again and again: `log₂ steps`
    /// states and one step's graph in memory, `log₂ steps` more forward passes. (A gradient that
    /// keeps its own graph for the next order keeps the recomputed steps too.)
    On,
}

type Step = dyn Fn(usize, &[Node], &[Node]) -> Result<Vec<Node>> + Send + Sync;

/// Applies `step(index, state, context)` `steps` times, each time to the state that the last one
/// returned, and returns the final state. Gradients flow to the initial state and to the context,
/// not to nodes that the closure captures.
///
/// # Errors
/// What `step` reports; with [`Recompute::On`], [`crate::Error::Rule`] when it captured a tracked
/// node.
///
/// # Example
/// Three gradient steps on (w − c)²/2 with rate a: w₃ = c + (1 − a)³ (w₀ − c).
/// ```
/// use std::sync::Arc;
/// use candle_core::{Device, Tensor};
/// use msr_autodiff::{Graph, Node, Recompute, grad, unroll};
///
/// # fn main() -> Result<(), msr_autodiff::Error> {
/// let at = |x: f64| Tensor::new(x, &Device::Cpu).map(|x| Node::leaf(&x));
/// let (w, c, rate) = (at(5.0)?, at(1.0)?, at(0.5)?);
/// let descend = |_: usize, state: &[Node], context: &[Node]| {
///     let loss = state[0].sub(&context[0])?.power(2.0)?.affine(0.5, 0.0)?;
///     let gradient = grad(&loss, &[&state[0]], Graph::Keep)?.remove(0);
///     Ok(vec![state[0].sub(&gradient.mul(&context[1])?)?])
/// };
/// let last = unroll(vec![w.clone()], vec![c, rate], 3, Recompute::On, Arc::new(descend))?;
/// let last = &last[0];
/// assert_eq!(last.scalar()?, 1.5);
/// assert_eq!(grad(last, &[&w], Graph::Drop)?[0].scalar()?, 0.125);
/// # Ok(())
/// # }
/// ```
pub fn unroll(
    state: Vec<Node>,
    context: Vec<Node>,
    steps: usize,
    recompute: Recompute,
    step: Arc<Step>,
) -> Result<Vec<Node>> {
    match recompute {
        Recompute::Off => (0..steps).try_fold(state, |state, index| step(index, &state, &context)),
        Recompute::On => segment(state, &context, 0..steps, &step),
    }
}

/// Runs a range of steps as one checkpoint of two halves, down to single steps.
fn segment(state: Vec<Node>, context: &[Node], range: Range<usize>, step: &Arc<Step>) -> Result<Vec<Node>> {
    if range.is_empty() {
        return Ok(state);
    }
    let inputs: Vec<&Node> = state.iter().chain(context).collect();
    let (width, step) = (state.len(), step.clone());
    checkpoint(&inputs, move |inputs| {
        let (state, context) = inputs.split_at(width);
        if range.len() == 1 {
            return step(range.start, state, context);
        }
        let middle = range.start + range.len() / 2;
        let state = segment(state.to_vec(), context, range.start..middle, &step)?;
        segment(state, context, middle..range.end, &step)
    })
}
