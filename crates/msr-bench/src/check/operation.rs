//! What an entry of the list of operations is made of.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use msr_autodiff::Node;

/// The dtypes that are tried.
pub const DTYPES: [DType; 4] = [DType::F64, DType::F32, DType::F16, DType::BF16];

/// Those of full precision.
const FULL: [DType; 2] = [DType::F64, DType::F32];

/// Where the numbers of an operation's operands come from; they are drawn in f64 and then rounded
/// to the dtype that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// N(0, 1)
    Real,
    /// N(0, 1) pushed away from zero by 0.3, for functions with a kink or a pole there
    Apart,
    /// `0.3 + |N(0, 1)|`, whose sums lose no digits
    Positive,
    /// The first operand symmetric and positive definite, the others N(0, 1)
    Definite,
}

/// A function of tensors.
pub type Tensors = dyn Fn(&[Tensor]) -> Result<Vec<Tensor>>;
/// A function of nodes, which has gradients.
pub type Nodes = dyn Fn(&[Node]) -> Result<Node>;
/// What a learner computes from a seed: losses and gradients, always in the same order.
pub type Learned = dyn Fn(DType, &Device, u64) -> Result<Vec<Tensor>>;

/// What is done.
pub enum Work {
    /// Tensors to tensors. `plain`, where there is one, is another way to the same numbers on the
    /// processor; otherwise that is what the composed bodies give.
    Kernel {
        /// The kernel.
        run: Box<Tensors>,
        /// Another way to the same numbers.
        plain: Option<Box<Tensors>>,
    },
    /// A function whose value and whose gradients of first and second order are compared.
    Rule(Box<Nodes>),
    /// The losses and gradients of a meta-step, which draws its own data.
    Learner(Box<Learned>),
}

/// An operation to check: a name, operands that grow with a size, and what is done with them.
pub struct Operation {
    /// What a failure names.
    pub name: String,
    /// The shapes of the operands.
    pub shapes: Box<dyn Fn(usize) -> Vec<Vec<usize>>>,
    /// Where their numbers come from.
    pub domain: Domain,
    /// What is done.
    pub work: Work,
    /// The types of numbers that it is checked in.
    pub dtypes: &'static [DType],
    /// The largest relative error that passes, where it is not that of its kind.
    pub bound: Option<f64>,
}

impl Operation {
    /// The same, checked in f64 and f32 alone.
    pub fn in_full_precision(self) -> Self {
        Self { dtypes: &FULL, ..self }
    }

    /// The same, checked in f64 alone: where rounding decides between two ways to go on, and the
    /// results are so sensitive that an error of `bound` passes.
    pub fn in_double_precision(self, bound: f64) -> Self {
        Self { dtypes: &FULL[..1], bound: Some(bound), ..self }
    }

    /// Whether this is a kernel, a rule or a learner, in a word.
    pub fn family(&self) -> &'static str {
        match self.work {
            Work::Kernel { .. } => "kernel",
            Work::Rule(_) => "rule",
            Work::Learner(_) => "meta-step",
        }
    }

    /// A kernel that is compared with `plain` instead of with the composed bodies: for those that
    /// have one body only.
    pub fn against(mut self, plain: impl Fn(&[Tensor]) -> Result<Tensor> + 'static) -> Self {
        if let Work::Kernel { plain: slot, .. } = &mut self.work {
            *slot = Some(Box::new(move |x| Ok(vec![plain(x)?])));
        }
        self
    }
}

/// A kernel with one result. `S` is a function of the size that gives the shapes of the operands.
pub fn kernel<S, F, E>(name: impl Into<String>, domain: Domain, shapes: S, run: F) -> Operation
where
    S: Fn(usize) -> Vec<Vec<usize>> + 'static,
    F: Fn(&[Tensor]) -> std::result::Result<Tensor, E> + 'static,
    anyhow::Error: From<E>,
{
    kernel_of_many(name, domain, shapes, move |x| Ok(vec![run(x)?]))
}

/// A kernel with several results.
pub fn kernel_of_many<S, F>(name: impl Into<String>, domain: Domain, shapes: S, run: F) -> Operation
where
    S: Fn(usize) -> Vec<Vec<usize>> + 'static,
    F: Fn(&[Tensor]) -> Result<Vec<Tensor>> + 'static,
{
    let work = Work::Kernel { run: Box::new(run), plain: None };
    Operation { name: name.into(), domain, shapes: Box::new(shapes), work, dtypes: &DTYPES, bound: None }
}

/// A rule.
pub fn rule<S, F>(name: impl Into<String>, domain: Domain, shapes: S, run: F) -> Operation
where
    S: Fn(usize) -> Vec<Vec<usize>> + 'static,
    F: Fn(&[Node]) -> msr_autodiff::Result<Node> + 'static,
{
    let work = Work::Rule(Box::new(move |x| Ok(run(x)?)));
    Operation { name: name.into(), domain, shapes: Box::new(shapes), work, dtypes: &DTYPES, bound: None }
}

/// A meta-step.
pub fn learner<F>(name: impl Into<String>, run: F) -> Operation
where
    F: Fn(DType, &Device, u64) -> Result<Vec<Tensor>> + 'static,
{
    let work = Work::Learner(Box::new(run));
    let shapes = Box::new(|_| Vec::new());
    Operation { name: name.into(), domain: Domain::Real, shapes, work, dtypes: &FULL, bound: None }
}
