//! Models that are linear in their adapted parameters: the mean squared error of a task is a
//! quadratic form of them.

use candle_core::{DType, Tensor};
use msr_autodiff::{Node, concat};

use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::parameters::Values;

/// The mean squared error of each task as a function of its adapted parameters v: `vᵀ A v − 2 bᵀ v
/// + constant`. Its minimum solves the normal equations `A v = b`.
#[derive(Clone, Debug)]
pub struct NormalEquations {
    /// `A = ΦᵀΦ / N`, `(t, k, k)`, for predictions `Φ v + y₀` of N numbers.
    pub matrix: Node,
    /// `b = Φᵀ (y − y₀) / N`, `(t, k)`.
    pub rhs: Node,
}

impl NormalEquations {
    /// From the design matrix `Φ (t, n, k)` and the targets `(t, n)`.
    ///
    /// # Errors
    /// When the shapes do not fit each other.
    pub fn from_design(design: &Node, targets: &Node) -> Result<Self> {
        let &[t, n, k] = design.dims() else {
            let (expected, got) = ("(tasks, values, parameters)".into(), design.dims().to_vec());
            return Err(Error::Shape { layer: "NormalEquations", what: "design", expected, got });
        };
        let scale = 1.0 / n.max(1) as f64;
        let across = design.t()?;
        let rhs = across.matmul(&targets.reshape(&[t, n, 1])?)?.affine(scale, 0.0)?.reshape(&[t, k])?;
        Ok(Self { matrix: across.matmul(design)?.affine(scale, 0.0)?, rhs })
    }
}

/// The normal equations of any model that is linear in its adapted parameters: the columns of Φ are
/// its outputs for unit vectors.
///
/// # Errors
/// [`Error::Config`] when the model is not linear in them.
pub(crate) fn by_unit_vectors<L: Layer + ?Sized>(
    layer: &L,
    values: &Values,
    examples: &Node,
    targets: &Tensor,
) -> Result<NormalEquations> {
    const NAME: &str = "NormalEquations";
    let own = layer.parameters();
    own.check_shared(NAME, values)?;
    let tasks = examples.dims().first().copied().unwrap_or(0);
    let total: usize = own.adapted.iter().map(|p| p.tensor.elem_count()).sum();
    let input = layer.prepare(values, examples, total + 2)?;
    // The output with all adapted parameters of every task at these numbers, one after the other.
    let output = |numbers: &dyn Fn(usize) -> f64| -> Result<Node> {
        let mut at = 0;
        let mut adapted = Vec::with_capacity(own.adapted.len());
        for p in &own.adapted {
            let size = p.tensor.elem_count();
            let flat: Vec<f64> = (at..at + size).map(numbers).collect();
            at += size;
            let one =
                Tensor::from_vec(flat, p.tensor.dims(), p.tensor.device())?.to_dtype(p.tensor.dtype())?;
            adapted.push(Node::constant(&one).broadcast_to(&[&[tasks], p.tensor.dims()].concat())?);
        }
        let nodes = Values { shared: values.shared.clone(), adapted };
        let y = layer.forward_tasks(&nodes, &input)?;
        if y.dims() != targets.dims() {
            let (expected, got) = (format!("{:?}", y.dims()), targets.dims().to_vec());
            return Err(Error::Shape { layer: NAME, what: "targets", expected, got });
        }
        let count = y.elem_count() / tasks.max(1);
        Ok(y.reshape(&[tasks, count, 1])?)
    };
    let zero = output(&|_| 0.0)?;
    let mut columns = Vec::with_capacity(total);
    for j in 0..total {
        columns.push(output(&|i| f64::from(u8::from(i == j)))?.sub(&zero)?);
    }
    let design = concat(&columns.iter().collect::<Vec<_>>(), 2)?;
    // What superposition says about one more vector must be what the model says.
    let probe = |i: usize| [-1.7, 0.6, 2.3][i % 3];
    let expected = output(&probe)?.value().sub(zero.value())?;
    let vector: Vec<f64> = (0..total).map(probe).collect();
    let vector = Tensor::from_vec(vector, (1, total, 1), expected.device())?.to_dtype(expected.dtype())?;
    let found = design.value().broadcast_matmul(&vector)?;
    let norm = |t: &Tensor| -> Result<f64> {
        Ok(t.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
    };
    // Sums of numbers that are rounded to eight bits (bfloat16) are off by some percents.
    let tolerance = match expected.dtype() {
        DType::F64 | DType::F32 => 1e-3,
        DType::BF16 => 0.1,
        _ => 0.01,
    };
    if norm(&found.sub(&expected)?)? > tolerance * (norm(&expected)? + norm(&found)?) {
        return Err(Error::Config {
            layer: NAME,
            problem: "least squares needs a model that is linear in its adapted parameters, and this one is not; adapt \
                      it by gradient steps"
                .into(),
        });
    }
    let count = zero.dims()[1];
    let rest = Node::constant(&targets.reshape((tasks, count, 1))?).sub(&zero)?;
    NormalEquations::from_design(&design, &rest)
}

/// The error of a layer that is asked for an error from moments that it does not take.
pub(crate) fn no_moments(layer: &'static str) -> Error {
    Error::Config { layer, problem: "this layer's squared error has no moments".into() }
}
