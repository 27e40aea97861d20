//! Which pixel lies under which entry of a column.

use crate::dense::room_for;
use crate::error::Result;
use crate::window::Window;

/// One geometry applied to images of one size, with the direction left open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map {
    pub(super) window: Window,
    /// (height, width) of an image.
    pub(super) size: (usize, usize),
    /// The window positions in each direction.
    pub(super) out: (usize, usize),
}

impl Map {
    pub(super) fn new(window: Window, size: (usize, usize)) -> Result<Self> {
        let out = window.output(size)?;
        // What is computed with these later must not overflow.
        room_for("im2col", &[out.0, out.1])?;
        room_for("im2col", &[window.kernel.0, window.kernel.1])?;
        Ok(Self { window, size, out })
    }

    pub(super) fn taps(&self) -> usize {
        self.window.taps()
    }

    /// The number of window positions.
    pub(super) fn positions(&self) -> usize {
        self.out.0 * self.out.1
    }

    /// For kernel offset `tap` along one direction: the output positions whose input lies inside
    /// the image, and the input position of the first of them.
    fn inside(tap: usize, stride: usize, padding: usize, size: usize, out: usize) -> (usize, usize, usize) {
        let first = padding.saturating_sub(tap).div_ceil(stride).min(out);
        let end = (size + padding).saturating_sub(tap).div_ceil(stride).clamp(first, out);
        (first, end, (first * stride + tap).saturating_sub(padding))
    }

    /// Calls `body(column start, image start, count)` for every run of positions along the width
    /// that lies inside the image; within a run, columns advance by one and pixels by the stride.
    pub(super) fn for_each_run(&self, channels: usize, mut body: impl FnMut(usize, usize, usize)) {
        let Map { window, size: (h, w), out: (oh, ow) } = *self;
        for channel in 0..channels {
            for ky in 0..window.kernel.0 {
                let (y0, y1, in_y) = Self::inside(ky, window.stride.0, window.padding.0, h, oh);
                for kx in 0..window.kernel.1 {
                    let (x0, x1, in_x) = Self::inside(kx, window.stride.1, window.padding.1, w, ow);
                    if x0 == x1 {
                        continue;
                    }
                    let row = (channel * window.kernel.0 + ky) * window.kernel.1 + kx;
                    for y in y0..y1 {
                        let pixel = (channel * h + in_y + (y - y0) * window.stride.0) * w + in_x;
                        body((row * oh + y) * ow + x0, pixel, x1 - x0);
                    }
                }
            }
        }
    }
}
