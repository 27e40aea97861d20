//! The Python snippet of the documentation gives our outputs, for linear and convolutional layers.
//! Skipped, loudly, where there is no Python with numpy and safetensors (`MSR_PYTHON` names one).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_episodes::{Episode, Examples};
use msr_layers::{
    Activation, Conv2d, Conv2dConfig, Layer, Linear, LinearConfig, ReparamConv2d, ReparamConv2dConfig,
    ReparamLinear, ReparamLinearConfig, SeededVars, Sequential,
};
use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Trainer};
use msr_testkit::normal;

/// The shapes of an input and of an output.
type Shape = (&'static [usize], &'static [usize]);

#[test]
fn the_snippet_gives_our_outputs() {
    let python = std::env::var("MSR_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import numpy, safetensors"]).output();
    if !has.is_ok_and(|has| has.status.success()) {
        println!("SKIPPED: {python} has no numpy and safetensors; name one that has with MSR_PYTHON");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/load_learned.py");
    let folder = tempfile::tempdir().unwrap();
    let vb = |name: &str| SeededVars::new(3).builder(DType::F32, &Device::Cpu).pp(name);
    let fc = |n, m| ReparamLinearConfig {
        bias: true,
        symmetry_std: 0.5,
        filter_std: 1.0,
        ..ReparamLinearConfig::new(n, m, 4)
    };
    let conv = Conv2dConfig { bias: true, padding: 1, stride: 2, ..Conv2dConfig::new(2, 3, 3) };
    let full = ReparamConv2dConfig { filter_std: 1.0, ..ReparamConv2dConfig::full(conv, 5) };
    let stack = Sequential::new()
        .with(ReparamLinear::new(fc(6, 5), vb("a")).unwrap())
        .with(Activation::Tanh)
        .with(Linear::new(LinearConfig { bias: true, ..LinearConfig::new(5, 5) }, vb("b")).unwrap());
    let kronecker = ReparamConv2dConfig::kronecker(conv);
    let (fc_shape, conv_shape): (Shape, Shape) = ((&[6], &[5]), (&[2, 7, 6], &[3, 4, 3]));
    let cases: [(&str, Arc<dyn Layer>, Shape); 5] = [
        ("linear", Arc::new(ReparamLinear::new(fc(6, 5), vb("fc")).unwrap()), fc_shape),
        ("stack", Arc::new(stack), fc_shape),
        ("conv", Arc::new(Conv2d::new(conv, vb("conv")).unwrap()), conv_shape),
        ("kronecker", Arc::new(ReparamConv2d::new(kronecker, vb("k")).unwrap()), conv_shape),
        ("full", Arc::new(ReparamConv2d::new(full, vb("f")).unwrap()), conv_shape),
    ];
    for (name, model, (input, output)) in cases {
        let set = |seed, count: usize| {
            let shape = |tail: &[usize]| [&[3, count], tail].concat();
            let (x, y) =
                (normal(seed, shape(input), DType::F32), normal(seed + 1, shape(output), DType::F32));
            Examples::values(x, y).unwrap()
        };
        let episode = Episode::new(vec![0, 1, 2], set(1, 4), set(3, 5)).unwrap();
        // Away from the start, where no factor is the identity.
        let config = AdamConfig { rate: 0.05, ..AdamConfig::default() };
        let mut trainer =
            Trainer::new(MetaLearner::new(model, MetaConfig::default()).unwrap(), config).unwrap();
        (0..5).for_each(|_| drop(trainer.step(&episode).unwrap()));
        let adapted = trainer.learner().adapt(&episode.support).unwrap();
        let path = folder.path().join(format!("{name}.safetensors"));
        adapted.save(&path).unwrap();
        let x = episode.query.x.clone();
        let examples = folder.path().join("examples.safetensors");
        let tensors: [(&str, Tensor); 2] = [("y", adapted.predict(&x).unwrap()), ("x", x)];
        std::fs::write(&examples, safetensors::serialize(tensors, None).unwrap()).unwrap();
        let ran = Command::new(&python).args([&script, &path, &examples]).output().unwrap();
        let (text, errors) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{name}: {text}{errors}");
        let number = |after: &str| -> f64 {
            let rest = text.split(after).nth(1).unwrap_or_else(|| panic!("{name}: {text}"));
            rest.trim().split([',', '\n']).next().unwrap().parse().unwrap()
        };
        let (difference, largest) = (number("largest difference:"), number("largest output"));
        println!("{name}: {}", text.trim().replace('\n', "; "));
        assert!(difference <= 1e-6 * largest.max(1.0), "{name}: {difference} beside {largest}");
    }
}
