//! What tasks adapt is a choice, and a model says what it is made of.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use candle_core::{DType, Device};
use candle_nn::Module;
use msr_autodiff::{Graph, Node, grad};
use msr_layers::{
    Activation, Adapting, Adapts, Affine, BatchNormConfig, Conv4, Conv4Config, Filters, Flops, Input, Layer,
    LayerSpec, Linear, LinearConfig, ModelSummary, NumberCounts, Pool, Residual, SeededVars, Sequential,
    Statistics,
};
use msr_testkit::{assert_close, normal};

fn net(filters: Filters) -> Conv4 {
    let vb = SeededVars::new(2).builder(DType::F64, &Device::Cpu);
    Conv4::new(Conv4Config { blocks: 2, filters, ..Conv4Config::new((1, 6, 6), 3, 4) }, vb).unwrap()
}

fn adapted(model: &Adapting) -> Vec<String> {
    model.parameters().adapted.into_iter().map(|p| p.name).collect()
}

#[test]
fn heads_bodies_names_and_predicates() {
    let of = |adapts: Adapts| Adapting::new(net(Filters::Kronecker), adapts);
    let head = ["head.weight", "head.bias"];
    let body: Vec<String> =
        ["conv.filter", "norm.weight", "norm.bias"].iter().map(|n| format!("block1.{n}")).collect();
    assert_eq!(adapted(&of(Adapts::Head).unwrap()), head);
    let boil = adapted(&of(Adapts::Body).unwrap());
    assert_eq!((boil.len(), &boil[3..]), (6, &body[..]));
    let chosen = of(Adapts::Layers(vec!["head".into(), "block1".into()])).unwrap();
    assert_eq!(adapted(&chosen), [&body[..], &head.map(String::from)].concat());
    assert_eq!(adapted(&of(Adapts::Names(vec!["head.bias".into()])).unwrap()), ["head.bias"]);
    let biases = Adapting::by(net(Filters::Plain), |p| p.name.ends_with("bias")).unwrap();
    assert_eq!(adapted(&biases), ["block0.norm.bias", "block1.norm.bias", "head.bias"]);
    // The outer loop has everything, whoever adapts it.
    let all: usize = net(Filters::Plain).parameters().len();
    assert_eq!(biases.parameters().len(), all);
    let says = |result: msr_layers::Result<Adapting>, words: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words) && message.contains("head.weight"), "{message}");
    };
    says(of(Adapts::Layers(vec!["block".into()])), "nothing to adapt called `block`");
    says(of(Adapts::Names(vec!["head".into()])), "nothing to adapt called `head`");
    says(of(Adapts::Layers(Vec::new())), "nothing is left to adapt");
    says(Adapting::by(net(Filters::Plain), |_| false), "nothing is left to adapt");
    let single = Linear::new(LinearConfig::new(2, 2), SeededVars::new(0).builder(DType::F64, &Device::Cpu));
    let message = Adapting::new(single.unwrap(), Adapts::Body).unwrap_err().to_string();
    assert!(message.contains("nothing is left to adapt; the layers offer weight"), "{message}");
}

/// It computes what the model computes, with the gradients of the model, summed over tasks where a
/// parameter is shared; and it is built again from its record.
#[test]
fn a_choice_changes_no_number() {
    for filters in [Filters::Plain, Filters::Kronecker] {
        let whole = net(filters);
        let x = normal(3, (2, 3, 1, 6, 6), DType::F64);
        let x_node = Node::constant(&x);
        let leaves = |layer: &dyn Layer| {
            let values = layer.parameters().broadcast(2).unwrap();
            values.map(|n| Node::leaf(&n.value().contiguous().unwrap()))
        };
        let gradients = |layer: &dyn Layer| {
            let values = leaves(layer);
            let input = layer.prepare(&values, &x_node, 2).unwrap();
            let y = layer.forward_tasks(&values, &input).unwrap();
            let again = layer.forward_tasks(&values, &Input::Examples(x_node.clone())).unwrap();
            assert_close("prepared", again.value(), y.value(), 0.0);
            let loss = y.power(2.0).unwrap().sum_all().unwrap();
            let found = grad(&loss, &values.iter().collect::<Vec<_>>(), Graph::Drop).unwrap();
            let names: Vec<String> = layer.parameters().iter().map(|p| p.name.clone()).collect();
            (y, names.into_iter().zip(found).collect::<Vec<_>>())
        };
        let (y, expected) = gradients(&whole);
        for adapts in [Adapts::Head, Adapts::Body] {
            let chosen = Adapting::new(net(filters), adapts).unwrap();
            let (same, found) = gradients(&chosen);
            assert_close("output", same.value(), y.value(), 1e-14);
            assert_close(
                "module",
                &chosen.forward(&x.get(0).unwrap()).unwrap(),
                &y.value().get(0).unwrap(),
                1e-12,
            );
            for (name, found) in &found {
                let expected = &expected.iter().find(|(n, _)| n == name).unwrap().1;
                let expected = match expected.rank() > found.rank() {
                    true => expected.sum(&[0]).unwrap(),
                    false => expected.clone(),
                };
                assert_close(name, found.value(), expected.value(), 1e-12);
            }
            let values = chosen.parameters().broadcast(2).unwrap();
            assert_eq!(chosen.weights(&values).unwrap().len(), 3);
            let record = chosen.record(&values).unwrap().unwrap();
            let spec: LayerSpec = serde_json::from_value(record.spec).unwrap();
            let names = adapted(&chosen);
            let tensors = record.tensors.into_iter().map(|(name, t)| {
                let t = if names.contains(&name) { t.get(0).unwrap() } else { t };
                (name, t)
            });
            let vb = candle_nn::VarBuilder::from_tensors(tensors.collect(), DType::F64, &Device::Cpu);
            let built = spec.build(&vb).unwrap();
            let again = built
                .forward_tasks(&built.parameters().broadcast(2).unwrap(), &Input::Examples(x_node.clone()));
            assert_close("built again", again.unwrap().value(), y.value(), 1e-12);
        }
    }
}

/// The numbers of a Conv4, by hand.
#[test]
fn a_summary_counts_what_there_is() {
    let norm = BatchNormConfig {
        statistics: Statistics::Running,
        affine: Affine::Shared,
        ..BatchNormConfig::new(4)
    };
    let config = Conv4Config {
        filters: Filters::Kronecker,
        norm,
        pool: Pool::Max,
        ..Conv4Config::new((1, 28, 28), 4, 5)
    };
    let vb = SeededVars::new(2).builder(DType::F32, &Device::Cpu);
    let summary = ModelSummary::of(&Conv4::new(config, vb.clone()).unwrap(), &[1, 28, 28]).unwrap();
    let outputs: Vec<&[usize]> = summary.layers().iter().map(|(row, _)| row.output.as_slice()).collect();
    assert_eq!(outputs, [&[4, 14, 14][..], &[4, 7, 7], &[4, 3, 3], &[4, 1, 1], &[4], &[5]]);
    let (first, counts) = &summary.layers()[0];
    assert_eq!((first.name.as_str(), first.kind.as_str()), ("block0", "conv_block"));
    // A, B, C, γ and β are shared, v is adapted, mean and variance are buffers.
    let expected = NumberCounts { shared: 16 + 1 + 81 + 8, adapted: 36, buffers: 8, tied: 0 };
    assert_eq!(*counts, expected);
    let conv = 4 * 28 * 28;
    let expected = Flops {
        per_task: 2 * 4 * 9 * (4 + 1 + 9),
        per_example: (conv * 2 * 9 + 7 * conv + 4 * 4 * 14 * 14) as u64,
    };
    assert_eq!(first.flops, Some(expected));
    assert!(summary.knows_all_work());
    assert_eq!(summary.flops(3) - summary.flops(2), summary.flops(1) - summary.flops(0));
    let text = summary.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[3].starts_with("block0  conv_block  4 × 14 × 14"), "{text}");
    assert!(lines.last().unwrap().contains("total"), "{text}");
    assert!(ModelSummary::of(&Conv4::new(config, vb).unwrap(), &[1, 27, 28]).is_err());
}

/// A layer that is used twice counts once; a choice of what is adapted shows; residual layers and
/// layers of one's own have their rows.
#[test]
fn a_summary_sees_ties_and_choices() {
    let vb = SeededVars::new(2).builder(DType::F32, &Device::Cpu);
    let linear = |name: &str| Linear::new(LinearConfig::new(4, 4), vb.pp(name)).unwrap();
    let model = Sequential::new()
        .with(linear("a"))
        .with(Activation::Relu)
        .with(linear("a"))
        .with(Residual::new(linear("b")).with_projection(linear("c")));
    let summary = ModelSummary::of(&model, &[4]).unwrap();
    let kinds: Vec<&str> = summary.layers().iter().map(|(row, _)| row.kind.as_str()).collect();
    assert_eq!(kinds, ["linear", "activation", "linear", "linear", "linear", "residual"]);
    assert_eq!(summary.totals(), NumberCounts { shared: 0, adapted: 48, buffers: 0, tied: 16 });
    assert_eq!(summary.flops(2), 2 * (4 * 32 + 4 + 4));
    let anil = Adapting::new(model, Adapts::Layers(vec!["b".into()])).unwrap();
    let totals = ModelSummary::of(&anil, &[4]).unwrap().totals();
    assert_eq!(totals, NumberCounts { shared: 32, adapted: 16, buffers: 0, tied: 16 });
    struct Mine(Linear);
    impl Layer for Mine {
        fn parameters(&self) -> msr_layers::Parameters {
            self.0.parameters()
        }
        fn forward_tasks(&self, values: &msr_layers::Values, input: &Input) -> msr_layers::Result<Node> {
            self.0.forward_tasks(values, input)
        }
    }
    let summary = ModelSummary::of(&Mine(linear("mine")), &[4]).unwrap();
    assert_eq!((summary.layers()[0].0.name.as_str(), summary.knows_all_work()), ("mine", false));
    assert!(
        summary.to_string().contains("mine   layer  4") && summary.to_string().contains("≥ 0"),
        "{summary}"
    );
}
