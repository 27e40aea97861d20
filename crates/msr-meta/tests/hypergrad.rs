//! Meta-gradients against JAX in float64: every gradient within 1e-9 relative.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use msr_autodiff::{Node, Window};
use msr_episodes::{Episode, Examples};
use msr_layers::{
    Activation, Error, Input, Layer, Parameter, Parameters, ReparamLinear, ReparamLinearConfig, SeededVars,
    Sequential, Values,
};
use msr_meta::{
    GradientSteps, Granularity, Learner, Loss, MetaConfig, MetaLearner, Rates, Recompute, Reduction,
};
use msr_testkit::relative_error;

struct Golden {
    case: &'static str,
    arrays: HashMap<String, Tensor>,
}

impl Golden {
    fn new(case: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hypergrad/hypergrad.npz");
        let arrays = Tensor::read_npz(path).unwrap().into_iter().collect();
        Self { case, arrays }
    }

    fn get(&self, name: &str) -> Tensor {
        self.arrays[&format!("{}/{name}", self.case)].clone()
    }

    fn episode(&self) -> Episode {
        let x = self.get("in/x_support");
        let examples = |x: Tensor, y: Tensor| match y.dtype().is_float() {
            true => Examples::values(x, y).unwrap(),
            false => Examples::labels(x, y.to_dtype(DType::U32).unwrap()).unwrap(),
        };
        Episode {
            tasks: (0..x.dims()[0]).collect(),
            support: examples(x, self.get("in/y_support")),
            query: examples(self.get("in/x_query"), self.get("in/y_query")),
        }
    }

    /// Sets every parameter to its golden value, then compares the losses and all gradients.
    /// `names` gives the golden name of each parameter of the model.
    fn check(
        &self,
        model: Arc<dyn Layer>,
        names: &[(&str, &str)],
        steps: usize,
        loss: Loss,
        reduction: Reduction,
    ) {
        let names: HashMap<&str, &str> = names.iter().copied().collect();
        for recompute in [Recompute::Off, Recompute::On] {
            let rates = Rates::Learned { initial: 0.1, per: Granularity::PerParameter, positive: false };
            let adaptation = GradientSteps { steps, rates, recompute, ..GradientSteps::default() };
            let config = MetaConfig { loss, reduction, ..adaptation.into() };
            // The golden values of the first round are in the model already.
            let learner = MetaLearner::on_trained(model.clone(), config).unwrap();
            let golden = |parameter: &str| match parameter.strip_prefix("rate.") {
                Some(of) => format!("lr.{}", names[of].split_once('.').unwrap().1),
                None => names[parameter].to_string(),
            };
            for p in learner.outer_parameters() {
                p.variable.set(&self.get(&format!("in/{}", golden(&p.name)))).unwrap();
            }
            let found = learner.gradients(&self.episode()).unwrap();
            let losses = Tensor::new(found.losses, &Device::Cpu).unwrap();
            assert!(relative_error(&losses, &self.get("loss")) < 1e-9, "{}: losses", self.case);
            assert_eq!(
                learner.outer_parameters().len(),
                self.count(),
                "{}: every golden gradient is compared",
                self.case
            );
            for (p, gradient) in learner.outer_parameters().iter().zip(&found.gradients) {
                let error = relative_error(gradient, &self.get(&format!("grad/{}", golden(&p.name))));
                println!("{} {recompute:?} {}: {error:.2e}", self.case, p.name);
                assert!(error < 1e-9, "{} {}: relative error {error:.3e}", self.case, p.name);
            }
        }
    }

    fn count(&self) -> usize {
        let prefix = format!("{}/grad/", self.case);
        self.arrays.keys().filter(|k| k.starts_with(&prefix)).count()
    }
}

#[test]
fn fc() {
    let vars = SeededVars::new(0);
    let layer =
        ReparamLinear::new(ReparamLinearConfig::new(70, 68, 6), vars.builder(DType::F64, &Device::Cpu));
    let names = [("symmetry", "u.U"), ("filter", "v.v")];
    Golden::new("fc").check(Arc::new(layer.unwrap()), &names, 3, Loss::MeanSquaredError, Reduction::Sum);
}

#[test]
fn mlp() {
    let vars = SeededVars::new(0);
    let vb = vars.builder(DType::F64, &Device::Cpu);
    let layer = |n, m, k, name| {
        let config = ReparamLinearConfig { bias: true, ..ReparamLinearConfig::new(n, m, k) };
        ReparamLinear::new(config, vb.pp(name)).unwrap()
    };
    let model =
        Sequential::new().with(layer(12, 10, 7, "a")).with(Activation::Relu).with(layer(10, 4, 5, "b"));
    let names = [
        ("a.symmetry", "u.U1"),
        ("a.filter", "v.v1"),
        ("a.bias", "v.b1"),
        ("b.symmetry", "u.U2"),
        ("b.filter", "v.v2"),
        ("b.bias", "v.b2"),
    ];
    Golden::new("mlp").check(Arc::new(model), &names, 2, Loss::MeanSquaredError, Reduction::Sum);
}

/// The model of the `conv4` case, written out in the operations of msr-autodiff: two blocks of
/// [Kronecker convolution, batch norm over the batch, ReLU, 2×2 max-pool] and a linear head.
struct Conv4 {
    parameters: Parameters,
}

const CHANNELS: usize = 6;

impl Conv4 {
    fn new(golden: &Golden) -> (Self, Vec<(&'static str, &'static str)>) {
        let names = [
            "u.A0", "u.B0", "u.C0", "v.w0", "v.gamma0", "v.beta0", "u.A1", "u.B1", "u.C1", "v.w1",
            "v.gamma1", "v.beta1", "v.head_w", "v.head_b",
        ];
        let parameter = |name: &&str| {
            let value = Var::from_tensor(&golden.get(&format!("in/{name}"))).unwrap();
            Parameter::of(*name, value.into_inner()).unwrap()
        };
        let (shared, adapted): (Vec<&str>, Vec<&str>) = names.iter().partition(|n| n.starts_with("u."));
        let [shared, adapted] = [shared, adapted].map(|names| names.iter().map(parameter).collect());
        (Self { parameters: Parameters::new(shared, adapted) }, names.map(|n| (n, n)).to_vec())
    }
}

impl Layer for Conv4 {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node, Error> {
        let mut x = input.node().clone();
        let (t, b) = (x.dims()[0], x.dims()[1]);
        for block in 0..2 {
            let [a, bb, c] = &values.shared[3 * block..3 * block + 3] else {
                panic!("three factors a block")
            };
            let [w, gamma, beta] = &values.adapted[3 * block..3 * block + 3] else {
                panic!("three adapted parameters a block")
            };
            let (o, i) = (a.dims()[0], bb.dims()[0]);
            // W[o, i, s] = Σ A[o, o'] B[i, i'] C[s, s'] w[o', i', s'], factor by factor.
            let w = w.matmul(&c.t()?)?;
            let w = bb.matmul(&w)?;
            let w = a.matmul(&w.reshape(&[t, o, i * 9])?)?;
            let size = (x.dims()[3], x.dims()[4]);
            let y = w.reshape(&[t, 1, o, i * 9])?.matmul(&x.im2col(Window::square(3, 1, 1))?)?;
            let count = (b * size.0 * size.1) as f64;
            let mean = y.sum_keepdim(&[1, 3])?.affine(1.0 / count, 0.0)?;
            let centred = y.sub(&mean)?;
            let variance = centred.power(2.0)?.sum_keepdim(&[1, 3])?.affine(1.0 / count, 0.0)?;
            let y = centred.div(&variance.affine(1.0, 1e-5)?.sqrt()?)?;
            let y = y.mul(&gamma.reshape(&[t, 1, o, 1])?)?.add(&beta.reshape(&[t, 1, o, 1])?)?.relu()?;
            x = y.reshape(&[t, b, o, size.0, size.1])?.max_pool(Window::square(2, 2, 0))?;
        }
        let features = x.reshape(&[t, b, CHANNELS])?;
        let [.., weight, bias] = &values.adapted[..] else { panic!("a head") };
        Ok(features.matmul(&weight.t()?)?.add(&bias.reshape(&[t, 1, 5])?)?)
    }
}

#[test]
fn conv4() {
    let golden = Golden::new("conv4");
    let (model, names) = Conv4::new(&golden);
    golden.check(Arc::new(model), &names, 2, Loss::CrossEntropy, Reduction::Mean);
}
