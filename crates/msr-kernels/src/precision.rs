//! What may be expected of each floating-point type: the one table.

use candle_core::DType;

/// What may be expected of numbers of a type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// The distance from one to the next number, twice the unit roundoff.
    pub epsilon: f64,
    /// The smallest ridge, beside a mean diagonal entry of one, that keeps normal equations whose
    /// entries were rounded to this type in check.
    pub smallest_ridge: f64,
    /// How far sums of outputs may be from the outputs of a sum, as a fraction, before a function
    /// counts as not linear.
    pub superposition: f64,
}

impl Precision {
    /// That of a type; of `f64` for types that nothing is computed in.
    pub fn of(dtype: DType) -> Self {
        match dtype {
            DType::F32 => {
                Self { epsilon: f64::from(f32::EPSILON), smallest_ridge: 1e-5, superposition: 1e-3 }
            }
            // Sums of numbers that are rounded to eight bits are off by some percents.
            DType::BF16 => Self { epsilon: 2f64.powi(-7), smallest_ridge: 0.25, superposition: 0.1 },
            DType::F16 => Self { epsilon: 2f64.powi(-10), smallest_ridge: 0.03, superposition: 0.01 },
            _ => Self { epsilon: f64::EPSILON, smallest_ridge: 1e-12, superposition: 1e-3 },
        }
    }
}
