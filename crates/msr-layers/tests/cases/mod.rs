//! One of every layer, with parameters and examples.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    reason = "tests; no test file uses all of it"
)]

use candle_core::{DType, Device, Tensor};
use candle_nn::{Module, VarBuilder};
use msr_autodiff::Node;
use msr_groups::{Action, SharingPattern, dihedral, square_grid};
use msr_layers::*;
use msr_testkit::normal;

pub const TASKS: usize = 3;

pub trait Both: Layer + Module {}
impl<T: Layer + Module> Both for T {}

pub struct Case {
    pub name: &'static str,
    pub layer: Box<dyn Both>,
    pub vars: SeededVars,
    /// The shape of one example.
    pub example: Vec<usize>,
    pub output: Vec<usize>,
    /// How many layers with a weight W it has.
    pub weights: usize,
}

pub fn cases(dtype: DType) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name, example: &[usize], output: &[usize], build: &dyn Fn(VarBuilder) -> Box<dyn Both>| {
        let vars = SeededVars::new(5);
        let layer = build(vars.builder(dtype, &Device::Cpu).pp("layer"));
        let weights = match name {
            "stack" => 3,
            "stack of convolutions" => 2,
            "Residual" => 2,
            "Conv4" => 3,
            _ if name.contains("Norm") => 0,
            _ => 1,
        };
        let (example, output) = (example.to_vec(), output.to_vec());
        cases.push(Case { name, layer, vars, example, output, weights });
    };
    for bias in [false, true] {
        add("Linear", &[7], &[5], &|vb| {
            Box::new(Linear::new(LinearConfig { bias, ..LinearConfig::new(7, 5) }, vb).unwrap())
        });
        add("Linear, one channel", &[1, 7], &[1, 5], &|vb| {
            Box::new(Linear::new(LinearConfig { bias, ..LinearConfig::new(7, 5) }, vb).unwrap())
        });
        add("ReparamLinear", &[7], &[5], &|vb| {
            let config = ReparamLinearConfig {
                bias,
                symmetry_std: 0.5,
                filter_std: 1.0,
                ..ReparamLinearConfig::new(7, 5, 3)
            };
            Box::new(ReparamLinear::new(config, vb).unwrap())
        });
        add("ReparamLinear, one channel", &[1, 7], &[1, 5], &|vb| {
            let config = ReparamLinearConfig {
                bias,
                symmetry_std: 0.5,
                filter_std: 1.0,
                ..ReparamLinearConfig::new(7, 5, 1)
            };
            Box::new(ReparamLinear::new(config, vb).unwrap())
        });
        let action = Action::natural(&dihedral(6).unwrap());
        let pattern = SharingPattern::new(&action, &action.with_channels(2).unwrap()).unwrap();
        for entries in [Entries::Fixed, Entries::Orthonormal, Entries::Learned] {
            add("PatternLinear", &[12], &[6], &|vb| {
                let config = PatternLinearConfig {
                    bias: bias.then(|| SharingPattern::bias(&action).unwrap()),
                    entries,
                    ..PatternLinearConfig::new(pattern.clone())
                };
                Box::new(PatternLinear::new(config, vb).unwrap())
            });
        }
        add("Conv1d", &[2, 9], &[3, 7], &|vb| {
            Box::new(Conv1d::new(Conv1dConfig { bias, ..Conv1dConfig::new(2, 3, 3) }, vb).unwrap())
        });
        add("Conv1d, stride 2, padding 1", &[1, 8], &[2, 4], &|vb| {
            let config = Conv1dConfig { bias, stride: 2, padding: 1, ..Conv1dConfig::new(1, 2, 3) };
            Box::new(Conv1d::new(config, vb).unwrap())
        });
        add("Conv2d", &[2, 6, 7], &[3, 4, 5], &|vb| {
            Box::new(Conv2d::new(Conv2dConfig { bias, ..Conv2dConfig::new(2, 3, 3) }, vb).unwrap())
        });
        let strided = Conv2dConfig { bias, stride: 2, padding: 1, ..Conv2dConfig::new(2, 3, 3) };
        add("Conv2d, stride 2, padding 1", &[2, 5, 6], &[3, 3, 3], &|vb| {
            Box::new(Conv2d::new(strided, vb).unwrap())
        });
        // So many channels that windows are read in place.
        let wide = Conv2dConfig { bias, padding: 1, ..Conv2dConfig::new(8, 8, 3) };
        add("Conv2d, in place", &[8, 5, 4], &[8, 5, 4], &|vb| Box::new(Conv2d::new(wide, vb).unwrap()));
        add("ReparamConv2d, Kronecker, in place", &[8, 5, 4], &[8, 5, 4], &|vb| {
            Box::new(ReparamConv2d::new(ReparamConv2dConfig::kronecker(wide), vb).unwrap())
        });
        add("ReparamConv2d, full, in place", &[8, 5, 4], &[8, 3, 2], &|vb| {
            let conv = Conv2dConfig { stride: 2, ..wide };
            let symmetry = ConvSymmetry::Full { filter_params: 4, std: 0.5 };
            let config =
                ReparamConv2dConfig { symmetry, filter_std: 1.0, ..ReparamConv2dConfig::full(conv, 4) };
            Box::new(ReparamConv2d::new(config, vb).unwrap())
        });
        add("stack of convolutions", &[8, 5, 4], &[8, 2, 2], &|vb| {
            let conv = |name| Conv2d::new(wide, vb.pp(name)).unwrap();
            let pool = AvgPool2d::new(Pool2dConfig::new(2));
            Box::new(Sequential::new().with(conv("a")).with(Activation::Tanh).with(conv("b")).with(pool))
        });
        for channels in [1, 2] {
            let conv = Conv2dConfig { in_channels: channels, ..strided };
            add("ReparamConv2d, Kronecker", &[channels, 5, 6], &[3, 3, 3], &|vb| {
                Box::new(ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), vb).unwrap())
            });
            let group = square_grid(3).unwrap();
            let taps = Action::natural(&group).with_channels(channels).unwrap();
            let outputs = Action::trivial(&group, 3).unwrap();
            let tied = PatternLinearConfig {
                bias: bias.then(|| SharingPattern::bias(&outputs).unwrap()),
                ..PatternLinearConfig::new(SharingPattern::new(&outputs, &taps).unwrap())
            };
            for entries in [Entries::Fixed, Entries::Learned] {
                // Windows with a stride must reach from edge to edge.
                add("PatternConv2d", &[channels, 5, 5], &[3, 3, 3], &|vb| {
                    let tied = PatternLinearConfig { entries, ..tied.clone() };
                    Box::new(PatternConv2d::new(conv, tied, vb).unwrap())
                });
            }
            add("ReparamConv2d, full", &[channels, 5, 6], &[3, 3, 3], &|vb| {
                let symmetry = ConvSymmetry::Full { filter_params: 4, std: 0.5 };
                let config =
                    ReparamConv2dConfig { symmetry, filter_std: 1.0, ..ReparamConv2dConfig::full(conv, 4) };
                Box::new(ReparamConv2d::new(config, vb).unwrap())
            });
        }
        add("LocallyConnected1d", &[1, 9], &[1, 7], &|vb| {
            let config = LocallyConnected1dConfig { bias, ..LocallyConnected1dConfig::new(9, 3) };
            Box::new(LocallyConnected1d::new(config, vb).unwrap())
        });
        add("LocallyConnected1d, channels, stride 2", &[2, 9], &[3, 4], &|vb| {
            let config = LocallyConnected1dConfig {
                bias,
                in_channels: 2,
                out_channels: 3,
                stride: 2,
                ..LocallyConnected1dConfig::new(9, 3)
            };
            Box::new(LocallyConnected1d::new(config, vb).unwrap())
        });
    }
    for (statistics, pixels) in
        [(Statistics::Batch, &[4, 5][..]), (Statistics::Running, &[4, 5]), (Statistics::Running, &[])]
    {
        let shape = [&[2], pixels].concat();
        add("BatchNorm", &shape, &shape, &|vb| {
            Box::new(BatchNorm::new(BatchNormConfig { statistics, ..BatchNormConfig::new(2) }, vb).unwrap())
        });
    }
    add("LayerNorm", &[3, 6], &[3, 6], &|vb| {
        Box::new(LayerNorm::new(LayerNormConfig::new(&[6]), vb).unwrap())
    });
    add("Residual", &[7], &[5], &|vb| {
        let linear = |name| Linear::new(LinearConfig::new(7, 5), vb.pp(name)).unwrap();
        Box::new(Residual::new(linear("body")).with_projection(linear("around")))
    });
    for filters in [Filters::Plain, Filters::Kronecker, Filters::Full { filter_params: 5 }] {
        for (pool, statistics) in [(Pool::Max, Statistics::Running), (Pool::Stride, Statistics::Batch)] {
            let norm = BatchNormConfig { statistics, ..BatchNormConfig::new(3) };
            let config = Conv4Config { blocks: 2, pool, filters, norm, ..Conv4Config::new((2, 6, 7), 3, 4) };
            add("Conv4", &[2, 6, 7], &[4], &|vb| Box::new(Conv4::new(config, vb).unwrap()));
        }
    }
    add("stack", &[7], &[2], &|vb| {
        let reparam = ReparamLinearConfig {
            bias: true,
            symmetry_std: 0.5,
            filter_std: 1.0,
            ..ReparamLinearConfig::new(7, 5, 3)
        };
        Box::new(
            Sequential::new()
                .with(ReparamLinear::new(reparam, vb.pp(0)).unwrap())
                .with(Activation::Relu)
                .with(Linear::new(LinearConfig { bias: true, ..LinearConfig::new(5, 4) }, vb.pp(1)).unwrap())
                .with(Activation::Tanh)
                .with(Activation::Softplus)
                .with(Linear::new(LinearConfig::new(4, 2), vb.pp(2)).unwrap()),
        )
    });
    cases
}

/// Values for `TASKS` tasks, all equal, as leaves.
pub fn task_leaves(layer: &dyn Layer) -> Values {
    let values = layer.parameters().broadcast(TASKS).unwrap();
    values.map(|n| Node::leaf(&n.value().contiguous().unwrap()))
}

pub fn examples(case: &Case, per_task: usize, dtype: DType) -> (Tensor, Tensor) {
    let shape = |lead: &[usize], tail: &[usize]| [lead, tail].concat();
    (
        normal(1, shape(&[TASKS, per_task], &case.example), dtype),
        normal(2, shape(&[TASKS, per_task], &case.output), dtype),
    )
}
