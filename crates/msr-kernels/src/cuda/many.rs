//! One launch for many tensors.

use candle_core::Tensor;

use super::{Grid, count};
use crate::error::Result;

/// The tensors of a launch, at most; as in `many.cuh`.
pub(crate) const MOST_TENSORS: usize = 64;

/// The elements of a block, as in `many.cuh`.
const CHUNK: usize = 1024;

/// What a launch on up to [`MOST_TENSORS`] tensors needs to know of them: blocks stand in a row
/// over all of them, each with a chunk of one.
#[derive(Clone, Debug)]
pub(crate) struct Many {
    /// The words of `Batch`: how many tensors there are, their numbers of elements, and the blocks
    /// up to and with each.
    pub(crate) words: Vec<u32>,
    /// All blocks.
    pub(crate) blocks: u32,
}

impl Many {
    /// For tensors of these numbers of elements.
    ///
    /// # Errors
    /// [`Error::Size`](crate::Error::Size) when they are too many for a grid.
    pub(crate) fn of(op: &'static str, sizes: &[usize]) -> Result<Self> {
        let mut words = vec![0; 1 + 2 * MOST_TENSORS];
        words[0] = sizes.len() as u32;
        let mut chunks = 0;
        for (i, &size) in sizes.iter().enumerate() {
            words[1 + i] = count(op, size)?;
            chunks += size.div_ceil(CHUNK);
            words[1 + MOST_TENSORS + i] = count(op, chunks)?;
        }
        Ok(Self { words, blocks: chunks as u32 })
    }

    /// A block for each chunk.
    pub(crate) fn grid(&self) -> Grid {
        Grid::blocks(self.blocks, 256)
    }

    /// The elements of a tensor in which each chunk has a place.
    pub(crate) fn room(&self) -> usize {
        self.blocks as usize * CHUNK
    }

    /// The tensors of these shapes in such a tensor: each begins with a chunk.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub(crate) fn views(room: &Tensor, shapes: &[&[usize]]) -> Result<Vec<Tensor>> {
        let mut start = 0;
        let view = |shape: &&[usize]| {
            let size = shape.iter().product();
            let view = room.narrow(0, start, size)?.reshape(*shape)?;
            start += size.next_multiple_of(CHUNK);
            Ok(view)
        };
        shapes.iter().map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{CHUNK, MOST_TENSORS, Many};

    #[test]
    fn blocks_stand_in_a_row_over_all_tensors() -> crate::Result<()> {
        let many = Many::of("test", &[1, CHUNK, CHUNK + 1])?;
        assert_eq!((many.blocks, &many.words[..4]), (4, &[3, 1, CHUNK as u32, CHUNK as u32 + 1][..]));
        assert_eq!(&many.words[1 + MOST_TENSORS..][..3], [1, 2, 4]);
        assert!(Many::of("test", &[1 << 33]).is_err());
        let room = Tensor::arange(0u32, many.room() as u32, &Device::Cpu)?;
        let views = Many::views(&room, &[&[], &[2, CHUNK / 2], &[CHUNK + 1]])?;
        let firsts = views.iter().map(|v| v.flatten_all()?.get(0)?.to_scalar::<u32>());
        assert_eq!(firsts.collect::<candle_core::Result<Vec<_>>>()?, [0, CHUNK as u32, 2 * CHUNK as u32]);
        Ok(())
    }
}
