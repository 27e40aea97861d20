//! Pools, dropout, residual layers and Conv4: PyTorch's numbers, shapes, draws, refusals.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod golden;

use candle_core::{DType, Device, Tensor};
use candle_nn::Module;
use golden::check;
use msr_autodiff::Node;
use msr_layers::{
    AvgPool2d, BatchNorm, BatchNormConfig, BlockConv, Conv2dConfig, Conv4, Conv4Config, ConvBlock,
    ConvBlockConfig, Dropout, DropoutConfig, Filters, Flatten, Input, Layer, LayerNorm, LayerNormConfig,
    Linear, LinearConfig, MaxPool2d, Pass, Phase, Pool, Pool2dConfig, Residual, SeededVars, Sequential,
    Statistics, Values,
};
use msr_testkit::{FiniteDifference, assert_close, gradcheck, normal};

fn vb() -> candle_nn::VarBuilder<'static> {
    SeededVars::new(2).builder(DType::F64, &Device::Cpu)
}

fn says<T>(result: msr_layers::Result<T>, words: &str) {
    let message = result.err().unwrap().to_string();
    assert!(message.contains(words), "{message} does not say {words}");
}

#[test]
fn pools_and_layer_norm_are_pytorchs() {
    let overlap = Pool2dConfig { kernel: 3, stride: 2 };
    check("max_pool", &MaxPool2d::new(Pool2dConfig::new(2)));
    check("max_pool_overlap", &MaxPool2d::new(overlap));
    check("avg_pool", &AvgPool2d::new(Pool2dConfig::new(2)));
    check("avg_pool_overlap", &AvgPool2d::new(overlap));
    check("layer_norm", &LayerNorm::new(LayerNormConfig::new(&[5, 6]), vb()).unwrap());
}

/// Everything new, and a block of everything, to third order in input and parameters.
#[test]
fn all_can_be_differentiated_three_times() {
    let conv = Conv2dConfig { padding: 1, ..Conv2dConfig::new(2, 2, 3) };
    let block = ConvBlock::new(ConvBlockConfig::new(BlockConv::Plain(conv)), vb().pp("b")).unwrap();
    let residual = Residual::new(Linear::new(LinearConfig::new(3, 2), vb().pp("f")).unwrap())
        .with_projection(Linear::new(LinearConfig::new(3, 2), vb().pp("p")).unwrap());
    let layers: [(&str, Box<dyn Layer>, &[usize]); 5] = [
        ("average", Box::new(AvgPool2d::new(Pool2dConfig::new(2))), &[2, 1, 2, 4, 2]),
        ("flatten", Box::new(Flatten), &[2, 2, 2, 2]),
        (
            "layer norm",
            Box::new(LayerNorm::new(LayerNormConfig::new(&[4]), vb().pp("n")).unwrap()),
            &[2, 2, 4],
        ),
        ("residual", Box::new(residual), &[2, 2, 3]),
        ("block", Box::new(block), &[1, 2, 2, 4, 4]),
    ];
    for (i, (name, layer, shape)) in layers.into_iter().enumerate() {
        let f = |x: &[Node]| {
            let values = Values::new(Vec::new(), x[1..].to_vec());
            let y = layer.forward_tasks(&values, &Input::Examples(x[0].clone()));
            y.map_err(|e| msr_autodiff::Error::Other(Box::new(e)))
        };
        let mut tensors = vec![normal(i as u64, shape, DType::F64)];
        for (j, p) in layer.parameters().adapted.iter().enumerate() {
            tensors.push(normal(20 + j as u64, [&shape[..1], p.tensor.dims()].concat(), DType::F64));
        }
        // A block has the kinks of its ReLU and its pool, and many derivatives.
        let orders = if name == "block" { 2 } else { 3 };
        gradcheck(name, &f, &tensors, orders, FiniteDifference { tolerance: 2e-6, ..Default::default() });
    }
}

/// A block is the layers that it is made of, one after the other, but for rounding: it does several
/// steps in one.
#[test]
fn a_block_is_its_parts() {
    let conv = Conv2dConfig { padding: 1, ..Conv2dConfig::new(2, 3, 3) };
    for statistics in [Statistics::Batch, Statistics::Running] {
        let norm = BatchNormConfig { statistics, ..BatchNormConfig::new(3) };
        let config = ConvBlockConfig { norm, ..ConvBlockConfig::new(BlockConv::Plain(conv)) };
        let vars = SeededVars::new(4);
        let vb = vars.builder(DType::F64, &Device::Cpu);
        let block = ConvBlock::new(config, vb.pp("b")).unwrap();
        let parts = Sequential::new()
            .with(msr_layers::Conv2d::new(conv, vb.pp("b.conv")).unwrap())
            .with(BatchNorm::new(norm, vb.pp("b.norm")).unwrap())
            .with(msr_layers::Activation::Relu)
            .with(MaxPool2d::new(Pool2dConfig::new(2)));
        let x = normal(1, (2, 4, 2, 7, 6), DType::F64);
        for phase in [Phase::Support, Phase::Train, Phase::Query] {
            let values = block.parameters().broadcast(2).unwrap().in_phase(phase);
            let input = Input::Examples(Node::constant(&x));
            let prepared = block.prepare(&values, &Node::constant(&x), 3).unwrap();
            let (y, found) = block.forward_with_statistics(&values, &prepared).unwrap();
            let (expected, statistics) = parts.forward_with_statistics(&values, &input).unwrap();
            assert_close("block", y.value(), expected.value(), 1e-13);
            assert_eq!(found.len(), statistics.len());
            for (a, b) in found.iter().zip(&statistics) {
                assert_close("statistics", a.value(), b.value(), 1e-13);
            }
        }
        let x = x.get(0).unwrap();
        let (y, expected) = (Module::forward(&block, &x).unwrap(), Module::forward(&parts, &x).unwrap());
        assert_close("module", &y, &expected, 0.0);
    }
}

#[test]
fn dropout_depends_on_seed_name_and_draw_alone() {
    let layer = |seed, name: &str| Dropout::new(DropoutConfig { rate: 0.3, seed }, vb().pp(name)).unwrap();
    let x = Node::constant(&Tensor::ones((2, 500, 4), DType::F64, &Device::Cpu).unwrap());
    let output = |layer: &Dropout, pass: Pass| -> Vec<f64> {
        let values = Values::default().with_pass(pass);
        let y = layer.forward_tasks(&values, &Input::Examples(x.clone())).unwrap();
        y.value().flatten_all().unwrap().to_vec1().unwrap()
    };
    let support = |draws: [u64; 2]| Pass::new(Phase::Support).with_draws(draws.to_vec());
    let first = output(&layer(1, "a"), support([5, 6]));
    assert_eq!(output(&layer(1, "a"), support([5, 6])), first);
    assert_ne!(output(&layer(2, "a"), support([5, 6])), first);
    assert_ne!(output(&layer(1, "b"), support([5, 6])), first);
    assert_ne!(output(&layer(1, "a"), support([5, 6]).at(1)), first);
    // A task's mask does not depend on the tasks beside it.
    let other = output(&layer(1, "a"), support([7, 6]));
    assert_eq!(other[2000..], first[2000..]);
    assert_ne!(other[..2000], first[..2000]);
    let kept = first.iter().filter(|&&x| x != 0.0).count() as f64 / first.len() as f64;
    assert!((kept - 0.7).abs() < 0.03, "{kept}");
    assert!(first.iter().all(|&x| x == 0.0 || (x - 1.0 / 0.7).abs() < 1e-15));
    // Off in evaluation, and where nothing is drawn.
    let ones = vec![1.0; 4000];
    assert_eq!(output(&layer(1, "a"), Pass { phase: Phase::Query, ..support([5, 6]) }), ones);
    assert_eq!(output(&layer(1, "a"), Pass::new(Phase::Train)), ones);
    let plain = x.value().get(0).unwrap();
    assert_close("module", &Module::forward(&layer(1, "a"), &plain).unwrap(), &plain, 0.0);
    let trained = layer(1, "a").forward_train(&plain, 5).unwrap().flatten_all().unwrap();
    assert_eq!(trained.to_vec1::<f64>().unwrap(), first[..2000]);
    says(Dropout::new(DropoutConfig { rate: 1.0, seed: 0 }, vb()), "from 0 to less than 1, got 1");
    let three = Values::default().with_pass(Pass::new(Phase::Train).with_draws(vec![1, 2, 3]));
    says(layer(1, "a").forward_tasks(&three, &Input::Examples(x.clone())), "(3 tasks, examples, …)");
}

/// Shapes follow from the image; what does not fit is refused by name and size.
#[test]
fn conv4_infers_its_shapes() {
    let config = Conv4Config::new((1, 28, 28), 4, 5);
    let sides = |config: Conv4Config| -> Vec<usize> {
        config.shapes().unwrap().into_iter().map(|(_, h, _)| h).collect()
    };
    assert_eq!(sides(config), [28, 14, 7, 3, 1]);
    assert_eq!(sides(Conv4Config { pool: Pool::Stride, ..config }), [28, 14, 7, 4, 2]);
    assert_eq!(sides(Conv4Config { image: (3, 84, 84), ..config }), [84, 42, 21, 10, 5]);
    for pool in [Pool::Max, Pool::Stride] {
        for filters in [Filters::Plain, Filters::Kronecker, Filters::Full { filter_params: 3 }] {
            let net = Conv4::new(Conv4Config { pool, filters, ..config }, vb()).unwrap();
            let x = normal(1, (2, 3, 1, 28, 28), DType::F64);
            let values = net.parameters().broadcast(2).unwrap();
            let y = net.forward_tasks(&values, &Input::Examples(Node::constant(&x))).unwrap();
            assert_eq!(y.dims(), [2, 3, 5]);
            assert_eq!(net.weights(&values).unwrap().len(), 5);
            let wrong = normal(1, (2, 3, 1, 27, 28), DType::F64);
            let wrong = Input::Examples(Node::constant(&wrong));
            says(net.forward_tasks(&values, &wrong), "(tasks, examples, 1, 28, 28), got [2, 3, 1, 27, 28]");
        }
    }
    // The starts of the two forms are one network: the same uniform law, factors at the identity.
    let bound = |net: &Conv4| -> Vec<f64> {
        let values = net.parameters().broadcast(1).unwrap();
        let largest =
            |w: msr_layers::Weight| w.value.value().abs().unwrap().max_all().unwrap().to_scalar().unwrap();
        net.weights(&values).unwrap().into_iter().map(largest).collect()
    };
    let wide = Conv4Config { channels: 16, norm: BatchNormConfig::new(16), ..config };
    for filters in [Filters::Plain, Filters::Kronecker] {
        let net = Conv4::new(Conv4Config { filters, ..wide }, vb()).unwrap();
        for (found, fan_in) in bound(&net).into_iter().zip([9.0, 144.0, 144.0, 144.0, 16.0f64]) {
            let limit = 1.0 / fan_in.sqrt();
            assert!(found <= limit && found > 0.9 * limit, "{filters:?}: {found} for {limit}");
        }
    }
    let small = Conv4Config { image: (1, 12, 12), ..config };
    says(Conv4::new(small, vb()), "block 3 of 4 does not fit its image (12 × 12 → 6 × 6 → 3 × 3 → 1 × 1)");
    says(Conv4::new(Conv4Config { blocks: 0, ..config }, vb()), "blocks must be at least 1");
    says(Conv4::new(Conv4Config { channels: 6, ..config }, vb()), "norm.features is 4, channels 6");
    let biased = Conv2dConfig { bias: true, ..Conv2dConfig::new(2, 3, 3) };
    says(ConvBlock::new(ConvBlockConfig::new(BlockConv::Plain(biased)), vb()), "has no bias");
}

#[test]
fn what_does_not_fit_is_refused() {
    let x = Input::Examples(Node::constant(&normal(1, (2, 3, 1, 1, 4), DType::F64)));
    let none = Values::default();
    let message = MaxPool2d::new(Pool2dConfig::new(2)).forward_tasks(&none, &x).unwrap_err().to_string();
    assert!(message.contains("MaxPool2d") && message.contains("larger than the input's 1"), "{message}");
    let flat = Input::Examples(Node::constant(&normal(1, (2, 3, 4), DType::F64)));
    says(AvgPool2d::new(Pool2dConfig::new(2)).forward_tasks(&none, &flat), "channels, height, width)");
    let short = Input::Examples(Node::constant(&normal(1, 3, DType::F64)));
    says(Flatten.forward_tasks(&none, &short), "(tasks, examples, …)");
    says(LayerNorm::new(LayerNormConfig::new(&[]), vb()), "shape must have a dimension");
    let norm = LayerNorm::new(LayerNormConfig::new(&[5]), vb().pp("n")).unwrap();
    says(norm.forward_tasks(&norm.parameters().broadcast(2).unwrap(), &flat), "(…, [5])");
    let residual = Residual::new(Linear::new(LinearConfig::new(4, 2), vb().pp("r")).unwrap());
    let values = residual.parameters().broadcast(2).unwrap();
    says(residual.forward_tasks(&values, &flat), "give it a projection");
    says(residual.forward_tasks(&none, &flat), "Residual: the forward pass got 0 shared and 0 adapted");
}
