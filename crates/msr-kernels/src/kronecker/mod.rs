//! The expansion `W = (A ⊗ B ⊗ C) v` of a batch of filters, and the gradients of its factors: the
//! matrix `A ⊗ B ⊗ C` is never formed.

mod composed;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::error::{Error, Result};

const OP: &str = "kronecker";

/// How the three tensors stand for the factors A, B and C.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Whether the tensor of each is what the factor has beyond the identity, `A − 1`.
    pub beyond_identity: [bool; 3],
    /// Whether the transposed factors are meant: `Aᵀ ⊗ Bᵀ ⊗ Cᵀ`.
    pub transposed: bool,
}

impl Form {
    /// All three tensors are what the factors have beyond the identity, or none is.
    pub fn new(beyond_identity: bool) -> Self {
        Self { beyond_identity: [beyond_identity; 3], transposed: false }
    }

    /// The form of the transposed expansion.
    pub fn transpose(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }
}

/// `W = (A ⊗ B ⊗ C) v` of each filter: `W[i, j, s] = Σ A[i, a] B[j, b] C[s, r] v[a, b, r]`, with
/// factors as `form` says. In `o c k (o + c + k)` multiply–adds for each; on a GPU in one pass,
/// where the rows of a few outputs fit into shared memory.
///
/// Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
/// section 4.2.
///
/// # Shapes
/// `factors (o, o), (c, c), (k, k)`, `v (…, o, c, k) -> (…, o, c, k)`
///
/// # Errors
/// [`Error::Mismatch`] when the shapes do not fit.
pub fn expand(factors: [&Tensor; 3], form: Form, v: &Tensor) -> Result<Tensor> {
    let sizes = Sizes::of(factors, v)?;
    if sizes.count() == 0 {
        return Ok(Tensor::zeros(v.dims(), v.dtype(), v.device())?);
    }
    let [a, b, c] = factors;
    match Body::of([a, b, c, v]) {
        Body::Cuda if cuda::fits(sizes, v.dtype()) => cuda::expand(factors, form, v, sizes),
        _ => composed::expand(factors, form, v, sizes),
    }
}

/// The gradients of `Σ ⟨g, (A ⊗ B ⊗ C) v⟩`, over all filters, by the tensors of the factors: with
/// `X = (1 ⊗ B ⊗ C) v`, that by A is `Σ g[i, j, s] X[a, j, s]`, and so on. What the form transposes
/// stands in the gradients as it does in the tensors.
///
/// # Shapes
/// `factors (o, o), (c, c), (k, k)`, `v` and `g (…, o, c, k) -> (o, o), (c, c), (k, k)`
///
/// # Errors
/// [`Error::Mismatch`] when the shapes do not fit.
pub fn factor_gradients(factors: [&Tensor; 3], form: Form, v: &Tensor, g: &Tensor) -> Result<[Tensor; 3]> {
    let sizes = Sizes::of(factors, v)?;
    if g.dims() != v.dims() {
        return Err(Error::mismatch(OP, v.dims(), g.dims(), "a gradient for each weight is needed"));
    }
    if form.transposed {
        // ⟨g, Uᵀ v⟩ = ⟨v, U g⟩.
        return factor_gradients(factors, form.transpose(), g, v);
    }
    if sizes.count() == 0 {
        let [a, b, c] = factors.map(|factor| Tensor::zeros(factor.dims(), factor.dtype(), factor.device()));
        return Ok([a?, b?, c?]);
    }
    let [a, b, c] = factors;
    match Body::of([a, b, c, v, g]) {
        Body::Cuda if cuda::fits(sizes, v.dtype()) => cuda::factor_gradients(factors, form, [v, g], sizes),
        _ => composed::factor_gradients(factors, form, [v, g], sizes),
    }
}

/// Whether both are done in one pass: then one operation is better than products of its factors.
pub fn is_one_pass(factors: [&Tensor; 3], v: &Tensor) -> bool {
    let [a, b, c] = factors;
    let fits = |sizes: Sizes| sizes.count() > 0 && cuda::fits(sizes, v.dtype());
    Body::of([a, b, c, v]) == Body::Cuda && Sizes::of(factors, v).is_ok_and(fits)
}

/// The sizes of an expansion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    filters: usize,
    outputs: usize,
    inputs: usize,
    taps: usize,
}

impl Sizes {
    fn of(factors: [&Tensor; 3], v: &Tensor) -> Result<Self> {
        let [lead @ .., outputs, inputs, taps] = v.dims() else {
            let problem = "a filter has three dimensions: outputs, inputs and taps";
            return Err(Error::mismatch(OP, factors[0].dims(), v.dims(), problem));
        };
        for (factor, &size) in factors.into_iter().zip([outputs, inputs, taps]) {
            if factor.dims() != [size, size] {
                let problem = "factors must be square, as large as outputs, inputs and taps";
                return Err(Error::mismatch(OP, factor.dims(), v.dims(), problem));
            }
        }
        Ok(Self { filters: lead.iter().product(), outputs: *outputs, inputs: *inputs, taps: *taps })
    }

    /// The numbers of an output.
    fn row(self) -> usize {
        self.inputs * self.taps
    }

    /// The numbers of all filters.
    fn count(self) -> usize {
        self.filters * self.outputs * self.row()
    }
}
