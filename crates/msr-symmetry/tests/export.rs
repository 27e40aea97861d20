//! Tied layers as files: what is in them is the layer.
#![allow(clippy::unwrap_used, reason = "tests")]

use msr_files::Arrays;
use msr_groups::{Permutation, SignedPattern, SignedPermutation, signed_automorphisms, signed_pairs};
use msr_symmetry::export::{Error, Target, TiedLayer, export};

fn parsed(text: &str, degree: usize) -> SignedPermutation {
    SignedPermutation::parse(text, degree).unwrap()
}

fn same(texts: &[&str], degree: usize) -> Vec<(SignedPermutation, SignedPermutation)> {
    texts.iter().map(|text| (parsed(text, degree), parsed(text, degree))).collect()
}

/// What a map of cells (row, column) of a 4 × 4 grid does to them.
fn grid(map: impl Fn(usize, usize) -> (usize, usize)) -> SignedPermutation {
    let image = |cell: usize| {
        let (row, column) = map(cell / 4, cell % 4);
        4 * row + column
    };
    Permutation::from_images(&(0..16).map(image).collect::<Vec<_>>()).unwrap().into()
}

/// Layers of many kinds, with the free parameters of W and of b that they should have, by
/// Burnside's lemma or by hand, and the order.
fn layers() -> Vec<(&'static str, TiedLayer, [usize; 2], u32)> {
    let of = |m, n, generators| TiedLayer::from_generators(m, n, generators).unwrap();
    let (turn, flip) = (grid(|r, c| (3 - c, r)), grid(|r, c| (r, 3 - c)));
    let mut square = of(16, 16, vec![(turn.clone(), turn.clone()), (flip.clone(), flip.clone())]);
    (square.input_shape, square.output_shape) = (vec![4, 4], vec![4, 4]);
    // Of pairs {a, b} of five points, in the order 01, 02, 12, 03, …
    let pairs: Vec<(usize, usize)> = (0..5).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
    let on_pairs = |g: &SignedPermutation| -> SignedPermutation {
        let image = |&(a, b): &(usize, usize)| {
            let (a, b) = (g.apply(a).0, g.apply(b).0);
            pairs.iter().position(|pair| *pair == (a.min(b), a.max(b))).unwrap()
        };
        Permutation::from_images(&pairs.iter().map(image).collect::<Vec<_>>()).unwrap().into()
    };
    let known = |layer: TiedLayer| TiedLayer { ties_bias: true, ..layer };
    let of_five = [parsed("(0 1)", 5), parsed("(0 1 2 3 4)", 5)];
    let rectangular = of_five.iter().map(|g| (g.clone(), on_pairs(g))).collect();
    vec![
        ("C_6", of(6, 6, same(&["(0 1 2 3 4 5)"], 6)), [6, 1], 6),
        // (16² + 3 · 0 + 2 · 0 + 2 · 4²) / 8.
        ("D_4", square, [36, 3], 8),
        ("S_5", of(5, 5, same(&["(0 1)", "(0 1 2 3 4)"], 5)), [2, 1], 120),
        ("S_5 on pairs", of(5, 10, rectangular), [2, 1], 120),
        // Vectors of the plane: multiples of the identity and of the quarter turn. Signs leave
        // biases as they are, unless someone knows better.
        ("C_2", of(2, 2, same(&["(-0 1)"], 2)), [2, 2], 2),
        ("C_2, known", known(of(2, 2, same(&["(-0 1)"], 2))), [2, 0], 2),
        // Each sign by itself; all of them together make what none does.
        ("C_2^3", of(3, 3, same(&["(-0)", "(-1)", "(-2)"], 3)), [3, 3], 4),
        ("trivial", of(2, 3, Vec::new()), [6, 2], 1),
    ]
}

/// The cases are what they are said to be, and what the free parameters make is equivariant.
#[test]
fn weights_are_tied_by_the_generators() {
    for (name, layer, [weights, biases], order) in layers() {
        let (m, n) = (layer.outputs, layer.inputs);
        let bias = layer.bias_pattern().unwrap();
        assert_eq!([layer.pattern.free_parameters(), bias.free_parameters()], [weights, biases], "{name}");
        assert_eq!(layer.order, Some(order.into()), "{name}");
        let numbers = |count: usize| (0..count).map(|i| (1.0 + i as f64).sin()).collect::<Vec<_>>();
        let w = layer.pattern.expand(&numbers(weights)).unwrap();
        let mut b = bias.expand(&numbers(biases)).unwrap();
        if !layer.ties_bias {
            b.fill(0.0);
        }
        let x = numbers(n);
        let f = |x: &[f64]| -> Vec<f64> {
            (0..m).map(|y| (0..n).map(|i| w[y * n + i] * x[i]).sum::<f64>() + b[y]).collect()
        };
        for (on_outputs, on_inputs) in &layer.generators {
            let moved = f(&on_inputs.apply_to(&x).unwrap());
            let expected = on_outputs.apply_to(&f(&x)).unwrap();
            moved.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{name}"));
        }
        // Variances: each output that is not zero has as many weights as its parameters are told.
        for y in 0..m {
            let row: Vec<usize> = (0..n).filter_map(|x| Some(layer.pattern.entry(y, x)?.0)).collect();
            let fan = layer.fan_in();
            assert!(row.iter().all(|&class| fan[class] == row.len() as f64), "{name}");
        }
    }
}

/// Weights that are tied give back their parameters; others, the nearest that are tied.
#[test]
fn weights_give_their_parameters() {
    for (name, layer, [weights, biases], _) in layers() {
        let v: Vec<f64> = (0..weights).map(|i| (3.0 * i as f64).cos()).collect();
        let bias: Vec<f64> = (0..biases).map(|i| 1.0 + i as f64).collect();
        let (w, b) =
            (layer.pattern.expand(&v).unwrap(), layer.bias_pattern().unwrap().expand(&bias).unwrap());
        let known = layer.clone().with_weights(&w, Some(&b)).unwrap();
        let close = |got: &[f64], expected: &[f64]| {
            got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
        };
        assert!(close(&known.values.unwrap(), &v) && close(&known.bias_values.unwrap(), &bias), "{name}");
        let noisy: Vec<f64> = w.iter().enumerate().map(|(i, w)| w + (i as f64).sin()).collect();
        let nearest = layer.clone().with_weights(&noisy, None).unwrap();
        let expanded = layer.pattern.expand(nearest.values.as_ref().unwrap()).unwrap();
        assert!(close(&expanded, &layer.pattern.project(&noisy).unwrap()), "{name}");
        assert!(layer.clone().with_weights(&w[1..], None).is_err());
    }
}

#[test]
fn equal_layers_are_equal_files() {
    for ((name, layer, ..), (_, again, ..)) in layers().into_iter().zip(layers()) {
        for target in Target::ALL {
            let bytes = export(&layer, target).unwrap();
            assert_eq!(bytes, export(&again, target).unwrap(), "{name}, {target}");
            assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
        }
    }
    let problem = "torch".parse::<Target>().unwrap_err().to_string();
    assert!(problem.contains("`torch`") && problem.contains("pytorch, onnx, gap, escnn, npz"), "{problem}");
}

#[test]
fn arrays_are_read_back() {
    for (name, mut layer, [weights, biases], order) in layers() {
        layer.name = Some("a name".into());
        layer.values = Some((0..weights).map(|i| 1.0 / (1.0 + i as f64)).collect());
        let bytes = export(&layer, Target::Npz).unwrap();
        let mut arrays = Arrays::from_bytes(&bytes).unwrap();
        let shapes = arrays.list().unwrap();
        let shape = |name: &str| shapes.iter().find(|array| array.name == name).unwrap().shape.clone();
        let (m, n, g) = (layer.outputs, layer.inputs, layer.generators.len());
        assert_eq!(
            [shape("labels"), shape("signs"), shape("symmetry")],
            [vec![m, n], vec![m, n], vec![m * n, weights]]
        );
        assert_eq!(shape("input_signs"), [g, n], "{name}");
        let labels = arrays.numbers("labels").unwrap();
        let signs = arrays.numbers("signs").unwrap();
        let entries: Vec<_> = labels
            .iter()
            .zip(&signs)
            .map(|(&label, &sign)| {
                assert_eq!(label < 0.0, sign == 0.0);
                (label >= 0.0).then_some((label as usize, sign < 0.0))
            })
            .collect();
        assert_eq!(SignedPattern::from_labels(m, n, &entries).unwrap(), layer.pattern, "{name}");
        assert_eq!(arrays.numbers("symmetry").unwrap(), layer.pattern.dense().unwrap(), "{name}");
        if layer.ties_bias {
            assert_eq!(shape("bias_symmetry"), [m, biases], "{name}");
            let bias = layer.bias_pattern().unwrap();
            assert_eq!(arrays.numbers("bias_symmetry").unwrap(), bias.dense().unwrap(), "{name}");
        } else {
            assert!(shapes.iter().all(|array| !array.name.starts_with("bias")), "{name}");
        }
        assert_eq!(arrays.numbers("values").unwrap(), *layer.values.as_ref().unwrap());
        for (side, points, of) in [("output", m, 0), ("input", n, 1)] {
            let images = arrays.numbers(&format!("{side}_images")).unwrap();
            let signs = arrays.numbers(&format!("{side}_signs")).unwrap();
            for (at, pair) in layer.generators.iter().enumerate() {
                let here = at * points..(at + 1) * points;
                let images: Vec<usize> = images[here.clone()].iter().map(|&x| x as usize).collect();
                let flips: Vec<bool> = signs[here].iter().map(|&s| s < 0.0).collect();
                let read =
                    SignedPermutation::new(Permutation::from_images(&images).unwrap(), &flips).unwrap();
                assert_eq!(&read, [&pair.0, &pair.1][of], "{name}");
            }
        }
        // Texts are numpy's, four bytes a letter.
        assert_eq!(
            arrays.list().unwrap().iter().filter(|a| ["name", "order"].contains(&a.name.as_str())).count(),
            2
        );
        let text: Vec<u8> = order.to_string().chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        assert!(bytes.windows(text.len()).any(|window| window == text), "{name}");
    }
}

/// The numbers between two pieces of a text, row by row.
fn between(text: &str, start: &str, end: &str) -> Vec<i64> {
    let inside = text.split_once(start).unwrap().1.split_once(end).unwrap().0;
    inside.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

#[test]
fn python_files_hold_the_ties() {
    for (name, layer, ..) in layers() {
        for target in [Target::PyTorch, Target::Escnn] {
            let text = String::from_utf8(export(&layer, target).unwrap()).unwrap();
            let expected = (0..layer.outputs * layer.inputs).map(|weight| {
                let entry = layer.pattern.entry(weight / layer.inputs, weight % layer.inputs);
                entry.map_or(0, |(class, minus)| (class as i64 + 1) * if minus { -1 } else { 1 })
            });
            assert_eq!(between(&text, "TIES = \"\"\"", "\"\"\""), expected.collect::<Vec<_>>(), "{name}");
            let moved = |g: &SignedPermutation| -> Vec<i64> {
                let image = |(to, minus): (usize, bool)| (to as i64 + 1) * if minus { -1 } else { 1 };
                (0..g.degree()).map(|x| image(g.apply(x))).collect()
            };
            let generators = text.split_once("GENERATORS = [\n").unwrap().1.split_once("]\n").unwrap().0;
            let lines: Vec<&str> = generators.lines().collect();
            assert_eq!(lines.len(), layer.generators.len());
            for (line, (y, x)) in lines.iter().zip(&layer.generators) {
                assert_eq!(between(line, "(\"", "\","), moved(y), "{name}");
                assert_eq!(between(line, ", \"", "\")"), moved(x), "{name}");
            }
            // A bias only where it is known how the group moves it, or by request.
            let default = if layer.ties_bias { "(bias=True" } else { "(bias=False" };
            let (init, escnn) = ("def __init__(self, bias=", "def escnn_layer(bias=");
            let line = text.lines().find(|line| line.contains(init) || line.contains(escnn)).unwrap();
            assert!(line.replace("(self, ", "(").contains(default), "{name}: {line}");
            assert_eq!(text.contains("does not show which of them moves"), !layer.ties_bias, "{name}");
            // Nothing was left to be replaced.
            let names = [
                "@HAS_BIAS@",
                "@OTHER_BIAS@",
                "@ABOUT_BIAS@",
                "@M@",
                "@N@",
                "@K@",
                "@TITLE@",
                "@NAMED@",
                "@SHOWN@",
                "@VALUES@",
                "@BIASES@",
            ];
            assert!(names.iter().all(|name| !text.contains(name)), "{name}, {target}");
        }
    }
}

#[test]
fn gap_gets_the_whole_group() {
    for (name, layer, _, order) in layers() {
        let text = String::from_utf8(export(&layer, Target::Gap).unwrap()).unwrap();
        let group = layer.group().unwrap();
        let inside = text.split_once("Group([\n").unwrap().1.split_once("], ());").unwrap().0;
        // Cycles of points from 1, one generator after the other.
        let found: Vec<&str> = inside.split(",\n").filter(|part| !part.trim().is_empty()).collect();
        let mut texts: Vec<String> = Vec::new();
        for part in found {
            let joined = part.replace(['\n', ' '], "");
            texts.push(joined);
        }
        assert_eq!(texts.len(), group.generators().len(), "{name}: {inside}");
        for (text, g) in texts.iter().zip(group.generators()) {
            let one_up = text.strip_suffix(',').unwrap_or(text);
            let read = Permutation::parse(one_up, group.degree() + 1).unwrap();
            assert!((0..group.degree()).all(|x| read.apply(x + 1) == g.apply(x) + 1), "{name}: {text}");
        }
        assert!(text.contains(&format!("if msr_order <> {order} then")), "{name}");
    }
}

#[test]
fn groups_that_escnn_has_are_called_so() {
    let named = |layer: &TiedLayer| {
        let text = String::from_utf8(export(layer, Target::Escnn).unwrap()).unwrap();
        text.lines().find(|line| line.starts_with("NAMED = ")).unwrap()[8..]
            .chars()
            .take(14)
            .collect::<String>()
    };
    let found: Vec<String> = layers().iter().map(|(_, layer, ..)| named(layer)).collect();
    // A quarter turn of a vector is one of four, though it makes one of two maps of the weights.
    let expected = [
        "(\"cyclic\", 6, ",
        "(\"dihedral\", 4",
        "None",
        "None",
        "(\"cyclic\", 4, ",
        "(\"cyclic\", 4, ",
        "None",
        "(\"cyclic\", 1, ",
    ];
    assert_eq!(found, expected);
}

/// `(−σ, −τ)` ties the weights as `(σ, τ)` does, but would turn all biases into zeros.
#[test]
fn signs_are_turned_no_more_than_they_must() {
    // A mirror of two vectors of the plane to two numbers that change places: no bias is lost.
    let (on_outputs, on_inputs) = (parsed("(0 1)", 2), parsed("(0 2)(1 -3)", 4));
    let turned = (on_outputs.negated(), on_inputs.negated());
    let negation = (SignedPermutation::negation(2).unwrap(), SignedPermutation::negation(4).unwrap());
    let layer = TiedLayer::from_generators(2, 4, vec![turned, negation]).unwrap();
    assert_eq!(layer.generators, [(on_outputs, on_inputs)]);
    assert_eq!((layer.ties_bias, layer.order.clone()), (false, Some(4u32.into())));
    let known = TiedLayer { ties_bias: true, ..layer.clone() };
    assert_eq!(known.bias_pattern().unwrap().free_parameters(), 1);
    // The search for all automorphisms has (−1, −1) among them, and its generators as they come.
    let group = signed_automorphisms(&layer.pattern).unwrap();
    let again = TiedLayer::from_pattern(layer.pattern.clone(), signed_pairs(&group, 2, 4)).unwrap();
    let minus = |g: &SignedPermutation| g.flips().iter().filter(|&&flip| flip).count();
    assert!(again.generators.iter().all(|(y, _)| minus(y) <= 1), "{:?}", again.generators);
}

#[test]
fn contradictions_are_refused() {
    let layer = || TiedLayer::from_generators(6, 6, same(&["(0 1 2 3 4 5)"], 6)).unwrap();
    let refused = |change: &dyn Fn(&mut TiedLayer), target: Target| {
        let mut changed = layer();
        change(&mut changed);
        export(&changed, target).unwrap_err()
    };
    let says = |problem: Error, words: &str| assert!(problem.to_string().contains(words), "{problem}");
    says(refused(&|l| l.input_shape = vec![2, 2], Target::Npz), "[2, 2] are not 6 numbers");
    says(refused(&|l| l.outputs = 5, Target::Onnx), "the pattern of a 5 × 6 layer is 6 × 6");
    says(refused(&|l| l.values = Some(vec![1.0]), Target::PyTorch), "6 free parameters");
    says(refused(&|l| l.values = Some(vec![f64::NAN; 6]), Target::PyTorch), "6 free parameters");
    says(refused(&|l| l.bias_values = Some(vec![1.0; 2]), Target::Npz), "1 free parameters");
    says(refused(&|l| l.generators = same(&["(0 1)"], 6), Target::PyTorch), "generator 0 does not keep");
    for target in [Target::Gap, Target::Escnn] {
        let problem = refused(&|l| l.order = Some(12u32.into()), target);
        assert!(matches!(problem, Error::Order { .. }), "{problem}");
        says(problem, "order 6, not of order 12");
    }
    assert!(TiedLayer::from_generators(0, 3, Vec::new()).is_err());
    assert!(TiedLayer::from_generators(2, 3, same(&["(0 1)"], 2)).is_err());
}

/// A name comes from a file, and must not become a program.
#[test]
fn names_stay_names() {
    let mut layer = TiedLayer::from_generators(2, 2, same(&["(0 1)"], 2)).unwrap();
    let name = "C_2\"\"\"\nimport os\\\n@K@ \u{202e}";
    layer.name = Some(name.into());
    for target in [Target::PyTorch, Target::Escnn, Target::Gap] {
        let text = String::from_utf8(export(&layer, target).unwrap()).unwrap();
        let line = text.lines().find(|line| line.contains("import os/")).unwrap();
        assert!(line.contains("C_2'''/nimport os//n@K@ /u{202e}"), "{line}");
    }
}

#[test]
fn what_is_too_large_names_another_target() {
    let layer = TiedLayer::from_generators(3000, 3000, Vec::new()).unwrap();
    let problem = export(&layer, Target::PyTorch).unwrap_err();
    assert!(matches!(problem, Error::TooManyWeights { .. }), "{problem}");
    assert!(problem.to_string().contains("export to npz"), "{problem}");
}

/// A layer cannot show that its group was found in products, so files with comments say it.
#[test]
fn files_of_groups_of_products_say_so() {
    let mut layer = TiedLayer::from_generators(1, 2, vec![(parsed("()", 1), parsed("(0 1)", 2))]).unwrap();
    let texts = |layer: &TiedLayer| {
        let file = |target| String::from_utf8_lossy(&export(layer, target).unwrap()).into_owned();
        [Target::PyTorch, Target::Onnx, Target::Gap, Target::Escnn].map(file)
    };
    let words = "found in the products of inputs";
    assert!(texts(&layer).iter().all(|text| !text.contains(words)));
    layer.is_of_products = true;
    for text in texts(&layer) {
        assert!(text.contains(words) && !text.contains("1 outputs") && !text.contains("1 free parameters"));
    }
}
