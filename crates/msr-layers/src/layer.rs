//! What a meta-learner needs to know of a layer.

use candle_core::Tensor;
use msr_autodiff::{Node, SecondMoments};

use crate::error::{Error, Result};
use crate::least_squares::{NormalEquations, by_unit_vectors};

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

    /// The second moments of examples `(t, b, …)` and targets, when the layer's squared error depends on the data through
    /// them alone, and computing them costs less than forming the outputs for `uses` losses and their gradients. One pass
    /// over the data then serves every inner step, and no output of the size of the data is formed. `None` otherwise, and
    /// in half precision, where sums over the data would overflow.
    ///
    /// # Errors
    /// When examples and targets do not fit each other or the layer.
    fn second_moments(
        &self,
        examples: &Tensor,
        targets: &Tensor,
        uses: usize,
    ) -> Result<Option<SecondMoments>> {
        let _ = (examples, targets, uses);
        Ok(None)
    }

    /// The mean squared error of each task, `(t)`, from [`Layer::second_moments`]. Equal to that of
    /// [`Layer::forward_tasks`] but for rounding: the error of the result is some 1e-7 (in `f32`) of the mean square of
    /// the targets, so that of a perfect fit can be slightly below zero. `parameters` are as there.
    ///
    /// # Errors
    /// [`Error::Config`] for layers without moments; when parameters or moments do not fit the layer.
    fn squared_error(&self, parameters: &[Node], moments: &SecondMoments) -> Result<Node> {
        let _ = (parameters, moments);
        Err(Error::Config { layer: "Layer", problem: "this layer's squared error has no moments".into() })
    }

    /// The normal equations of each task's least-squares problem, for layers that are linear in their adapted parameters:
    /// these, flattened one after the other, are the unknowns. `parameters` are as for [`Layer::forward_tasks`]; only the values of
    /// shared ones are read. Time and memory grow
    /// with the square of the number of unknowns: it is for the few that a symmetry matrix leaves free.
    ///
    /// # Errors
    /// [`Error::Config`] when the layer is not linear in them; when examples, targets or parameters do not fit.
    fn normal_equations(
        &self,
        parameters: &[Node],
        examples: &Node,
        targets: &Tensor,
    ) -> Result<NormalEquations> {
        by_unit_vectors(self, parameters, examples, targets)
    }
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

/// Refuses nodes that do not fit the parameters: another number, or another shape than the parameter's own
/// (shared) or that with one leading task dimension, the same for all (adapted).
pub(crate) fn check_parameters<'a>(
    layer: &'static str,
    parameters: impl Iterator<Item = &'a Parameter>,
    nodes: &[Node],
) -> Result<()> {
    let mut tasks = None;
    check_nodes(layer, parameters, nodes, |p, node| match p.role {
        Role::Shared => node.dims() == p.tensor.dims(),
        Role::Adapted => {
            let leading = node.dims().first().copied();
            let expected = *tasks.get_or_insert(leading);
            leading.is_some() && leading == expected && node.dims()[1..] == *p.tensor.dims()
        }
    })
}

/// The same of shared parameters alone: adapted ones may have any shape.
pub(crate) fn check_shared<'a>(
    layer: &'static str,
    parameters: impl Iterator<Item = &'a Parameter>,
    nodes: &[Node],
) -> Result<()> {
    check_nodes(layer, parameters, nodes, |p, node| p.role != Role::Shared || node.dims() == p.tensor.dims())
}

fn check_nodes<'a>(
    layer: &'static str,
    parameters: impl Iterator<Item = &'a Parameter>,
    nodes: &[Node],
    mut fits: impl FnMut(&Parameter, &Node) -> bool,
) -> Result<()> {
    let mut rest = nodes.iter();
    for p in parameters {
        let node = rest.next().ok_or_else(|| missing(layer, nodes.len()))?;
        if !fits(p, node) {
            let front = if p.role == Role::Adapted { "tasks + " } else { "" };
            return Err(Error::Parameter {
                name: p.name.clone(),
                expected: format!("{front}{:?}", p.tensor.dims()),
                got: node.dims().to_vec(),
            });
        }
    }
    if rest.next().is_some() { Err(missing(layer, nodes.len())) } else { Ok(()) }
}

/// The error of a forward pass that was handed another number of parameters than the layer has.
pub(crate) fn missing(layer: &'static str, got: usize) -> Error {
    Error::Config {
        layer,
        problem: format!("the forward pass got {got} parameters, not as many as the layer has"),
    }
}

/// The full name of tensor `name` below the prefix of `vb`.
pub(crate) fn full_name(vb: &candle_nn::VarBuilder, name: &str) -> String {
    let prefix = vb.prefix();
    if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") }
}
