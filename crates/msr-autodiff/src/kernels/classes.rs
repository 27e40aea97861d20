//! Elements that share a value by class, and sums over classes; each the other's adjoint.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};

use super::{on_cpu, unsupported};

/// The class of each of `n` elements: a sparse `n × k` matrix with a single one in each row.
///
/// # Example
/// ```
/// use msr_autodiff::{Classes, Node};
/// use candle_core::{Device, Tensor};
///
/// # fn main() -> Result<(), msr_autodiff::Error> {
/// let classes = Classes::new(&[0, 1, 1, 0], 2)?;
/// let x = Node::leaf(&Tensor::new(&[5f64, 7.], &Device::Cpu)?);
/// let spread = x.spread(&classes)?;
/// assert_eq!(spread.value().to_vec1::<f64>()?, [5., 7., 7., 5.]);
/// assert_eq!(spread.sum_by(&classes)?.value().to_vec1::<f64>()?, [10., 14.]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Classes {
    class: Arc<[u32]>,
    count: usize,
}

impl Classes {
    /// The classes of elements `0, 1, …`, numbers below `count`.
    ///
    /// # Errors
    /// When a class is not below `count`, or there are no elements.
    pub fn new(class: &[u32], count: usize) -> Result<Self> {
        if class.is_empty() {
            candle_core::bail!("classes: there are no elements");
        }
        if let Some(at) = class.iter().position(|&c| c as usize >= count) {
            candle_core::bail!("classes: element {at} has class {}, but there are only {count}", class[at]);
        }
        Ok(Self { class: class.into(), count })
    }

    /// The number of elements, `n`.
    pub fn elements(&self) -> usize {
        self.class.len()
    }

    /// The number of classes, `k`.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The classes as a tensor of indices, `(n)`.
    pub(crate) fn index(&self, device: &Device) -> Result<Tensor> {
        Tensor::from_slice(&self.class, self.class.len(), device)
    }

    /// `x` as rows of `size`, when its last dimension has that size.
    fn rows(x: &Tensor, size: usize, what: &str) -> Result<(Tensor, Vec<usize>)> {
        let [lead @ .., last] = x.dims() else {
            candle_core::bail!("{what}: expected (…, {size}), got a scalar")
        };
        if *last != size {
            candle_core::bail!("{what}: expected (…, {size}), got {:?}", x.dims());
        }
        Ok((x.contiguous()?.reshape((lead.iter().product::<usize>(), size))?, lead.to_vec()))
    }
}

/// `y[…, i] = x[…, class[i]]`: `(…, k) -> (…, n)`.
///
/// # Errors
/// When the last dimension of `x` is not the number of classes.
pub fn spread(x: &Tensor, classes: &Classes) -> Result<Tensor> {
    let (rows, mut shape) = Classes::rows(x, classes.count, "spread")?;
    shape.push(classes.elements());
    let y = if on_cpu(x) {
        rows.apply_op1_no_bwd(&Spread(classes))?
    } else {
        rows.index_select(&classes.index(x.device())?, 1)?
    };
    y.reshape(shape)
}

/// `y[…, c] = Σ_{i: class[i] = c} x[…, i]`: `(…, n) -> (…, k)`.
///
/// # Errors
/// When the last dimension of `x` is not the number of elements.
pub fn sum_by(x: &Tensor, classes: &Classes) -> Result<Tensor> {
    let (rows, mut shape) = Classes::rows(x, classes.elements(), "sum_by")?;
    shape.push(classes.count);
    let y = if on_cpu(x) {
        rows.apply_op1_no_bwd(&SumBy(classes))?
    } else {
        let zeros = Tensor::zeros((rows.dims()[0], classes.count), x.dtype(), x.device())?;
        zeros.index_add(&classes.index(x.device())?, &rows, 1)?
    };
    y.reshape(shape)
}

struct Spread<'a>(&'a Classes);
struct SumBy<'a>(&'a Classes);

impl Spread<'_> {
    fn run<T: Copy>(&self, x: &[T]) -> Vec<T> {
        let class = &self.0.class;
        x.chunks_exact(self.0.count).flat_map(|row| class.iter().map(|&c| row[c as usize])).collect()
    }
}

impl SumBy<'_> {
    fn run<T: Copy + Default + std::ops::AddAssign>(&self, x: &[T]) -> Vec<T> {
        let (class, count) = (&self.0.class, self.0.count);
        let mut sums = vec![T::default(); x.len() / class.len() * count];
        for (row, sums) in x.chunks_exact(class.len()).zip(sums.chunks_exact_mut(count)) {
            for (&value, &c) in row.iter().zip(class.iter()) {
                sums[c as usize] += value;
            }
        }
        sums
    }
}

/// The elements of a contiguous matrix.
fn elements(layout: &Layout) -> std::ops::Range<usize> {
    layout.start_offset()..layout.start_offset() + layout.shape().elem_count()
}

impl CustomOp1 for Spread<'_> {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(&x[elements(layout)])),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(&x[elements(layout)])),
            other => return Err(unsupported(other, "spread")),
        };
        Ok((y, (layout.dims()[0], self.0.elements()).into()))
    }
}

impl CustomOp1 for SumBy<'_> {
    fn name(&self) -> &'static str {
        "sum_by"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(&x[elements(layout)])),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(&x[elements(layout)])),
            other => return Err(unsupported(other, "sum_by")),
        };
        Ok((y, (layout.dims()[0], self.0.count).into()))
    }
}
