//! Conv4 in the inner and the outer loop: PyTorch's meta-gradients, and what comes back from a
//! file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use msr_episodes::{Episode, Examples};
use msr_layers::{BatchNormConfig, Conv4, Conv4Config, Filters, Pool, SeededVars, Statistics};
use msr_meta::{
    Adapted, GradientSteps, Granularity, Learner, Loss, MetaConfig, MetaLearner, Rates, Recompute, Reduction,
    load_learner,
};
use msr_symmetry::Learned;
use msr_testkit::{assert_close, normal, relative_error};

fn meta(steps: usize, recompute: Recompute) -> MetaConfig {
    let rates = Rates::Learned { initial: 0.1, per: Granularity::PerParameter, positive: false };
    let steps = GradientSteps { steps, rates, recompute, ..GradientSteps::default() };
    MetaConfig { loss: Loss::CrossEntropy, reduction: Reduction::Mean, ..steps.into() }
}

/// The losses and every gradient of the outer loop within 1e-9 of PyTorch's.
fn check(case: &str, config: Conv4Config) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/conv4/conv4.npz");
    let arrays: HashMap<String, Tensor> = Tensor::read_npz(path).unwrap().into_iter().collect();
    let get = |name: &str| arrays[&format!("{case}/{name}")].clone();
    let set = |which: &str| {
        let labels = get(&format!("in/y_{which}")).to_dtype(DType::U32).unwrap();
        Examples::labels(get(&format!("in/x_{which}")), labels).unwrap()
    };
    let episode = Episode::new(vec![0, 1], set("support"), set("query")).unwrap();
    for recompute in [Recompute::Off, Recompute::On] {
        let net = Conv4::new(config, SeededVars::new(0).builder(DType::F64, &Device::Cpu)).unwrap();
        let learner = MetaLearner::new(net, meta(2, recompute)).unwrap();
        for p in learner.outer_parameters() {
            p.variable.set(&get(&format!("in/{}", p.name))).unwrap();
        }
        let found = learner.gradients(&episode).unwrap();
        let losses = Tensor::new(found.losses, &Device::Cpu).unwrap();
        assert!(relative_error(&losses, &get("loss")) < 1e-9, "{case}: losses");
        let prefix = format!("{case}/grad/");
        let golden = arrays.keys().filter(|name| name.starts_with(&prefix)).count();
        assert_eq!(learner.outer_parameters().len(), golden, "{case}: every gradient is compared");
        for (p, gradient) in learner.outer_parameters().iter().zip(&found.gradients) {
            let error = relative_error(gradient, &get(&format!("grad/{}", p.name)));
            println!("{case} {recompute:?} {}: {error:.2e}", p.name);
            assert!(error < 1e-9, "{case} {}: relative error {error:.3e}", p.name);
        }
    }
}

fn small() -> Conv4Config {
    Conv4Config::new((2, 16, 16), 3, 3)
}

#[test]
fn kronecker_factors_and_max_pools_are_pytorchs() {
    check("kronecker", Conv4Config { filters: Filters::Kronecker, ..small() });
}

#[test]
fn strided_convolutions_are_pytorchs() {
    check("strided", Conv4Config { pool: Pool::Stride, ..small() });
}

#[test]
fn statistics_of_the_support_set_are_pytorchs() {
    let norm = BatchNormConfig { statistics: Statistics::Support, ..small().norm };
    check("support", Conv4Config { norm, ..small() });
}

/// Learner, model and adapted model come back from files, with symmetry matrices that can be read.
#[test]
fn a_conv4_is_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    for (i, statistics) in
        [Statistics::Batch, Statistics::Support, Statistics::Running].into_iter().enumerate()
    {
        let filters = [Filters::Kronecker, Filters::Full { filter_params: 4 }, Filters::Plain][i];
        let norm = BatchNormConfig { statistics, ..small().norm };
        let vb = SeededVars::new(1).builder(DType::F32, &Device::Cpu).pp("net");
        let net = Conv4::new(Conv4Config { filters, norm, ..small() }, vb).unwrap();
        let learner = MetaLearner::new(net, meta(1, Recompute::Off)).unwrap();
        let labels = Tensor::new(&[[0u32, 1, 2], [2, 1, 0]], &Device::Cpu).unwrap();
        let set =
            |seed| Examples::labels(normal(seed, (2, 3, 2, 16, 16), DType::F32), labels.clone()).unwrap();
        let episode = Episode::new(vec![0, 1], set(1), set(2)).unwrap();
        let (expected, adapted) =
            (learner.losses(&episode).unwrap(), learner.adapt(&episode.support).unwrap());
        let path = folder.path().join("learner");
        learner.save(&path).unwrap();
        let again = load_learner(&path, &Device::Cpu).unwrap();
        // Kronecker factors are stored as A, trained as A − 1: equal but for rounding.
        for (a, b) in again.losses(&episode).unwrap().iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5, "{statistics:?}: {a} for {b}");
        }
        let layers: Vec<String> = Learned::load(&path, &Device::Cpu)
            .unwrap()
            .symmetric_layers()
            .unwrap()
            .into_iter()
            .map(|layer| layer.layer)
            .collect();
        let blocks: Vec<String> = (0..4).map(|b| format!("net.block{b}.conv")).collect();
        assert_eq!(layers, if filters == Filters::Plain { Vec::new() } else { blocks });
        let path = folder.path().join("adapted");
        adapted.save(&path).unwrap();
        let loaded = Adapted::load(&path, &Device::Cpu).unwrap();
        let (x, y) = (&episode.query.x, adapted.predict(&episode.query.x).unwrap());
        assert_close("loaded", &loaded.predict(x).unwrap(), &y, 1e-5);
        assert_eq!(loaded.weight_of("net.block2.conv").unwrap().dims(), [2, 3, 3, 3, 3]);
    }
}

/// Tasks with graphs of their own, side by side: the same bits on any number of threads, and but
/// for rounding those of one graph for all.
#[test]
fn threads_and_graphs_change_nothing() {
    let config = Conv4Config { filters: Filters::Kronecker, ..Conv4Config::new((1, 28, 28), 8, 5) };
    let learner = |each: usize| {
        let net = Conv4::new(config, SeededVars::new(0).builder(DType::F64, &Device::Cpu)).unwrap();
        let config = MetaConfig { tasks_per_graph: NonZeroUsize::new(each), ..meta(2, Recompute::Off) };
        MetaLearner::new(net, config).unwrap()
    };
    let set = |b: usize, seed: u64| {
        let labels: Vec<u32> = (0..6 * b).map(|i| i as u32 % 5).collect();
        let labels = Tensor::from_vec(labels, (6, b), &Device::Cpu).unwrap();
        Examples::labels(normal(seed, (6, b, 1, 28, 28), DType::F64), labels).unwrap()
    };
    let episode = Episode::new((0..6).collect(), set(5, 1), set(15, 2)).unwrap();
    let run = |each: usize, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let learner = learner(each);
        let (found, losses) =
            pool.install(|| (learner.gradients(&episode).unwrap(), learner.losses(&episode).unwrap()));
        assert_eq!(found.losses, losses);
        (found.losses, found.gradients)
    };
    // Zero: as the learner chooses, which is one task a graph here.
    let (losses, gradients) = run(0, 1);
    let bits = |tensors: &[Tensor]| -> Vec<Vec<f64>> {
        tensors.iter().map(|t| t.flatten_all().unwrap().to_vec1().unwrap()).collect()
    };
    for (each, threads) in [(0, 2), (0, 8), (1, 2)] {
        let found = run(each, threads);
        assert_eq!(found.0, losses);
        assert_eq!(bits(&found.1), bits(&gradients), "{each} a graph, {threads} threads");
    }
    for each in [4, 6] {
        let found = run(each, 2);
        for ((one, all), p) in gradients.iter().zip(&found.1).zip(learner(1).outer_parameters()) {
            let error = relative_error(one, all);
            assert!(error < 1e-9, "{each} a graph, {}: {error:.1e}", p.name);
        }
    }
}
