//! What a check is made of: a name, operands and a function of them.

use candle_core::{DType, Tensor};
use msr_autodiff::{Node, Result};
use msr_testkit::{FiniteDifference, gradcheck, normal};

type Function = dyn Fn(&[Node]) -> Result<Node>;

/// A function to differentiate. Its name is the operation's, and after a comma what is special.
pub struct Case {
    pub name: &'static str,
    pub shapes: Vec<Vec<usize>>,
    pub domain: Domain,
    pub f: Box<Function>,
}

/// Where the inputs of a case are drawn from.
#[derive(Clone, Copy)]
pub enum Domain {
    /// N(0, 1)
    Real,
    /// N(0, 1) pushed away from zero, where a function has a kink or a pole
    NonZero,
    /// 0.3 + |N(0, 1)|
    Positive,
}

pub fn case(
    name: &'static str,
    shapes: &[&[usize]],
    domain: Domain,
    f: impl Fn(&[Node]) -> Result<Node> + 'static,
) -> Case {
    Case { name, shapes: shapes.iter().map(|s| s.to_vec()).collect(), domain, f: Box::new(f) }
}

impl Case {
    /// The operation that is checked.
    pub fn operation(&self) -> &str {
        self.name.split(',').next().unwrap()
    }
}

fn draw(seed: u64, shape: &[usize], domain: Domain) -> Tensor {
    let x = normal(seed, shape, DType::F64);
    match domain {
        Domain::Real => x,
        Domain::NonZero => (&x + x.sign().unwrap() * 0.3).unwrap(),
        Domain::Positive => (x.abs().unwrap() + 0.3).unwrap(),
    }
}

/// First, second and third order against finite differences.
pub fn check(cases: Vec<Case>) {
    for (n, case) in cases.iter().enumerate() {
        let inputs: Vec<Tensor> =
            case.shapes.iter().enumerate().map(|(i, s)| draw((100 * n + i) as u64, s, case.domain)).collect();
        gradcheck(case.name, &case.f, &inputs, 3, FiniteDifference::default());
    }
}
