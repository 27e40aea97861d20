//! Adaptation by solving: the ridge regression of a task, exactly.
//!
//! For a model that is linear in its adapted parameters v, the support loss is `vᵀ A v − 2 bᵀ v +
//! constant`, and `v₀ + (A + λ̄ 1)⁻¹ (b − A v₀)` minimises it plus `λ̄ ‖v − v₀‖²`. Everything is a
//! differentiable operation of U, v₀ and λ.
//!
//! Source: Bertinetto, Henriques, Torr, Vedaldi, "Meta-learning with differentiable closed-form
//! solvers" (ICLR 2019), for the idea; there it is the last layer that is solved for, here the
//! filter parameters of MSR.

use candle_core::{Tensor, Var};
use msr_autodiff::Node;
use msr_episodes::Targets;
use msr_kernels::{Binary, Precision, binary};
use msr_layers::{Layer, Parameter, Values, normal_equations};

use crate::error::{Error, Result};
use crate::learner::OuterParameter;
use crate::methods::at_once::{apart, flat};
use crate::task_data::Set;

/// The outer learning rate of ln λ, as a factor: λ has to fall by orders of magnitude while U
/// becomes exact.
pub(crate) const RATE: f64 = 20.0;

/// The ridge: its strength is learned.
pub(crate) struct Ridge {
    /// ln λ, above the floor.
    pub(crate) variable: OuterParameter,
}

impl Ridge {
    pub(crate) fn new(strength: f64, adapted: &[Parameter]) -> Result<Self> {
        if !(strength > 0.0 && strength.is_finite()) {
            return Err(Error::config(format!("the ridge must be a positive number, got {strength}")));
        }
        let Some(like) = adapted.first() else {
            return Err(Error::config("least squares needs a model with adapted parameters"));
        };
        let value = Tensor::full(strength.ln(), (), like.tensor.device())?.to_dtype(like.tensor.dtype())?;
        let variable =
            OuterParameter { name: "ridge".into(), variable: Var::from_tensor(&value)?, rate: RATE };
        Ok(Self { variable })
    }

    /// The adapted parameters of each task, with λ from the node of the variable; otherwise as
    /// [`solve`]. A ridge below the rounding error of the normal equations would keep nothing in
    /// check: λ stays above that.
    pub(crate) fn solve(
        &self,
        model: &dyn Layer,
        start: &Values,
        variable: &Node,
        support: Set<'_>,
    ) -> Result<Values> {
        let floor = Precision::of(variable.dtype()).smallest_ridge;
        solve(model, start, &variable.exp()?.affine(1.0, floor)?, support)
    }
}

/// The values with the adapted parameters of each task: those of `start`, `(t, …)`, plus what
/// solves the ridge regression, with λ = `strength`.
pub(crate) fn solve(model: &dyn Layer, start: &Values, strength: &Node, support: Set<'_>) -> Result<Values> {
    let equations = match support {
        Set::Moments(moments) => {
            let linear = model.linear_in_adapted();
            let found = linear.map(|linear| linear.normal_equations_from(start, moments)).transpose()?;
            found.flatten().ok_or_else(|| Error::config("the model's equations have no moments"))?
        }
        Set::Examples(support) => {
            let Targets::Values(targets) = &support.y else {
                return Err(Error::config("least squares needs targets that are values, not labels"));
            };
            normal_equations(model, start, &Node::constant(&support.x), targets)?
        }
    };
    let (given, start) = (start, &start.adapted);
    let (tasks, k) = (equations.rhs.dims()[0], equations.rhs.dims()[1]);
    let flat = flat(start, tasks)?.reshape(&[tasks, k, 1])?;
    let identity = msr_autodiff::identity(k, flat.dtype(), flat.device())?;
    let identity = Node::constant(&identity.reshape((1, k, k))?);
    let mean_diagonal = equations.matrix.mul(&identity)?.sum_keepdim(&[1, 2])?.affine(1.0 / k as f64, 0.0)?;
    // Examples without features say nothing: their task stays where it started, whatever the ridge.
    let speaks = binary(Binary::Gate, mean_diagonal.ones_like()?.value(), mean_diagonal.value())?;
    let silent = Node::constant(&speaks).affine(-1.0, 1.0)?;
    let ridge = identity.mul(&mean_diagonal.mul(strength)?.add(&silent)?)?;
    let rest = equations.rhs.reshape(&[tasks, k, 1])?.sub(&equations.matrix.matmul(&flat)?)?;
    let solution = flat.add(&equations.matrix.add(&ridge)?.solve_positive(&rest)?)?;
    let adapted = apart(&solution.reshape(&[tasks, k])?, start)?;
    Ok(Values { adapted, ..given.clone() })
}
