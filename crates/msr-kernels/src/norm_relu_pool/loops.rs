//! The order in which the loops go through images whose channels lie side by side, some channels at
//! a time.

use candle_core::WithDType;

use super::Pool;

/// The channels that are gone through at once: their sums stay in registers.
pub(super) const LANES: usize = 16;

/// Some channels.
pub(super) type Block<T> = [T; LANES];

/// The sizes of one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) examples: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) pool: Pool,
}

impl Sizes {
    /// The numbers of an image.
    pub(super) fn image(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// The rows and columns of windows.
    pub(super) fn windows(&self) -> (usize, usize) {
        (self.height / self.pool.side(), self.width / self.pool.side())
    }

    /// The numbers of a result.
    pub(super) fn result(&self) -> usize {
        let (oh, ow) = self.windows();
        oh * ow * self.channels
    }

    /// What a statistic is over: examples and pixels.
    pub(super) fn count(&self) -> f64 {
        (self.examples * self.height * self.width) as f64
    }

    /// Where the pixels of a window are, from its first.
    pub(super) fn places(&self) -> ([usize; 4], usize) {
        let row = self.width * self.channels;
        match self.pool {
            Pool::None => ([0; 4], 1),
            Pool::TwoByTwo => ([0, self.channels, row, row + self.channels], 4),
        }
    }

    /// The first pixel of window `(i, j)` of an image, and the place of its result.
    pub(super) fn window(&self, example: usize, i: usize, j: usize) -> (usize, usize) {
        let side = self.pool.side();
        let pixel = example * self.image() + (i * side * self.width + j * side) * self.channels;
        let (_, ow) = self.windows();
        (pixel, example * self.result() + (i * ow + j) * self.channels)
    }

    /// The pixels that no window has.
    pub(super) fn left_out(&self) -> impl Iterator<Item = usize> + use<> {
        let Self { examples, height, width, channels, .. } = *self;
        let (oh, ow) = self.windows();
        let (h, w) = (oh * self.pool.side(), ow * self.pool.side());
        let pixels = (0..height).flat_map(move |y| {
            let first = if y < h { w } else { 0 };
            (first..width).map(move |x| y * width + x)
        });
        (0..examples).flat_map(move |b| pixels.clone().map(move |p| (b * height * width + p) * channels))
    }
}

/// `n` numbers from `at` on; the rest of the block is zero. What loops compute of whole blocks, and
/// [`store`] afterwards, can be done in vectors: nothing that is read could be what is written.
#[inline(always)]
pub(super) fn load<T: WithDType>(x: &[T], at: usize, n: usize) -> Block<T> {
    let mut block = [T::zero(); LANES];
    block[..n].copy_from_slice(&x[at..at + n]);
    block
}

/// Writes the first `n` numbers of a block to `at` and on.
#[inline(always)]
pub(super) fn store<T: WithDType>(block: &Block<T>, x: &mut [T], at: usize, n: usize) {
    x[at..at + n].copy_from_slice(&block[..n]);
}

/// `a` where it is so, else `b`; both are computed, as vectors need it.
#[inline(always)]
pub(super) fn either<T>(so: bool, a: T, b: T) -> T {
    if so { a } else { b }
}

/// The channels of all blocks: where each begins, and how many it has.
pub(super) fn blocks(channels: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..channels).step_by(LANES).map(move |first| (first, LANES.min(channels - first)))
}
