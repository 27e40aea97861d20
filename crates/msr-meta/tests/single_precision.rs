//! Gradients of Conv4 in single precision, beside PyTorch's in double precision. Which form
//! convolutions take is a setting of the whole process, so there is one test.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use msr_episodes::{Episode, Examples};
use msr_kernels::{Winograd, use_winograd};
use msr_layers::{Conv4, Conv4Config, Filters, SeededVars};
use msr_meta::{GradientSteps, Granularity, Learner, Loss, MetaConfig, MetaLearner, Rates, Reduction};

/// The distance of the gradient of all that is learned, as one vector, from PyTorch's, relative to
/// its norm.
fn error(arrays: &HashMap<String, Tensor>, dtype: DType) -> f64 {
    let get = |name: &str| arrays[&format!("omniglot/{name}")].clone();
    let set = |which: &str| {
        let labels = get(&format!("in/y_{which}")).to_dtype(DType::U32).unwrap();
        Examples::labels(get(&format!("in/x_{which}")).to_dtype(dtype).unwrap(), labels).unwrap()
    };
    let episode = Episode::new(vec![0, 1], set("support"), set("query")).unwrap();
    let config = Conv4Config { filters: Filters::Kronecker, ..Conv4Config::new((1, 28, 28), 32, 5) };
    let net = Conv4::new(config, SeededVars::new(0).builder(dtype, &Device::Cpu)).unwrap();
    let rates = Rates::Learned { initial: 0.1, per: Granularity::PerParameter, positive: false };
    let steps = GradientSteps { steps: 1, rates, ..GradientSteps::default() };
    let meta = MetaConfig { loss: Loss::CrossEntropy, reduction: Reduction::Mean, ..steps.into() };
    let learner = MetaLearner::new(net, meta).unwrap();
    for p in learner.outer_parameters() {
        p.variable.set(&get(&format!("in/{}", p.name)).to_dtype(dtype).unwrap()).unwrap();
    }
    let found = learner.gradients(&episode).unwrap();
    let golden = arrays.keys().filter(|name| name.starts_with("omniglot/grad/")).count();
    assert_eq!(found.gradients.len(), golden, "every gradient is compared");
    let (mut error, mut norm) = (0.0, 0.0);
    for (p, gradient) in learner.outer_parameters().iter().zip(&found.gradients) {
        let expected = get(&format!("grad/{}", p.name)).to_dtype(DType::F64).unwrap();
        let difference = (gradient.to_dtype(DType::F64).unwrap() - &expected).unwrap();
        let square = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
        error += square(&difference);
        norm += square(&expected);
    }
    (error / norm).sqrt()
}

/// Within 3e-6 in whatever form convolutions are computed; in double precision it is PyTorch's,
/// which was rounded to single precision to be kept.
#[test]
fn the_gradient_in_single_precision_is_pytorchs_in_double_precision() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/conv4/omniglot.npz");
    let arrays: HashMap<String, Tensor> = Tensor::read_npz(path).unwrap().into_iter().collect();
    for form in [Winograd::Never, Winograd::WhereItPays, Winograd::Always] {
        use_winograd(form);
        for (dtype, tolerance) in [(DType::F32, 3e-6), (DType::F64, 1e-7)] {
            let found = error(&arrays, dtype);
            println!("{form:?} {dtype:?}: {found:.2e}");
            assert!(found < tolerance, "{form:?} {dtype:?}: {found:.2e} of the gradient's norm");
        }
    }
}
