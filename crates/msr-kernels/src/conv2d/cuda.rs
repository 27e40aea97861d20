//! Convolutions on a GPU: products whose tiles are gathered from the images as they are
//! multiplied, so that nothing is written but the results.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use super::Sizes;
use crate::cuda::{Arg, Geometry, Grid, Kernel, contiguous, launch};
use crate::error::{Error, Result};

/// Threads of a block, as in `kernel.cu`: sixteen along the columns of a tile, eight along its
/// rows.
const THREADS: [u32; 2] = [16, 8];

/// Positions that are multiplied in a step of the adjoint in the filters.
const POSITIONS: usize = 16;

/// Blocks that keep a device busy.
const BUSY: usize = 1 << 10;

/// Positions that are added in single precision, at most, unless there would be too many parts.
const LONGEST: usize = 2048;

/// Positions that are worth a part of their own.
const SHORTEST: usize = 256;

/// Numbers of all parts of sums that there is always room for.
const MOST_PARTS: usize = 1 << 27;

/// Parts that a grid has room for.
const MOST_ALONG_Y: usize = 65_535;

/// Rows of a tile: few, or many, whichever leaves fewer without a row of the result.
fn rows_of_tile(rows: usize) -> u32 {
    match rows {
        0..=8 => 8,
        _ if (rows - 1) % 64 < 32 => 32,
        _ => 64,
    }
}

/// Tiles of a product, and what they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tiles {
    /// The name of the kernel.
    name: &'static str,
    /// Of each task.
    blocks: u32,
    /// Bytes of shared memory.
    shared: u32,
}

impl Tiles {
    /// Of so many `rows` by `columns`, both larger than zero, with `step` terms of the sums in
    /// shared memory at a time.
    fn new(name: &'static str, [rows, columns]: [usize; 2], tile: [u32; 2], step: u32, width: u32) -> Self {
        let blocks = rows.div_ceil(tile[0] as usize) * columns.div_ceil(tile[1] as usize);
        let pack = 16 / width;
        let shared = 2 * step * (tile[0] + pack + tile[1] + pack) * width;
        Self { name, blocks: blocks as u32, shared }
    }

    /// Of the products with filters: rows are channels of the result, columns its positions in all
    /// examples.
    fn of_filters(rows: usize, columns: usize, kernel: (usize, usize), width: u32) -> Self {
        let of_rows = rows_of_tile(rows);
        let (name, step) = match (kernel == (3, 3), of_rows) {
            (true, 64) => ("conv2d_three_by_three_64", 9),
            (true, 32) => ("conv2d_three_by_three_32", 9),
            (true, _) => ("conv2d_three_by_three_8", 9),
            (false, 64) => ("conv2d_any_taps_64", 8),
            (false, 32) => ("conv2d_any_taps_32", 8),
            (false, _) => ("conv2d_any_taps_8", 8),
        };
        Self::new(name, [rows, columns], [of_rows, THREADS[0] * 32 / width], step, width)
    }

    /// Of the adjoint in the filters: rows are outputs, columns the entries of a filter.
    fn of_weights(rows: usize, entries: usize, width: u32) -> Self {
        // Narrow where wide ones would be half empty.
        let wide = THREADS[0] * 32 / width;
        let narrow = entries.next_multiple_of(wide as usize) >= 2 * entries.next_multiple_of(32);
        let tile = [rows_of_tile(rows), if narrow { 32 } else { wide }];
        let name = match (narrow, tile[0]) {
            (false, 64) => "conv2d_weights_64_wide",
            (false, 32) => "conv2d_weights_32_wide",
            (false, _) => "conv2d_weights_8_wide",
            (true, 64) => "conv2d_weights_64_narrow",
            (true, 32) => "conv2d_weights_32_narrow",
            (true, _) => "conv2d_weights_8_narrow",
        };
        let tiles = Self::new(name, [rows, entries], tile, POSITIONS as u32, width);
        // And what each column is.
        Self { shared: tiles.shared + 16 * tile[1], ..tiles }
    }

    /// Blocks for all tiles of so many tasks, and parts of sums.
    ///
    /// # Errors
    /// [`Error::Size`] when a grid has no room for them.
    fn grid(self, op: &'static str, tasks: usize, parts: usize) -> Result<Grid> {
        let blocks = (self.blocks as usize).saturating_mul(tasks);
        if blocks >= 1 << 31 {
            return Err(Error::Size { op, shape: vec![tasks, self.blocks as usize] });
        }
        let grid = Grid::blocks(blocks as u32, (THREADS[0] * THREADS[1]) as usize).for_each(parts);
        Ok(Grid { shared: self.shared, ..grid })
    }
}

/// How many parts the sums over so many positions are divided into, for `tiles` of `filters`
/// numbers in all, and the positions of each.
fn parts(positions: usize, tiles: usize, filters: usize) -> (usize, usize) {
    let busy = BUSY.div_ceil(tiles.max(1)).min(positions.div_ceil(SHORTEST));
    let room = (MOST_PARTS / filters.max(1)).max(1);
    let parts = busy.max(positions.div_ceil(LONGEST)).min(room).min(MOST_ALONG_Y);
    let each = positions.div_ceil(parts).next_multiple_of(POSITIONS);
    (positions.div_ceil(each), each)
}

impl Sizes {
    /// The words of `Sizes` in `kernel.cu`.
    ///
    /// # Errors
    /// [`Error::Size`] when the images, results or filters of a task are 2³¹ or more numbers:
    /// kernels count in 32 bits.
    fn words(&self, op: &'static str) -> Result<Vec<u32>> {
        for shape in [self.images(), self.results(), self.filters()] {
            if shape[0] >= 1 << 31 || shape[1..].iter().product::<usize>() >= 1 << 31 {
                return Err(Error::Size { op, shape: shape.to_vec() });
            }
        }
        let geometry = Geometry::new(op, self.window, self.image, self.result)?;
        let counts = [self.tasks, self.examples, self.inputs, self.outputs].map(|n| n as u32);
        Ok([geometry.words(), &counts].concat())
    }
}

fn width(dtype: DType) -> u32 {
    dtype.size_in_bytes() as u32
}

pub(super) fn conv2d(x: &Tensor, w: &Tensor, sizes: Sizes) -> Result<Tensor> {
    with_filters("conv2d", x, w, sizes, false)
}

pub(super) fn conv2d_input_grad(g: &Tensor, w: &Tensor, sizes: Sizes) -> Result<Tensor> {
    with_filters("conv2d_input_grad", g, w, sizes, true)
}

/// The convolution, or `backwards` its adjoint in the images.
fn with_filters(op: &'static str, z: &Tensor, w: &Tensor, sizes: Sizes, backwards: bool) -> Result<Tensor> {
    let words = sizes.words(op)?;
    let (z, w) = (&contiguous(z)?, &contiguous(w)?);
    let shape = if backwards { sizes.images() } else { sizes.results() };
    let [_, examples, rows, height, across] = shape;
    let tiles = Tiles::of_filters(rows, examples * height * across, sizes.window.kernel, width(z.dtype()));
    let kernel = Kernel { operation: "conv2d", name: tiles.name, grid: tiles.grid(op, sizes.tasks, 1)? };
    let arguments =
        [Arg::Result(0), Arg::Of(z), Arg::Of(w), Arg::Count(backwards.into()), Arg::Words(&words)];
    // SAFETY: z, w and the result have the shapes that `sizes` says, which fit each other; tiles
    // cover the result, and their shared memory is two steps of rows and columns.
    let [y] = unsafe { launch(kernel, z.device(), z.dtype(), [(&shape, z.dtype())], &arguments) }?;
    Ok(y)
}

pub(super) fn conv2d_weight_grad(x: &Tensor, g: &Tensor, sizes: Sizes) -> Result<Tensor> {
    const OP: &str = "conv2d_weight_grad";
    let words = sizes.words(OP)?;
    let (x, g) = (&contiguous(x)?, &contiguous(g)?);
    let shape = sizes.filters();
    let (filters, entries) = (shape.iter().product::<usize>(), shape[2..].iter().product());
    let tiles = Tiles::of_weights(sizes.outputs, entries, width(x.dtype()));
    let positions = sizes.examples * sizes.result.0 * sizes.result.1;
    let (parts, each) = parts(positions, tiles.blocks as usize * sizes.tasks, filters);
    let grid = tiles.grid(OP, sizes.tasks, parts)?;
    let kernel = Kernel { operation: "conv2d", name: tiles.name, grid };
    let arguments = [Arg::Result(0), Arg::Of(x), Arg::Of(g), Arg::Count(each as u32), Arg::Words(&words)];
    let of_parts = [&[parts], &shape[..]].concat();
    let result = [(if parts == 1 { &shape[..] } else { &of_parts }, x.dtype())];
    // SAFETY: as above, for the filters of each task and part; the parts cover all positions.
    let [sums] = unsafe { launch(kernel, x.device(), x.dtype(), result, &arguments) }?;
    if parts == 1 {
        return Ok(sums);
    }
    let filters = u32::try_from(filters).map_err(|_| Error::Size { op: OP, shape: shape.to_vec() })?;
    let arguments = [Arg::Result(0), Arg::Of(&sums), Arg::Count(filters), Arg::Count(parts as u32)];
    let grid = Grid::over(filters as usize);
    let kernel = Kernel { operation: "conv2d", name: "conv2d_weights_sum", grid };
    // SAFETY: there are `parts` rows of as many numbers as the filters have.
    let [sum] = unsafe { launch(kernel, x.device(), x.dtype(), [(&shape, x.dtype())], &arguments) }?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::{Tiles, parts, rows_of_tile};

    #[test]
    fn tiles_fit_what_they_cover() {
        for (rows, tile) in [(1, 8), (8, 8), (9, 32), (32, 32), (33, 64), (64, 64), (96, 32), (100, 64)] {
            assert_eq!(rows_of_tile(rows), tile, "{rows}");
        }
        // Two steps of nine terms of 64 + 4 rows and 128 + 4 columns.
        let conv4 = Tiles { name: "conv2d_three_by_three_64", blocks: 1103, shared: 2 * 9 * (68 + 132) * 4 };
        assert_eq!(Tiles::of_filters(64, 80 * 1764, (3, 3), 4), conv4);
        assert_eq!(Tiles::of_filters(5, 1, (2, 2), 8).name, "conv2d_any_taps_8");
        let of_weights = |outputs, entries| {
            let Tiles { name, blocks, .. } = Tiles::of_weights(outputs, entries, 4);
            (name, blocks)
        };
        assert_eq!(of_weights(64, 64 * 9), ("conv2d_weights_64_wide", 5));
        assert_eq!(of_weights(64, 3 * 9), ("conv2d_weights_64_narrow", 1));
        assert_eq!(of_weights(4, 65), ("conv2d_weights_8_wide", 1));
        for width in [4, 8] {
            assert!(Tiles::of_weights(64, 1 << 10, width).shared <= 48 << 10);
        }
    }

    #[test]
    fn sums_are_divided_into_parts_that_cover_them() {
        // A task of Conv4: long sums; a small one is not divided, and a large filter has few parts.
        assert_eq!(parts(80 * 1764, 32 * 5, 32 * 64 * 576), (69, 2048));
        assert_eq!(parts(100, 1, 64 * 576), (1, 112));
        assert_eq!(parts(1 << 20, 1, 1 << 26), (2, 1 << 19));
        for (positions, tiles) in [(1, 1), (257, 3), (100_000, 1), (2049, 5_000), (1 << 30, 1)] {
            let (parts, each) = parts(positions, tiles, 1 << 10);
            assert!(parts <= 65_535 && (parts - 1) * each < positions && positions <= parts * each);
        }
    }
}
