//! Maxima by comparison against maxima of columns.

use candle_core::DType;
use msr_testkit::normal;

use super::{composed, cpu, max_pool_index};
use crate::error::Result;
use crate::window::Window;

#[test]
fn the_bodies_choose_the_same_pixels() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for (window, (h, w)) in [
            (Window::square(2, 2, 0), (31, 33)),
            (Window::square(1, 1, 0), (1, 1)),
            (Window { kernel: (2, 3), stride: (3, 1), padding: (0, 0) }, (7, 5)),
        ] {
            // Few different numbers, so that there are ties.
            let images = normal(1, (3, h, w), dtype).round()?;
            let out = window.output((h, w))?;
            let ours = cpu::max_pool_index(&images, window, out)?.to_vec2::<u32>()?;
            assert_eq!(ours, composed::max_pool_index(&images, window, out)?.to_vec2::<u32>()?);
            let view = images.permute((1, 2, 0))?.contiguous()?.permute((2, 0, 1))?;
            assert_eq!(ours, max_pool_index(&view, window)?.to_vec2::<u32>()?);
        }
    }
    Ok(())
}

#[test]
fn what_cannot_be_pooled_is_named() {
    let message = |shape: &[usize], window| {
        max_pool_index(&normal(1, shape, DType::F32), window).unwrap_err().to_string()
    };
    let padded = message(&[5, 5], Window::square(2, 2, 1));
    assert_eq!(padded, "max_pool: padding (1, 1) is not supported; pad the input");
    assert_eq!(message(&[5], Window::square(2, 2, 0)), "max_pool: expected (…, height, width), got [5]");
    let large = message(&[5, 4], Window::square(5, 1, 0));
    assert!(large.contains("width 5 of the kernel is larger than the input's 4"), "{large}");
}
