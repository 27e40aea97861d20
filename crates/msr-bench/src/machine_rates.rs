//! What a device can do at most: the rates that a floor is made of.

use std::fmt;
use std::hint::black_box;

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use msr_kernels::matmul;
use rayon::prelude::*;
use serde::Serialize;

use crate::timing::{Timing, Work};

/// How long a rate is measured, in seconds.
const SECONDS: f64 = 0.5;

/// Measured rates, with all cores.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rates {
    /// f32 operations per second in a large matrix product (two per multiply–add).
    #[serde(rename = "gemm_flops_per_second")]
    pub gemm: f64,
    /// Bytes per second in a copy larger than the caches, read plus written.
    #[serde(rename = "copy_bytes_per_second")]
    pub copy: f64,
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gemm, copy) = (self.gemm / 1e9, self.copy / 1e9);
        write!(f, "This device: {gemm:.0} GFLOP/s in GEMM, {copy:.1} GB/s in copies.")
    }
}

impl Rates {
    /// Measures both: products of 1024 × 1024 (4096 × 4096 on a GPU), copies of 512 MiB.
    ///
    /// # Errors
    /// When the device fails.
    pub fn measure(device: &Device) -> Result<Self> {
        let copy = time(device, copying(device, 512 << 20))?;
        let size = Self::gemm_size(device);
        let gemm = time(device, product(device, DType::F32, size))?;
        Ok(Self { gemm: per_second(gemm_operations(size), gemm), copy: per_second(copied(512 << 20), copy) })
    }

    /// The rows of the matrices of a large product.
    pub fn gemm_size(device: &Device) -> usize {
        if device.is_cpu() { 1024 } else { 4096 }
    }

    /// The faster of each, of two measurements: whatever else a machine does only lowers them.
    pub fn faster(self, other: Self) -> Self {
        Self { gemm: self.gemm.max(other.gemm), copy: self.copy.max(other.copy) }
    }

    /// The shortest time in milliseconds for so many operations and bytes, whichever takes longer.
    pub fn floor_ms(&self, (operations, bytes): (f64, f64)) -> f64 {
        1e3 * (operations / self.gemm).max(bytes / self.copy)
    }
}

/// How many per second, from a count and the time that it took.
pub fn per_second(count: f64, time: Timing) -> f64 {
    1e3 * count / time.ms
}

/// The operations of a product of two square matrices.
pub fn gemm_operations(size: usize) -> f64 {
    2.0 * (size as f64).powi(3)
}

/// What is read and written to copy so many bytes.
pub fn copied(bytes: usize) -> f64 {
    2.0 * bytes as f64
}

/// A product of two square matrices.
///
/// # Errors
/// When the device fails.
pub fn product(device: &Device, dtype: DType, size: usize) -> Result<Box<Work>> {
    let matrix = |scale: f32| -> Result<Tensor> {
        let data: Vec<f32> = (0..size * size).map(|i| scale * ((i * 7919 % 1013) as f32 - 506.0)).collect();
        Ok(Tensor::from_vec(data, (size, size), device)?.to_dtype(dtype)?)
    };
    let (a, b) = (matrix(1e-3)?, matrix(2e-3)?);
    Ok(Box::new(move || {
        black_box(matmul(&a, &b)?);
        Ok(())
    }))
}

/// A copy of so many bytes: by all cores, each its share, or by the device.
///
/// # Errors
/// When the device fails or there is nothing to copy.
pub fn copying(device: &Device, bytes: usize) -> Result<Box<Work>> {
    ensure!(bytes > 0, "nothing to copy");
    if !device.is_cpu() {
        let source = Tensor::ones(bytes, DType::U8, device)?;
        return Ok(Box::new(move || {
            black_box(source.copy()?);
            Ok(())
        }));
    }
    let source = vec![1u8; bytes];
    let mut target = vec![0u8; bytes];
    let share = share(bytes);
    Ok(Box::new(move || {
        let all = target.par_chunks_mut(share).zip(source.par_chunks(share));
        all.for_each(|(to, from)| to.copy_from_slice(from));
        black_box(&target);
        Ok(())
    }))
}

/// All cores read so many bytes, of which nothing is kept. On another device a copy of half as
/// many, which are read and written.
///
/// # Errors
/// When the device fails or there is nothing to read.
pub fn reading(device: &Device, bytes: usize) -> Result<Box<Work>> {
    ensure!(bytes > 1, "nothing to read");
    if !device.is_cpu() {
        return copying(device, bytes / 2);
    }
    let source = vec![1u8; bytes];
    let share = share(bytes).div_ceil(2);
    Ok(Box::new(move || {
        // A comparison of equal memory reads all of it, and the standard library's is fast.
        let (left, right) = source.split_at(bytes / 2);
        let all = left.par_chunks(share).zip(right.par_chunks(share));
        ensure!(all.all(|(left, right)| left == &right[..left.len()]), "equal memory is not equal");
        Ok(())
    }))
}

/// All cores write so many bytes. On another device a copy of half as many.
///
/// # Errors
/// When the device fails or there is nothing to write.
pub fn writing(device: &Device, bytes: usize) -> Result<Box<Work>> {
    ensure!(bytes > 1, "nothing to write");
    if !device.is_cpu() {
        return copying(device, bytes / 2);
    }
    let mut target = vec![0u8; bytes];
    let share = share(bytes);
    Ok(Box::new(move || {
        target.par_chunks_mut(share).for_each(|target| target.fill(black_box(1)));
        black_box(&target);
        Ok(())
    }))
}

/// The time that such work takes.
///
/// # Errors
/// What it reports.
pub fn time(device: &Device, work: Result<Box<Work>>) -> Result<Timing> {
    Timing::of(device, SECONDS, work?)
}

/// The bytes for one thread. Below a quarter of a megabyte, waking one takes longer than its share.
fn share(bytes: usize) -> usize {
    bytes.div_ceil(rayon::current_num_threads()).max(256 << 10).next_multiple_of(64)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::{Rates, copying, product, reading, time, writing};

    #[test]
    fn the_slower_of_operations_and_bytes_is_the_floor() {
        let rates = Rates { gemm: 1e9, copy: 1e6 };
        assert_eq!((rates.floor_ms((1e9, 1.0)), rates.floor_ms((1e6, 2e6))), (1e3, 2e3));
        let faster = rates.faster(Rates { gemm: 2e9, copy: 1e5 });
        assert_eq!((faster.gemm, faster.copy), (2e9, 1e6));
    }

    #[test]
    fn what_is_measured_takes_time() -> anyhow::Result<()> {
        let cpu = &Device::Cpu;
        assert!(time(cpu, product(cpu, DType::F64, 3))?.ms > 0.0);
        for work in [copying, reading, writing] {
            assert!(time(cpu, work(cpu, 3 << 20))?.ms > 0.0 && work(cpu, 0).is_err());
        }
        Ok(())
    }
}
