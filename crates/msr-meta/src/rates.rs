//! The rates of the inner loop.

use candle_core::{Tensor, Var};
use msr_autodiff::{Node, concat, inner_step};
use msr_layers::Parameter;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::learner::OuterParameter;

/// What shares one learned inner rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Granularity {
    /// All adapted parameters of a layer (those with the same name up to the last dot).
    #[default]
    PerLayer,
    /// All adapted parameters of a block: the layers whose names are the same up to the last dot
    /// (`block0` for `block0.conv` and `block0.norm`). A layer without one is a block of its own.
    PerBlock,
    /// Each adapted parameter.
    PerParameter,
    /// Each element of each adapted parameter.
    PerElement,
}

/// The inner rates α of `v ← v − α ∘ ∇L`, the same at every step. A test with more inner steps than
/// the training takes them at these rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rates {
    /// The same rate for everything, not learned.
    Fixed(f64),
    /// Learned in the outer loop.
    Learned {
        /// The rate at the start.
        initial: f64,
        /// What shares a rate.
        per: Granularity,
        /// Learn the logarithm, so that rates stay positive.
        positive: bool,
    },
}

impl Default for Rates {
    /// One learned rate a layer, from 0.1, of any sign: the authors' choice.
    fn default() -> Self {
        Rates::Learned { initial: 0.1, per: Granularity::PerLayer, positive: false }
    }
}

/// The rates of a model: variables, and which of them each adapted parameter uses.
pub(crate) struct RateTable {
    pub(crate) variables: Vec<OuterParameter>,
    of_adapted: Vec<usize>,
    positive: bool,
    fixed: Option<f64>,
}

impl RateTable {
    /// For an inner loop without steps.
    pub(crate) fn none() -> Self {
        Self { variables: Vec::new(), of_adapted: Vec::new(), positive: false, fixed: None }
    }

    pub(crate) fn new(rates: Rates, adapted: &[Parameter]) -> Result<Self> {
        let Rates::Learned { initial, per, positive } = rates else {
            let fixed = if let Rates::Fixed(rate) = rates { Some(rate) } else { None };
            if fixed.is_some_and(|rate| !rate.is_finite()) {
                return Err(Error::config("the inner rate must be a finite number"));
            }
            return Ok(Self { fixed, ..Self::none() });
        };
        if !initial.is_finite() || (positive && initial <= 0.0) {
            let kind = if positive { "positive" } else { "finite" };
            return Err(Error::config(format!("the initial inner rate must be {kind}, got {initial}")));
        }
        let start = if positive { initial.ln() } else { initial };
        let mut table = Self { positive, ..Self::none() };
        for p in adapted {
            let layer = p.name.rsplit_once('.').map_or("", |(layer, _)| layer);
            let (owner, shape) = match per {
                Granularity::PerLayer => (layer, &[][..]),
                Granularity::PerBlock => (layer.rsplit_once('.').map_or(layer, |(block, _)| block), &[][..]),
                Granularity::PerParameter => (p.name.as_str(), &[][..]),
                Granularity::PerElement => (p.name.as_str(), p.tensor.dims()),
            };
            let name = if owner.is_empty() { "rate".to_string() } else { format!("rate.{owner}") };
            let at = match table.variables.iter().position(|v| v.name == name) {
                Some(at) => at,
                None => {
                    let value = Tensor::full(start, shape, p.tensor.device())?.to_dtype(p.tensor.dtype())?;
                    let variable = Var::from_tensor(&value)?;
                    table.variables.push(OuterParameter { name, variable, rate: 1.0 });
                    table.variables.len() - 1
                }
            };
            table.of_adapted.push(at);
        }
        Ok(table)
    }

    /// The rate itself, from the node of a variable.
    pub(crate) fn rates(&self, variables: &[Node]) -> Result<Vec<Node>> {
        variables.iter().map(|node| Ok(if self.positive { node.exp()? } else { node.clone() })).collect()
    }

    /// The learned rate of adapted parameter `adapted`.
    fn of<'a>(&self, rates: &'a [Node], adapted: usize) -> Result<&'a Node> {
        let rate = self.of_adapted.get(adapted).and_then(|&at| rates.get(at));
        rate.ok_or_else(|| Error::config(format!("there is no inner rate for adapted parameter {adapted}")))
    }

    /// The step `v − α ∘ gradient` of all adapted parameters.
    pub(crate) fn step(&self, rates: &[Node], values: &[Node], gradients: &[Node]) -> Result<Vec<Node>> {
        let all = values.iter().zip(gradients);
        if let Some(rate) = self.fixed {
            return all.map(|(v, g)| Ok(v.sub(&g.affine(rate, 0.0)?)?)).collect();
        }
        if rates.iter().all(|rate| rate.rank() == 0) && self.of_adapted.iter().all(|&at| at < rates.len()) {
            let [values, gradients, rates] =
                [values, gradients, rates].map(|list| list.iter().collect::<Vec<_>>());
            return Ok(inner_step(&values, &gradients, &rates, &self.of_adapted)?);
        }
        all.enumerate().map(|(i, (v, g))| Ok(v.sub(&g.mul(self.of(rates, i)?)?)?)).collect()
    }

    /// The rate of each element of the adapted parameters `(t, …)`, one after the other: `(k)`.
    pub(crate) fn flat(&self, rates: &[Node], adapted: &[Node]) -> Result<Node> {
        let of_parameter = |(i, v): (usize, &Node)| {
            let own = v.dims().get(1..).unwrap_or_default();
            let rate = match self.fixed {
                Some(rate) => Node::constant(&Tensor::full(rate, (), v.device())?.to_dtype(v.dtype())?),
                None => self.of(rates, i)?.clone(),
            };
            Ok(rate.broadcast_to(own)?.reshape(&[own.iter().product()])?)
        };
        let parts = adapted.iter().enumerate().map(of_parameter).collect::<Result<Vec<Node>>>()?;
        match parts.as_slice() {
            [only] => Ok(only.clone()),
            _ => Ok(concat(&parts.iter().collect::<Vec<_>>(), 0)?),
        }
    }
}
