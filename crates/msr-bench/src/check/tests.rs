//! The list on the processor, and what the check says of operations that are wrong.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use candle_core::{DType, Device, Tensor};
use msr_kernels::{Place, unary};

use super::compare::{numbers, operands};
use super::operation::{Domain, Operation, Work, kernel, rule};
use super::report::{Results, Verdict};
use super::{DTYPES, check, operations, what_is_missing, without_messages_of_panics};

#[test]
fn everything_is_right_on_the_processor() {
    let rows = operations().iter().map(|op| check(op, &Device::Cpu, 1, &[1, 33], &DTYPES)).collect();
    let results = Results::new(Place::Cpu, 1, vec![1, 33], 0.0, rows);
    assert!(results.failed == 0 && results.missing == 0, "{results}");
}

/// Two of the same name would draw the same numbers, and a failure would name neither.
#[test]
fn names_are_unique() {
    let mut names: Vec<(&str, String)> =
        operations().iter().map(|op| (op.family(), op.name.clone())).collect();
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// The largest factor by which operands that are a little off change results of one or two numbers,
/// over some seeds, and its seed; nothing where there are no such results.
fn cancelled(op: &Operation, size: usize) -> Result<Option<(u64, f64)>> {
    const OFF: f64 = 1e-7;
    let Work::Kernel { run, .. } = &op.work else { return Ok(None) };
    let results = |x: &[Tensor]| -> Result<Vec<f64>> {
        let small = run(x)?.into_iter().filter(|t| (1..3).contains(&t.elem_count()));
        Ok(small.map(|t| numbers(&t)).collect::<Result<Vec<_>>>()?.concat())
    };
    if results(&operands(op, DType::F64, 0, size)?)?.is_empty() {
        return Ok(None);
    }
    // Signs without a pattern: a linear congruential generator's first bits.
    let mut state = size as u64;
    let mut is_more = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 63 == 1
    };
    let mut worst = (0, 0.0);
    for seed in 0..200 {
        let x = operands(op, DType::F64, seed, size)?;
        let mut one_off = |t: &Tensor| -> Result<Tensor> {
            let signs = std::iter::repeat_with(|| 1.0 + OFF * if is_more() { 1.0 } else { -1.0 });
            let signs: Vec<f64> = signs.take(t.elem_count()).collect();
            Ok(t.mul(&Tensor::from_vec(signs, t.dims(), &Device::Cpu)?)?)
        };
        let off = x.iter().map(&mut one_off).collect::<Result<Vec<_>>>()?;
        for (a, b) in results(&x)?.iter().zip(results(&off)?) {
            let factor = (a - b).abs() / (OFF * a.abs()).max(f64::MIN_POSITIVE);
            let factor = if factor.is_nan() { f64::INFINITY } else { factor };
            if factor > worst.1 {
                worst = (seed, factor);
            }
        }
    }
    Ok(Some(worst))
}

/// The relative error of a single number has no bound when terms of both signs cancel in it: some
/// seed would fail on any device. In longer results, not all numbers cancel at once.
#[test]
fn no_seed_makes_a_result_cancel() -> Result<()> {
    let mut found = BTreeMap::new();
    for op in operations() {
        for size in [1, 33] {
            if let Some((seed, factor)) = cancelled(&op, size)?.filter(|&(_, factor)| factor > 16.0) {
                found.insert(format!("{}, size {size}", op.name), (seed, factor));
            }
        }
    }
    assert!(found.is_empty(), "operations with a seed and the factor of an error: {found:#?}");
    // A sum of products of both signs would be found.
    let dot = kernel(
        "dot",
        Domain::Real,
        |n| vec![vec![n], vec![n]],
        |x: &[Tensor]| -> Result<_> { Ok((&x[0] * &x[1])?.sum_all()?) },
    );
    assert!(cancelled(&dot, 33)?.is_some_and(|(_, factor)| factor > 16.0));
    Ok(())
}

/// What is public and takes nodes or tensors is in the list: a rule or a kernel that is not checked
/// is found here.
#[test]
fn no_rule_and_no_kernel_is_left_out() -> Result<()> {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let lists = [
        include_str!("rules.rs"),
        concat!(include_str!("kernels.rs"), include_str!("forms.rs"), include_str!("steps.rs")),
    ];
    let names = |text: &str, before: &str| -> Vec<String> {
        // What answers yes or no computes nothing.
        let lines = text.lines().filter(|line| !line.ends_with("-> bool {"));
        let starts = lines.filter_map(|line| line.trim_start().strip_prefix(before));
        let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        starts.map(name).collect()
    };
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(crates.join("msr-autodiff/src/rules"))? {
        let text = std::fs::read_to_string(entry?.path())?;
        let rules = names(&text, "pub fn ").into_iter().filter(|name| name != "t");
        missing.extend(rules.filter(|name| !lists[0].contains(&format!("{name}("))));
    }
    for entry in std::fs::read_dir(crates.join("msr-kernels/src"))? {
        let Ok(text) = std::fs::read_to_string(entry?.path().join("mod.rs")) else { continue };
        // Functions alone, not methods.
        let free: Vec<&str> = text.lines().filter(|line| line.starts_with("pub fn ")).collect();
        let kernels = names(&free.join("\n"), "pub fn ");
        missing.extend(kernels.into_iter().filter(|name| !lists[1].contains(&format!("{name}("))));
    }
    assert!(missing.is_empty(), "not in the lists of the check: {missing:?}");
    Ok(())
}

fn verdicts(op: &Operation) -> Vec<Verdict> {
    let row = without_messages_of_panics(|| check(op, &Device::Cpu, 7, &[1, 33], &DTYPES));
    row.found.into_iter().map(|found| found.verdict).collect()
}

#[test]
fn what_is_wrong_fails_and_is_named() {
    let failure = |op: &Operation| match &verdicts(op)[1] {
        Verdict::Failed { problem } => problem.clone(),
        other => format!("{other:?}"),
    };
    let shapes = |n: usize| vec![vec![n, 3]];
    // A kernel that goes wrong on the device alone: here, where operands are no f64.
    let off = kernel("off by a little", Domain::Real, shapes, |x| -> Result<_> {
        let scale = if x[0].dtype() == DType::F64 { 1.0 } else { 1.00001 };
        Ok(unary(msr_kernels::Unary::Affine { scale, offset: 0.0 }, &x[0])?)
    });
    assert!(failure(&off).contains("f32, size 1: relative error 1.0e-5, bound 3.8e-6"), "{}", failure(&off));
    assert!(matches!(verdicts(&off)[0], Verdict::Right(_)));

    let narrow = kernel("narrow", Domain::Real, shapes, |x| -> Result<_> {
        Ok(if x[0].dtype() == DType::F64 { x[0].clone() } else { x[0].narrow(1, 0, 2)? })
    });
    assert!(failure(&narrow).contains("shape [1, 2], not [1, 3]"), "{}", failure(&narrow));

    let panics = kernel("panics", Domain::Real, shapes, |x| -> Result<_> {
        assert!(x[0].dtype() == DType::F64, "as a kernel might");
        Ok(x[0].clone())
    });
    assert_eq!(failure(&panics), "size 1: panicked: as a kernel might");

    // A rule whose value is right, and whose second derivative is not: x² |x|⁰ at f32.
    let kinked = rule(
        "kinked",
        Domain::Apart,
        |n| vec![vec![n]],
        |x| {
            let square = x[0].mul(&x[0])?;
            if x[0].dtype() == DType::F64 { Ok(square) } else { x[0].mul(&x[0].detach()) }
        },
    );
    assert!(failure(&kinked).contains("f32, size 1, first order: relative error"), "{}", failure(&kinked));

    let lacking = kernel("lacking", Domain::Real, shapes, |x| -> Result<_> {
        if x[0].dtype() != DType::F64 {
            bail!("in the driver: no cuda implementation for lacking");
        }
        Ok(x[0].clone())
    });
    assert!(matches!(&verdicts(&lacking)[1], Verdict::Missing { reason } if reason.contains("lacking")));
    assert_eq!(what_is_missing("matmul: inner sizes 3 and 4 differ"), None);
}
