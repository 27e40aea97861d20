//! Batch normalisation, ReLU and max-pool as one operation, with first and second derivatives of
//! its own, in main memory and on a GPU; what is beyond is composed from single operations.

use msr_kernels::{
    Cotangents, Pool, Saved, Window, is_fused, norm_relu_pool, norm_relu_pool_grad, norm_relu_pool_second,
};

use crate::error::{Error, Result};
use crate::grad::{Graph, vjp};
use crate::node::{Backward, Node, Rule};

impl Node {
    /// Batch normalisation by the statistics of the batch, ReLU and max-pool: `z = pool(relu(γ (y −
    /// μ) / √(σ² + ε) + β))` with mean μ and variance σ² of each task's channels over examples and
    /// pixels (the biased one). Sizes that are odd lose their last row or column in the pool.
    ///
    /// Source: Ioffe, Szegedy, "Batch Normalization" (2015).
    ///
    /// # Shapes
    /// `self (t, b, o, h, w)`, `gamma (t, o)`, `beta (t, o) -> (t, b, o, oh, ow)`
    ///
    /// # Errors
    /// When the shapes do not fit, or there is nothing to normalise or to pool.
    pub fn norm_relu_pool(&self, gamma: &Node, beta: &Node, epsilon: f64, pool: Pool) -> Result<Node> {
        if ![self, gamma, beta].iter().all(|node| is_fused(node.value())) {
            let (normal, _) = normalised(self, epsilon)?;
            return rectified(&affine(&normal, gamma, beta)?, pool);
        }
        let (z, saved) = norm_relu_pool(self.value(), gamma.value(), beta.value(), epsilon, pool)?;
        Ok(Node::apply_one(NormReluPool { saved, epsilon, pool }, &[self, gamma, beta], z))
    }
}

struct NormReluPool {
    saved: Saved,
    epsilon: f64,
    pool: Pool,
}

/// The rule of the three gradients by y, γ and β, computed from y, γ and the gradient of z. Which
/// pixels were chosen depends on β as well, but nowhere smoothly.
struct Gradient {
    saved: Saved,
    epsilon: f64,
    pool: Pool,
    /// What is added to `γ ŷ` where pixels are chosen again.
    beta: Node,
}

impl Rule for NormReluPool {
    fn name(&self) -> &'static str {
        "norm_relu_pool"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (y, gamma, g) = (at.input(0), at.input(1), at.grad()?);
        let values = norm_relu_pool_grad(y.value(), gamma.value(), &self.saved, g.value())?;
        let Self { saved, epsilon, pool } = self;
        let rule =
            Gradient { saved: saved.clone(), epsilon: *epsilon, pool: *pool, beta: at.input(2).detach() };
        let all = Node::apply(rule, &[&y, &gamma, g], values.into());
        Ok(all.into_iter().map(Some).collect())
    }
}

impl Rule for Gradient {
    fn name(&self) -> &'static str {
        "norm_relu_pool_grad"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (y, gamma, g) = (at.input(0), at.input(1), at.input(2));
        let given = [0, 1, 2].map(|i| at.grad_of(i));
        if at.keeps_graph() {
            let all = self.composed(&y, &gamma, &g, given)?;
            return Ok(all.into_iter().map(Some).collect());
        }
        let [by_y, by_gamma, by_beta] = given.map(|node| node.map(Node::value));
        let cotangents = Cotangents { y: by_y, gamma: by_gamma, beta: by_beta };
        let all = norm_relu_pool_second(y.value(), gamma.value(), &self.saved, g.value(), cotangents)?;
        Ok(all.iter().map(|value| Some(Node::constant(value))).collect())
    }
}

impl Gradient {
    /// The same from single operations, which can be differentiated further.
    fn composed(&self, y: &Node, gamma: &Node, g: &Node, given: [Option<&Node>; 3]) -> Result<[Node; 3]> {
        let over = [1, 3, 4];
        let (normal, scale) = normalised(y, self.epsilon)?;
        // Where pixels are chosen, and how g gets there: linear in g, and the same for values
        // nearby.
        let chosen = affine(&normal.detach(), &gamma.detach(), &self.beta)?.detach_leaf();
        let z = rectified(&chosen, self.pool)?;
        let seed = g.clone();
        let g = vjp(&[(&z, &seed)], &[&chosen], Graph::Keep)?.remove(0);
        let channel = |node: &Node| node.reshape(&[node.dims()[0], 1, node.dims()[1], 1, 1]);
        let vector = |node: &Node| node.reshape(&[node.dims()[0], node.dims()[2]]);
        let zeros = gamma.zeros_like()?;
        let k = channel(gamma)?.mul(&scale)?;
        let mean = |node: &Node| mean(node, &over);
        let (cg, cb) = (channel(given[1].unwrap_or(&zeros))?, channel(given[2].unwrap_or(&zeros))?);
        let none = y.zeros_like()?;
        let a = given[0].unwrap_or(&none);
        let count = (y.elem_count() / gamma.elem_count()) as f64;
        let (g0, g1) = (mean(&g)?, mean(&g.mul(&normal)?)?);
        let (a0, a1) = (mean(a)?, mean(&a.mul(&normal)?)?);
        let q = mean(&a.mul(&g)?)?.sub(&a0.mul(&g0)?)?.sub(&a1.mul(&g1)?)?.affine(count, 0.0)?;
        let by_gamma = scale.mul(&q)?;
        let by_g = k.mul(&a.sub(&a0)?.sub(&normal.mul(&a1)?)?)?.add(&cg.mul(&normal)?)?.add(&cb)?;
        let e = cg.mul(&g)?.sub(&k.mul(&a.mul(&g1)?.add(&a1.mul(&g)?)?)?)?;
        let inner = e.sub(&mean(&e)?)?.sub(&normal.mul(&mean(&e.mul(&normal)?)?)?)?;
        let through_scale = k.mul(&q)?.mul(&normal)?.affine(1.0 / count, 0.0)?;
        let by_y = scale.mul(&inner.sub(&through_scale)?)?;
        // Back to where g came from: the adjoint of how it got there, which is the pool's choice.
        let by_g = at_chosen(&chosen, &by_g, self.pool)?;
        Ok([by_y, vector(&by_gamma)?, by_g])
    }
}

/// `ŷ` and `r`.
fn normalised(y: &Node, epsilon: f64) -> Result<(Node, Node)> {
    if y.rank() != 5 {
        return Err(Error::shape("norm_relu_pool", format!("(t, b, c, h, w) is needed, got {:?}", y.dims())));
    }
    let over = [1, 3, 4];
    let centred = y.sub(&mean(y, &over)?)?;
    let variance = mean(&centred.mul(&centred)?, &over)?;
    let scale = variance.affine(1.0, epsilon)?.sqrt()?.reciprocal()?;
    Ok((centred.mul(&scale)?, scale))
}

/// The mean over dimensions, which stay with size one.
fn mean(x: &Node, over: &[usize]) -> Result<Node> {
    let count: usize = over.iter().map(|&d| x.dims()[d]).product();
    x.sum_keepdim(over)?.affine(1.0 / count as f64, 0.0)
}

/// `γ ŷ + β`
fn affine(normal: &Node, gamma: &Node, beta: &Node) -> Result<Node> {
    let channel = |node: &Node| match *node.dims() {
        [t, c] => node.reshape(&[t, 1, c, 1, 1]),
        _ => Err(Error::shape("norm_relu_pool", format!("(t, c) is needed, got {:?}", node.dims()))),
    };
    normal.mul(&channel(gamma)?)?.add(&channel(beta)?)
}

fn rectified(x: &Node, pool: Pool) -> Result<Node> {
    let x = x.relu()?;
    match pool {
        Pool::None => Ok(x),
        Pool::TwoByTwo => x.max_pool(Window::square(2, 2, 0)),
    }
}

/// The numbers of `values` at the pixels that `rectified` chooses of `chosen`, zero where the ReLU
/// leaves none.
fn at_chosen(chosen: &Node, values: &Node, pool: Pool) -> Result<Node> {
    // The derivative of the choice along `values`: the adjoint of its adjoint.
    let z = rectified(chosen, pool)?;
    let seed = z.zeros_like()?.detach_leaf();
    let adjoint = vjp(&[(&z, &seed)], &[chosen], Graph::Keep)?.remove(0);
    Ok(vjp(&[(&adjoint, values)], &[&seed], Graph::Keep)?.remove(0))
}
