//! What an inner step does to all adapted parameters at once: values for each task, and steps.

use msr_kernels::{
    inner_step as step_of_all, inner_step_grad, inner_step_is_one_pass, sum_tasks, sum_tasks_is_one_pass,
};

use crate::error::{Error, Result};
use crate::node::{Backward, Node, Rule};

/// `v_i − α g_i` for several nodes, with the number α that each has: on a GPU one operation, with
/// a gradient of its own, and else `v_i.sub(&g_i.mul(α)?)?` for each.
///
/// # Shapes
/// `values` and `gradients` of the same shapes, `rates` of one element each; `of` says which rate
/// each node has
///
/// # Errors
/// When shapes or counts do not fit.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_autodiff::{Graph, Node, grad, inner_step};
///
/// # fn main() -> Result<(), msr_autodiff::Error> {
/// let at = |x: f64| Tensor::new(x, &Device::Cpu).map(|x| Node::leaf(&x));
/// let (v, g, rate) = (at(5.0)?, at(3.0)?, at(0.5)?);
/// let next = inner_step(&[&v], &[&g], &[&rate], &[0])?.remove(0);
/// assert_eq!(next.scalar()?, 3.5);
/// assert_eq!(grad(&next, &[&rate], Graph::Drop)?[0].scalar()?, -3.0);
/// # Ok(())
/// # }
/// ```
pub fn inner_step(values: &[&Node], gradients: &[&Node], rates: &[&Node], of: &[usize]) -> Result<Vec<Node>> {
    let counts = [gradients.len(), of.len()];
    if counts.iter().any(|&n| n != values.len()) || of.iter().any(|&rate| rate >= rates.len()) {
        let got =
            format!("{} values, {counts:?} gradients and numbers of {} rates", values.len(), rates.len());
        return Err(Error::shape("inner_step", got));
    }
    let [of_values, of_gradients, of_rates] = [values, gradients, rates].map(tensors);
    if !inner_step_is_one_pass([&of_values, &of_gradients, &of_rates]) {
        let all = values.iter().zip(gradients).zip(of);
        return all.map(|((v, g), &rate)| v.sub(&g.mul(rates[rate])?)).collect();
    }
    let next = step_of_all(&of_values, &of_gradients, &of_rates, of)?;
    let inputs = [values, gradients, rates].concat();
    Ok(Node::apply(InnerStep { of: of.to_vec() }, &inputs, next))
}

/// The values that all tasks have in common, repeated (without a copy) for each of so many tasks:
/// `(…) -> (t, …)` for each. On a GPU their gradients are added up together.
///
/// # Errors
/// When a shape has too many elements.
pub fn for_tasks(values: &[&Node], tasks: usize) -> Result<Vec<Node>> {
    let repeated = |v: &&Node| v.broadcast_to(&[&[tasks], v.dims()].concat());
    if tasks == 0 || !sum_tasks_is_one_pass(&tensors(values)) {
        return values.iter().map(repeated).collect();
    }
    let all = values.iter().map(|v| repeated(&&v.detach())).collect::<Result<Vec<_>>>()?;
    Ok(Node::apply(ForTasks, values, all.iter().map(|v| v.value().clone()).collect()))
}

fn tensors<'a>(nodes: &[&'a Node]) -> Vec<&'a candle_core::Tensor> {
    nodes.iter().map(|node| node.value()).collect()
}

/// The inputs are values, gradients and rates, one list after the other.
struct InnerStep {
    /// The number of the rate that each value has.
    of: Vec<usize>,
}

impl Rule for InnerStep {
    fn name(&self) -> &'static str {
        "inner_step"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (n, rates) = (self.of.len(), at.inputs() - 2 * self.of.len());
        // Outputs that nothing depends on have no part in this.
        let taken: Vec<usize> = (0..n).filter(|&i| at.grad_of(i).is_some()).collect();
        let cotangents: Vec<&Node> = taken.iter().filter_map(|&i| at.grad_of(i)).collect();
        let gradients: Vec<Node> = taken.iter().map(|&i| at.input(n + i)).collect();
        let of: Vec<usize> = taken.iter().map(|&i| self.of[i]).collect();
        let rate: Vec<Node> = (0..rates).map(|i| at.input(2 * n + i)).collect();
        let mut all: Vec<Option<Node>> = vec![None; at.inputs()];
        for (&i, &u) in taken.iter().zip(&cotangents) {
            all[i] = Some(u.clone());
        }
        if at.keeps_graph() {
            for ((&i, u), (g, &of)) in taken.iter().zip(cotangents).zip(gradients.iter().zip(&of)) {
                all[n + i] = Some(u.mul(&rate[of])?.neg()?);
                let product = u.mul(g)?;
                let dot = product.sum_keepdim(&(0..product.rank()).collect::<Vec<_>>())?.neg()?;
                let dot = dot.reshape(rate[of].dims())?;
                let slot = &mut all[2 * n + of];
                *slot = Some(match slot.take() {
                    Some(sum) => sum.add(&dot)?,
                    None => dot,
                });
            }
            return Ok(all);
        }
        let gradients: Vec<&Node> = gradients.iter().collect();
        let rate: Vec<&Node> = rate.iter().collect();
        let [by_gradients, by_rates] =
            inner_step_grad(&tensors(&gradients), &tensors(&rate), &of, &tensors(&cotangents))?;
        for (&i, value) in taken.iter().zip(&by_gradients) {
            all[n + i] = Some(Node::constant(value));
        }
        for (i, value) in by_rates.iter().enumerate() {
            all[2 * n + i] = Some(Node::constant(value));
        }
        Ok(all)
    }
}

struct ForTasks;

impl Rule for ForTasks {
    fn name(&self) -> &'static str {
        "for_tasks"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let taken: Vec<usize> = (0..at.outputs()).filter(|&i| at.grad_of(i).is_some()).collect();
        let cotangents: Vec<&Node> = taken.iter().filter_map(|&i| at.grad_of(i)).collect();
        let sums: Vec<Node> = if at.keeps_graph() {
            taken
                .iter()
                .zip(&cotangents)
                .map(|(&i, u)| u.sum_to(at.input(i).dims()))
                .collect::<Result<_>>()?
        } else {
            sum_tasks(&tensors(&cotangents))?.iter().map(Node::constant).collect()
        };
        let mut all = vec![None; at.inputs()];
        for (i, sum) in taken.into_iter().zip(sums) {
            all[i] = Some(sum);
        }
        Ok(all)
    }
}
