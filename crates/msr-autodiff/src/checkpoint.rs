//! Recomputation: trade a second forward pass for the memory of a graph.

use crate::error::{Error, Result};
use crate::grad::{Graph, vjp};
use crate::node::Node;
use crate::rule::{Backward, Rule};

type Segment = dyn Fn(&[Node]) -> Result<Vec<Node>> + Send + Sync;

struct CheckpointRule {
    segment: Box<Segment>,
}

impl Rule for CheckpointRule {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let inputs: Vec<Node> = (0..at.inputs())
            .map(|i| {
                let input = at.input(i);
                match (at.needs(i), at.keeps_graph()) {
                    (false, _) => input.detach(),
                    (true, false) => input.detach_leaf(),
                    // A fresh node in front of the original, so that the walk below ends here even
                    // where one input was computed from another.
                    (true, true) => Node::apply_one(Identity, &[&input], input.value().clone()),
                }
            })
            .collect();
        let outputs = (self.segment)(&inputs)?;
        if outputs.len() != at.outputs() {
            return Err(Error::Rule {
                rule: self.name(),
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
/// Everything that gradients should flow to must come through `inputs`: nodes that the closure
/// captures are constants to it. The segment may itself take gradients. Its result must not depend on
/// anything that changes between the two runs.
///
/// # Errors
/// What the segment reports.
pub fn checkpoint(
    inputs: &[&Node],
    segment: impl Fn(&[Node]) -> Result<Vec<Node>> + Send + Sync + 'static,
) -> Result<Vec<Node>> {
    let cut: Vec<Node> =
        inputs.iter().map(|n| if n.is_tracked() { n.detach_leaf() } else { n.detach() }).collect();
    let values = segment(&cut)?.into_iter().map(|n| n.value().clone()).collect();
    Ok(Node::apply(CheckpointRule { segment: Box::new(segment) }, inputs, values))
}
