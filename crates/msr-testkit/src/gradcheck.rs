//! Gradients of any order against central finite differences, in f64.

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Graph, Node, Result, grad};

use crate::{assert_close, normal};

/// Step and tolerance of a finite-difference check.
#[derive(Clone, Copy, Debug)]
pub struct FiniteDifference {
    /// The distance to each side.
    pub step: f64,
    /// The largest allowed error, relative to `max(1, |derivative|)`.
    pub tolerance: f64,
}

impl Default for FiniteDifference {
    /// Step 1e-5: truncation and rounding error are both near 1e-10; the tolerance leaves room for
    /// the size of the derivatives.
    fn default() -> Self {
        Self { step: 1e-5, tolerance: 2e-7 }
    }
}

/// Checks every partial derivative of `f` at `inputs`, for each order from one to `orders`.
///
/// `f` is turned into a number by a fixed random cubic, `L₀ = Σ w ∘ (f + f²/2 + f³/6)`, so that
/// linear operations have non-zero derivatives of order two and three too. Order `n` then compares
/// the gradient of `Lₙ₋₁` with finite differences of `Lₙ₋₁`, where `Lₙ = Σ uₙ ∘ ∇Lₙ₋₁` for random
/// `uₙ`. Each order is also checked with one input asked for at a time, which takes other paths
/// through the graph.
///
/// # Panics
/// When a derivative is off, naming the case, the order, the input and the element.
pub fn gradcheck(
    name: &str,
    f: &dyn Fn(&[Node]) -> Result<Node>,
    inputs: &[Tensor],
    orders: usize,
    fd: FiniteDifference,
) {
    for order in 1..=orders {
        let leaves: Vec<Node> = inputs.iter().map(Node::leaf).collect();
        let top = functional(f, &leaves, order - 1).unwrap_or_else(|e| panic!("{name}, order {order}: {e}"));
        let wrt: Vec<&Node> = leaves.iter().collect();
        let analytic = grad(&top, &wrt, Graph::Drop).unwrap_or_else(|e| panic!("{name}, order {order}: {e}"));
        for (i, input) in inputs.iter().enumerate() {
            let numeric = differences(f, inputs, i, order - 1, fd.step);
            let numeric = Tensor::from_vec(numeric, input.shape(), &Device::Cpu).unwrap();
            let alone = grad(&top, &[&leaves[i]], Graph::Drop).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_close(
                &format!("{name}, order {order}, input {i} alone"),
                alone[0].value(),
                analytic[i].value(),
                1e-12,
            );
            assert_close(
                &format!("{name}, order {order}, input {i}"),
                analytic[i].value(),
                &numeric,
                fd.tolerance,
            );
        }
    }
}

/// `L_level` as a one-element node.
fn functional(f: &dyn Fn(&[Node]) -> Result<Node>, leaves: &[Node], level: usize) -> Result<Node> {
    if level == 0 {
        let y = f(leaves)?;
        let weights = Node::constant(&normal(1000, y.dims(), DType::F64));
        let cubic = y.add(&y.power(2.0)?.affine(0.5, 0.0)?)?.add(&y.power(3.0)?.affine(1.0 / 6.0, 0.0)?)?;
        return cubic.mul(&weights)?.sum_all();
    }
    let below = functional(f, leaves, level - 1)?;
    // One gradient call per input: together they must give what one call for all inputs gives.
    let gradients = leaves
        .iter()
        .map(|leaf| Ok(grad(&below, &[leaf], Graph::Keep)?.remove(0)))
        .collect::<Result<Vec<Node>>>()?;
    let mut total: Option<Node> = None;
    for (i, gradient) in gradients.iter().enumerate() {
        let weights = Node::constant(&normal((2000 * level + i) as u64, gradient.dims(), DType::F64));
        let term = gradient.mul(&weights)?.sum_all()?;
        total = Some(match total {
            Some(total) => total.add(&term)?,
            None => term,
        });
    }
    Ok(total.expect("a check needs an input"))
}

fn differences(
    f: &dyn Fn(&[Node]) -> Result<Node>,
    inputs: &[Tensor],
    which: usize,
    level: usize,
    step: f64,
) -> Vec<f64> {
    let base: Vec<f64> = inputs[which].flatten_all().unwrap().to_vec1().unwrap();
    let at = |i: usize, shift: f64| {
        let mut moved = base.clone();
        moved[i] += shift;
        let mut leaves: Vec<Node> = inputs.iter().map(Node::leaf).collect();
        leaves[which] = Node::leaf(&Tensor::from_vec(moved, inputs[which].shape(), &Device::Cpu).unwrap());
        functional(f, &leaves, level).unwrap().scalar().unwrap()
    };
    (0..base.len()).map(|i| (at(i, step) - at(i, -step)) / (2.0 * step)).collect()
}
