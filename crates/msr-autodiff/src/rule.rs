//! What an operation must say about itself to be differentiable.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::node::{Inner, Node};

/// The backward rule of one application of an operation.
///
/// The rule returns, for each input, the vector–Jacobian product `Jᵀ g` as a [`Node`], computed
/// with differentiable operations only. That is what makes second and higher orders work: the
/// gradient is itself a graph. State that the rule keeps (sizes, indices, masks) must not contain
/// tracked nodes; those are the inputs and outputs, which [`Backward`] hands over.
///
/// # Example
/// An operation from outside this crate: y = x², with Jᵀ g = 2 x g.
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_autodiff::{Backward, Graph, Node, Result, Rule, grad};
///
/// struct Square;
/// impl Rule for Square {
///     fn name(&self) -> &'static str {
///         "square"
///     }
///     fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
///         Ok(vec![Some(at.input(0).mul(at.grad()?)?.affine(2.0, 0.0)?)])
///     }
/// }
/// fn square(x: &Node) -> Result<Node> {
///     Ok(Node::apply_one(Square, &[x], x.value().sqr()?))
/// }
///
/// # fn main() -> Result<()> {
/// let x = Node::leaf(&Tensor::new(3f64, &Device::Cpu)?);
/// let first = grad(&square(&x)?, &[&x], Graph::Keep)?.remove(0);
/// let second = grad(&first, &[&x], Graph::Drop)?.remove(0);
/// assert_eq!((first.scalar()?, second.scalar()?), (6.0, 2.0));
/// # Ok(())
/// # }
/// ```
pub trait Rule: Send + Sync {
    /// A short name for messages.
    fn name(&self) -> &'static str;

    /// One gradient per input, in order. `None` means zero; entries for inputs that
    /// [`Backward::needs`] does not ask for are ignored, so there is no need to compute them.
    ///
    /// # Errors
    /// Whatever the operations inside report.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>>;
}

/// The point at which a rule is evaluated: inputs, outputs and the incoming gradients.
///
/// # Panics
/// The methods that take an index panic when the operation has no such input or output: a rule
/// knows how many it was applied to.
pub struct Backward<'a> {
    pub(crate) inner: &'a Arc<Inner>,
    pub(crate) grads: &'a [Option<Node>],
    pub(crate) needs: &'a [bool],
    pub(crate) graph: bool,
}

impl std::fmt::Debug for Backward<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backward")
            .field("rule", &self.rule())
            .field("inputs", &self.inner.inputs)
            .field("grads", &self.grads)
            .field("needs", &self.needs)
            .field("keeps_graph", &self.graph)
            .finish()
    }
}

impl Backward<'_> {
    /// The name of the rule.
    fn rule(&self) -> &'static str {
        self.inner.rule.as_ref().map_or("leaf", |rule| rule.name())
    }

    /// Input `i`. Untracked when no graph of the gradient is wanted.
    pub fn input(&self, i: usize) -> Node {
        let node = &self.inner.inputs[i];
        if self.graph { node.clone() } else { node.detach() }
    }

    /// Output `i`, for rules that reuse it (exp, sqrt). Untracked when no graph is wanted.
    pub fn output(&self, i: usize) -> Node {
        let node = Node { inner: self.inner.clone(), output: i };
        if self.graph { node } else { node.detach() }
    }

    /// The incoming gradient of an operation with one output.
    ///
    /// # Errors
    /// [`Error::Rule`] when the operation has several outputs and the first got no gradient.
    pub fn grad(&self) -> Result<&Node> {
        self.grads[0].as_ref().ok_or_else(|| Error::Rule {
            rule: self.rule(),
            problem: "asked for the gradient of an output that has none; use grad_of".into(),
        })
    }

    /// The incoming gradient of output `i`; `None` means zero.
    pub fn grad_of(&self, i: usize) -> Option<&Node> {
        self.grads[i].as_ref()
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.inner.inputs.len()
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.inner.values.len()
    }

    /// Whether the gradient of input `i` will be used.
    pub fn needs(&self, i: usize) -> bool {
        self.needs[i]
    }

    /// Whether the gradient that is being computed will itself be differentiated.
    pub fn keeps_graph(&self) -> bool {
        self.graph
    }
}
