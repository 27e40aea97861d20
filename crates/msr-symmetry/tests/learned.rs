//! What was learned is saved, loaded and read; files of earlier versions still open; damaged ones
//! are refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use msr_groups::PlaneGroup;
use msr_layers::{
    Activation, Conv2dConfig, Entries, Layer, LayerSpec, Linear, LinearConfig, Parameters, PatternLinear,
    PatternLinearConfig, ReparamConv2d, ReparamConv2dConfig, ReparamLinear, ReparamLinearConfig, SeededVars,
    Sequential, Values,
};
use msr_symmetry::{Error, Learned, Symmetry};
use msr_testkit::assert_close;

fn builder(seed: u64) -> candle_nn::VarBuilder<'static> {
    SeededVars::new(seed).builder(DType::F32, &Device::Cpu)
}

fn kronecker() -> ReparamConv2d {
    let conv = Conv2dConfig { bias: true, ..Conv2dConfig::new(2, 4, 3) };
    ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), builder(3).pp("body")).unwrap()
}

/// The factors that are stored are A, B and C, not what they have beyond the identity; and the
/// loaded layer, which trains them as they are, has the same weights to the last bit.
#[test]
fn kronecker_factors_are_stored_as_they_are_meant() {
    let layer = kronecker();
    let learned =
        Learned::from_bytes(&Learned::of(&layer).unwrap().to_bytes().unwrap(), &Device::Cpu).unwrap();
    let identity = Tensor::eye(4, DType::F32, &Device::Cpu).unwrap();
    assert_close("A", learned.tensor("body.factor_out").unwrap(), &identity, 0.0);
    let again = learned.build().unwrap();
    let weight = |layer: &dyn Layer| {
        let values = layer.parameters().broadcast(1).unwrap();
        layer.weights(&values).unwrap().remove(0).value.value().clone()
    };
    assert_close("W", &weight(again.as_ref()), &weight(&layer), 0.0);
    assert!(again.parameters().iter().all(|p| p.tensor.is_variable()), "it can be trained on");
    // Saved again, it is the same file.
    let second = Learned::of(again.as_ref()).unwrap().to_bytes().unwrap();
    assert_eq!(second, learned.to_bytes().unwrap());
}

/// What is saved is a copy, and the parameters of several tasks come back task by task.
#[test]
fn tasks_come_back_one_by_one() {
    let layer = kronecker();
    let mut values = layer.parameters().broadcast(3).unwrap();
    let numbers = |shape: &[usize]| msr_testkit::normal(7, shape, DType::F32);
    values = Values::constants(
        &values.shared.iter().map(|v| v.value().clone()).collect::<Vec<_>>(),
        &values.adapted.iter().map(|v| numbers(v.dims())).collect::<Vec<_>>(),
    );
    let learned = Learned::of_tasks(&layer, &values, vec![5, 6, 9]).unwrap();
    let learned = Learned::from_bytes(&learned.to_bytes().unwrap(), &Device::Cpu).unwrap();
    assert_eq!(learned.tasks(), Some(&[5, 6, 9][..]));
    let model = learned.build().unwrap();
    let again = learned.values(model.as_ref()).unwrap();
    for (a, b) in again.adapted.iter().zip(&values.adapted) {
        assert_close("adapted", a.value(), b.value(), 0.0);
    }
    let message = Learned::of_tasks(&layer, &values, vec![1]).unwrap_err().to_string();
    assert!(message.contains("3 tasks") && message.contains("1 task"), "{message}");
}

/// The group of each layer of a stack, by name; layers without a symmetry matrix have none.
#[test]
fn a_stack_is_read_layer_by_layer() {
    let stack = Sequential::new()
        .with(ReparamLinear::new(ReparamLinearConfig::new(5, 4, 3), builder(1).pp("first")).unwrap())
        .with(Activation::Relu)
        .with(ReparamLinear::new(ReparamLinearConfig::new(4, 4, 2), builder(2).pp("second")).unwrap())
        .with(Linear::new(LinearConfig::new(4, 2), builder(2).pp("head")).unwrap());
    let learned = Learned::of(&stack).unwrap();
    assert!(matches!(learned.model(), LayerSpec::Sequential { layers } if layers.len() == 4));
    let found = learned.symmetry().unwrap();
    let names: Vec<&str> = found.iter().map(|f| f.layer.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
}

/// An even kernel has no centre: the answer is a reason, not an error.
#[test]
fn what_cannot_be_read_says_why() {
    let config = ReparamConv2dConfig::kronecker(Conv2dConfig::new(1, 4, 2));
    let learned = Learned::of(&ReparamConv2d::new(config, builder(1)).unwrap()).unwrap();
    let found = learned.symmetry().unwrap().remove(0).symmetry;
    let Symmetry::NotRead { reason } = found else { panic!("{found:?}") };
    assert!(reason.contains("2 × 2"), "{reason}");
}

fn earlier(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/earlier").join(format!("{name}.safetensors"))
}

/// Files of the format before version 1: they open, their groups are those that were read then, and
/// saved again they are files of this version.
#[test]
fn files_of_earlier_versions_open() {
    for (name, layer, group) in [
        ("fc-d9", "ReparamLinear", Some("D_9")),
        ("kronecker-c8", "ReparamConv2d", Some("C_8")),
        ("full-c8", "ReparamConv2d", Some("C_8")),
        ("mtsr-c8", "ReparamConv2d", Some("C_8")),
        ("conv2d", "Conv2d", None),
        ("conv1d", "Conv1d", None),
        ("locally-connected", "LocallyConnected1d", None),
    ] {
        let learned = Learned::load(earlier(name), &Device::Cpu).unwrap();
        assert!(format!("{:?}", learned.model()).starts_with(layer), "{name}: {:?}", learned.model());
        let found = learned.symmetry().unwrap();
        let named = found.first().map(|found| match &found.symmetry {
            Symmetry::Permutations(found) => found.name().unwrap_or_default().to_string(),
            Symmetry::Plane(found) => found.group.map(|g: PlaneGroup| g.to_string()).unwrap_or_default(),
            other => panic!("{name}: {other:?}"),
        });
        assert_eq!(named.as_deref(), group, "{name}");
        let again = Learned::from_bytes(&learned.to_bytes().unwrap(), &Device::Cpu).unwrap();
        assert_eq!(again.model(), learned.model());
    }
    // The factors of these files are A − 1.
    let learned = Learned::load(earlier("kronecker-c8"), &Device::Cpu).unwrap();
    let stored = candle_core::safetensors::load(earlier("kronecker-c8"), &Device::Cpu).unwrap();
    let factor = (&stored["symmetry_out"] + Tensor::eye(24, DType::F32, &Device::Cpu).unwrap()).unwrap();
    assert_close("A", learned.tensor("factor_out").unwrap(), &factor, 0.0);
}

/// Every kind of damage ends with a message that names the file and what is wrong.
#[test]
fn damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("learned.safetensors");
    let good = Learned::of(&kronecker()).unwrap().to_bytes().unwrap();
    let edited = |from: &str, to: &str| {
        let length = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
        let header = String::from_utf8(good[8..8 + length].to_vec()).unwrap();
        assert!(header.contains(from), "{from} is not in {header}");
        let header = header.replacen(from, to, 1);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &good[8 + length..]].concat()
    };
    let plain = safetensors::serialize([("x", Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap())], None);
    // A layer of someone else's: its bias must not be lost without a word.
    let numbers = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let foreign =
        safetensors::serialize([("weight", numbers(&[2, 3])), ("bias", numbers(&[2]))], None).unwrap();
    for (bytes, words) in [
        (Vec::new(), "not a safetensors file"),
        (b"hello, this is a text file".to_vec(), "not a safetensors file"),
        (good[..good.len() - 3].to_vec(), "not a safetensors file"),
        (edited("version\\\":1", "version\\\":99"), "version 99 of the format"),
        (edited("version", "vresion"), "damaged"),
        (edited("reparam_conv2d", "reparam_conv9d"), "damaged"),
        (edited("in_channels\\\":2", "in_channels\\\":3"), "shape"),
        (edited("kernel\\\":3", "kernel\\\":0"), "kernel must be at least 1"),
        (edited("body.factor_out", "body.factor_uot"), "body.factor_out"),
        (edited("kronecker_factors", "kronecker"), "symmetry_out"),
        (edited("[\\\"body.filter", "[\\\"body.flter"), "says that tasks adapt body.flter"),
        (edited("\\\"adapted\\\":[", "\\\"tasks\\\":[1,2],\\\"adapted\\\":["), "shape"),
        (foreign, "no layer of before has a tensor `bias`"),
        (plain.unwrap(), "does not say what model it holds, and no layer has just its tensors: x [3]"),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let message = Learned::load(&path, &Device::Cpu).unwrap_err().to_string();
        assert!(message.contains(words), "`{message}` does not say `{words}`");
        assert!(message.contains("learned.safetensors"), "{message}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(Learned::load(&path, &Device::Cpu), Err(Error::Io { .. })));
}

/// A layer of one's own that does not say how it is saved is refused by name of the method that is
/// missing.
#[test]
fn models_that_cannot_be_saved_say_so() {
    struct Mine(Linear);
    impl Layer for Mine {
        fn parameters(&self) -> Parameters {
            self.0.parameters()
        }
        fn forward_tasks(
            &self,
            values: &Values,
            input: &msr_layers::Input,
        ) -> msr_layers::Result<msr_autodiff::Node> {
            self.0.forward_tasks(values, input)
        }
    }
    let mine = Mine(Linear::new(LinearConfig::new(2, 2), builder(0)).unwrap());
    assert!(Learned::of(&mine).unwrap_err().to_string().contains("only the layers of msr-layers"));
}

/// Names of layers may have dots, and numbers any type; patterns come back with what they tie.
#[test]
fn what_is_saved_is_what_was_built() {
    let action = msr_groups::Action::natural(&msr_groups::dihedral(6).unwrap());
    let pattern = msr_groups::SharingPattern::new(&action, &action).unwrap();
    let tied = |entries| PatternLinearConfig { entries, ..PatternLinearConfig::new(pattern.clone()) };
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        let vb = SeededVars::new(5).builder(dtype, &Device::Cpu).pp("a").pp("b.c").pp(0);
        let stack = Sequential::new()
            .with(PatternLinear::new(tied(Entries::Learned), vb.pp("learned")).unwrap())
            .with(PatternLinear::new(tied(Entries::Orthonormal), vb.pp("orthonormal")).unwrap())
            .with(
                Linear::new(LinearConfig { bias: true, ..LinearConfig::new(6, 2) }, vb.pp("head")).unwrap(),
            );
        let learned = Learned::of(&stack).unwrap();
        assert!(learned.tensor("a.b.c.0.head.bias").is_ok());
        let again = Learned::from_bytes(&learned.to_bytes().unwrap(), &Device::Cpu).unwrap();
        let weights = |layer: &dyn Layer| {
            let values = layer.parameters().broadcast(1).unwrap();
            let found = layer.weights(&values).unwrap().into_iter();
            found.map(|w| (w.layer, w.value.value().clone())).collect::<Vec<_>>()
        };
        let (before, after) = (weights(&stack), weights(again.build().unwrap().as_ref()));
        assert_eq!(before.len(), 3);
        for ((a, before), (b, after)) in before.iter().zip(&after) {
            assert_eq!((a, before.dtype()), (b, after.dtype()));
            assert_close(a, after, before, 0.0);
        }
    }
}

/// Two layers under one name, or of different element types, would be saved as something else than
/// they are.
#[test]
fn models_that_would_not_come_back_are_refused() {
    let layer = |dtype, name: &str| {
        let vb = SeededVars::new(1).builder(dtype, &Device::Cpu).pp(name);
        Linear::new(LinearConfig::new(3, 3), vb).unwrap()
    };
    let twice = Sequential::new().with(layer(DType::F32, "a")).with(layer(DType::F32, "a"));
    let mixed = Sequential::new().with(layer(DType::F32, "a")).with(layer(DType::F64, "b"));
    for (stack, words) in [(twice, "two parameters are called `a.weight`"), (mixed, "`b.weight` is F64")] {
        let message = Learned::of(&stack).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        let values = stack.parameters().broadcast(2).unwrap();
        assert!(Learned::of_tasks(&stack, &values, vec![0, 1]).is_err());
    }
}

/// A bound outside its range is an error, not a layer that cannot be read.
#[test]
fn bounds_that_make_no_sense_are_errors() {
    let layer = ReparamLinear::new(ReparamLinearConfig::new(4, 4, 2), builder(1)).unwrap();
    let learned = Learned::of(&layer).unwrap();
    let config = msr_groups::RecoveryConfig { largest_chance: 2.0, ..Default::default() };
    assert!(matches!(learned.symmetry_with(&config), Err(Error::Groups(_))));
}
