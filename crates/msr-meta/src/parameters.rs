//! A model's parameters, sorted into shared and adapted ones and put together again.

use candle_core::{Tensor, Var};
use msr_autodiff::Node;
use msr_layers::{Layer, Parameter, Role};

use crate::error::{Error, Result};
use crate::objective::OuterParameter;

pub(crate) struct ModelParameters {
    all: Vec<Parameter>,
}

impl ModelParameters {
    pub(crate) fn new(model: &dyn Layer) -> Self {
        Self { all: model.parameters() }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The variables behind the parameters.
    pub(crate) fn variables(&self) -> Result<Vec<OuterParameter>> {
        let variable = |p: &Parameter| {
            if !p.tensor.is_variable() {
                return Err(Error::NotTrainable { name: p.name.clone() });
            }
            Ok(OuterParameter { name: p.name.clone(), variable: Var::from_tensor(&p.tensor)?, rate: 1.0 })
        };
        self.all.iter().map(variable).collect()
    }

    pub(crate) fn with_role(&self, role: Role) -> impl Iterator<Item = (usize, &Parameter)> {
        self.all.iter().enumerate().filter(move |(_, p)| p.role == role)
    }

    /// The shared ones among nodes for all parameters.
    pub(crate) fn shared(&self, nodes: &[Node]) -> Vec<Node> {
        self.with_role(Role::Shared).map(|(i, _)| nodes[i].clone()).collect()
    }

    /// The adapted ones among nodes for all parameters, repeated (without a copy) for each task.
    pub(crate) fn adapted_for(&self, nodes: &[Node], tasks: usize) -> Result<Vec<Node>> {
        self.with_role(Role::Adapted)
            .map(|(i, _)| Ok(nodes[i].broadcast_to(&[&[tasks], nodes[i].dims()].concat())?))
            .collect()
    }

    /// Shared and adapted nodes in the model's order.
    pub(crate) fn join(&self, shared: &[Node], adapted: &[Node]) -> Vec<Node> {
        let (mut shared, mut adapted) = (shared.iter(), adapted.iter());
        let next = |p: &Parameter| match p.role {
            Role::Shared => shared.next(),
            Role::Adapted => adapted.next(),
        };
        self.all.iter().filter_map(next).cloned().collect()
    }

    /// The values of adapted nodes under the model's names.
    pub(crate) fn name_adapted(&self, nodes: &[Node]) -> Vec<(String, Tensor)> {
        self.with_role(Role::Adapted)
            .zip(nodes)
            .map(|((_, p), n)| (p.name.clone(), n.value().clone()))
            .collect()
    }
}
