//! Learns a circular convolution with a reparameterized layer: candle's AdamW trains symmetry matrix and
//! filter together, the layer is saved as safetensors, loaded again, and compared.

use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::{AdamW, Module, Optimizer, ParamsAdamW, VarBuilder};
use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};

const N: usize = 8;

/// Inputs, and what a circular convolution with the filter (1, −2, 0.5) makes of them.
fn examples(count: usize) -> Result<(Tensor, Tensor)> {
    let wave = |i: usize| ((i * 37 % 101) as f32 / 50.0 - 1.0) * 1.5;
    let x: Vec<f32> = (0..count * N).map(wave).collect();
    let at = |row: usize, i: usize| x[row * N + i % N];
    let y = (0..count * N).map(|j| {
        let (row, i) = (j / N, j % N);
        at(row, i) - 2.0 * at(row, i + 1) + 0.5 * at(row, i + 2)
    });
    let y: Vec<f32> = y.collect();
    Ok((Tensor::from_vec(x.clone(), (count, N), &Device::Cpu)?, Tensor::from_vec(y, (count, N), &Device::Cpu)?))
}

fn main() -> Result<()> {
    let config = ReparamLinearConfig { bias: true, symmetry_std: 0.2, ..ReparamLinearConfig::new(N, N, 3) };
    let vars = SeededVars::new(7);
    let layer = ReparamLinear::new(config, vars.builder(DType::F32, &Device::Cpu).pp("conv"))?;
    let (x, y) = examples(64)?;
    let loss = || (layer.forward(&x)? - &y)?.sqr()?.mean_all();
    let before = loss()?.to_scalar::<f32>()?;
    let mut optimiser =
        AdamW::new(vars.var_map().all_vars(), ParamsAdamW { lr: 0.02, weight_decay: 0.0, ..Default::default() })?;
    for _ in 0..500 {
        optimiser.backward_step(&loss()?)?;
    }
    let after = loss()?.to_scalar::<f32>()?;
    println!("mean squared error before training {before:.4}, after {after:.6}");
    if after.is_nan() || after > 1e-3 * before {
        bail!("training did not learn the convolution");
    }

    let path = std::env::temp_dir().join(format!("outside-crate-{}.safetensors", std::process::id()));
    vars.var_map().save(&path)?;
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu)?;
    std::fs::remove_file(&path)?;
    let mut names: Vec<&String> = tensors.keys().collect();
    names.sort();
    println!("saved {names:?}");
    let vb = VarBuilder::from_tensors(tensors.clone(), DType::F32, &Device::Cpu);
    let loaded = ReparamLinear::new(config, vb.pp("conv"))?;
    let (a, b) = (layer.forward(&x)?.to_vec2::<f32>()?, loaded.forward(&x)?.to_vec2::<f32>()?);
    if a != b {
        bail!("the loaded layer gives another output");
    }
    println!("the loaded layer gives the same output, bit for bit");
    Ok(())
}
