//! The numbers of contiguous operands.

use std::ops::Range;

use candle_core::Layout;

/// The places of a contiguous operand's numbers in its storage.
pub(crate) fn range(layout: &Layout) -> Range<usize> {
    layout.start_offset()..layout.start_offset() + layout.shape().elem_count()
}

/// The numbers of a contiguous operand.
pub(crate) fn dense<'a, T>(data: &'a [T], layout: &Layout) -> &'a [T] {
    &data[range(layout)]
}
