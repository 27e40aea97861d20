//! A sliding window and what it slides over, as kernels take them: by value.

use crate::error::{Error, Result};
use crate::window::Window;

/// Sizes of image and result (height, width) and the window: the words of `Window` in
/// `window.cuh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry([u32; 10]);

impl Geometry {
    /// Of results of such a size, one for each position of the window.
    ///
    /// # Errors
    /// [`Error::Size`] when the pixels of an image, or the numbers under all of its windows, are
    /// 2³⁰ or more.
    pub(crate) fn new(
        op: &'static str,
        window: Window,
        image: (usize, usize),
        result: (usize, usize),
    ) -> Result<Self> {
        const LIMIT: usize = 1 << 30;
        let sides = [image, result, window.kernel, window.stride, window.padding];
        let area = |(height, width): (usize, usize)| height.saturating_mul(width);
        let under = area(result).saturating_mul(window.taps());
        let sizes = sides.iter().flat_map(|side| [side.0, side.1]).chain([area(image), under]);
        if sizes.max() >= Some(LIMIT) {
            return Err(Error::Size { op, shape: vec![image.0, image.1, window.kernel.0, window.kernel.1] });
        }
        let mut words = [0; 10];
        for (words, side) in words.chunks_exact_mut(2).zip(sides) {
            words.copy_from_slice(&[side.0 as u32, side.1 as u32]);
        }
        Ok(Self(words))
    }

    /// The words of the structure.
    pub(crate) fn words(&self) -> &[u32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Geometry;
    use crate::window::Window;

    #[test]
    fn sizes_that_kernels_count_in() {
        let window = Window { kernel: (3, 2), stride: (2, 1), padding: (1, 4) };
        let found = Geometry::new("test", window, (7, 8), (4, 15)).map(|g| g.words().to_vec());
        assert_eq!(found.ok(), Some(vec![7, 8, 4, 15, 3, 2, 2, 1, 1, 4]));
        assert!(Geometry::new("test", window, (1 << 15, 1 << 15), (4, 15)).is_err());
        assert!(Geometry::new("test", window, (7, 8), (1 << 14, 1 << 14)).is_err());
        assert!(Geometry::new("test", Window::line(3, 1, usize::MAX), (1, 1), (1, 1)).is_err());
    }
}
