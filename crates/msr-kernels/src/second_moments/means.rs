//! Whether data lies far from zero, and where.

use candle_core::{DType, Tensor, WithDType};

use crate::dense::tidy;
use crate::elementwise::{Binary, binary};
use crate::error::Result;
use crate::reduce::{LANES, scaled_sum_keepdim};
use crate::vectorized::vectorized;

/// The mean and the mean square of each channel of the first example of each task: a sample, which
/// says whether the data should be centred. Any centre gives the right moments; what a better one
/// would have been costs digits, which is seen later.
#[derive(Debug)]
pub(super) struct FirstExamples {
    /// `(t, channels)`, row by row.
    pub(super) means: Vec<f64>,
    pub(super) squares: Vec<f64>,
}

impl FirstExamples {
    /// Of `x (t, b, c, h, w)`, by candle.
    pub(super) fn of(x: &Tensor) -> Result<Self> {
        let first = tidy(&x.narrow(1, 0, x.dims()[1].min(1))?)?;
        let scale = 1.0 / (x.dims()[3] * x.dims()[4]).max(1) as f64;
        let numbers = |t: &Tensor| -> Result<Vec<f64>> {
            let mean = scaled_sum_keepdim(t, &[1, 3, 4], scale)?;
            Ok(mean.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
        };
        Ok(Self { means: numbers(&first)?, squares: numbers(&binary(Binary::Mul, &first, &first)?)? })
    }

    /// Whether there is a channel whose squared mean is more than three times its variance. Below
    /// that, centring would gain no more than one binary digit.
    pub(super) fn is_far_from_zero(&self) -> bool {
        let far = |(mean, square): (&f64, &f64)| mean * mean > 3.0 * (square - mean * mean).max(0.0);
        self.means.iter().all(|mean| mean.is_finite()) && self.means.iter().zip(&self.squares).any(far)
    }
}

/// The numbers of a channel that are read.
const SAMPLE: usize = 64;

/// Mean and mean square of each channel of an image `(channels, h, w)`, each into a slice of its
/// own.
pub(super) fn of_image<T: WithDType>(image: &[T], means: &mut [T], squares: &mut [T]) {
    let plane = image.len() / means.len().max(1);
    // The middle of what is large: borders are often empty.
    let run = plane.min(SAMPLE);
    let (start, scale) = ((plane - run) / 2, 1.0 / run.max(1) as f64);
    vectorized(
        #[inline(always)]
        || {
            let slots = means.iter_mut().zip(squares);
            for (plane, (mean, square)) in image.chunks_exact(plane.max(1)).zip(slots) {
                let (sum, sum_of_squares) = sums(&plane[start..start + run]);
                *mean = T::from_f64(sum * scale);
                *square = T::from_f64(sum_of_squares * scale);
            }
        },
    );
}

/// `(Σ x, Σ x²)`.
#[inline(always)]
fn sums<T: WithDType>(x: &[T]) -> (f64, f64) {
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    let (mut sums, mut squares) = ([T::zero(); LANES], [T::zero(); LANES]);
    for chunk in chunks {
        for ((sum, square), &x) in sums.iter_mut().zip(&mut squares).zip(chunk) {
            *sum += x;
            *square += x * x;
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        sums[lane] += x;
        squares[lane] += x * x;
    }
    let mut left = LANES;
    while left > 1 {
        left /= 2;
        for i in 0..left {
            let (sum, square) = (sums[i + left], squares[i + left]);
            sums[i] += sum;
            squares[i] += square;
        }
    }
    (sums[0].to_f64(), squares[0].to_f64())
}
