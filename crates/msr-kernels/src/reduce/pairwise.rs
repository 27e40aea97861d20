//! Long sums in the order of a balanced tree: the rounding error grows with the logarithm of the
//! length, not with the length.

use std::ops::{Add, Range};

/// The number of partial sums of a run.
pub(crate) const LANES: usize = 16;

/// The numbers that are added one after the other, in [`LANES`] partial sums.
const BLOCK: usize = 4096;

/// The sum of `block(range)` over the blocks of `0..length`, added in pairs.
#[inline(always)]
pub(crate) fn in_blocks<T: Copy + Add<Output = T>>(length: usize, block: impl Fn(Range<usize>) -> T) -> T {
    if length <= BLOCK {
        return block(0..length);
    }
    let mut sums = Pairs::default();
    for start in (0..length).step_by(BLOCK) {
        sums.push(block(start..length.min(start + BLOCK)), T::add);
    }
    sums.total(T::add).unwrap_or_else(|| block(0..0))
}

/// Sums of as many summands as the binary digits of their number say, largest first.
pub(crate) struct Pairs<S> {
    sums: Vec<S>,
    count: usize,
}

impl<S> Default for Pairs<S> {
    fn default() -> Self {
        Self { sums: Vec::new(), count: 0 }
    }
}

impl<S> Pairs<S> {
    /// Adds a summand.
    pub(crate) fn push(&mut self, mut value: S, add: impl Fn(S, S) -> S) {
        self.count += 1;
        for _ in 0..self.count.trailing_zeros() {
            if let Some(before) = self.sums.pop() {
                value = add(before, value);
            }
        }
        self.sums.push(value);
    }

    /// The sum of all; `None` after none.
    pub(crate) fn total(self, add: impl Fn(S, S) -> S) -> Option<S> {
        self.sums.into_iter().rev().reduce(|sum, before| add(before, sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_summand_counts_once_and_pairs_are_balanced() {
        for count in [0, 1, 2, 3, 7, 64, 1000] {
            let mut sums = Pairs::default();
            // A sum, and the depth of its tree.
            let add = |a: (usize, u32), b: (usize, u32)| (a.0 + b.0, a.1.max(b.1) + 1);
            (0..count).for_each(|i| sums.push((i, 0), add));
            let Some((total, depth)) = sums.total(add) else {
                assert_eq!(count, 0);
                continue;
            };
            assert_eq!(total, count * (count - 1) / 2);
            assert!(depth <= count.ilog2() + 1, "{count} summands, depth {depth}");
        }
    }

    #[test]
    fn blocks_cover_the_range() {
        for length in [0, 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7] {
            let sum = in_blocks(length, |range| range.map(|i| i as u64).sum::<u64>());
            assert_eq!(sum, (0..length as u64).sum::<u64>());
        }
    }
}
