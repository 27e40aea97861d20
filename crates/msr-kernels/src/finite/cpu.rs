//! Number by number.

use candle_core::{CpuStorage, Layout, Storage, Tensor};

use crate::body::unsupported;
use crate::dense::dense;
use crate::error::Result;
use crate::reduce::{LANES, in_blocks};
use crate::strided::Space;
use crate::vectorized::vectorized;

/// Whether all numbers are finite.
pub(super) fn is_finite(x: &Tensor) -> Result<bool> {
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(data)) => Ok(all(data, layout, |x| x.is_finite())),
        Storage::Cpu(CpuStorage::F64(data)) => Ok(all(data, layout, |x| x.is_finite())),
        Storage::Cpu(other) => Err(unsupported(other, "is_finite").into()),
        _ => super::composed::is_finite(x),
    }
}

/// Whether `holds` is true of all numbers, run by run; within a run without a branch, so that the
/// compiler can use vectors.
fn all<T: Copy>(data: &[T], layout: &Layout, holds: impl Fn(T) -> bool) -> bool {
    if layout.is_contiguous() {
        return vectorized(
            #[inline(always)]
            || dense(data, layout).iter().fold(true, |all, &x| all & holds(x)),
        );
    }
    let space = Space::new(layout.dims(), [layout.stride()], [layout.start_offset()]);
    let (run, stride) = (space.run, space.run_strides[0]);
    let mut all = true;
    vectorized(
        #[inline(always)]
        || {
            space.for_each_run(|[start]| {
                all &= match stride {
                    1 => data[start..start + run].iter().fold(true, |all, &x| all & holds(x)),
                    _ => (0..run).fold(true, |all, i| all & holds(data[start + i * stride])),
                };
            });
        },
    );
    all
}

/// `Σ x²`, in partial sums of `f64`.
pub(super) fn squared_norm(x: &Tensor) -> Result<f64> {
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(data)) => Ok(squares(dense(data, layout), f64::from)),
        Storage::Cpu(CpuStorage::F64(data)) => Ok(squares(dense(data, layout), |x| x)),
        Storage::Cpu(other) => Err(unsupported(other, "squared_norm").into()),
        _ => super::composed::squared_norm(&x),
    }
}

fn squares<T: Copy>(data: &[T], wide: impl Fn(T) -> f64) -> f64 {
    let block = |data: &[T]| {
        let mut lanes = [0f64; LANES];
        let (chunks, rest) = data.as_chunks::<LANES>();
        for chunk in chunks {
            for i in 0..LANES {
                lanes[i] += wide(chunk[i]) * wide(chunk[i]);
            }
        }
        lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane += wide(x) * wide(x));
        lanes.iter().sum::<f64>()
    };
    vectorized(
        #[inline(always)]
        || in_blocks(data.len(), |range| block(&data[range])),
    )
}
