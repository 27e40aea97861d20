//! The direct loops against columns and products, and against the definition.

use candle_core::{DType, Device, Tensor};
use msr_testkit::normal;

use super::cost::in_place_pays;
use super::{conv2d, conv2d_input_grad, conv2d_pays, conv2d_weight_grad};
use crate::body::with_composed;
use crate::error::Result;
use crate::window::Window;

/// Windows and sizes: all widths of tiles, strides, paddings, channels that fill no vector.
const CASES: [(Window, (usize, usize), [usize; 4]); 9] = [
    (Window { kernel: (3, 3), stride: (1, 1), padding: (1, 1) }, (28, 28), [2, 1, 1, 32]),
    (Window { kernel: (3, 3), stride: (1, 1), padding: (1, 1) }, (7, 9), [2, 3, 32, 32]),
    (Window { kernel: (3, 3), stride: (1, 1), padding: (1, 1) }, (3, 3), [1, 30, 17, 33]),
    (Window { kernel: (3, 3), stride: (2, 2), padding: (1, 1) }, (8, 7), [3, 2, 5, 31]),
    (Window { kernel: (5, 2), stride: (3, 1), padding: (0, 2) }, (13, 4), [1, 2, 3, 1]),
    (Window { kernel: (1, 1), stride: (1, 1), padding: (0, 0) }, (5, 33), [2, 2, 8, 16]),
    (Window { kernel: (1, 1), stride: (2, 3), padding: (2, 1) }, (6, 7), [1, 1, 2, 3]),
    (Window { kernel: (4, 4), stride: (2, 2), padding: (5, 5) }, (5, 5), [1, 2, 2, 2]),
    (Window { kernel: (1, 7), stride: (1, 2), padding: (0, 3) }, (1, 129), [1, 2, 1, 9]),
];

fn transposed(x: &Tensor) -> Result<Tensor> {
    // The same numbers with the channels side by side in memory, as a view behind an offset.
    let wide = Tensor::cat(&[&x.narrow(1, 0, 1)?, x], 1)?;
    Ok(wide.permute((0, 1, 3, 4, 2))?.contiguous()?.permute((0, 1, 4, 2, 3))?.narrow(1, 1, x.dims()[1])?)
}

#[test]
fn the_bodies_agree() -> Result<()> {
    for (window, image, [t, b, c, o]) in CASES {
        let (oh, ow) = window.output(image)?;
        for (dtype, tolerance) in [(DType::F32, 1e-6), (DType::F64, 2e-15)] {
            let x = normal(1, (t, b, c, image.0, image.1), dtype);
            let w = normal(2, (t, o, c, window.kernel.0, window.kernel.1), dtype);
            let g = normal(3, (t, b, o, oh, ow), dtype);
            let turned = w.permute((0, 4, 3, 2, 1))?.contiguous()?.permute((0, 4, 3, 2, 1))?;
            let all = |x: &Tensor, w: &Tensor, g: &Tensor| -> Result<[Tensor; 3]> {
                Ok([
                    conv2d(x, w, window)?,
                    conv2d_input_grad(g, w, window, image)?,
                    conv2d_weight_grad(x, g, window)?,
                ])
            };
            let wide = |t: &Tensor| t.to_dtype(DType::F64);
            let expected = with_composed(|| all(&wide(&x)?, &wide(&w)?, &wide(&g)?))?;
            for (x, w, g) in [(&x, &w, &g), (&transposed(&x)?, &turned, &transposed(&g)?)] {
                for (name, (found, expected)) in
                    ["conv2d", "input", "weight"].iter().zip(all(x, w, g)?.iter().zip(&expected))
                {
                    // Of the whole: an element may be a small difference of large numbers.
                    let norm =
                        |t: &Tensor| -> Result<f64> { Ok(t.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt()) };
                    let error = norm(&(wide(found)? - expected)?)? / norm(expected)?;
                    assert!(error < tolerance, "{name} {dtype:?} {window:?} {image:?}: {error:.1e}");
                }
            }
        }
    }
    Ok(())
}

/// `⟨g, conv(x, w)⟩ = ⟨x̄, x⟩ = ⟨w̄, w⟩`.
#[test]
fn adjoints_are_adjoint() -> Result<()> {
    for (window, image, [t, b, c, o]) in CASES {
        let x = normal(1, (t, b, c, image.0, image.1), DType::F64);
        let w = normal(2, (t, o, c, window.kernel.0, window.kernel.1), DType::F64);
        let y = conv2d(&x, &w, window)?;
        let g = normal(3, y.dims(), DType::F64);
        let inner = |a: &Tensor, b: &Tensor| -> Result<f64> { Ok((a * b)?.sum_all()?.to_scalar::<f64>()?) };
        let expected = inner(&g, &y)?;
        for found in [
            inner(&conv2d_input_grad(&g, &w, window, image)?, &x)?,
            inner(&conv2d_weight_grad(&x, &g, window)?, &w)?,
        ] {
            let size = (y.sqr()?.sum_all()?.to_scalar::<f64>()? * g.elem_count() as f64).sqrt();
            assert!((found - expected).abs() < 1e-13 * size, "{window:?}: {found} for {expected}");
        }
    }
    Ok(())
}

/// The bits do not depend on the threads.
#[test]
fn threads_change_nothing() -> Result<()> {
    let window = Window::square(3, 1, 1);
    let (x, w) = (normal(1, (2, 40, 16, 14, 14), DType::F32), normal(2, (2, 24, 16, 3, 3), DType::F32));
    let run = |threads: usize| -> Result<[Vec<f32>; 3]> {
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(candle_core::Error::wrap)?;
        pool.install(|| {
            let y = conv2d(&x, &w, window)?;
            let all = [conv2d_input_grad(&y, &w, window, (14, 14))?, conv2d_weight_grad(&x, &y, window)?];
            let numbers = |t: &Tensor| -> Result<Vec<f32>> { Ok(t.flatten_all()?.to_vec1()?) };
            Ok([numbers(&y)?, numbers(&all[0])?, numbers(&all[1])?])
        })
    };
    let one = run(1)?;
    assert_eq!(run(2)?, one);
    assert_eq!(run(8)?, one);
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let window = Window::square(3, 1, 1);
    let x = normal(1, (2, 1, 3, 5, 5), DType::F32);
    let says = |result: Result<Tensor>, words: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    says(conv2d(&x, &normal(1, (2, 4, 2, 3, 3), DType::F32), window), "[2, 4, 3, 3, 3] is needed");
    says(conv2d(&x, &normal(1, (3, 4, 3, 3, 3), DType::F32), window), "[2, 4, 3, 3, 3] is needed");
    says(conv2d(&x, &normal(1, (2, 4, 3, 3, 3), DType::F64), window), "types are F32 and F64");
    says(
        conv2d(&x.squeeze(0).unwrap_or(x.clone()), &normal(1, (4, 3, 3, 3), DType::F32), window),
        "kernel height",
    );
    says(
        conv2d_weight_grad(&x, &normal(1, (2, 1, 4, 5, 4), DType::F32), window),
        "[2, 1, 4, 5, 5] is needed",
    );
    says(
        conv2d_input_grad(
            &normal(1, (2, 1, 4, 5, 5), DType::F32),
            &normal(1, (2, 4, 3, 3, 3), DType::F32),
            window,
            (1, 1),
        ),
        "[2, 1, 4, 1, 1] is needed",
    );
    let none = Tensor::zeros((2, 0, 3, 5, 5), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(
        conv2d(&none, &normal(1, (2, 4, 3, 3, 3), DType::F32), window).unwrap().dims(),
        [2, 0, 4, 5, 5]
    );
    let gradient = conv2d_weight_grad(&none, &none.narrow(2, 0, 2).unwrap(), window).unwrap();
    assert_eq!(gradient.dims(), [2, 2, 3, 3, 3]);
}

/// Where windows are read in place and where they are columns: few channels fill no vector, a
/// stride makes the adjoint in the images large, and columns that are made once cost little.
#[test]
fn the_faster_form_is_chosen() {
    let all = |side: usize, result: usize| [side * side, result * result];
    for (channels, taps, pixels, block, uses, expected) in [
        ([32, 32], 9, all(14, 14), 32, None, true),
        ([32, 32], 9, all(7, 7), 8, None, true),
        ([8, 8], 9, all(14, 14), 32, None, true),
        ([32, 1], 9, all(14, 14), 32, None, true),
        ([256, 256], 9, all(7, 7), 32, None, true),
        ([1, 32], 9, all(28, 28), 32, None, false),
        ([1, 24], 9, all(32, 30), 32, None, false),
        ([3, 16], 25, all(14, 14), 32, None, false),
        ([4, 4], 9, all(14, 14), 32, None, false),
        ([32, 32], 1, all(14, 14), 32, None, false),
        ([64, 64], 9, all(28, 4), 32, None, false),
        ([32, 32], 9, all(14, 14), 32, Some(3), true),
        ([8, 8], 9, all(14, 14), 32, Some(1), true),
        ([8, 8], 9, all(14, 14), 32, Some(3), false),
        ([32, 1], 9, all(14, 14), 32, Some(3), false),
    ] {
        let found = in_place_pays(channels, taps, pixels, block, uses);
        assert_eq!(found, expected, "{channels:?} {taps} {pixels:?} {uses:?}");
    }
    let window = Window::square(3, 1, 1);
    let x = normal(1, (1, 1, 64, 8, 8), DType::F32);
    let pays = |x: &Tensor, window: Window| conv2d_pays(x, 64, window, None);
    assert!(pays(&x, window) && !pays(&x, Window::square(9, 1, 0)));
    assert!(!with_composed(|| pays(&x, window)));
    assert!(!pays(&x.to_dtype(DType::BF16).unwrap(), window) && !pays(&x.get(0).unwrap(), window));
}
