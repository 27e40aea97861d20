//! How many threads run a kernel.

/// The blocks of a grid and the threads of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Blocks along x, y and z.
    pub(crate) blocks: [u32; 3],
    /// Threads along x.
    pub(crate) threads: u32,
    /// Bytes of dynamic shared memory.
    pub(crate) shared: u32,
}

/// Threads of a block where nothing else is said.
const THREADS: u32 = 256;

/// Blocks along x of a grid whose threads go on until everything is done: enough for several on
/// each of the multiprocessors that a device has.
const MOST: u32 = 1 << 14;

/// Blocks along y and z that any device takes.
const MOST_ALONG_Y: usize = 65_535;

impl Grid {
    /// For a loop over so many numbers, in which a thread goes on after all threads of the grid.
    pub(crate) fn over(count: usize) -> Self {
        let blocks = u32::try_from(count.div_ceil(THREADS as usize)).unwrap_or(MOST);
        Self { blocks: [blocks.clamp(1, MOST), 1, 1], threads: THREADS, shared: 0 }
    }

    /// A block of so many threads, rounded up to whole warps, for each of `count` pieces of work.
    pub(crate) fn blocks(count: u32, threads: usize) -> Self {
        let threads = threads.clamp(1, 1024).next_multiple_of(32) as u32;
        Self { blocks: [count.max(1), 1, 1], threads, shared: 0 }
    }

    /// The same for each of `rows`, along y; a block goes on where there are too many.
    pub(crate) fn for_each(self, rows: usize) -> Self {
        let rows = rows.clamp(1, MOST_ALONG_Y) as u32;
        Self { blocks: [self.blocks[0], rows, self.blocks[2]], ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{Grid, MOST};

    #[test]
    fn grids_that_devices_take() {
        assert_eq!(Grid::over(0).blocks, [1, 1, 1]);
        assert_eq!(Grid::over(257).blocks, [2, 1, 1]);
        assert_eq!(Grid::over(usize::MAX).blocks, [MOST, 1, 1]);
        assert_eq!(Grid::over(1).for_each(1 << 20).blocks, [1, 65_535, 1]);
        for (asked, threads) in [(0, 32), (1, 32), (33, 64), (5_000, 1024)] {
            assert_eq!(Grid::blocks(7, asked).threads, threads);
        }
    }
}
