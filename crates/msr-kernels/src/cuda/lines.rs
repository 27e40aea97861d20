//! Lines along a dimension of a contiguous tensor, and who goes along them.

use super::{Grid, count};
use crate::error::Result;

/// Numbers of a line up to which the lanes of a warp are enough for it.
const SHORT: usize = 1024;

/// Lines that keep a device busy with a thread for each.
const MANY: usize = 1 << 14;

/// The most blocks; each goes on with other lines when it is done.
const BLOCKS: usize = 1 << 14;

/// The sizes of `(outer, length, inner)` and the plan: the words of `Lines` in `lines.cuh`, and the
/// grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) words: [u32; 4],
    pub(crate) grid: Grid,
}

impl Lines {
    /// Along `dim` of a contiguous tensor of this shape, which is not empty.
    ///
    /// # Errors
    /// [`Error::Size`](crate::Error::Size) for more lines, or longer ones, than kernels count.
    pub(crate) fn along(op: &'static str, shape: &[usize], dim: usize) -> Result<Self> {
        let (length, inner) = (shape[dim], shape[dim + 1..].iter().product::<usize>());
        let lines = shape[..dim].iter().product::<usize>() * inner;
        let lanes = lanes(lines, length, inner);
        let words = [count(op, lines)?, count(op, length)?, count(op, inner)?, lanes as u32];
        let (blocks, threads) = match lanes {
            0..=32 => (lines.div_ceil(256 / lanes.max(1)), 256),
            threads => (lines, threads),
        };
        Ok(Self { words, grid: Grid::blocks(blocks.min(BLOCKS) as u32, threads) })
    }
}

/// The threads that go along one line: as many lanes as it has numbers where these lie side by
/// side; one where neighbouring lines do and there are many; a block for long lines.
fn lanes(lines: usize, length: usize, inner: usize) -> usize {
    let lanes = length.next_power_of_two().min(32);
    match inner {
        1 if length <= SHORT => lanes,
        1 => (length / 4).next_multiple_of(32).clamp(64, 512),
        _ if length <= 32 || lines >= MANY => 1,
        _ if length <= SHORT => lanes,
        _ => 256,
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, lanes};

    #[test]
    fn a_line_has_as_many_threads_as_it_has_work() -> crate::Result<()> {
        assert_eq!(Lines::along("test", &[2, 3, 5], 1)?.words, [10, 3, 5, 1]);
        assert_eq!(Lines::along("test", &[7, 5], 1)?.words, [7, 5, 1, 8]);
        assert_eq!([lanes(9, 1, 1), lanes(9, 600, 1), lanes(9, 5_000, 1)], [1, 32, 512]);
        assert_eq!([lanes(9, 600, 3), lanes(1 << 20, 600, 3), lanes(9, 5_000, 3)], [32, 1, 256]);
        Ok(())
    }
}
