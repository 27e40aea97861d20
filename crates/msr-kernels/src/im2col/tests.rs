//! The gathered columns against a selection of pixels.

use candle_core::DType;
use msr_testkit::{assert_close, normal};

use super::{Map, col2im, composed, cpu, im2col};
use crate::error::{Error, Result};
use crate::window::Window;

#[test]
fn the_bodies_agree() -> Result<()> {
    for (window, (h, w)) in [
        (Window::square(3, 1, 0), (5, 6)),
        (Window::square(3, 2, 1), (31, 33)),
        (Window { kernel: (2, 5), stride: (3, 1), padding: (0, 2) }, (8, 3)),
        (Window::line(3, 2, 4), (1, 1)),
        (Window::line(1, 1, 0), (1, 33)),
    ] {
        for dtype in [DType::F32, DType::F64] {
            let map = Map::new(window, (h, w))?;
            let x = normal(1, (2, 3, h, w), dtype);
            let wide = normal(2, (2, h, w + 2, 3), dtype).permute((0, 3, 1, 2))?.narrow(3, 1, w)?;
            let repeated = x.narrow(0, 0, 1)?.broadcast_as((2, 3, h, w))?;
            for x in [x, wide, repeated] {
                let shape = vec![2, 3 * map.taps(), map.positions()];
                let ours = cpu::im2col(&x, map, shape.clone())?;
                assert_close("im2col", &ours, &composed::im2col(&x, map, shape)?, 0.0);
                // Whole numbers, whose sums are exact.
                let columns = ours.affine(16.0, 0.0)?.round()?;
                let turned = columns.permute((1, 2, 0))?.contiguous()?.permute((2, 0, 1))?;
                for columns in [columns, turned] {
                    let shape = vec![2, 3, h, w];
                    let ours = cpu::col2im(&columns, map, shape.clone())?;
                    assert_close("col2im", &ours, &composed::col2im(&columns, map, shape)?, 0.0);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_window_that_does_not_fit_is_an_error() {
    let x = normal(1, (1, 1, 2, 2), DType::F32);
    let error = im2col(&x, Window::square(3, 1, 0)).unwrap_err();
    assert!(matches!(error, Error::Window { side: "height", kernel: 3, size: 2, padding: 0 }));
    assert!(matches!(im2col(&x, Window::square(1, 0, 0)), Err(Error::Geometry { stride: 0, .. })));
    let message = im2col(&normal(1, 4, DType::F32), Window::square(1, 1, 0)).unwrap_err().to_string();
    assert_eq!(message, "im2col: expected (…, channels, height, width), got [4]");
    let message = col2im(&normal(1, (4, 2), DType::F32), Window::square(2, 1, 0), (2, 2)).unwrap_err();
    assert!(message.to_string().contains("(…, channels · 4, 1)"), "{message}");
    assert!(message.to_string().contains("got [4, 2]"), "{message}");
}
