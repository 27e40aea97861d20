//! Inner steps that are one operation against the same steps one by one.
#![allow(clippy::unwrap_used, reason = "tests")]

use candle_core::{DType, Device};
use cases::episode;
use msr_autodiff::Node;
use msr_layers::{Input, Layer, Parameters, ReparamLinear, ReparamLinearConfig, SeededVars, Values};
use msr_meta::{GradientSteps, Granularity, Learner, MetaLearner, Order, Rates};
use msr_testkit::relative_error;

mod cases;

/// A layer that does not tell that it is linear in its adapted parameters.
struct Silent(ReparamLinear);

impl Layer for Silent {
    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }
    fn forward_tasks(&self, values: &Values, input: &Input) -> msr_layers::Result<Node> {
        self.0.forward_tasks(values, input)
    }
    fn prepare(&self, values: &Values, examples: &Node, uses: usize) -> msr_layers::Result<Input> {
        self.0.prepare(values, examples, uses)
    }
}

#[test]
fn losses_and_outer_gradients_are_those_of_single_steps() {
    let per_element = Rates::Learned { initial: 0.05, per: Granularity::PerElement, positive: true };
    for (rates, k, support) in [
        (Rates::default(), 2, 1),
        (per_element, 20, 3),
        (Rates::Fixed(0.07), 3, 2),
        (Rates::Learned { initial: 0.1, per: Granularity::PerLayer, positive: false }, 17, 1),
    ] {
        for order in [Order::Second, Order::First] {
            for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-5)] {
                let layer = || {
                    let config = ReparamLinearConfig {
                        symmetry_std: 0.3,
                        filter_std: 0.5,
                        ..ReparamLinearConfig::new(6, 5, k)
                    };
                    ReparamLinear::new(config, SeededVars::new(1).builder(dtype, &Device::Cpu)).unwrap()
                };
                let steps = GradientSteps { steps: 3, rates, order, ..GradientSteps::default() };
                let at_once = MetaLearner::new(layer(), steps.into()).unwrap();
                let one_by_one = MetaLearner::new(Silent(layer()), steps.into()).unwrap();
                let batch = episode(3, 4, support, 2, dtype);
                let (found, expected) =
                    (at_once.gradients(&batch).unwrap(), one_by_one.gradients(&batch).unwrap());
                for (found, expected) in found.losses.iter().zip(&expected.losses) {
                    assert!((found - expected).abs() < tolerance * expected.abs().max(1.0));
                }
                for (found, expected) in found.gradients.iter().zip(&expected.gradients) {
                    let error = relative_error(found, expected);
                    assert!(error < tolerance, "{rates:?}, {order:?}, {dtype:?}: {error:.1e}");
                }
            }
        }
    }
}
