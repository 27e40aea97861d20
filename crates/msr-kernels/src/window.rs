//! The geometry of a sliding window.

use crate::error::{Error, Result};

/// The geometry of a sliding window: sizes, stride and zero padding as (height, width), in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The size of the window.
    pub kernel: (usize, usize),
    /// The distance between neighbouring windows.
    pub stride: (usize, usize),
    /// Zeros added on each side of the image.
    pub padding: (usize, usize),
}

impl Window {
    /// A window over one dimension: height one.
    pub fn line(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: (1, kernel), stride: (1, stride), padding: (0, padding) }
    }

    /// A square window.
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: (kernel, kernel), stride: (stride, stride), padding: (padding, padding) }
    }

    /// The number of window positions over an image of `size` pixels:
    /// `⌊(size + 2 · padding − kernel) / stride⌋ + 1` in each direction.
    ///
    /// # Errors
    /// [`Error::Geometry`] when kernel or stride is zero; [`Error::Window`] when the window is
    /// larger than the padded image.
    pub fn output(&self, size: (usize, usize)) -> Result<(usize, usize)> {
        let along = |side, size: usize, kernel: usize, stride: usize, padding: usize| {
            let padded = padding.checked_mul(2).and_then(|p| p.checked_add(size));
            let Some(padded) = padded.filter(|_| kernel > 0 && stride > 0) else {
                return Err(Error::Geometry { side, kernel, stride, padding });
            };
            if padded < kernel {
                return Err(Error::Window { side, kernel, size, padding });
            }
            Ok((padded - kernel) / stride + 1)
        };
        Ok((
            along("height", size.0, self.kernel.0, self.stride.0, self.padding.0)?,
            along("width", size.1, self.kernel.1, self.stride.1, self.padding.1)?,
        ))
    }

    /// The pixels under the window: `kh · kw`.
    pub(crate) fn taps(&self) -> usize {
        self.kernel.0.saturating_mul(self.kernel.1)
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn a_window_that_does_not_fit_is_an_error() {
        let message = |window: Window, size| window.output(size).unwrap_err().to_string();
        let large = message(Window { kernel: (3, 7), stride: (1, 1), padding: (1, 2) }, (1, 2));
        assert!(large.contains("width 7 of the kernel is larger than the input's 2 with padding 2"));
        let still = message(Window::square(3, 0, 0), (5, 5));
        assert!(still.contains("height") && still.contains("kernel 3, stride 0"), "{still}");
        let wide = message(Window::line(3, 1, usize::MAX / 2 + 1), (1, 5));
        assert!(wide.contains("width") && wide.contains("padding 9223372036854775808"), "{wide}");
        assert_eq!(Window::square(3, 2, 1).output((5, 6)).unwrap(), (3, 3));
    }
}
