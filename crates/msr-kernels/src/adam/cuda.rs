//! A step on many tensors at once, on a GPU: three launches for each few of them.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use super::{Taken, Update};
use crate::cuda::{Arg, Grid, Kernel, contiguous, count, launch};
use crate::error::Result;

/// As in `kernel.cu`.
const MOST_TENSORS: usize = 32;
const CHUNK: usize = 4096;

fn kernel(name: &'static str, blocks: u32) -> Kernel {
    Kernel { operation: "adam", name, grid: Grid::blocks(blocks, 256) }
}

/// The words of `Batch`: how many tensors, their sizes, and the blocks up to and with each.
fn batch(sizes: &[usize]) -> Result<(Vec<u32>, u32)> {
    let mut words = vec![0; 1 + 2 * MOST_TENSORS];
    words[0] = sizes.len() as u32;
    let mut chunks = 0;
    for (i, &size) in sizes.iter().enumerate() {
        words[1 + i] = count("adam", size)?;
        chunks += size.div_ceil(CHUNK);
        words[1 + MOST_TENSORS + i] = count("adam", chunks)?;
    }
    Ok((words, chunks as u32))
}

/// One step; all on one GPU, contiguous and of one dtype, none empty.
pub(super) fn step_all(updates: &mut [Update<'_>], longest: Option<f64>) -> Result<Taken> {
    let Some(first) = updates.first() else { return Ok(Taken { squares: Vec::new(), is_taken: true }) };
    let (device, dtype) = (first.parameter.device().clone(), first.parameter.dtype());
    let gradients: Vec<Tensor> = updates.iter().map(|u| contiguous(u.gradient)).collect::<Result<_>>()?;
    let squares = squares(&gradients)?;
    let all = count("adam", updates.len())?;
    let largest = largest(dtype);
    for (updates, gradients) in updates.chunks_mut(MOST_TENSORS).zip(gradients.chunks(MOST_TENSORS)) {
        let sizes: Vec<usize> = gradients.iter().map(Tensor::elem_count).collect();
        let (words, blocks) = batch(&sizes)?;
        let parameters: Vec<&Tensor> = updates.iter().map(|u| u.parameter.as_tensor()).collect();
        let firsts: Vec<&Tensor> = updates.iter().map(|u| &*u.first).collect();
        let seconds: Vec<&Tensor> = updates.iter().map(|u| &*u.second).collect();
        let gradients: Vec<&Tensor> = gradients.iter().collect();
        let mut scales: Vec<f64> = updates.iter().map(|u| u.step.first_scale).collect();
        scales.resize(MOST_TENSORS, 0.0);
        let step = updates[0].step;
        let arguments = [
            Arg::All(&parameters, MOST_TENSORS),
            Arg::All(&firsts, MOST_TENSORS),
            Arg::All(&seconds, MOST_TENSORS),
            Arg::All(&gradients, MOST_TENSORS),
            Arg::Reals(&scales),
            Arg::Of(&squares),
            Arg::Count(all),
            Arg::Real(longest.unwrap_or(0.0)),
            Arg::Real(largest),
            Arg::Real(step.beta1),
            Arg::Real(step.beta2),
            Arg::Real(step.second_scale),
            Arg::Real(step.epsilon),
            Arg::Words(&words),
        ];
        // SAFETY: each tensor has as many elements as `words` say of it, side by side. Parameters
        // and moments share their memory with nothing, see `is_apart`; what else reads them does so
        // on the same stream.
        let [] = unsafe { launch(kernel("adam_step", blocks), &device, dtype, [], &arguments) }?;
    }
    let mut taken = Taken { squares: squares.to_vec1()?, is_taken: false };
    let scale = taken.scale(longest);
    taken.is_taken = taken.squares.iter().all(|square| square * scale * scale <= largest);
    Ok(taken)
}

/// `Σ g²` of each, in double precision: a vector on the device. There is one at least.
fn squares(gradients: &[Tensor]) -> Result<Tensor> {
    let (device, dtype) = (gradients[0].device(), gradients[0].dtype());
    let squares = Tensor::zeros(gradients.len(), DType::F64, device)?;
    for (number, gradients) in gradients.chunks(MOST_TENSORS).enumerate() {
        let sizes: Vec<usize> = gradients.iter().map(Tensor::elem_count).collect();
        let (words, blocks) = batch(&sizes)?;
        let tensors: Vec<&Tensor> = gradients.iter().collect();
        let arguments = [Arg::Result(0), Arg::All(&tensors, MOST_TENSORS), Arg::Words(&words)];
        let result = (&[blocks as usize][..], DType::F64);
        // SAFETY: as above; there is a part for each block.
        let [part] = unsafe { launch(kernel("adam_squares", blocks), device, dtype, [result], &arguments) }?;
        let of_these = squares.narrow(0, number * MOST_TENSORS, sizes.len())?;
        let arguments = [Arg::Of(&of_these), Arg::Of(&part), Arg::Words(&words)];
        // SAFETY: the parts are those of `words`, and there is a square for each tensor, in memory
        // that nothing else has yet.
        let [] =
            unsafe { launch(kernel("adam_norms", sizes.len() as u32), device, dtype, [], &arguments) }?;
    }
    Ok(squares)
}

/// The largest square that the moments can hold.
fn largest(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::MAX } else { f64::from(f32::MAX) }
}

/// `Σ x²`, of a tensor on a GPU.
pub(crate) fn squared_norm(x: &Tensor) -> Result<f64> {
    let x = contiguous(x)?.flatten_all()?;
    Ok(squares(&[x])?.to_vec1::<f64>()?[0])
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, MOST_TENSORS, batch};

    #[test]
    fn blocks_stand_in_a_row_over_all_tensors() -> crate::Result<()> {
        let (words, blocks) = batch(&[1, CHUNK, CHUNK + 1])?;
        assert_eq!((blocks, &words[..4]), (4, &[3, 1, CHUNK as u32, CHUNK as u32 + 1][..]));
        assert_eq!(&words[1 + MOST_TENSORS..][..3], [1, 2, 4]);
        assert!(batch(&[1 << 33]).is_err());
        Ok(())
    }
}
