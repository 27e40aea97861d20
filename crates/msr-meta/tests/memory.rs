//! Evaluation keeps no graph: its memory does not grow with the inner steps. One test: nothing else
//! may run beside it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device};
use msr_episodes::{Episode, Examples};
use msr_layers::{Linear, LinearConfig, SeededVars};
use msr_meta::{Learner, MetaConfig, MetaLearner};
use msr_testkit::{CountingAllocator, normal, peak_memory};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn evaluation_keeps_no_graph() {
    let set = |seed, count| {
        let (x, y) = (normal(seed, (8, count, 40), DType::F32), normal(seed + 1, (8, count, 30), DType::F32));
        Examples::values(x, y).unwrap()
    };
    let episode = Episode::new((0..8).collect(), set(1, 5), set(3, 15)).unwrap();
    let peak = |inner_steps, gradient| {
        let vars = SeededVars::new(0);
        let layer = Linear::new(LinearConfig::new(40, 30), vars.builder(DType::F32, &Device::Cpu)).unwrap();
        let learner = MetaLearner::new(Arc::new(layer), MetaConfig::gradient_steps(inner_steps)).unwrap();
        peak_memory(|| {
            let losses = if gradient {
                learner.gradients(&episode).unwrap().losses
            } else {
                learner.losses(&episode).unwrap()
            };
            assert!(losses.iter().all(|l| l.is_finite()));
        })
    };
    peak(5, false);
    let (five, hundred, with_graph) = (peak(5, false), peak(100, false), peak(100, true));
    println!("evaluation: 5 inner steps {five} bytes, 100 {hundred} bytes; with a graph {with_graph} bytes");
    assert!(hundred as f64 <= 1.1 * five as f64, "{hundred} bytes against {five}");
    assert!(
        with_graph > 4 * hundred,
        "a graph of 100 steps should show: {with_graph} bytes against {hundred}"
    );
}
