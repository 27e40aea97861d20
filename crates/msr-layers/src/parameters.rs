//! The parameters of a layer.

use candle_core::{DType, Tensor};
use candle_nn::{Init, VarBuilder};
use msr_autodiff::{Node, room_for};

use crate::buffers::Buffer;
use crate::error::{Error, Result};
use crate::values::Values;

/// A named tensor of a layer.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The full name in the `VarBuilder`, `prefix.symmetry` for instance.
    pub name: String,
    /// The value; shares its storage with the variable in the `VarBuilder`'s store, and changes
    /// with it.
    pub tensor: Tensor,
    /// Some of the numbers that the tensor held when the layer was built.
    start: Vec<f64>,
}

impl Parameter {
    /// Takes tensor `name` from `vb`, which may create it.
    ///
    /// # Errors
    /// When `vb` has it with another shape, or not at all, or when there is no room for it.
    pub fn new(vb: &VarBuilder, name: &str, shape: &[usize], init: Init) -> Result<Self> {
        room_for("a parameter", shape)?;
        Self::of(full_name(vb, name), vb.get_with_hints(shape, name, init)?)
    }

    /// A parameter with this name and value.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn of(name: impl Into<String>, tensor: Tensor) -> Result<Self> {
        let start = sample(&tensor)?;
        Ok(Self { name: name.into(), tensor, start })
    }

    /// Whether the tensor was changed since the layer was built: the parameter was trained, or
    /// loaded from a file. Some of its numbers are compared. Numbers that were in the `VarMap` or
    /// the `VarBuilder`'s file before the layer was built are those it started with: that they are
    /// learned ones, nothing can tell.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn was_changed(&self) -> Result<bool> {
        Ok(sample(&self.tensor)? != self.start)
    }
}

/// The number of elements that a sample has.
const SAMPLE: usize = 16;

/// Some numbers of a tensor, spread over all of it.
fn sample(tensor: &Tensor) -> Result<Vec<f64>> {
    let count = tensor.elem_count();
    let places: Vec<u32> = (0..count.min(SAMPLE)).map(|i| (i * count / count.min(SAMPLE)) as u32).collect();
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let places = Tensor::new(places, tensor.device())?;
    let picked = tensor.detach().flatten_all()?.index_select(&places, 0)?;
    Ok(picked.to_dtype(DType::F64)?.to_vec1()?)
}

/// The full name of tensor `name` below the prefix of `vb`.
pub(crate) fn full_name(vb: &VarBuilder, name: &str) -> String {
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
    /// What belongs to the layer and no gradient changes: the statistics of normalisations.
    pub buffers: Vec<Buffer>,
}

impl Parameters {
    /// These parameters, without buffers.
    pub fn new(shared: Vec<Parameter>, adapted: Vec<Parameter>) -> Self {
        Self { shared, adapted, buffers: Vec::new() }
    }

    /// Shared parameters, then adapted ones; no buffers.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.shared.iter().chain(&self.adapted)
    }

    /// The number of parameters; buffers are none.
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
        self.buffers.append(&mut other.buffers);
    }

    /// Which of these parameters are the same: a layer that is used twice has the same variables
    /// under the same names.
    ///
    /// # Errors
    /// [`Error::Name`] for different variables under one name; [`Error::Config`] for a
    /// normalisation with buffers that is used twice: what goes through it at one place has other
    /// statistics than at the other.
    pub fn tied(&self) -> Result<Tied> {
        let mut tied = Tied::default();
        let mut seen: Vec<(&Parameter, bool)> = Vec::new();
        for (i, buffer) in self.buffers.iter().enumerate() {
            if self.buffers[..i].iter().any(|other| other.name == buffer.name) {
                let problem = format!(
                    "two layers have a buffer `{}`: build one for each place, with a prefix of its own, vb.pp(name)",
                    buffer.name
                );
                return Err(Error::Config { layer: "BatchNorm", problem });
            }
        }
        tied.parameters.buffers = self.buffers.clone();
        for (list, is_shared) in [(&self.shared, true), (&self.adapted, false)] {
            for p in list {
                let found = seen.iter().find(|(other, _)| other.name == p.name);
                if found
                    .is_some_and(|(other, shared)| other.tensor.id() != p.tensor.id() || *shared != is_shared)
                {
                    return Err(Error::Name { name: p.name.clone() });
                }
                let (own, places) = match is_shared {
                    true => (&mut tied.parameters.shared, &mut tied.shared),
                    false => (&mut tied.parameters.adapted, &mut tied.adapted),
                };
                let at = own.iter().position(|other| other.name == p.name).unwrap_or(own.len());
                if at == own.len() {
                    own.push(p.clone());
                }
                places.push(at);
                seen.push((p, is_shared));
            }
        }
        Ok(tied)
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
        let shared = self.shared.iter().map(|p| Node::constant(&p.tensor)).collect();
        let adapted = self.adapted.iter().map(repeated).collect::<Result<_>>()?;
        Ok(Values { buffers: self.present_buffers(), ..Values::new(shared, adapted) })
    }

    /// The present values of the buffers, as constants; `None` for statistics that belong to a
    /// task.
    pub fn present_buffers(&self) -> Vec<Option<Node>> {
        self.buffers.iter().map(|b| b.tensor.as_ref().map(Node::constant)).collect()
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
        self.check_buffers(values)
    }

    /// The error of values that are not as many as there are parameters and buffers.
    pub(crate) fn wrong_count(&self, layer: &'static str, values: &Values) -> Error {
        self.check_counts(layer, values).err().unwrap_or_else(|| Error::Config {
            layer,
            problem: "the values are those of other layers".into(),
        })
    }

    /// Refuses values that are not as many as there are parameters and buffers.
    pub(crate) fn check_counts(&self, layer: &'static str, values: &Values) -> Result<()> {
        let (got, expected) = (values.counts(), (self.shared.len(), self.adapted.len()));
        if got != expected {
            return Err(Error::Count { layer, expected, got });
        }
        let (got, expected) = (values.buffers.len(), self.buffers.len());
        if got == expected {
            return Ok(());
        }
        let problem = format!(
            "the forward pass got {got} buffers, the layer has {expected}; Parameters::present_buffers gives them"
        );
        Err(Error::Config { layer, problem })
    }

    /// Refuses buffers of another shape.
    fn check_buffers(&self, values: &Values) -> Result<()> {
        for (buffer, node) in self.buffers.iter().zip(&values.buffers) {
            let Some(node) = node else { continue };
            let (dims, own) = (node.dims(), buffer.shape.as_slice());
            let tasks = values.tasks().is_none_or(|tasks| dims.first() == Some(&tasks));
            if dims != own && !(dims.get(1..) == Some(own) && tasks) {
                return Err(Error::Parameter {
                    name: buffer.name.clone(),
                    expected: format!("{own:?}, or tasks + {own:?}"),
                    got: dims.to_vec(),
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
        self.check_counts(layer, values)?;
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

/// The different parameters of a model, and where each of them is used.
#[derive(Clone, Debug, Default)]
pub struct Tied {
    /// Each of them once.
    pub parameters: Parameters,
    /// For each shared parameter of the model, its place among the different ones.
    shared: Vec<usize>,
    /// The same of adapted parameters.
    adapted: Vec<usize>,
}

impl Tied {
    /// Whether a parameter is used more than once.
    pub fn has_ties(&self) -> bool {
        self.shared.len() + self.adapted.len() > self.parameters.len()
    }

    /// The values of the model from those of the different parameters: one that is used twice is
    /// there twice, the same node.
    pub fn spread(&self, values: &Values) -> Values {
        let pick = |nodes: &[Node], places: &[usize]| {
            places.iter().filter_map(|&at| nodes.get(at).cloned()).collect()
        };
        Values {
            shared: pick(&values.shared, &self.shared),
            adapted: pick(&values.adapted, &self.adapted),
            ..values.clone()
        }
    }
}
