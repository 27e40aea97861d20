//! Second moments of the windows of images and of what should come out of them.
//!
//! The squared error of a convolution depends on the data through three small arrays alone. With the columns
//! `P (p, n)` of all windows and the targets `Y (o, n)`,
//! `‖W P − Y‖² = tr(W G Wᵀ) − 2 ⟨W, C⟩ + s`, `G = P Pᵀ`, `C = Y Pᵀ`, `s = ‖Y‖²`.
//! They are computed in one pass over the data, and no column matrix as large as the data is ever formed.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::im2col::{Window, gather_columns, im2col};
use super::matmul::matmul;
use super::products::Products;
use super::{dense, on_cpu, unsupported};

/// The second moments of the data of several tasks.
#[derive(Clone, Debug)]
pub struct Moments {
    /// `G = P Pᵀ`, `(t, p, p)`; with a constant one below the windows when one was asked for.
    pub gram: Tensor,
    /// `C = Y Pᵀ`, `(t, o, p)`.
    pub cross: Tensor,
    /// `s = ‖Y‖²`, `(t)`.
    pub square: Tensor,
    /// The number of target values of a task: what a mean squared error divides by.
    pub count: usize,
}

/// The moments of the windows of `x` and the targets `y`; `constant` adds a last window entry that is always one, for
/// a bias. Sums over a task run over its examples and positions.
///
/// # Shapes
/// `x (t, b, c, h, w)`, `y (t, b, o, oh, ow)`; with `p = c · kh · kw`, one more with a constant
///
/// # Errors
/// When the shapes do not fit each other or the window.
pub fn moments(x: &Tensor, y: &Tensor, window: Window, constant: bool) -> Result<Moments> {
    let (&[t, b, c, h, w], &[ty, by, o, oh, ow]) = (x.dims(), y.dims()) else {
        candle_core::bail!("moments: {:?} and {:?}: both need five dimensions", x.dims(), y.dims());
    };
    if (ty, by, (oh, ow)) != (t, b, window.output((h, w))?) {
        candle_core::bail!(
            "moments: targets {:?} do not fit inputs {:?} under {window:?}",
            y.dims(),
            x.dims()
        );
    }
    let p = c * window.kernel.0 * window.kernel.1 + usize::from(constant);
    let count = b * o * oh * ow;
    if on_cpu(x) && x.dtype() == y.dtype() && y.device().is_cpu() {
        let all = x.contiguous()?.apply_op2_no_bwd(&y.contiguous()?, &MomentsLoop { window, constant })?;
        return Ok(Moments {
            gram: all.narrow(1, 0, p * p)?.contiguous()?.reshape((t, p, p))?,
            cross: all.narrow(1, p * p, o * p)?.contiguous()?.reshape((t, o, p))?,
            square: all.narrow(1, p * p + o * p, 1)?.contiguous()?.reshape(t)?,
            count,
        });
    }
    composed(x, y, window, constant)
}

/// The moments from candle's operations, for other devices and dtypes; sizes fit.
fn composed(x: &Tensor, y: &Tensor, window: Window, constant: bool) -> Result<Moments> {
    let (t, b, o) = (y.dims()[0], y.dims()[1], y.dims()[2]);
    let positions = y.dims()[3] * y.dims()[4];
    let count = b * o * positions;
    let mut columns = im2col(x, window)?;
    if constant {
        columns = Tensor::cat(&[&columns, &Tensor::ones((t, b, 1, positions), x.dtype(), x.device())?], 2)?;
    }
    let across = columns.transpose(2, 3)?;
    let outputs = y.reshape((t, b, o, positions))?;
    Ok(Moments {
        gram: matmul(&columns, &across)?.sum(1)?,
        cross: matmul(&outputs, &across)?.sum(1)?,
        square: y.sqr()?.flatten_from(1)?.sum(1)?,
        count,
    })
}

struct MomentsLoop {
    window: Window,
    constant: bool,
}

impl MomentsLoop {
    /// Gram matrix, cross moments and square of each task, one after the other.
    fn run<T: Products>(&self, x: &[T], lx: &Layout, y: &[T], ly: &Layout) -> Result<(Vec<T>, Shape)> {
        let (&[t, b, c, h, w], &[_, _, o, oh, ow]) = (lx.dims(), ly.dims()) else {
            candle_core::bail!("moments: five dimensions are needed");
        };
        let taps = c * self.window.kernel.0 * self.window.kernel.1;
        let (p, length) = (taps + usize::from(self.constant), oh * ow);
        let (image, outputs) = (c * h * w, o * length);
        let size = p * p + o * p + 1;
        let mut all = vec![T::zero(); t * size];
        if length * b * o * image == 0 {
            return Ok((all, (t, size).into()));
        }
        let (x, y) = (dense(x, lx), dense(y, ly));
        let task = |(out, (x, y)): (&mut [T], (&[T], &[T]))| -> Result<()> {
            // Padding stays zero from image to image, and a last row stays one.
            let mut columns = vec![T::zero(); p * length];
            columns[taps * length..].fill(T::one());
            let mut slots = vec![T::zero(); (p * p + o * p) * T::SLOT];
            let (gram, cross) = slots.split_at_mut(p * p * T::SLOT);
            let mut square = 0f64;
            for (x, y) in x.chunks_exact(image).zip(y.chunks_exact(outputs)) {
                gather_columns(self.window, (h, w), x, c, &mut columns[..taps * length])?;
                T::add_products(&columns, &columns, length, true, gram);
                T::add_products(y, &columns, length, false, cross);
                let mut slot = vec![T::zero(); T::SLOT];
                T::add_squares(y, length, &mut slot);
                square += T::totals(&slot).map(T::to_f64).sum::<f64>();
            }
            out.iter_mut().zip(T::totals(&slots)).for_each(|(out, total)| *out = total);
            // The upper triangle is the lower one.
            for i in 0..p {
                for j in i + 1..p {
                    out[i * p + j] = out[j * p + i];
                }
            }
            out[size - 1] = T::from_f64(square);
            Ok(())
        };
        let tasks = (x.par_chunks_exact(b * image)).zip(y.par_chunks_exact(b * outputs));
        all.par_chunks_exact_mut(size).zip(tasks).try_for_each(task)?;
        Ok((all, (t, size).into()))
    }
}

impl CustomOp2 for MomentsLoop {
    fn name(&self) -> &'static str {
        "moments"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        match (s1, s2) {
            (CpuStorage::F32(x), CpuStorage::F32(y)) => {
                self.run(x, l1, y, l2).map(|(all, shape)| (CpuStorage::F32(all), shape))
            }
            (CpuStorage::F64(x), CpuStorage::F64(y)) => {
                self.run(x, l1, y, l2).map(|(all, shape)| (CpuStorage::F64(all), shape))
            }
            (other, _) => Err(unsupported(other, "moments")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};
    use msr_testkit::normal;

    fn number(t: &Tensor) -> Result<f64> {
        t.abs()?.max_all()?.to_dtype(DType::F64)?.to_scalar()
    }

    /// The loop, and the composition for other devices, are the definition.
    #[test]
    fn moments_are_sums_of_products_of_columns() -> Result<()> {
        for (dtype, epsilon) in [(DType::F64, f64::EPSILON), (DType::F32, f64::from(f32::EPSILON))] {
            for (constant, channels, outputs) in [(false, 1, 24), (true, 2, 5), (true, 1, 1)] {
                let window = Window::square(3, 2, 1);
                let x = normal(1, (3, 2, channels, 9, 8), DType::F64).to_dtype(dtype)?;
                let y = normal(2, (3, 2, outputs, 5, 4), DType::F64).to_dtype(dtype)?;
                let mut columns = im2col(&x, window)?.to_dtype(DType::F64)?;
                if constant {
                    let ones = Tensor::ones((3, 2, 1, 20), DType::F64, &Device::Cpu)?;
                    columns = Tensor::cat(&[&columns, &ones], 2)?;
                }
                let across = columns.transpose(2, 3)?;
                let exact = y.to_dtype(DType::F64)?;
                let gram = columns.matmul(&across.contiguous()?)?.sum(1)?;
                let cross = exact.reshape((3, 2, outputs, 20))?.matmul(&across.contiguous()?)?.sum(1)?;
                let square = exact.sqr()?.flatten_from(1)?.sum(1)?;
                for found in [moments(&x, &y, window, constant)?, composed(&x, &y, window, constant)?] {
                    let error = |found: &Tensor, expected: &Tensor| -> Result<f64> {
                        number(&(found.to_dtype(DType::F64)? - expected)?)
                    };
                    // Sums of 40 products of size one; of all targets.
                    assert!(error(&found.gram, &gram)? < 100.0 * epsilon);
                    assert!(error(&found.cross, &cross)? < 100.0 * epsilon);
                    assert!(error(&found.square, &square)? < 8.0 * epsilon * number(&square)?);
                    assert_eq!(found.count, 2 * outputs * 20);
                }
            }
        }
        Ok(())
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() -> Result<()> {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let window = Window::square(3, 1, 0);
        let x = zeros(&[2, 1, 1, 5, 5])?;
        assert!(moments(&x, &zeros(&[2, 1, 4, 3, 3])?, window, false).is_ok());
        assert!(moments(&x, &zeros(&[2, 1, 4, 5, 5])?, window, false).is_err());
        assert!(moments(&x, &zeros(&[2, 2, 4, 3, 3])?, window, false).is_err());
        assert!(moments(&x, &zeros(&[2, 4, 3, 3])?, window, false).is_err());
        Ok(())
    }
}
