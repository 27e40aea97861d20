//! An operation on a device beside the same operation in f64 on the processor.

use std::fmt;

use anyhow::{Result, bail};
use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use msr_autodiff::{Graph, Node, vjp};
use msr_kernels::{Precision, with_composed};
use msr_layers::SeededVars;
use serde::Serialize;

use super::operation::{Domain, Nodes, Operation, Work};

/// How far a result is from what it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// `‖result − reference‖ / ‖reference‖`
    pub error: f64,
    /// The largest error that passes.
    pub bound: f64,
    /// Where it was found: the size, the view, the order.
    pub at: String,
}

impl Difference {
    /// Whether it passes; NaN does not.
    pub fn is_small(&self) -> bool {
        self.error <= self.bound
    }

    /// The error as a fraction of the bound.
    pub fn share(&self) -> f64 {
        self.error / self.bound
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: relative error {:.1e}, bound {:.1e}", self.at, self.error, self.bound)
    }
}

/// The largest relative error that passes, in units of the distance from one to the next number of
/// the dtype. A kernel rounds a few times, in half precision once or twice; a gradient of second
/// order is a chain of kernels, and a meta-step a long one; the smallest ridge of an exact solution
/// depends on the dtype, too.
pub fn bound(work: &Work, dtype: DType) -> f64 {
    let half = matches!(dtype, DType::F16 | DType::BF16);
    let units = match (work, half) {
        (Work::Kernel { .. }, false) => 32.0,
        (Work::Kernel { .. }, true) => 4.0,
        (Work::Rule(_), false) => 256.0,
        (Work::Rule(_), true) => 32.0,
        (Work::Learner(_), _) => 2048.0,
    };
    units * Precision::of(dtype).epsilon
}

/// What is asked of a result, and what it is called.
type Named = (&'static str, Vec<Tensor>);
/// What an operation gives for its operands.
type Run<'a> = Box<dyn Fn(&[Tensor]) -> Result<Vec<Named>> + 'a>;
/// The same numbers in another layout.
type View = fn(&Tensor) -> Result<Tensor>;

/// All comparisons of one size: each result, each order, each view of the operands.
///
/// # Errors
/// What the operation reports; when a result has another shape than the reference.
pub fn differences(
    op: &Operation,
    device: &Device,
    dtype: DType,
    seed: u64,
    size: usize,
) -> Result<Vec<Difference>> {
    let bound = op.bound.unwrap_or_else(|| bound(&op.work, dtype));
    let named = |name, tensors| -> Vec<Named> { vec![(name, tensors)] };
    if let Work::Learner(run) = &op.work {
        let expected = with_composed(|| run(DType::F64, &Device::Cpu, seed))?;
        let found = run(dtype, device, seed)?;
        return compared(&named("", found), &named("", expected), bound, dtype.as_str());
    }
    let given = operands(op, dtype, seed, size)?;
    let wide = cast(&given, DType::F64)?;
    // The reference, and the same by other numbers or on another device.
    let (expected, run): (Vec<Named>, Run<'_>) = match &op.work {
        Work::Kernel { run, plain } => {
            let reference = plain.as_ref().unwrap_or(run);
            (named("", with_composed(|| reference(&wide))?), Box::new(|x| Ok(named("", run(x)?))))
        }
        Work::Rule(f) => {
            let probe = Probe::new(f, &wide, dtype, seed)?;
            let expected = with_composed(|| probe.run(f, &wide))?;
            (expected, Box::new(move |x| probe.run(f, x)))
        }
        Work::Learner(_) => bail!("a meta-step draws its own data"),
    };
    let given = given.iter().map(|t| Ok(t.to_device(device)?)).collect::<Result<Vec<_>>>()?;
    let mut all = Vec::new();
    for (view, of) in VIEWS {
        let views = given.iter().map(of).collect::<Result<Vec<_>>>()?;
        let at = format!("{}, size {size}{view}", dtype.as_str());
        all.extend(compared(&run(&views)?, &expected, bound, &at)?);
    }
    Ok(all)
}

/// Value and gradients of a function f of several operands x, with positive weights w and u: the
/// first order `g = Jᵀ w`, the second the gradient of `Σ u ∘ g` with respect to x and to w. For w
/// that is `J u`, so that linear functions have a second order, too.
struct Probe {
    /// w, then u for each operand; on the processor, rounded to the dtype that is checked.
    weights: Vec<Tensor>,
}

impl Probe {
    fn new(f: &Nodes, wide: &[Tensor], dtype: DType, seed: u64) -> Result<Self> {
        let leaves: Vec<Node> = wide.iter().map(Node::leaf).collect();
        let y = f(&leaves)?.value().clone();
        let weights = std::iter::once(&y).chain(wide).enumerate().map(|(i, like)| {
            let drawn = draw(seed, &format!("weights {i}"), like.dims())?;
            Ok(spread(&drawn, Domain::Positive)?.to_dtype(dtype)?)
        });
        Ok(Self { weights: weights.collect::<Result<_>>()? })
    }

    fn run(&self, f: &Nodes, x: &[Tensor]) -> Result<Vec<Named>> {
        let leaves: Vec<Node> = x.iter().map(Node::leaf).collect();
        let y = f(&leaves)?;
        let weights = self.weights.iter().map(|w| Ok(w.to_dtype(y.dtype())?.to_device(y.device())?));
        let weights: Vec<Tensor> = weights.collect::<Result<_>>()?;
        let w = Node::leaf(&weights[0]);
        let mut wrt: Vec<&Node> = leaves.iter().collect();
        let first = vjp(&[(&y, &w)], &wrt, Graph::Keep)?;
        let us: Vec<Node> = weights[1..].iter().map(Node::constant).collect();
        let pairs: Vec<(&Node, &Node)> = first.iter().zip(&us).collect();
        wrt.push(&w);
        let second = vjp(&pairs, &wrt, Graph::Drop)?;
        let values = |nodes: &[Node]| nodes.iter().map(|node| node.value().clone()).collect();
        Ok(vec![
            (", value", values(&[y])),
            (", first order", values(&first)),
            (", second order", values(&second)),
        ])
    }
}

/// Ways to lay out the same numbers: a view, and what it is called.
const VIEWS: [(&str, View); 3] = [("", |t| Ok(t.clone())), (", offset", offset), (", strided", strided)];

/// The middle third of something wider.
fn offset(t: &Tensor) -> Result<Tensor> {
    let Some(last) = t.rank().checked_sub(1) else { return Ok(t.clone()) };
    let size = t.dims()[last];
    Ok(Tensor::cat(&[t, t, t], last)?.narrow(last, size, size)?)
}

/// Dimensions in reverse order in memory.
fn strided(t: &Tensor) -> Result<Tensor> {
    let order: Vec<usize> = (0..t.rank()).rev().collect();
    Ok(t.permute(&order[..])?.force_contiguous()?.permute(&order[..])?)
}

/// The operands of an operation, in the dtype, on the processor.
pub fn operands(op: &Operation, dtype: DType, seed: u64, size: usize) -> Result<Vec<Tensor>> {
    let shapes = (op.shapes)(size);
    let drawn = shapes.iter().enumerate().map(|(i, shape)| {
        let numbers = draw(seed, &format!("{} {} {size} {i}", op.family(), op.name), shape)?;
        let domain = if op.domain == Domain::Definite && i > 0 { Domain::Real } else { op.domain };
        Ok(spread(&numbers, domain)?.to_dtype(dtype)?)
    });
    drawn.collect()
}

/// Independent N(0, 1) numbers: a stream of its own for each name.
fn draw(seed: u64, name: &str, shape: &[usize]) -> Result<Tensor> {
    let builder = SeededVars::new(seed).builder(DType::F64, &Device::Cpu);
    Ok(builder.get_with_hints(shape, name, Init::Randn { mean: 0.0, stdev: 1.0 })?.detach())
}

/// N(0, 1) numbers moved into a domain.
fn spread(z: &Tensor, domain: Domain) -> Result<Tensor> {
    Ok(match domain {
        Domain::Real => z.clone(),
        Domain::Apart => (z + (z.sign()? * 0.3)?)?,
        Domain::Positive => (z.abs()? + 0.3)?,
        Domain::Definite => {
            let n = z.dims()[z.rank() - 1];
            // Eigenvalues within about 2 ± 0.8.
            let symmetric = ((z + z.t()?)? * (0.3 / (2.0 * n as f64).sqrt()))?;
            symmetric.broadcast_add(&(Tensor::eye(n, DType::F64, &Device::Cpu)? * 2.0)?)?
        }
    })
}

fn cast(tensors: &[Tensor], dtype: DType) -> Result<Vec<Tensor>> {
    tensors.iter().map(|t| Ok(t.to_dtype(dtype)?)).collect()
}

/// The difference of each tensor; gradients of one order are one vector.
fn compared(found: &[Named], expected: &[Named], bound: f64, at: &str) -> Result<Vec<Difference>> {
    let mut all = Vec::new();
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        if found.len() != expected.len() {
            bail!("{at}{name}: {} results, not {}", found.len(), expected.len());
        }
        let (mut apart, mut size) = (0.0, 0.0);
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            if found.dims() != expected.dims() {
                bail!("{at}{name}: shape {:?}, not {:?}", found.dims(), expected.dims());
            }
            let (mut own, mut own_size) = (0.0, 0.0);
            for (x, y) in numbers(found)?.into_iter().zip(numbers(expected)?) {
                own += (x - y) * (x - y);
                own_size += y * y;
            }
            (apart, size) = (apart + own, size + own_size);
            // Results of a kernel or a meta-step stand for themselves.
            if name.is_empty() {
                let at = if i == 0 { at.into() } else { format!("{at}, result {i}") };
                all.push(Difference { error: relative(own, own_size), bound, at });
            }
        }
        if !name.is_empty() {
            all.push(Difference { error: relative(apart, size), bound, at: format!("{at}{name}") });
        }
    }
    Ok(all)
}

/// `√apart / √size`; where there is nothing to be relative to, `√apart`.
fn relative(apart: f64, size: f64) -> f64 {
    if size > 0.0 { (apart / size).sqrt() } else { apart.sqrt() }
}

/// All numbers of a tensor, in double precision.
pub fn numbers(t: &Tensor) -> Result<Vec<f64>> {
    Ok(t.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::{VIEWS, compared, numbers};

    #[test]
    fn what_is_wrong_is_seen() -> anyhow::Result<()> {
        let t = |x: &[f64]| Tensor::new(x, &Device::Cpu);
        let found = |x: &[f64], y: &[f64]| -> anyhow::Result<bool> {
            let found = compared(&[("", vec![t(x)?])], &[("", vec![t(y)?])], 1e-3, "here")?;
            Ok(found.iter().all(super::Difference::is_small))
        };
        assert!(found(&[3.0, 4.0], &[3.0, 4.0])? && found(&[3.0, 4.004], &[3.0, 4.0])?);
        assert!(!found(&[3.0, 4.006], &[3.0, 4.0])? && !found(&[f64::NAN, 4.0], &[3.0, 4.0])?);
        assert!(!found(&[3.0, f64::INFINITY], &[3.0, 4.0])? && !found(&[0.1], &[0.0])?);
        assert!(found(&[1.0], &[1.0, 2.0]).is_err());
        Ok(())
    }

    #[test]
    fn views_are_other_layouts_of_the_same_numbers() -> anyhow::Result<()> {
        let t = Tensor::arange(0f64, 24.0, &Device::Cpu)?.reshape((2, 3, 4))?;
        for (name, of) in VIEWS {
            let view = of(&t)?;
            assert_eq!((view.dims(), numbers(&view)?), (t.dims(), numbers(&t)?));
            assert_eq!(view.is_contiguous(), name.is_empty(), "{name}");
        }
        let scalar = Tensor::zeros((), DType::F64, &Device::Cpu)?;
        assert!(VIEWS.iter().all(|(_, of)| of(&scalar).is_ok()));
        Ok(())
    }
}
