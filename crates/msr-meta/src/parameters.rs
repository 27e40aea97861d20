//! A model's parameters as what the outer loop changes.

use candle_core::{Tensor, Var};
use msr_autodiff::Node;
use msr_layers::{Parameter, Parameters, Values};

use crate::error::{Error, Result};
use crate::learner::OuterParameter;

/// The variables behind parameters, all of which must be some.
pub(crate) fn variables<'a>(parameters: impl Iterator<Item = &'a Parameter>) -> Result<Vec<OuterParameter>> {
    let variable = |p: &Parameter| {
        if !p.tensor.is_variable() {
            return Err(Error::NotTrainable { name: p.name.clone() });
        }
        Ok(OuterParameter { name: p.name.clone(), variable: Var::from_tensor(&p.tensor)?, rate: 1.0 })
    };
    parameters.map(variable).collect()
}

/// Multiplies the learning rate of each parameter by the factor of its name.
pub(crate) fn multiply_rates(outer: &mut [OuterParameter], factor: impl Fn(&str) -> f64) {
    for p in outer {
        p.rate *= factor(&p.name);
    }
}

/// The gradients of outer parameters: zero of those that stay as they are, which so have no part in
/// the norm that is clipped.
pub(crate) fn outer_gradients(gradients: &[Node], outer: &[OuterParameter]) -> Result<Vec<Tensor>> {
    let of = |(gradient, p): (&Node, &OuterParameter)| match p.rate == 0.0 {
        true => Ok(gradient.value().zeros_like()?),
        false => Ok(gradient.value().clone()),
    };
    gradients.iter().zip(outer).map(of).collect()
}

/// A model's present values as nodes that `make` makes of them, one for all tasks.
pub(crate) fn nodes(parameters: &Parameters, make: impl Fn(&Tensor) -> Node) -> Values {
    let of = |list: &[Parameter]| list.iter().map(|p| make(&p.tensor)).collect();
    let buffers = parameters.present_buffers();
    Values { buffers, ..Values::new(of(&parameters.shared), of(&parameters.adapted)) }
}

/// The same, with adapted values repeated (without a copy) for each of `tasks` tasks.
pub(crate) fn for_tasks(values: &Values, tasks: usize) -> Result<Values> {
    let adapted = msr_autodiff::for_tasks(&values.adapted.iter().collect::<Vec<_>>(), tasks)?;
    Ok(Values { adapted, ..values.clone() })
}
