//! Walking the graph backwards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::node::Backward;
use crate::node::{Inner, Node};

/// Whether a gradient can be differentiated again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graph {
    /// Record how the gradient is computed: needed for the next order, costs memory.
    Keep,
    /// Compute the numbers only.
    Drop,
}

/// The gradient of a one-element `output` with respect to each node of `wrt`.
///
/// `wrt` may hold leaves and computed nodes alike. A tracked node on which the output does not
/// depend gets zeros, which is its gradient.
///
/// # Errors
/// [`Error::NotScalar`] when `output` has more than one element; otherwise as [`vjp`].
pub fn grad(output: &Node, wrt: &[&Node], graph: Graph) -> Result<Vec<Node>> {
    if output.elem_count() != 1 {
        return Err(Error::NotScalar { shape: output.dims().to_vec() });
    }
    vjp(&[(output, &output.ones_like()?)], wrt, graph)
}

/// The product of a vector and the Hessian of a one-element `output`:
/// `Σ_j (∂²output / ∂wrt_i ∂wrt_j) vector_j`, one node per entry of `wrt`.
///
/// Costs about as much as two gradients; the Hessian is never formed.
///
/// # Errors
/// As [`grad`]; [`Error::Shape`] when a vector does not have the shape of its node.
pub fn hvp(output: &Node, wrt: &[&Node], vectors: &[&Node], graph: Graph) -> Result<Vec<Node>> {
    if wrt.len() != vectors.len() {
        return Err(Error::shape("hvp", format!("{} nodes but {} vectors", wrt.len(), vectors.len())));
    }
    let first = grad(output, wrt, Graph::Keep)?;
    let pairs: Vec<(&Node, &Node)> = first.iter().zip(vectors.iter().copied()).collect();
    vjp(&pairs, wrt, graph)
}

/// Vector–Jacobian products: the gradient of `Σ_i ⟨output_i, cotangent_i⟩` with respect to `wrt`.
///
/// # Errors
/// [`Error::NotTracked`] when an entry of `wrt` is a constant; [`Error::Shape`] when a cotangent
/// does not have the shape of its output; otherwise what the rules report.
///
/// # Example
/// y = (a², a b): the cotangent (1, 2) gives 2a + 2b for a, 2a for b.
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_autodiff::{Graph, Node, vjp};
///
/// # fn main() -> Result<(), msr_autodiff::Error> {
/// let at = |x: f64| -> Result<Tensor, msr_autodiff::Error> { Ok(Tensor::new(x, &Device::Cpu)?) };
/// let (a, b) = (Node::leaf(&at(3.0)?), Node::leaf(&at(5.0)?));
/// let (one, two) = (Node::constant(&at(1.0)?), Node::constant(&at(2.0)?));
/// let g = vjp(&[(&a.mul(&a)?, &one), (&a.mul(&b)?, &two)], &[&a, &b], Graph::Drop)?;
/// assert_eq!((g[0].scalar()?, g[1].scalar()?), (16.0, 6.0));
/// # Ok(())
/// # }
/// ```
pub fn vjp(outputs: &[(&Node, &Node)], wrt: &[&Node], graph: Graph) -> Result<Vec<Node>> {
    if let Some(index) = wrt.iter().position(|n| !n.is_tracked()) {
        return Err(Error::NotTracked { index });
    }
    for (output, cotangent) in outputs {
        if output.dims() != cotangent.dims() {
            return Err(Error::shape(
                "vjp",
                format!("output {:?} but cotangent {:?}", output.dims(), cotangent.dims()),
            ));
        }
    }
    let plan = Plan::new(outputs.iter().map(|(output, _)| *output), wrt);
    let mut sums: Vec<Vec<Option<Node>>> =
        plan.order.iter().map(|step| vec![None; step.inner.values.len()]).collect();
    for (output, cotangent) in outputs {
        let cotangent = if graph == Graph::Keep { (*cotangent).clone() } else { cotangent.detach() };
        plan.add(&mut sums, output, cotangent)?;
    }
    // Descending ids: everything that uses a node comes before the node itself.
    for at in (0..plan.order.len()).rev() {
        let step = &plan.order[at];
        let Some(rule) = step.inner.rule.as_ref().filter(|_| step.needs.iter().any(|&n| n)) else {
            continue;
        };
        // A requested node keeps its gradient for the caller; any other is done with it here.
        let grads = if step.requested { sums[at].clone() } else { std::mem::take(&mut sums[at]) };
        if grads.iter().all(Option::is_none) {
            continue;
        }
        let backward =
            Backward { inner: &step.inner, grads: &grads, needs: &step.needs, graph: graph == Graph::Keep };
        let contributions = rule.vjp(&backward)?;
        if contributions.len() != step.inner.inputs.len() {
            return Err(Error::Rule {
                rule: rule.name(),
                problem: format!(
                    "returned {} gradients for {} inputs",
                    contributions.len(),
                    step.inner.inputs.len()
                ),
            });
        }
        for ((input, contribution), &needed) in step.inner.inputs.iter().zip(contributions).zip(&step.needs) {
            let Some(contribution) = contribution.filter(|_| needed) else { continue };
            if contribution.dims() != input.dims() || contribution.dtype() != input.dtype() {
                return Err(Error::Rule {
                    rule: rule.name(),
                    problem: format!(
                        "returned a gradient of shape {:?} and {:?} for an input of shape {:?} and {:?}",
                        contribution.dims(),
                        contribution.dtype(),
                        input.dims(),
                        input.dtype()
                    ),
                });
            }
            plan.add(&mut sums, input, contribution)?;
        }
    }
    wrt.iter()
        .map(|node| match plan.index.get(&node.inner.id) {
            Some(&at) if sums[at].get(node.output).is_some_and(Option::is_some) => {
                let found = sums[at][node.output].clone();
                found.map_or_else(|| node.zeros_like(), Ok)
            }
            _ => node.zeros_like(),
        })
        .collect()
}

/// Whether the outputs were computed from a tracked node whose id is below `first`.
pub(crate) fn depends_on_older(outputs: &[Node], first: u64) -> bool {
    let mut seen = HashSet::new();
    let mut stack: Vec<&Arc<Inner>> = outputs.iter().map(|n| &n.inner).collect();
    while let Some(inner) = stack.pop() {
        if inner.tracked && inner.id < first {
            return true;
        }
        if seen.insert(inner.id) {
            stack.extend(inner.inputs.iter().map(|n| &n.inner));
        }
    }
    false
}

/// The part of the graph that lies between the outputs and the requested nodes.
struct Plan {
    /// In ascending order of ids.
    order: Vec<Step>,
    index: HashMap<u64, usize>,
}

struct Step {
    inner: Arc<Inner>,
    /// For each input, whether its gradient is wanted.
    needs: Vec<bool>,
    /// Whether the caller asked for this node's gradient.
    requested: bool,
}

impl Plan {
    fn new<'a>(outputs: impl Iterator<Item = &'a Node>, wrt: &[&Node]) -> Self {
        // Nothing that was created before the oldest requested node can depend on one.
        let oldest = wrt.iter().map(|n| n.inner.id).min().unwrap_or(u64::MAX);
        let reachable = |node: &Node| node.is_tracked() && node.inner.id >= oldest;
        let mut found: HashMap<u64, &Arc<Inner>> = HashMap::new();
        let mut stack: Vec<&Arc<Inner>> = outputs.filter(|n| reachable(n)).map(|n| &n.inner).collect();
        while let Some(inner) = stack.pop() {
            if found.insert(inner.id, inner).is_none() {
                stack.extend(inner.inputs.iter().filter(|n| reachable(n)).map(|n| &n.inner));
            }
        }
        let mut ascending: Vec<&Arc<Inner>> = found.into_values().collect();
        ascending.sort_unstable_by_key(|inner| inner.id);

        let mut plan = Self { order: Vec::new(), index: HashMap::new() };
        for inner in ascending {
            let needs: Vec<bool> =
                inner.inputs.iter().map(|n| plan.index.contains_key(&n.inner.id)).collect();
            let requested = wrt.iter().any(|n| n.inner.id == inner.id);
            if requested || needs.iter().any(|&n| n) {
                plan.index.insert(inner.id, plan.order.len());
                plan.order.push(Step { inner: inner.clone(), needs, requested });
            }
        }
        plan
    }

    /// Adds `value` to the gradient of `node`; the first contribution is stored as it is.
    fn add(&self, sums: &mut [Vec<Option<Node>>], node: &Node, value: Node) -> Result<()> {
        if let Some(&at) = self.index.get(&node.inner.id) {
            let slot = &mut sums[at][node.output];
            *slot = Some(match slot.take() {
                Some(sum) => sum.add(&value)?,
                None => value,
            });
        }
        Ok(())
    }
}
