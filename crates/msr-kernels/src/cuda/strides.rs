//! Strides of several operands with a common shape, as kernels take them: by value.

use crate::error::{Error, Result};
use crate::strided::merged;

/// The dimensions that `kernel.cuh` has room for.
const MOST_DIMS: usize = 8;

/// The sizes and strides of `N` operands, neighbouring dimensions merged where all allow it: the
/// words of `Strided<N>` in `kernel.cuh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strides(Vec<u32>);

impl Strides {
    /// Of operands with these strides, counted in elements.
    ///
    /// # Errors
    /// [`Error::Size`] when an element lies 2³¹ or more from the first; [`Error::Shape`] when there
    /// are too many dimensions that cannot be merged.
    pub(crate) fn new<const N: usize>(
        op: &'static str,
        shape: &[usize],
        strides: [&[usize]; N],
    ) -> Result<Self> {
        let merged = merged(shape, strides);
        if merged.len() > MOST_DIMS {
            let expected = format!("at most {MOST_DIMS} dimensions that are not contiguous on a GPU");
            return Err(Error::shape(op, expected, shape));
        }
        for o in 0..N {
            let distances =
                merged.iter().map(|(size, strides)| size.saturating_sub(1).saturating_mul(strides[o]));
            // Two views may be added up.
            if distances.fold(0usize, usize::saturating_add) >= 1 << 31 {
                return Err(Error::Size { op, shape: shape.to_vec() });
            }
        }
        let word = |n: usize| u32::try_from(n).map_err(|_| Error::Size { op, shape: shape.to_vec() });
        let mut words = vec![0; 1 + MOST_DIMS * (1 + N)];
        words[0] = merged.len() as u32;
        for (d, (size, strides)) in merged.iter().enumerate() {
            words[1 + d] = word(*size)?;
            for (o, &stride) in strides.iter().enumerate() {
                words[1 + MOST_DIMS * (1 + o) + d] = word(stride)?;
            }
        }
        Ok(Self(words))
    }

    /// The words of the structure.
    pub(crate) fn words(&self) -> &[u32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Strides;

    #[test]
    fn neighbours_are_merged_where_all_operands_allow_it() {
        let shape = [2, 1, 3, 4];
        let of = |b: &[usize]| Strides::new("test", &shape, [&[12, 12, 4, 1], b]).map(|s| s.words().to_vec());
        let (same, spread) = (of(&[12, 5, 4, 1]).ok(), of(&[0, 0, 4, 1]).ok());
        assert_eq!(same.map(|w| (w[0], w[1], w[9], w[17])), Some((1, 24, 1, 1)));
        assert_eq!(spread.map(|w| (w[0], w[1], w[2], w[17], w[18])), Some((2, 2, 12, 0, 1)));
    }

    #[test]
    fn what_no_kernel_takes_is_an_error() {
        let strides: Vec<usize> = (0..9).map(|d| 2 * d + 1).collect();
        assert!(Strides::new("test", &[2; 9], [&strides]).is_err());
        assert!(Strides::new("test", &[2, 2], [&[1 << 32, 1]]).is_err());
        // Each stride fits, and the last element does not.
        assert!(Strides::new("test", &[1 << 16, 1 << 16], [&[1 << 17, 1]]).is_err());
    }
}
