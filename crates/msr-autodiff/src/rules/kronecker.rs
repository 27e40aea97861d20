//! The expansion by a Kronecker product as one operation, with gradients of its own.

use msr_kernels::kronecker::{self, Form};

use crate::checkpoint::again;
use crate::error::{Error, Result};
use crate::grad::{Graph, vjp};
use crate::node::{Backward, Node, Rule};

impl Node {
    /// The expansion `W = (A ⊗ B ⊗ C) v` of each filter: `W[i, j, s] = Σ A[i, a] B[j, b] C[s, r]
    /// v[a, b, r]`. With `beyond_identity` the three nodes are what the factors have beyond the
    /// identity, A − 1, B − 1 and C − 1.
    ///
    /// Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
    /// section 4.2.
    ///
    /// # Shapes
    /// `self (…, o, c, k)`, `factors (o, o), (c, c), (k, k) -> (…, o, c, k)`
    ///
    /// # Errors
    /// When the shapes do not fit.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::Node;
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let square = |x: &[f64], n| Ok::<_, msr_autodiff::Error>(Node::leaf(&Tensor::from_slice(x, (n, n), &Device::Cpu)?));
    /// let (swap, double, one) = (square(&[0., 1., 1., 0.], 2)?, square(&[2.], 1)?, square(&[1.], 1)?);
    /// let filter = Node::leaf(&Tensor::from_slice(&[3f64, 5.], (2, 1, 1), &Device::Cpu)?);
    /// let weight = filter.kronecker([&swap, &double, &one], false)?;
    /// assert_eq!(weight.value().flatten_all()?.to_vec1::<f64>()?, [10., 6.]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn kronecker(&self, factors: [&Node; 3], beyond_identity: bool) -> Result<Node> {
        applied(factors, Form::new(beyond_identity), self)
    }

    /// Whether [`Node::kronecker`] of these is done in one pass, and so is better than products:
    /// on a GPU, with filters that are not too wide.
    pub fn kronecker_is_one_pass(&self, factors: [&Node; 3]) -> bool {
        kronecker::is_one_pass(factors.map(Node::value), self.value())
    }
}

fn applied(factors: [&Node; 3], form: Form, v: &Node) -> Result<Node> {
    let value = kronecker::expand(factors.map(Node::value), form, v.value())?;
    let [a, b, c] = factors;
    Ok(Node::apply_one(Expansion(form), &[a, b, c, v], value))
}

/// The expansion; the inputs are A, B, C and v.
struct Expansion(Form);

/// The gradients by the factors; the inputs are A, B, C, v and the gradient of W.
struct OfFactors(Form);

impl Rule for Expansion {
    fn name(&self) -> &'static str {
        "kronecker"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let ([a, b, c, v], g) = ([0, 1, 2, 3].map(|i| at.input(i)), at.grad()?);
        let factors = [&a, &b, &c];
        let mut all = vec![None; 4];
        if (0..3).any(|i| at.needs(i)) {
            let values = kronecker::factor_gradients(factors.map(Node::value), self.0, v.value(), g.value())?;
            let nodes = Node::apply(OfFactors(self.0), &[&a, &b, &c, &v, g], values.into());
            all.splice(0..3, nodes.into_iter().map(Some));
        }
        if at.needs(3) {
            all[3] = Some(applied(factors, self.0.transpose(), g)?);
        }
        Ok(all)
    }
}

impl Rule for OfFactors {
    fn name(&self) -> &'static str {
        "kronecker_factors"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let form = self.0;
        again(at, &|x: &[Node]| {
            let [a, b, c, v, g] = x else {
                return Err(Error::shape("kronecker", format!("{} inputs, not five", x.len())));
            };
            let w = composed([a, b, c], form, v)?;
            vjp(&[(&w, g)], &[a, b, c], Graph::Keep)
        })
    }
}

/// The expansion from single operations, which can be differentiated further.
fn composed(factors: [&Node; 3], form: Form, v: &Node) -> Result<Node> {
    let [outputs, inputs, taps] = factors.map(|factor| factor.dims()[0]);
    let meant = |i: usize| -> Result<Node> {
        let mut factor = factors[i].clone();
        if form.beyond_identity[i] {
            let one = msr_kernels::identity(factor.dims()[0], factor.dtype(), factor.device())?;
            factor = factor.add(&Node::constant(&one))?;
        }
        if form.transposed { factor.t() } else { Ok(factor) }
    };
    let count = v.elem_count() / (outputs * inputs * taps).max(1);
    let w = v.reshape(&[count * outputs * inputs, taps])?.matmul(&meant(2)?.t()?)?;
    let w = meant(1)?.matmul(&w.reshape(&[count * outputs, inputs, taps])?)?;
    let w = meant(0)?.matmul(&w.reshape(&[count, outputs, inputs * taps])?)?;
    w.reshape(v.dims())
}
