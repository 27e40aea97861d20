//! Loops over several strided operands at once.

/// The iteration space of `N` operands with a common shape: dimensions of size one dropped and
/// neighbours merged wherever every operand allows it, so that the innermost run is as long as can
/// be.
pub(crate) struct Space<const N: usize> {
    /// Outer dimensions with the strides of each operand, then the innermost run.
    outer: Vec<(usize, [usize; N])>,
    pub(crate) run: usize,
    pub(crate) run_strides: [usize; N],
    starts: [usize; N],
}

/// The dimensions of operands with a common shape, each with the strides of all: those of size one
/// dropped, and neighbours merged wherever every operand allows it.
pub(crate) fn merged<const N: usize>(shape: &[usize], strides: [&[usize]; N]) -> Vec<(usize, [usize; N])> {
    let mut merged: Vec<(usize, [usize; N])> = Vec::with_capacity(shape.len());
    for (d, &size) in shape.iter().enumerate().filter(|(_, size)| **size != 1) {
        let here: [usize; N] = std::array::from_fn(|operand| strides[operand][d]);
        match merged.last_mut() {
            Some((before, above)) if (0..N).all(|o| here[o].checked_mul(size) == Some(above[o])) => {
                *before *= size;
                *above = here;
            }
            _ => merged.push((size, here)),
        }
    }
    merged
}

impl<const N: usize> Space<N> {
    pub(crate) fn new(shape: &[usize], strides: [&[usize]; N], starts: [usize; N]) -> Self {
        let mut merged = merged(shape, strides);
        let (run, run_strides) = merged.pop().unwrap_or((1, [1; N]));
        Self { outer: merged, run, run_strides, starts }
    }

    /// Calls `body` with the starting offset of each operand, once per innermost run, in row-major
    /// order.
    #[inline(always)]
    pub(crate) fn for_each_run(&self, mut body: impl FnMut([usize; N])) {
        let mut offsets = self.starts;
        if self.run == 0 || self.outer.iter().any(|&(size, _)| size == 0) {
            return;
        }
        let mut index = vec![0usize; self.outer.len()];
        loop {
            body(offsets);
            let mut d = self.outer.len();
            loop {
                if d == 0 {
                    return;
                }
                d -= 1;
                let (size, strides) = &self.outer[d];
                index[d] += 1;
                for o in 0..N {
                    offsets[o] += strides[o];
                }
                if index[d] < *size {
                    break;
                }
                for o in 0..N {
                    offsets[o] -= strides[o] * size;
                }
                index[d] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Space;

    #[test]
    fn contiguous_operands_become_one_run() {
        let space = Space::new(&[2, 1, 3, 4], [&[12, 12, 4, 1], &[12, 7, 4, 1]], [0, 5]);
        assert_eq!((space.run, space.run_strides, space.outer.len()), (24, [1, 1], 0));
    }

    #[test]
    fn offsets_follow_the_row_major_order() {
        // A 2×3 matrix read transposed: strides (1, 2) over shape (3, 2).
        let space = Space::new(&[3, 2], [&[1, 3]], [10]);
        let mut seen = Vec::new();
        space.for_each_run(|[start]| {
            seen.extend((0..space.run).map(|i| start + i * space.run_strides[0]));
        });
        assert_eq!(seen, [10, 13, 11, 14, 12, 15]);
    }

    #[test]
    fn empty_shapes_have_no_run() {
        let space = Space::new(&[3, 0, 2], [&[0, 2, 1]], [0]);
        space.for_each_run(|_| panic!("an empty shape has no elements"));
    }
}
