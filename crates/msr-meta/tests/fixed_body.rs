//! What no task adapts is computed once for all inner steps, and no number depends on it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Device, Tensor};
use candle_nn::Module;
use msr_autodiff::Node;
use msr_episodes::{Episode, Examples};
use msr_layers::{
    Activation, Adapting, Adapts, BatchNormConfig, BlockConv, Conv2dConfig, ConvBlock, ConvBlockConfig,
    Dropout, DropoutConfig, Flatten, Input, Layer, Linear, LinearConfig, Parameters, SeededVars, Sequential,
    Statistics, Values,
};
use msr_meta::{GradientSteps, Gradients, Learner, Loss, MetaConfig, MetaLearner, Order, Rates, Recompute};
use msr_testkit::{normal, relative_error};

/// A layer that counts its passes.
struct Counted<L>(L, Arc<AtomicUsize>);

impl<L: Module> Module for Counted<L> {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.0.forward(x)
    }
}

impl<L: Layer> Layer for Counted<L> {
    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }
    fn draws_nothing(&self) -> bool {
        self.0.draws_nothing()
    }
    fn forward_tasks(&self, values: &Values, input: &Input) -> msr_layers::Result<Node> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.forward_tasks(values, input)
    }
    fn forward_with_statistics(
        &self,
        values: &Values,
        input: &Input,
    ) -> msr_layers::Result<(Node, Vec<Node>)> {
        self.0.forward_with_statistics(values, input)
    }
}

/// A model of which nothing is computed beforehand.
struct Plain(Adapting);

impl Layer for Plain {
    fn parameters(&self) -> Parameters {
        self.0.parameters()
    }
    fn forward_tasks(&self, values: &Values, input: &Input) -> msr_layers::Result<Node> {
        self.0.forward_tasks(values, input)
    }
    fn forward_with_statistics(
        &self,
        values: &Values,
        input: &Input,
    ) -> msr_layers::Result<(Node, Vec<Node>)> {
        self.0.forward_with_statistics(values, input)
    }
}

/// Two blocks, with dropout between them where it is asked for, and a head; and the counts of the
/// passes through the blocks.
fn model(statistics: Statistics, dropout: bool, adapts: Adapts) -> (Adapting, [Arc<AtomicUsize>; 2]) {
    let vars = SeededVars::new(2);
    let vb = vars.builder(DType::F64, &Device::Cpu);
    let counts: [Arc<AtomicUsize>; 2] = Default::default();
    let block = |at: usize, channels: usize| {
        let conv = Conv2dConfig { padding: 1, ..Conv2dConfig::new(channels, 3, 3) };
        let norm = BatchNormConfig { statistics, ..BatchNormConfig::new(3) };
        let config = ConvBlockConfig { norm, ..ConvBlockConfig::new(BlockConv::Plain(conv)) };
        let block = ConvBlock::new(config, vb.pp(format!("block{at}"))).unwrap();
        Counted(block, counts[at].clone())
    };
    let mut stack = Sequential::new().with(block(0, 1));
    if dropout {
        let config = DropoutConfig { rate: 0.3, seed: 4 };
        stack = stack.with(Dropout::new(config, vb.pp("drop")).unwrap());
    }
    let head = LinearConfig { bias: true, ..LinearConfig::new(12, 3) };
    let stack = stack.with(block(1, 3)).with(Activation::Tanh).with(Flatten);
    let stack = stack.with(Linear::new(head, vb.pp("head")).unwrap());
    (Adapting::new(stack, adapts).unwrap(), counts)
}

fn episode() -> Episode {
    let labels = Tensor::new(&[[0u32, 1, 2, 1], [2, 1, 0, 0]], &Device::Cpu).unwrap();
    let set = |seed| Examples::labels(normal(seed, (2, 4, 1, 8, 8), DType::F64), labels.clone()).unwrap();
    Episode::new(vec![4, 5], set(1), set(2)).unwrap()
}

fn meta(order: Order, recompute: Recompute) -> MetaConfig {
    let rates = Rates::Learned { initial: 0.3, per: Default::default(), positive: false };
    let steps = GradientSteps { steps: 3, rates, order, recompute };
    MetaConfig { loss: Loss::CrossEntropy, ..steps.into() }
}

#[test]
fn a_body_that_no_task_adapts_is_computed_once_and_changes_no_number() {
    let found = |learner: &MetaLearner| -> (Gradients, Vec<f64>) {
        (learner.gradients_at(7, &episode()).unwrap(), learner.losses(&episode()).unwrap())
    };
    for statistics in [Statistics::Batch, Statistics::Support, Statistics::Running] {
        for (order, recompute) in
            [(Order::Second, Recompute::Off), (Order::Second, Recompute::On), (Order::First, Recompute::Off)]
        {
            for dropout in [false, true] {
                for adapts in [Adapts::Head, Adapts::Body, Adapts::Layers(vec!["block1".into()])] {
                    let what = format!("{statistics:?} {order:?} {recompute:?} {dropout} {adapts:?}");
                    let config = meta(order, recompute);
                    let (with, counts) = model(statistics, dropout, adapts.clone());
                    let with = MetaLearner::new(with, config).unwrap();
                    let (without, every) = model(statistics, dropout, adapts.clone());
                    let without = MetaLearner::new(Plain(without), config).unwrap();
                    let (a, b) = (found(&with), found(&without));
                    assert!(a.0.losses.iter().zip(&b.0.losses).all(|(a, b)| (a - b).abs() < 1e-12), "{what}");
                    assert!(a.1.iter().zip(&b.1).all(|(a, b)| (a - b).abs() < 1e-12), "{what}");
                    for ((a, b), p) in a.0.gradients.iter().zip(&b.0.gradients).zip(with.outer_parameters()) {
                        let error = relative_error(a, b);
                        assert!(error < 1e-11, "{what} {}: {error:.1e}", p.name);
                    }
                    for (a, b) in a.0.buffers.iter().zip(&b.0.buffers) {
                        assert!(relative_error(a, b) < 1e-12, "{what}");
                    }
                    let [first, second] = counts.map(|count| count.load(Ordering::Relaxed));
                    let [plain, _] = every.map(|count| count.load(Ordering::Relaxed));
                    // Support and query, of the gradients and of the losses; three inner steps,
                    // some computed again.
                    let each = 4;
                    match (&adapts, dropout) {
                        (Adapts::Body, _) => assert_eq!(first, plain, "{what}"),
                        (Adapts::Head, false) => assert_eq!([first, second], [each; 2], "{what}"),
                        // What is drawn is drawn in every step.
                        (Adapts::Head, true) => assert_eq!((first, second), (each, plain), "{what}"),
                        _ => assert_eq!((first, second), (each, plain), "{what}"),
                    }
                    assert!(plain > each, "{what}: {plain}");
                }
            }
        }
    }
}
