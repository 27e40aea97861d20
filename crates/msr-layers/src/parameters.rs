//! The parameters of a layer, and the values they take in a forward pass.

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use msr_autodiff::Node;

use crate::error::{Error, Result};

/// A named tensor of a layer.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The full name in the `VarBuilder`, `prefix.symmetry` for instance.
    pub name: String,
    /// The value; shares its storage with the variable in the `VarBuilder`'s store.
    pub tensor: Tensor,
}

impl Parameter {
    /// Takes tensor `name` from `vb`.
    pub(crate) fn new(vb: &VarBuilder, name: &str, shape: &[usize], init: Init) -> Result<Self> {
        Ok(Self { name: full_name(vb, name), tensor: vb.get_with_hints(shape, name, init)? })
    }
}

/// The full name of tensor `name` below the prefix of `vb`.
fn full_name(vb: &VarBuilder, name: &str) -> String {
    let prefix = vb.prefix();
    if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") }
}

/// All parameters of a layer, by who changes them.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// Shared by all tasks, changed by the outer loop alone: symmetry matrices.
    pub shared: Vec<Parameter>,
    /// Adapted to each task by the inner loop; the initial values are learned in the outer loop.
    pub adapted: Vec<Parameter>,
}

impl Parameters {
    /// Shared parameters, then adapted ones.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.shared.iter().chain(&self.adapted)
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.shared.len() + self.adapted.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts those of another layer behind these.
    pub fn append(&mut self, mut other: Parameters) {
        self.shared.append(&mut other.shared);
        self.adapted.append(&mut other.adapted);
    }

    /// The present values as constants for `tasks` tasks: shared ones as they are, adapted ones
    /// repeated (without a copy) for each task.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn broadcast(&self, tasks: usize) -> Result<Values> {
        let repeated = |p: &Parameter| -> Result<Node> {
            Ok(Node::constant(&p.tensor).broadcast_to(&[&[tasks], p.tensor.dims()].concat())?)
        };
        Ok(Values {
            shared: self.shared.iter().map(|p| Node::constant(&p.tensor)).collect(),
            adapted: self.adapted.iter().map(repeated).collect::<Result<_>>()?,
        })
    }

    /// Refuses values that do not fit: another number, or another shape than the parameter's own
    /// (shared) or that with one leading task dimension, the same for all (adapted).
    ///
    /// # Errors
    /// [`Error::Count`] or [`Error::Parameter`], which names the parameter.
    pub fn check(&self, layer: &'static str, values: &Values) -> Result<()> {
        self.check_shared(layer, values)?;
        let tasks = values.adapted.first().and_then(|node| node.dims().first().copied());
        for (p, node) in self.adapted.iter().zip(&values.adapted) {
            let fits = match (tasks, node.dims()) {
                (Some(tasks), [first, rest @ ..]) => *first == tasks && rest == p.tensor.dims(),
                _ => false,
            };
            if !fits {
                let tasks = tasks.map_or("tasks".into(), |t| t.to_string());
                return Err(Error::Parameter {
                    name: p.name.clone(),
                    expected: format!("{tasks} tasks + {:?}", p.tensor.dims()),
                    got: node.dims().to_vec(),
                });
            }
        }
        Ok(())
    }

    /// The same for shared values alone: adapted ones may have any shape.
    ///
    /// # Errors
    /// As [`Parameters::check`].
    pub fn check_shared(&self, layer: &'static str, values: &Values) -> Result<()> {
        let (got, expected) = (values.counts(), (self.shared.len(), self.adapted.len()));
        if got != expected {
            return Err(Error::Count { layer, expected, got });
        }
        match self.shared.iter().zip(&values.shared).find(|(p, node)| node.dims() != p.tensor.dims()) {
            Some((p, node)) => Err(Error::Parameter {
                name: p.name.clone(),
                expected: format!("{:?}", p.tensor.dims()),
                got: node.dims().to_vec(),
            }),
            None => Ok(()),
        }
    }
}

/// The values of a layer's parameters in a forward pass over `t` tasks, in the order of
/// [`Parameters`].
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Shared by all tasks, each with its own shape.
    pub shared: Vec<Node>,
    /// One for each task, `(t, …)`.
    pub adapted: Vec<Node>,
}

impl Values {
    /// These tensors as constants.
    pub fn constants(shared: &[Tensor], adapted: &[Tensor]) -> Self {
        let nodes = |tensors: &[Tensor]| tensors.iter().map(Node::constant).collect();
        Self { shared: nodes(shared), adapted: nodes(adapted) }
    }

    /// The numbers of shared and of adapted values.
    pub fn counts(&self) -> (usize, usize) {
        (self.shared.len(), self.adapted.len())
    }

    /// The number of tasks; `None` without adapted values.
    pub fn tasks(&self) -> Option<usize> {
        self.adapted.first().and_then(|node| node.dims().first().copied())
    }

    /// Shared values, then adapted ones.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.shared.iter().chain(&self.adapted)
    }

    /// The same numbers, with `f` applied to each node.
    #[must_use]
    pub fn map(&self, f: impl Fn(&Node) -> Node) -> Self {
        Self { shared: self.shared.iter().map(&f).collect(), adapted: self.adapted.iter().map(&f).collect() }
    }

    /// Those of one layer of a stack, from what the layers below have left; `None` when there are
    /// too few.
    pub(crate) fn take(&self, from: &mut (usize, usize), counts: (usize, usize)) -> Option<Self> {
        let shared = self.shared.get(from.0..from.0 + counts.0)?.to_vec();
        let adapted = self.adapted.get(from.1..from.1 + counts.1)?.to_vec();
        *from = (from.0 + counts.0, from.1 + counts.1);
        Some(Self { shared, adapted })
    }
}
