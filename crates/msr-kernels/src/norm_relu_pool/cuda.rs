//! The forward pass and both derivatives on a GPU: one launch each, a block for each channel of a
//! task. Channels are planes, as convolutions there leave them.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use super::{Cotangents, OP, Pool, Saved};
use crate::cuda::{Arg, Grid, Kernel, contiguous, count, launch};
use crate::error::Result;

/// The most threads of a block times the size of a number, as the kernels are compiled.
const MOST: usize = 2048;

/// The words of `Images` in `kernel.cu`, and the grid.
struct Images {
    words: [u32; 11],
    grid: Grid,
}

impl Images {
    /// Images `y (t, b, o, h, w)` with vectors `(t, o)` that are read where they are.
    fn new(y: &Tensor, pool: Pool, vectors: &[Option<&Tensor>]) -> Result<Self> {
        let &[t, b, c, h, w] = y.dims() else {
            return Err(crate::Error::shape(OP, "(tasks, examples, channels, height, width)", y.dims()));
        };
        // What lies in one task is counted in 32 bits.
        count(OP, b * c * h * w)?;
        let channels = count(OP, t * c)?;
        let mut words = [b as u32, c as u32, h as u32, w as u32, pool.side() as u32, 0, 0, 0, 0, 0, 0];
        for (strides, vector) in words[5..].chunks_exact_mut(2).zip(vectors) {
            for (word, &stride) in strides.iter_mut().zip(vector.iter().flat_map(|v| v.stride())) {
                *word = count(OP, stride)?;
            }
        }
        Ok(Self { words, grid: Grid::blocks(channels, threads(b * h * w, y.dtype())) })
    }

    fn kernel(&self, name: &'static str) -> Kernel {
        Kernel { operation: OP, name, grid: self.grid }
    }
}

/// The threads of a block for so many pixels of a channel.
fn threads(pixels: usize, dtype: DType) -> usize {
    pixels.div_ceil(4).clamp(32, MOST / dtype.size_in_bytes())
}

/// `(t, b, o, oh, ow)` of the results.
fn pooled(y: &Tensor, pool: Pool) -> Vec<usize> {
    let scale = |(d, &size): (usize, &usize)| if d < 3 { size } else { size / pool.side() };
    y.dims().iter().enumerate().map(scale).collect()
}

pub(super) fn forward(
    y: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
    pool: Pool,
) -> Result<(Tensor, Saved)> {
    let y = &contiguous(y)?;
    let images = Images::new(y, pool, &[Some(gamma), Some(beta)])?;
    let (shape, vector, dtype) = (pooled(y, pool), gamma.dims(), y.dtype());
    let results =
        [(&shape[..], dtype), (vector, dtype), (vector, dtype), (&shape[..], DType::U8), (&shape[..], dtype)];
    let arguments = [
        Arg::Result(0),
        Arg::Result(1),
        Arg::Result(2),
        Arg::Result(3),
        Arg::Result(4),
        Arg::Of(y),
        Arg::Of(gamma),
        Arg::Of(beta),
        Arg::Real(epsilon),
        Arg::Words(&images.words),
    ];
    // SAFETY: y is contiguous and of the sizes in `words`, γ and β have `(t, o)` numbers with the
    // strides there, and the blocks are one for each of them. All of the results is written: a
    // number for each channel, and one for each window.
    let [z, mean, scale, index, best] =
        unsafe { launch(images.kernel("norm_relu_pool"), y.device(), dtype, results, &arguments) }?;
    Ok((z, Saved { pool, mean, scale, index, best }))
}

pub(super) fn gradient(y: &Tensor, gamma: &Tensor, saved: &Saved, g: &Tensor) -> Result<[Tensor; 3]> {
    let (y, g) = (&contiguous(y)?, &contiguous(g)?);
    let images = Images::new(y, saved.pool, &[Some(gamma)])?;
    let (vector, dtype) = (gamma.dims(), y.dtype());
    let results = [(y.dims(), dtype), (vector, dtype), (vector, dtype)];
    let arguments = [
        Arg::Result(0),
        Arg::Result(1),
        Arg::Result(2),
        Arg::Of(y),
        Arg::Of(gamma),
        Arg::Of(&saved.mean),
        Arg::Of(&saved.scale),
        Arg::Of(&saved.index),
        Arg::Of(&saved.best),
        Arg::Of(g),
        Arg::Words(&images.words),
    ];
    // SAFETY: as in `forward`; what was saved, and g, were compared with the sizes of y and are
    // contiguous.
    unsafe { launch(images.kernel("norm_relu_pool_grad"), y.device(), dtype, results, &arguments) }
}

pub(super) fn second(
    y: &Tensor,
    gamma: &Tensor,
    saved: &Saved,
    g: &Tensor,
    cotangents: Cotangents<'_>,
) -> Result<[Tensor; 3]> {
    let (y, g) = (&contiguous(y)?, &contiguous(g)?);
    let a = cotangents.y.map(contiguous).transpose()?;
    let images = Images::new(y, saved.pool, &[Some(gamma), cotangents.gamma, cotangents.beta])?;
    let dtype = y.dtype();
    let results = [(y.dims(), dtype), (gamma.dims(), dtype), (g.dims(), dtype)];
    let arguments = [
        Arg::Result(0),
        Arg::Result(1),
        Arg::Result(2),
        Arg::Of(y),
        Arg::Of(gamma),
        Arg::Of(&saved.mean),
        Arg::Of(&saved.scale),
        Arg::Of(&saved.index),
        Arg::Of(g),
        a.as_ref().map_or(Arg::Null, Arg::Of),
        cotangents.gamma.map_or(Arg::Null, Arg::Of),
        cotangents.beta.map_or(Arg::Null, Arg::Of),
        Arg::Words(&images.words),
    ];
    // SAFETY: as in `gradient`; a has the shape of y and is contiguous, the other cotangents have
    // `(t, o)` numbers. Of each window one pixel is the chosen one, or its first writes ddz.
    unsafe { launch(images.kernel("norm_relu_pool_second"), y.device(), dtype, results, &arguments) }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::threads;

    #[test]
    fn threads_are_as_many_as_there_is_work() {
        assert_eq!(threads(1, DType::F32), 32);
        assert_eq!(threads(5 * 7 * 7, DType::F64), 62);
        assert_eq!(threads(75 * 28 * 28, DType::F32), 512);
        assert_eq!(threads(75 * 28 * 28, DType::F64), 256);
    }
}
