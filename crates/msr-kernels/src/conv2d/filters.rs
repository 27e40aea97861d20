//! Filters in the order in which the loops read them.

use candle_core::{Layout, WithDType};

/// The vectors of outputs that a tile of results has.
pub(super) const VECTORS: usize = 2;

/// The filters of one task, packed: for each block of so many outputs, `(taps, inputs, block)`,
/// with zeros where the last block has fewer.
pub(super) struct Packed<T> {
    numbers: Vec<T>,
    /// The outputs of a block.
    pub(super) block: usize,
    /// The numbers of a block: taps · inputs · block.
    pub(super) size: usize,
}

impl<T: WithDType> Packed<T> {
    /// Of filters `(o, i, kh, kw)` that lie with these strides from `start`. To be read backwards,
    /// with inputs as outputs, for the adjoint in the images.
    pub(super) fn new(
        filters: &[T],
        start: usize,
        dims: [usize; 4],
        strides: [usize; 4],
        block: usize,
        backwards: bool,
    ) -> Self {
        let [o, i, kh, kw] = dims;
        let (outputs, inputs, of_output, of_input) = match backwards {
            false => (o, i, strides[0], strides[1]),
            true => (i, o, strides[1], strides[0]),
        };
        let size = kh * kw * inputs * block;
        let mut numbers = vec![T::zero(); outputs.div_ceil(block) * size];
        for (number, packed) in numbers.chunks_exact_mut(size).enumerate() {
            let first = number * block;
            let count = block.min(outputs - first);
            for (row, packed) in packed.chunks_exact_mut(block).enumerate() {
                let (tap, input) = (row / inputs, row % inputs);
                let (u, v) = (tap / kw, tap % kw);
                let (u, v) = if backwards { (kh - 1 - u, kw - 1 - v) } else { (u, v) };
                let at = start + first * of_output + input * of_input + u * strides[2] + v * strides[3];
                let outputs = packed[..count].iter_mut().enumerate();
                outputs.for_each(|(j, to)| *to = filters[at + j * of_output]);
            }
        }
        Self { numbers, block, size }
    }

    /// The blocks, one after the other.
    pub(super) fn blocks(&self) -> std::slice::ChunksExact<'_, T> {
        self.numbers.chunks_exact(self.size)
    }
}

/// The filters of task `t` of a tensor `(t, o, i, kh, kw)`.
pub(super) fn of_task<T: WithDType>(
    filters: &[T],
    layout: &Layout,
    t: usize,
    block: usize,
    backwards: bool,
) -> Packed<T> {
    let (dims, strides) = (layout.dims(), layout.stride());
    let start = layout.start_offset() + t * strides[0];
    let four = |x: &[usize]| [x[1], x[2], x[3], x[4]];
    Packed::new(filters, start, four(dims), four(strides), block, backwards)
}
