//! The graph: a node is a tensor together with the rule and the inputs that made it, and a rule is
//! what an operation must say about itself to be differentiable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};

/// A tensor that remembers how it was made, so that it can be differentiated.
///
/// Cloning is cheap (one reference count). A node is either *tracked* (a leaf, or computed from
/// one) or a constant; operations on constants alone record nothing.
#[derive(Clone)]
pub struct Node {
    pub(crate) inner: Arc<Inner>,
    pub(crate) output: usize,
}

/// What the clones of a node share: one application of a rule, with all its outputs.
pub(crate) struct Inner {
    /// Grows with creation, so inputs always have smaller ids than what is computed from them:
    /// descending id is a reverse topological order.
    pub(crate) id: u64,
    pub(crate) values: Vec<Tensor>,
    pub(crate) rule: Option<Box<dyn Rule>>,
    pub(crate) inputs: Vec<Node>,
    pub(crate) tracked: bool,
}

impl Inner {
    fn new(values: Vec<Tensor>, rule: Option<Box<dyn Rule>>, inputs: Vec<Node>, tracked: bool) -> Arc<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, values, rule, inputs, tracked })
    }
}

impl Drop for Inner {
    /// Frees the graph below with a loop: a recursive drop would overflow the stack on long chains.
    fn drop(&mut self) {
        let mut pending = std::mem::take(&mut self.inputs);
        while let Some(node) = pending.pop() {
            if let Some(mut inner) = Arc::into_inner(node.inner) {
                pending.append(&mut inner.inputs);
            }
        }
    }
}

impl Node {
    /// A tracked node without history: gradients can be taken with respect to it.
    ///
    /// The tensor is detached from candle's own graph; its storage is shared, not copied, so it
    /// must not be overwritten while the graph is in use.
    pub fn leaf(value: &Tensor) -> Self {
        Self { inner: Inner::new(vec![tidied(value.detach())], None, Vec::new(), true), output: 0 }
    }

    /// An untracked node: a constant of the computation. Shares the tensor's storage.
    pub fn constant(value: &Tensor) -> Self {
        Self { inner: Inner::new(vec![tidied(value.detach())], None, Vec::new(), false), output: 0 }
    }

    /// Records one application of `rule` to `inputs` that gave `values`, one node per value.
    ///
    /// This is how an operation is added, inside or outside this crate: compute the values with any
    /// means, then state the rule for the gradient. When no input is tracked the result is constant
    /// and `rule` is dropped. See [`Rule`] for an example.
    pub fn apply<R: Rule + 'static>(rule: R, inputs: &[&Node], values: Vec<Tensor>) -> Vec<Node> {
        let outputs = values.len();
        let values: Vec<Tensor> = values.into_iter().map(tidied).collect();
        let tracked = inputs.iter().any(|n| n.is_tracked());
        let inner = if tracked {
            let inputs = inputs.iter().map(|n| (*n).clone()).collect();
            Inner::new(values, Some(Box::new(rule)), inputs, true)
        } else {
            Inner::new(values, None, Vec::new(), false)
        };
        (0..outputs).map(|output| Node { inner: inner.clone(), output }).collect()
    }

    /// [`Node::apply`] for an operation with one output.
    pub fn apply_one<R: Rule + 'static>(rule: R, inputs: &[&Node], value: Tensor) -> Node {
        let (tracked, value) = (inputs.iter().any(|n| n.is_tracked()), tidied(value));
        let inner = if tracked {
            let inputs = inputs.iter().map(|n| (*n).clone()).collect();
            Inner::new(vec![value], Some(Box::new(rule)), inputs, true)
        } else {
            Inner::new(vec![value], None, Vec::new(), false)
        };
        Node { inner, output: 0 }
    }

    /// The tensor.
    pub fn value(&self) -> &Tensor {
        &self.inner.values[self.output]
    }

    /// The same tensor as a constant: no gradient flows through it.
    pub fn detach(&self) -> Node {
        Node::constant(self.value())
    }

    /// The same tensor as a fresh leaf, cut off from what came before.
    pub fn detach_leaf(&self) -> Node {
        Node::leaf(self.value())
    }

    /// Whether gradients can flow into this node.
    pub fn is_tracked(&self) -> bool {
        self.inner.tracked
    }

    /// The sizes of the dimensions.
    pub fn dims(&self) -> &[usize] {
        self.value().dims()
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.dims().len()
    }

    /// The number of elements.
    pub fn elem_count(&self) -> usize {
        self.value().elem_count()
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.value().dtype()
    }

    /// Where the tensor lives.
    pub fn device(&self) -> &Device {
        self.value().device()
    }

    /// The tensor of a one-element node as an `f64`, whatever its dtype and rank.
    ///
    /// # Errors
    /// [`Error::NotScalar`] when there is not exactly one element.
    pub fn scalar(&self) -> Result<f64> {
        if self.elem_count() != 1 {
            return Err(Error::NotScalar { shape: self.dims().to_vec() });
        }
        Ok(self.value().flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?[0])
    }

    /// Zeros with the shape, dtype and device of this node, untracked.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn zeros_like(&self) -> Result<Node> {
        Ok(Node::constant(&Tensor::zeros(self.dims(), self.dtype(), self.device())?))
    }

    /// Ones with the shape, dtype and device of this node, untracked.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn ones_like(&self) -> Result<Node> {
        Ok(Node::constant(&Tensor::ones(self.dims(), self.dtype(), self.device())?))
    }
}

/// An empty view in a form that every operation takes.
fn tidied(value: Tensor) -> Tensor {
    msr_kernels::tidy(&value).unwrap_or(value)
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let made_by = match &self.inner.rule {
            Some(rule) => rule.name(),
            None if self.inner.tracked => "leaf",
            None => "constant",
        };
        write!(f, "Node#{}({made_by}, {:?}, {:?})", self.inner.id, self.dims(), self.dtype())
    }
}

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
    pub(crate) fn rule(&self) -> &'static str {
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
