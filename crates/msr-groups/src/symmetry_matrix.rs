//! A symmetry matrix, or a plain weight matrix, as it is handed to this crate.

use std::fmt;

use crate::error::{Error, Result, check_finite};

/// A view of a symmetry matrix `U (m n × k)`, row by row, of the weights of a map from `n` inputs
/// to `m` outputs: row `y · n + x` says how weight `(y, x)` of `vec(W) = U v` depends on v.
///
/// A plain weight matrix `W (m × n)` is one with a single column.
///
/// # Example
/// ```
/// use msr_groups::SymmetryMatrix;
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// // Two weights, from two inputs to one output, and three filter parameters.
/// let symmetry = SymmetryMatrix::new(&[1., 2., 3., 4., 5., 6.], 1, 2)?;
/// assert_eq!((symmetry.weights(), symmetry.columns()), (2, 3));
/// let weight = SymmetryMatrix::weight(&[1., 2., 3., 4., 5., 6.], 2, 3)?;
/// assert_eq!((weight.weights(), weight.columns()), (6, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct SymmetryMatrix<'a> {
    values: &'a [f64],
    outputs: usize,
    inputs: usize,
    columns: usize,
}

impl<'a> SymmetryMatrix<'a> {
    /// The view of `values (outputs · inputs × k)`, row by row. How many columns there are follows
    /// from how many values there are; without weights there are none.
    ///
    /// # Errors
    /// [`Error::Columns`] when the values make no whole columns, or not even one;
    /// [`Error::NotFinite`] when one of them is NaN or infinite.
    pub fn new(values: &'a [f64], outputs: usize, inputs: usize) -> Result<Self> {
        let got = values.len();
        let columns = match outputs.checked_mul(inputs) {
            Some(0) if got == 0 => 0,
            Some(weights) if weights > 0 && got > 0 && got.is_multiple_of(weights) => got / weights,
            _ => return Err(Error::Columns { outputs, inputs, got }),
        };
        check_finite("the symmetry matrix", values)?;
        Ok(Self { values, outputs, inputs, columns })
    }

    /// The view of a plain weight matrix `values (outputs × inputs)`, row by row: one column.
    ///
    /// # Errors
    /// [`Error::Size`] when there is not one value for each weight; [`Error::NotFinite`] when one
    /// of them is NaN or infinite.
    pub fn weight(values: &'a [f64], outputs: usize, inputs: usize) -> Result<Self> {
        if outputs.checked_mul(inputs) != Some(values.len()) {
            return Err(Error::Size {
                what: "the weight matrix".into(),
                expected: format!("{outputs} · {inputs}"),
                got: values.len(),
            });
        }
        check_finite("the weight matrix", values)?;
        Ok(Self { values, outputs, inputs, columns: 1 })
    }

    /// The values, row by row.
    pub fn values(&self) -> &'a [f64] {
        self.values
    }

    /// The number of outputs, `m`.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The number of inputs, `n`.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of weights, `m n`: the rows.
    pub fn weights(&self) -> usize {
        self.outputs * self.inputs
    }

    /// The number of columns, `k`: one for each filter parameter.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

impl fmt::Debug for SymmetryMatrix<'_> {
    /// The sizes; the values are many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outputs, inputs, columns, .. } = self;
        write!(f, "SymmetryMatrix({outputs} outputs × {inputs} inputs, {columns} columns)")
    }
}

#[cfg(test)]
mod tests {
    use super::SymmetryMatrix;

    fn refused(matrix: crate::Result<SymmetryMatrix<'_>>) -> String {
        matrix.unwrap_err().to_string()
    }

    #[test]
    fn the_number_of_columns_follows_from_the_values() {
        let values = [0.5; 12];
        let columns = |m, n| SymmetryMatrix::new(&values, m, n).unwrap().columns();
        assert_eq!((columns(2, 3), columns(3, 4), columns(1, 1)), (2, 1, 12));
        assert_eq!(SymmetryMatrix::new(&[], 0, 3).unwrap().columns(), 0);
        let weight = SymmetryMatrix::weight(&values, 3, 4).unwrap();
        assert_eq!(weight, SymmetryMatrix::new(&values, 3, 4).unwrap());
        assert_eq!(format!("{weight:?}"), "SymmetryMatrix(3 outputs × 4 inputs, 1 columns)");
    }

    #[test]
    fn other_sizes_are_refused_with_their_numbers() {
        for (count, m, n) in [(5, 2, 3), (13, 2, 3), (0, 2, 3), (1, 0, 3), (4, usize::MAX, 2)] {
            let text = refused(SymmetryMatrix::new(&vec![1.0; count], m, n));
            assert!(text.contains(&format!("{m} outputs × {n} inputs")), "{text}");
            assert!(text.contains(&format!("got {count}")), "{text}");
        }
        assert!(refused(SymmetryMatrix::weight(&[1.0; 12], 2, 3)).contains("expected 2 · 3 numbers, got 12"));
        assert!(refused(SymmetryMatrix::weight(&[], usize::MAX, 2)).contains("numbers, got 0"));
    }

    #[test]
    fn values_that_are_not_finite_are_refused_with_their_place() {
        let values = [1.0, 2.0, f64::NAN, 4.0];
        assert!(refused(SymmetryMatrix::new(&values, 1, 2)).contains("entry 2 is NaN"));
        assert!(refused(SymmetryMatrix::weight(&values, 2, 2)).contains("entry 2 is NaN"));
        assert!(refused(SymmetryMatrix::new(&[f64::INFINITY], 1, 1)).contains("entry 0 is inf"));
    }
}
