//! Second moments on a GPU: windows and targets are read where they lie, and multiplied in double
//! precision whatever they are in.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use super::SecondMoments;
use crate::cuda::{Arg, Geometry, Grid, Kernel, contiguous, count, launch};
use crate::error::{Error, Result};
use crate::window::Window;

const OP: &str = "second_moments";

/// Rows, and columns, of a tile, as in `kernel.cu`.
const TILE: usize = 32;

/// Threads of a block.
const THREADS: usize = 256;

/// Positions that are multiplied at a time.
const STEP: usize = 32;

/// Blocks that keep a device busy.
const BUSY: usize = 1 << 10;

/// Positions that are worth a part of their own.
const SHORTEST: usize = 256;

/// Numbers of all parts that there is always room for.
const MOST_PARTS: usize = 1 << 26;

/// How many parts the sums over so many positions are divided into, for `tiles` of `moments`
/// numbers in all, and the positions of each.
fn parts(positions: usize, tiles: usize, moments: usize) -> (usize, usize) {
    let room = (MOST_PARTS / moments.max(1)).max(1);
    let parts = BUSY.div_ceil(tiles.max(1)).min(positions.div_ceil(SHORTEST)).min(room);
    let each = positions.div_ceil(parts).next_multiple_of(STEP);
    (positions.div_ceil(each), each)
}

/// The moments; sizes fit.
pub(super) fn second_moments(
    x: &Tensor,
    y: &Tensor,
    window: Window,
    constant: bool,
    shift: Option<&Tensor>,
    in_f64: bool,
) -> Result<SecondMoments> {
    let (x, y) = (&contiguous(x)?, &contiguous(y)?);
    let shift = shift.map(contiguous).transpose()?;
    let (&[t, b, c, h, w], &[_, _, o, oh, ow]) = (x.dims(), y.dims()) else {
        return Err(Error::mismatch(OP, x.dims(), y.dims(), "both need five dimensions"));
    };
    let (p, dtype) = (c * window.taps() + usize::from(constant), if in_f64 { DType::F64 } else { x.dtype() });
    let (all, positions) = (p + o, b * oh * ow);
    if t * positions == 0 || c * o == 0 {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, dtype, x.device());
        let (gram, cross) = (zeros(&[t, p, p])?, zeros(&[t, o, p])?);
        let (square, row_norms) = (zeros(&[t])?, zeros(&[t, p])?);
        return Ok(SecondMoments { gram, cross, square, row_norms, count: super::count(y), centre: None });
    }
    let geometry = Geometry::new(OP, window, (h, w), (oh, ow))?;
    let [largest_of_x, largest_of_y] = [c * h * w, o * oh * ow];
    let sides = window.kernel.0.max(window.kernel.1);
    if sides >= 1 << 16 || [largest_of_x, largest_of_y, positions].iter().any(|&n| n >= 1 << 31) {
        return Err(Error::Size { op: OP, shape: x.dims().to_vec() });
    }
    let counts = [count(OP, t)?, count(OP, b)?, count(OP, c)?, count(OP, o)?, count(OP, p)?];
    let words = [geometry.words(), &counts].concat();
    let (down, across) = (all.div_ceil(TILE), p.div_ceil(TILE));
    let of_task = all * p + down;
    let (parts, each) = parts(positions, t * down * across, t * of_task);
    let by_task = Grid::blocks(1, THREADS).for_each(t).blocks[1];
    let grid = Grid::blocks(count(OP, down * across)?, THREADS);
    let grid = Grid { blocks: [grid.blocks[0], parts as u32, by_task], ..grid };
    let arguments = [
        Arg::Result(0),
        Arg::Of(x),
        Arg::Of(y),
        shift.as_ref().map_or(Arg::Null, Arg::Of),
        Arg::Count(each as u32),
        Arg::Words(&words),
    ];
    let kernel = Kernel { operation: "second_moments", name: "second_moments", grid };
    let result = [(&[parts, t, of_task][..], DType::F64)];
    // SAFETY: x and y are (t, b, c, h, w) and (t, b, o, oh, ow), which fit the window, and the
    // shift has a number for each task and channel; parts cover all positions, tiles all products,
    // and what no tile writes, above the diagonal, is not read.
    let [sums] = unsafe { launch(kernel, x.device(), x.dtype(), result, &arguments) }?;
    let work = count(OP, t * (all * p + p + 1))?;
    let arguments = [
        Arg::Result(0),
        Arg::Result(1),
        Arg::Result(2),
        Arg::Result(3),
        Arg::Of(&sums),
        Arg::Count(parts as u32),
        Arg::Count(counts[0]),
        Arg::Count(counts[4]),
        Arg::Count(counts[3]),
    ];
    let grid = Grid::over(work as usize);
    let kernel = Kernel { operation: "second_moments", name: "second_moments_sum", grid };
    let shapes: [&[usize]; 4] = [&[t, p, p], &[t, o, p], &[t], &[t, p]];
    let results = shapes.map(|shape| (shape, dtype));
    // SAFETY: there are `parts` times t times the moments of a task, in double precision, and each
    // element of the results is one of their sums.
    let [gram, cross, square, row_norms] = unsafe { launch(kernel, x.device(), dtype, results, &arguments) }?;
    Ok(SecondMoments { gram, cross, square, row_norms, count: super::count(y), centre: None })
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn parts_cover_all_positions() {
        assert_eq!(parts(10_000, 32, 1 << 10), (32, 320));
        assert_eq!(parts(100, 1, 1 << 10), (1, 128));
        assert_eq!(parts(1 << 20, 1, 1 << 25), (2, 1 << 19));
        for (positions, tiles) in [(1, 1), (257, 3), (100_000, 1)] {
            let (parts, each) = parts(positions, tiles, 1 << 10);
            assert!((parts - 1) * each < positions && positions <= parts * each);
        }
    }
}
