//! What layers refuse, where they once were silently wrong, or panicked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use candle_core::{DType, Device};
use candle_nn::Module;
use msr_autodiff::Node;
use msr_groups::{Action, SharingPattern, square_grid};
use msr_layers::{
    Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, Input, Layer, Linear, LinearConfig, PatternConv2d,
    PatternLinearConfig, ReparamLinear, ReparamLinearConfig, SeededVars,
};
use msr_testkit::normal;

/// With a stride of two, the windows of an even image stop short of one side: the layer says so,
/// where it once was off by as much as its outputs are large.
#[test]
fn stride_two_on_an_even_image() {
    let group = square_grid(3).unwrap();
    let channels = Action::regular(&group).unwrap();
    let pattern = SharingPattern::new(&channels, &Action::natural(&group)).unwrap();
    let conv = Conv2dConfig { stride: 2, ..Conv2dConfig::new(1, 8, 3) };
    let vars = SeededVars::new(3);
    let vb = vars.builder(DType::F64, &Device::Cpu);
    let layer = PatternConv2d::new(conv, PatternLinearConfig::new(pattern.clone()), vb).unwrap();
    let values = layer.parameters().broadcast(2).unwrap();
    for (h, w, refused) in [(9, 9, false), (9, 11, false), (10, 10, true), (9, 10, true)] {
        let x = normal(1, (2, 1, 1, h, w), DType::F64);
        let node = Node::constant(&x);
        let errors = [
            Module::forward(&layer, &x.get(0).unwrap()).map_err(|e| e.to_string()).err(),
            layer.forward_tasks(&values, &Input::Examples(node.clone())).map_err(|e| e.to_string()).err(),
            layer.prepare(&values, &node, 3).map_err(|e| e.to_string()).err(),
        ];
        for error in errors {
            assert_eq!(error.is_some(), refused, "{h} × {w}: {error:?}");
            assert!(error.is_none_or(|e| e.contains("equivariant") && e.contains("stride 2")));
        }
    }
    // Padding that overflows is refused as padding.
    let conv = Conv2dConfig { padding: usize::MAX / 2 + 1, ..conv };
    let layer =
        PatternConv2d::new(conv, PatternLinearConfig::new(pattern), vars.builder(DType::F64, &Device::Cpu));
    let error =
        Module::forward(&layer.unwrap(), &normal(1, (1, 1, 9, 9), DType::F64)).unwrap_err().to_string();
    assert!(error.contains("padding 9223372036854775808"), "{error}");
}

/// A symmetry matrix that no memory holds is an error.
#[test]
fn sizes_beyond_all_memory() {
    let vars = SeededVars::new(0);
    let vb = vars.builder(DType::F32, &Device::Cpu);
    for size in [1 << 20, 1 << 40] {
        let config = ReparamLinearConfig::new(size, size, size);
        let message = ReparamLinear::new(config, vb.pp("a")).unwrap_err().to_string();
        assert!(
            message.contains("too large") || message.contains("addressed") || message.contains("no memory"),
            "{message}"
        );
        assert!(Linear::new(LinearConfig::new(size, size), vb.pp("b")).is_err());
        assert!(Conv2d::new(Conv2dConfig::new(size, size, 3), vb.pp("c")).is_err());
        assert!(Conv1d::new(Conv1dConfig::new(size, size, 3), vb.pp("d")).is_err());
    }
}

#[test]
fn a_scalar_filter_has_no_weight() {
    let vars = SeededVars::new(0);
    let vb = vars.builder(DType::F32, &Device::Cpu);
    let layer = ReparamLinear::new(ReparamLinearConfig::new(3, 2, 4), vb).unwrap();
    for shape in [vec![], vec![3], vec![2, 5]] {
        let message = layer.weight_of(&normal(1, &shape[..], DType::F32)).unwrap_err().to_string();
        assert!(message.contains("(…, 4)"), "{message}");
    }
    // As many uses as can be counted.
    let values = layer.parameters().broadcast(1).unwrap();
    layer.prepare(&values, &Node::constant(&normal(1, (1, 9, 3), DType::F32)), usize::MAX).unwrap();
}
