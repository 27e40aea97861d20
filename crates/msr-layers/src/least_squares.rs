//! The normal equations of any model that is linear in its adapted parameters.

use candle_core::{DType, Tensor};
use msr_autodiff::{Node, Precision, concat, room_for};

use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::normal_equations::NormalEquations;
use crate::values::Values;

/// The normal equations of any layer or stack that is linear in its adapted parameters: by its
/// closed form where it has one, otherwise from its outputs for unit vectors.
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) when the layer is not linear in them; when examples,
/// targets or values do not fit.
pub fn normal_equations(
    layer: &dyn Layer,
    values: &Values,
    examples: &Node,
    targets: &Tensor,
) -> Result<NormalEquations> {
    match layer.linear_in_adapted() {
        Some(linear) => linear.normal_equations(values, examples, targets),
        None => by_unit_vectors(layer, values, examples, targets),
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
    // The design matrix has a column for each unknown, and the equations a row and a column.
    room_for(NAME, &[targets.elem_count(), total])?;
    room_for(NAME, &[tasks, total, total])?;
    let input = layer.prepare(values, examples, total.saturating_add(2))?;
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
        let nodes = Values { adapted, ..values.clone() };
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
    let tolerance = Precision::of(expected.dtype()).superposition;
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
