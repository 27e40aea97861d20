//! The loops against columns, and what cannot be pooled.

use candle_core::DType;
use msr_testkit::{assert_close, normal};

use super::{avg_pool, composed, cpu, spread};
use crate::error::Result;
use crate::window::Window;

#[test]
fn the_two_bodies_agree() -> Result<()> {
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-13)] {
        for (window, (h, w)) in [
            (Window::square(2, 2, 0), (31, 33)),
            (Window::square(1, 1, 0), (1, 1)),
            (Window::square(3, 1, 0), (5, 4)),
            (Window { kernel: (2, 3), stride: (3, 1), padding: (0, 0) }, (7, 5)),
        ] {
            let (images, out) = (normal(1, (3, h, w), dtype), window.output((h, w))?);
            let means = cpu::avg_pool(&images, window, out)?;
            let composed = composed::avg_pool(&images, window)?.reshape(means.dims())?;
            assert_close("avg_pool", &means, &composed, tolerance);
            let view = images.permute((1, 2, 0))?.contiguous()?.permute((2, 0, 1))?;
            assert_close("avg_pool of a view", &avg_pool(&view, window)?, &means, tolerance);
            let pixels = cpu::spread(&means, window, (h, w))?;
            let composed = composed::spread(&means, window, (h, w))?.reshape(pixels.dims())?;
            assert_close("spread", &pixels, &composed, tolerance);
        }
    }
    Ok(())
}

/// ⟨avg_pool x, y⟩ = ⟨x, spread y⟩, and numbers that one can check by hand.
#[test]
fn the_adjoint() -> Result<()> {
    let window = Window { kernel: (3, 2), stride: (2, 1), padding: (0, 0) };
    let (x, y) = (normal(1, (2, 7, 5), DType::F64), normal(2, (2, 3, 4), DType::F64));
    let left = (avg_pool(&x, window)? * &y)?.sum_all()?;
    assert_close("adjoint", &left, &(spread(&y, window, (7, 5))? * &x)?.sum_all()?, 1e-13);
    let image = candle_core::Tensor::arange(0f32, 12f32, x.device())?.reshape((3, 4))?;
    assert_eq!(avg_pool(&image, Window::square(2, 2, 0))?.to_vec2::<f32>()?, [[2.5, 4.5]]);
    Ok(())
}

#[test]
fn what_cannot_be_pooled_is_named() {
    let message =
        |shape: &[usize], window| avg_pool(&normal(1, shape, DType::F32), window).unwrap_err().to_string();
    let padded = message(&[5, 5], Window::square(2, 2, 1));
    assert_eq!(padded, "avg_pool: padding (1, 1) is not supported; pad the input");
    assert_eq!(message(&[5], Window::square(2, 2, 0)), "avg_pool: expected (…, height, width), got [5]");
    let windows = normal(1, (2, 2), DType::F32);
    let message = spread(&windows, Window::square(2, 2, 0), (7, 5)).unwrap_err().to_string();
    assert_eq!(message, "spread: expected (…, 3, 2), got [2, 2]");
}
