//! Recomputation: trade a second forward pass for the memory of a graph.

use crate::error::{Error, Result};
use crate::grad::{Graph, depends_on_older, vjp};
use crate::node::Node;
use crate::node::{Backward, Rule};

type Segment = dyn Fn(&[Node]) -> Result<Vec<Node>> + Send + Sync;

struct CheckpointRule {
    segment: Box<Segment>,
}

impl Rule for CheckpointRule {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        again(at, self.segment.as_ref())
    }
}

/// The gradients of an operation from a second run of what gave its outputs, made of operations
/// that have rules.
pub(crate) fn again(
    at: &Backward<'_>,
    segment: &(dyn Fn(&[Node]) -> Result<Vec<Node>> + Send + Sync),
) -> Result<Vec<Option<Node>>> {
    // Every tracked input takes part again, wanted or not: the segment may take gradients with
    // respect to any of them.
    let inputs: Vec<Node> = (0..at.inputs())
        .map(|i| {
            let original = &at.inner.inputs[i];
            match (original.is_tracked(), at.keeps_graph()) {
                (false, _) => original.detach(),
                (true, false) => original.detach_leaf(),
                // A fresh node in front of the original, so that the walk below ends here even
                // where one input was computed from another.
                (true, true) => Node::apply_one(Identity, &[original], original.value().clone()),
            }
        })
        .collect();
    let outputs = segment(&inputs)?;
    if outputs.len() != at.outputs() {
        return Err(Error::Rule {
            rule: at.rule(),
            problem: format!("gave {} outputs, then {}", at.outputs(), outputs.len()),
        });
    }
    let pairs: Vec<(&Node, &Node)> =
        outputs.iter().enumerate().filter_map(|(i, output)| Some((output, at.grad_of(i)?))).collect();
    let wanted: Vec<&Node> = (0..at.inputs()).filter(|&i| at.needs(i)).map(|i| &inputs[i]).collect();
    let graph = if at.keeps_graph() { Graph::Keep } else { Graph::Drop };
    let mut found = vjp(&pairs, &wanted, graph)?.into_iter();
    Ok((0..at.inputs()).map(|i| if at.needs(i) { found.next() } else { None }).collect())
}

struct Identity;

impl Rule for Identity {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.clone())])
    }
}

/// Runs `segment` on `inputs` without keeping its graph; the backward pass runs it again.
///
/// Everything that gradients should flow to must come through `inputs`. The segment may itself take
/// gradients. Its result must not depend on anything that changes between the two runs. Memory is
/// saved for gradients without a graph ([`crate::Graph::Drop`]); a gradient that will be
/// differentiated again keeps the graph of its second run.
///
/// # Errors
/// What the segment reports; [`Error::Rule`] when it used a tracked node that is not among
/// `inputs`, to which no gradient could flow.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_autodiff::{Graph, Node, checkpoint, grad};
///
/// # fn main() -> Result<(), msr_autodiff::Error> {
/// let x = Node::leaf(&Tensor::new(3f64, &Device::Cpu)?);
/// let y = checkpoint(&[&x], |x| Ok(vec![x[0].power(2.0)?.affine(1.0, 1.0)?]))?.remove(0);
/// assert_eq!(grad(&y, &[&x], Graph::Drop)?[0].scalar()?, 6.0);
/// # Ok(())
/// # }
/// ```
pub fn checkpoint(
    inputs: &[&Node],
    segment: impl Fn(&[Node]) -> Result<Vec<Node>> + Send + Sync + 'static,
) -> Result<Vec<Node>> {
    let cut: Vec<Node> =
        inputs.iter().map(|n| if n.is_tracked() { n.detach_leaf() } else { n.detach() }).collect();
    let outputs = segment(&cut)?;
    let first = cut.iter().map(|n| n.inner.id).min().unwrap_or(u64::MAX);
    if depends_on_older(&outputs, first) {
        return Err(Error::Rule {
            rule: "checkpoint",
            problem: "captured a tracked node; pass it through the inputs (the context of an unroll), \
                      or detach it"
                .into(),
        });
    }
    let values = outputs.iter().map(|n| n.value().clone()).collect();
    Ok(Node::apply(CheckpointRule { segment: Box::new(segment) }, inputs, values))
}
