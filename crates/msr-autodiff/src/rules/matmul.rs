//! Batched matrix products.

use msr_kernels::matmul;

use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct MatmulRule;

impl Rule for MatmulRule {
    fn name(&self) -> &'static str {
        "matmul"
    }

    /// `y = a b`: `∂a = g bᵀ`, `∂b = aᵀ g`, each summed over the batch dimensions it was repeated
    /// along.
    ///
    /// That of a left operand that a large batch shares is one product, `Σ gᵢ bᵢᵀ` of the matrices
    /// side by side: a product for each of the batch would be larger than all operands.
    ///
    /// The gradient of an operand that is a transposed view is computed transposed, `(b gᵀ)ᵀ` and
    /// `(gᵀ a)ᵀ`: it then lies in memory as what was transposed does, and needs no copy.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let g = at.grad()?;
        let (a, b) = (at.input(0), at.input(1));
        let da = match at.needs(0) {
            false => None,
            true if is_shared(&a, &b) => Some(folded(g)?.matmul(&folded(&b)?.t()?)?.reshape(a.dims())?),
            true if is_transposed(&a) => Some(b.matmul(&g.t()?)?.t()?.sum_to(a.dims())?),
            true => Some(g.matmul(&b.t()?)?.sum_to(a.dims())?),
        };
        let db = match at.needs(1) {
            false => None,
            true if is_transposed(&b) => Some(g.t()?.matmul(&a)?.t()?.sum_to(b.dims())?),
            true => Some(a.t()?.matmul(g)?.sum_to(b.dims())?),
        };
        Ok(vec![da, db])
    }
}

/// From this many numbers on, a batch of products is not formed only to be summed.
const LARGE: usize = 1 << 22;

/// Whether a batch of right operands shares this left operand, and gradients of each would be many.
fn is_shared(a: &Node, b: &Node) -> bool {
    let size = |dims: &[usize]| dims.iter().fold(1usize, |product, &size| product.saturating_mul(size));
    let (lead, matrix) = b.dims().split_at(b.rank() - 2);
    let (own, each) = (size(a.dims()), size(&a.dims()[a.rank() - 2..]));
    // What is folded is copied: matrices of b, `(k, n)`, and of the gradient, `(m, n)`.
    let (rows, columns) = (a.dims()[a.rank() - 2], matrix[1]);
    let copied = rows.saturating_add(matrix[0]).saturating_mul(columns);
    own == each && each > copied && size(lead) > 1 && each.saturating_mul(size(lead)) >= LARGE
}

/// The matrices of a batch side by side, `(…, m, n) -> (m, … · n)`.
fn folded(x: &Node) -> Result<Node> {
    let &[ref lead @ .., m, n] = x.dims() else { return Ok(x.clone()) };
    let batch = lead.iter().product();
    x.reshape(&[batch, m, n])?.permute(&[1, 0, 2])?.reshape(&[m, batch * n])
}

/// Whether the columns of a matrix, not its rows, are contiguous in memory.
fn is_transposed(node: &Node) -> bool {
    let stride = node.value().stride();
    let (rows, columns) = (stride[stride.len() - 2], stride[stride.len() - 1]);
    rows == 1 && columns > 1
}

impl Node {
    /// The matrix product over the last two dimensions; leading dimensions broadcast as in numpy.
    ///
    /// A right operand without batch dimensions is applied to all rows of all matrices in one
    /// product, and so is its gradient.
    ///
    /// # Shapes
    /// `(…, m, k) @ (…, k, n) -> (…, m, n)`
    ///
    /// # Errors
    /// When an operand is no matrix, the inner sizes differ or the batch dimensions do not
    /// broadcast.
    pub fn matmul(&self, other: &Node) -> Result<Node> {
        let (a, b) = (self.dims(), other.dims());
        let (&[.., m, k], &[.., k2, n]) = (a, b) else {
            return Err(Error::shape("matmul", format!("{a:?} @ {b:?}: both need two dimensions")));
        };
        if k != k2 {
            return Err(Error::shape("matmul", format!("{a:?} @ {b:?}: inner sizes {k} and {k2} differ")));
        }
        if b.len() == 2 && a.len() > 2 && self.value().is_contiguous() {
            let mut shape = a.to_vec();
            shape[a.len() - 1] = n;
            let rows = a[..a.len() - 2].iter().product::<usize>() * m;
            return self.reshape(&[rows, k])?.matmul(other)?.reshape(&shape);
        }
        Ok(Node::apply_one(MatmulRule, &[self, other], matmul(self.value(), other.value())?))
    }
}
