//! Peak memory of an unroll, measured by the allocator. One test: nothing else may run beside it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_autodiff::{Graph, Node, Recompute, grad, mse, unroll};
use msr_testkit::{CountingAllocator, normal, peak_memory};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// One meta-gradient through `steps` inner steps of a two-layer network whose weights adapt.
fn meta_gradient(steps: usize, recompute: Recompute) {
    let w1 = Node::leaf(&normal(1, (32, 64), DType::F32));
    let w2 = Node::leaf(&normal(2, (64, 8), DType::F32));
    let context = vec![
        Node::constant(&normal(3, (256, 32), DType::F32)),
        Node::constant(&normal(4, (256, 8), DType::F32)),
        Node::leaf(&Tensor::new(1e-3f32, &Device::Cpu).unwrap()),
    ];
    let forward = |state: &[Node], context: &[Node]| {
        let y = context[0].matmul(&state[0])?.tanh()?.matmul(&state[1])?;
        mse(&y, &context[1])?.sum_all()
    };
    let step = move |_: usize, state: &[Node], context: &[Node]| {
        let g = grad(&forward(state, context)?, &[&state[0], &state[1]], Graph::Keep)?;
        let next = |w: &Node, g: &Node| w.sub(&g.mul(&context[2])?);
        Ok(vec![next(&state[0], &g[0])?, next(&state[1], &g[1])?])
    };
    let last =
        unroll(vec![w1.clone(), w2.clone()], context.clone(), steps, recompute, Arc::new(step)).unwrap();
    let outer = forward(&last, &context).unwrap();
    let g = grad(&outer, &[&w1, &w2, &context[2]], Graph::Drop).unwrap();
    assert!(g[2].scalar().unwrap().is_finite());
}

#[test]
fn recomputation_keeps_memory_flat() {
    let peak = |steps, recompute| peak_memory(|| meta_gradient(steps, recompute));
    peak(5, Recompute::On);
    let [five, hundred] = [5, 100].map(|steps| peak(steps, Recompute::On));
    let kept = peak(100, Recompute::Off);
    println!(
        "peak memory with recomputation: 5 steps {five} bytes, 100 steps {hundred} bytes, ratio {:.3}; \
         100 steps kept {kept} bytes",
        hundred as f64 / five as f64
    );
    assert!(hundred <= 2 * five, "100 steps took {hundred} bytes, 5 steps {five}");
    assert!(kept > 4 * hundred, "the switch makes no difference: {kept} bytes against {hundred}");
}
