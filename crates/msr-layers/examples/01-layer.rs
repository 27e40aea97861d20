//! 1 of 8: a layer that can learn which of its weights are tied, trained by candle alone.
//!
//! `cargo run --example 01-layer`. The next one: `02-meta-learn`.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use candle_core::{DType, Device, Tensor};
use candle_nn::{AdamW, Module, Optimizer, ParamsAdamW};
use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // vec(W) = U v: W has 8 × 8 weights, v has 3 free parameters, U (64 × 3) says how they make up
    // the weights.
    let vars = SeededVars::new(0); // any candle VarBuilder would do; this one is reproducible
    let config = ReparamLinearConfig { symmetry_std: 0.2, ..ReparamLinearConfig::new(8, 8, 3) };
    let layer = ReparamLinear::new(config, vars.builder(DType::F32, &Device::Cpu))?;
    assert_eq!(layer.symmetry().dims(), [64, 3]);
    assert_eq!(layer.filter().dims(), [3]);
    assert_eq!(layer.weight()?.dims(), [8, 8]);

    // It is a candle-nn module: forward, backward and optimisers are candle's own.
    let wave: Vec<f32> = (0..32 * 8).map(|i| (i as f32 * 0.7).sin() + (i as f32 * 0.31).cos()).collect();
    let x = Tensor::from_vec(wave, (32, 8), &Device::Cpu)?;
    let y = Tensor::cat(&[x.narrow(1, 1, 7)?, x.narrow(1, 0, 1)?], 1)?; // each input, one place to the left
    let loss = || (layer.forward(&x)? - &y)?.sqr()?.mean_all();
    let before = loss()?.to_scalar::<f32>()?;
    let mut adam = AdamW::new(vars.var_map().all_vars(), ParamsAdamW { lr: 0.02, ..Default::default() })?;
    for _ in 0..300 {
        adam.backward_step(&loss()?)?;
    }
    let after = loss()?.to_scalar::<f32>()?;
    println!("mean squared error: {before:.3} before training, {after:.2e} after");
    assert!(after < 1e-2 * before);
    // One task cannot say what is symmetry (U) and what is this task (v): that takes many, in
    // 02-meta-learn.
    Ok(())
}
