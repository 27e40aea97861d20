//! Winograd's form of 3 × 3 convolutions: its rounding, and that it can be turned off. The setting
//! is the whole process's, so there is one test.
#![allow(clippy::unwrap_used, reason = "tests")]

use candle_core::{DType, Tensor};
use msr_kernels::{Window, Winograd, conv2d, conv2d_input_grad, use_winograd, with_composed};
use msr_testkit::normal;

/// `(tasks, examples, inputs, outputs)`, image, padding: channels that fill no vector, tiles that
/// the image cuts, paddings below and beyond that of images that keep their size.
const CASES: [([usize; 4], (usize, usize), usize); 11] = [
    ([2, 3, 32, 32], (14, 14), 1),
    ([2, 2, 32, 32], (7, 7), 1),
    ([1, 2, 16, 48], (28, 28), 0),
    ([2, 1, 1, 1], (3, 3), 0),
    ([1, 2, 1, 33], (1, 1), 1),
    ([2, 2, 5, 3], (2, 9), 1),
    ([1, 1, 17, 31], (9, 2), 2),
    ([1, 2, 7, 19], (5, 6), 3),
    ([1, 1, 64, 65], (6, 5), 1),
    ([3, 2, 2, 8], (4, 4), 0),
    ([1, 1, 130, 20], (11, 13), 1),
];

fn norm(t: &Tensor) -> f64 {
    let t = t.to_dtype(DType::F64).unwrap();
    t.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap().sqrt()
}

#[test]
fn winograds_form_rounds_within_its_bound_and_can_be_turned_off() {
    let mut differs = false;
    for ([t, b, c, o], image, padding) in CASES {
        let window = Window::square(3, 1, padding);
        let (oh, ow) = window.output(image).unwrap();
        for (dtype, bound) in [(DType::F32, 1e-6), (DType::F64, 4e-15)] {
            let x = normal(1, (t, b, c, image.0, image.1), dtype);
            let w = normal(2, (t, o, c, 3, 3), dtype);
            let g = normal(3, (t, b, o, oh, ow), dtype);
            let both = |x: &Tensor, w: &Tensor, g: &Tensor| {
                [conv2d(x, w, window).unwrap(), conv2d_input_grad(g, w, window, image).unwrap()]
            };
            let wide = |t: &Tensor| t.to_dtype(DType::F64).unwrap();
            let expected = with_composed(|| both(&wide(&x), &wide(&w), &wide(&g)));
            let numbers = |t: &Tensor| wide(t).flatten_all().unwrap().to_vec1::<f64>().unwrap();
            let run = |when: Winograd, threads: usize| {
                use_winograd(when);
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let found = pool.install(|| both(&x, &w, &g));
                use_winograd(Winograd::default());
                found
            };
            let found = run(Winograd::Always, 1);
            let direct = run(Winograd::Never, 1);
            for ((found, direct), expected) in found.iter().zip(&direct).zip(&expected) {
                let error = |t: &Tensor| norm(&(wide(t) - expected).unwrap()) / norm(expected);
                println!("{dtype:?} {c} → {o} {image:?}: {:.1e}, direct {:.1e}", error(found), error(direct));
                assert!(error(found) < bound && error(direct) < bound);
                differs |= numbers(found) != numbers(direct);
            }
            // The bits do not depend on threads.
            for (one, three) in found.iter().zip(run(Winograd::Always, 3)) {
                assert_eq!(numbers(one), numbers(&three));
            }
        }
    }
    assert!(differs, "the setting changes what is computed");
}
