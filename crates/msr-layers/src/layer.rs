//! What a meta-learner needs to know of a layer.

use candle_core::Tensor;
use msr_autodiff::Node;

use crate::error::Result;

/// Who changes a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Shared by all tasks, changed by the outer loop alone: a symmetry matrix.
    Shared,
    /// Adapted to each task by the inner loop; its initial value is learned in the outer loop.
    Adapted,
}

/// A named tensor of a layer.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The full name in the `VarBuilder`, `prefix.symmetry` for instance.
    pub name: String,
    /// The value; shares its storage with the variable in the `VarBuilder`'s store.
    pub tensor: Tensor,
    /// Who changes it.
    pub role: Role,
}

/// What goes into a layer.
#[derive(Clone, Debug)]
pub enum Input {
    /// Examples as they are, `(t, b, …)`: tasks, examples per task, and the layer's own dimensions.
    Examples(Node),
    /// What [`Layer::prepare`] made of them.
    Prepared(Node),
}

impl Input {
    /// The node inside.
    pub fn node(&self) -> &Node {
        match self {
            Input::Examples(node) | Input::Prepared(node) => node,
        }
    }

    /// The same kind of input with another node inside.
    pub fn with(&self, node: Node) -> Self {
        match self {
            Input::Examples(_) => Input::Examples(node),
            Input::Prepared(_) => Input::Prepared(node),
        }
    }
}

/// A layer, or a stack of them, that can be adapted to many tasks at once.
pub trait Layer: Send + Sync {
    /// The parameters, always in the same order.
    fn parameters(&self) -> Vec<Parameter>;

    /// Computes the part of the forward pass that does not depend on adapted parameters, for examples that
    /// will be used `uses` times (once per inner step), when that saves work; otherwise hands the
    /// examples back. `parameters` is as for [`Layer::forward_tasks`]; only shared ones are read.
    ///
    /// # Errors
    /// When the examples do not fit the layer.
    fn prepare(&self, parameters: &[Node], examples: &Node, uses: usize) -> Result<Input> {
        let _ = (parameters, uses);
        Ok(Input::Examples(examples.clone()))
    }

    /// The forward pass for all tasks at once.
    ///
    /// `parameters` follow the order of [`Layer::parameters`]: shared ones with their own shape, adapted
    /// ones with the tasks as a leading dimension `t`.
    ///
    /// # Errors
    /// When the input or the parameters do not fit the layer.
    fn forward_tasks(&self, parameters: &[Node], input: &Input) -> Result<Node>;
}

/// The layer's present values as nodes ready for [`Layer::forward_tasks`]: shared parameters as they are,
/// adapted ones repeated (without a copy) for each of `tasks` tasks.
///
/// # Errors
/// What the tensor library reports.
pub fn broadcast_parameters(layer: &dyn Layer, tasks: usize) -> Result<Vec<Node>> {
    layer
        .parameters()
        .iter()
        .map(|p| {
            let node = Node::constant(&p.tensor);
            match p.role {
                Role::Shared => Ok(node),
                Role::Adapted => {
                    let mut shape = vec![tasks];
                    shape.extend(p.tensor.dims());
                    Ok(node.broadcast_to(&shape)?)
                }
            }
        })
        .collect()
}

/// The full name of tensor `name` below the prefix of `vb`.
pub(crate) fn full_name(vb: &candle_nn::VarBuilder, name: &str) -> String {
    let prefix = vb.prefix();
    if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") }
}
