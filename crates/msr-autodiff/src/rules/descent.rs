//! Gradient steps on the squared error of a linear model as one operation, with a gradient of its
//! own, in main memory and on a GPU; what is beyond is composed from single operations.

use msr_kernels::{Path, descend, descend_grad, is_fused};

use crate::checkpoint::again;
use crate::error::{Error, Result};
use crate::node::{Backward, Node, Rule};

/// The numbers of a task's design matrix up to which its steps are one operation: larger ones keep
/// several threads busy with each product.
const LARGEST: usize = 1 << 18;

struct DescentRule {
    path: Path,
    steps: usize,
}

impl Rule for DescentRule {
    fn name(&self) -> &'static str {
        "descend"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        if at.keeps_graph() || at.needs(1) {
            let steps = self.steps;
            return again(at, &|x: &[Node]| Ok(vec![composed(&x[0], &x[1], &x[2], &x[3], steps)?]));
        }
        let [design, targets, _, rate] = [0, 1, 2, 3].map(|i| at.input(i));
        let g = at.grad()?;
        let [design, start, rate] =
            descend_grad(design.value(), targets.value(), rate.value(), &self.path, g.value())?;
        let [design, start, rate] = [design, start, rate].map(|value| Some(Node::constant(&value)));
        Ok(vec![design, None, start, rate])
    }
}

/// The parameters of a linear model after gradient steps on the squared error of each task:
/// `v_{s+1} = v_s − α ∘ (2 / n) Φᵀ (Φ v_s − y)`, n being the number of rows of Φ.
///
/// # Shapes
/// `design (t, …, k)` for Φ, its rows in any number of dimensions; `targets (t, …)`, one for each
/// row; `start (t, k)` for v₀; `rate (k)` for α `-> (t, k)`
///
/// # Errors
/// When the shapes do not fit, or a size is zero.
///
/// # Example
/// One number: a step of rate 1/16 on (2 v − 6)² halves the distance from 3.
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_autodiff::{Graph, Node, descend_least_squares, grad};
///
/// # fn main() -> Result<(), msr_autodiff::Error> {
/// let node = |x: f64, shape: &[usize]| -> Result<Node, msr_autodiff::Error> {
///     Ok(Node::leaf(&Tensor::full(x, shape, &Device::Cpu)?))
/// };
/// let (design, targets) = (node(2.0, &[1, 1, 1])?, node(6.0, &[1, 1])?);
/// let (start, rate) = (node(1.0, &[1, 1])?, node(0.0625, &[1])?);
/// let last = descend_least_squares(&design, &targets, &start, &rate, 3)?;
/// assert_eq!(last.scalar()?, 3.0 - 2.0 / 8.0);
/// assert_eq!(grad(&last, &[&start], Graph::Drop)?[0].scalar()?, 1.0 / 8.0);
/// # Ok(())
/// # }
/// ```
pub fn descend_least_squares(
    design: &Node,
    targets: &Node,
    start: &Node,
    rate: &Node,
    steps: usize,
) -> Result<Node> {
    let all = [design, targets, start, rate];
    let per_task = design.elem_count() / design.dims().first().copied().unwrap_or(1).max(1);
    if steps == 0 || per_task > LARGEST || !all.iter().all(|node| is_fused(node.value())) {
        return composed(design, targets, start, rate, steps);
    }
    let [design_value, targets_value, start_value, rate_value] = all.map(Node::value);
    let (last, path) = descend(design_value, targets_value, start_value, rate_value, steps)?;
    Ok(Node::apply_one(DescentRule { path, steps }, &all, last))
}

/// The same from single operations, which can be differentiated further.
fn composed(design: &Node, targets: &Node, start: &Node, rate: &Node, steps: usize) -> Result<Node> {
    let (dims, fits) = (design.dims(), start.dims());
    let (&[t, .., k], true) = (dims, design.elem_count() > 0) else {
        return Err(Error::shape("descend", format!("{dims:?} is no design matrix of each task")));
    };
    let n = design.elem_count() / (t * k);
    if fits != [t, k] || rate.dims() != [k] || targets.dims() != &dims[..dims.len() - 1] {
        let got = format!("targets {:?}, start {fits:?}, rate {:?}", targets.dims(), rate.dims());
        return Err(Error::shape("descend", format!("design {dims:?} does not fit {got}")));
    }
    let (design, targets) = (design.reshape(&[t, n, k])?, targets.reshape(&[t, n, 1])?);
    let (across, rate) = (design.t()?, rate.reshape(&[1, k, 1])?.affine(2.0 / n as f64, 0.0)?);
    let mut v = start.reshape(&[t, k, 1])?;
    for _ in 0..steps {
        let slope = across.matmul(&design.matmul(&v)?.sub(&targets)?)?;
        v = v.sub(&slope.mul(&rate)?)?;
    }
    v.reshape(&[t, k])
}
