//! Vectors of `f32` and of `f64` under the same names, for loops that are written once and need
//! multiply–adds in registers.

use candle_core::WithDType;
use pulp::Simd;
use pulp::bytemuck;

/// Numbers that come in vectors.
pub(crate) trait Lanes: WithDType + std::ops::Add<Output = Self> {
    /// A vector of the processor.
    type Vector<S: Simd>: Copy + bytemuck::Pod;

    /// The numbers in a vector.
    fn lanes<S: Simd>() -> usize;

    /// A vector of this number alone.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;

    /// `a · b + c`; in one step where the processor has it.
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// `a + b`.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a − b`.
    fn minus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// The first numbers of a slice as a vector, with zeros behind them when they are too few.
    fn first<S: Simd>(simd: S, x: &[Self]) -> Self::Vector<S>;

    /// The whole vectors of a slice; numbers that are left over are left out.
    fn vectors<S: Simd>(x: &[Self]) -> &[Self::Vector<S>];

    /// The same, to be changed.
    fn vectors_mut<S: Simd>(x: &mut [Self]) -> &mut [Self::Vector<S>];

    /// The numbers of vectors.
    fn numbers<S: Simd>(x: &[Self::Vector<S>]) -> &[Self];
}

macro_rules! lanes {
    ($t:ty, $vector:ident, $lanes:ident, $splat:ident, $mul_add:ident, $add:ident, $sub:ident, $partial_load:ident, $as_simd:ident, $as_mut_simd:ident) => {
        impl Lanes for $t {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }

            #[inline(always)]
            fn mul_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn minus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$sub(a, b)
            }

            #[inline(always)]
            fn first<S: Simd>(simd: S, x: &[Self]) -> S::$vector {
                match S::$as_simd(x).0 {
                    [whole, ..] => *whole,
                    [] => simd.$partial_load(x),
                }
            }

            #[inline(always)]
            fn vectors<S: Simd>(x: &[Self]) -> &[S::$vector] {
                S::$as_simd(x).0
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(x: &mut [Self]) -> &mut [S::$vector] {
                S::$as_mut_simd(x).0
            }

            #[inline(always)]
            fn numbers<S: Simd>(x: &[S::$vector]) -> &[Self] {
                bytemuck::cast_slice(x)
            }
        }
    };
}
lanes!(
    f32,
    f32s,
    F32_LANES,
    splat_f32s,
    mul_add_e_f32s,
    add_f32s,
    sub_f32s,
    partial_load_f32s,
    as_simd_f32s,
    as_mut_simd_f32s
);
lanes!(
    f64,
    f64s,
    F64_LANES,
    splat_f64s,
    mul_add_e_f64s,
    add_f64s,
    sub_f64s,
    partial_load_f64s,
    as_simd_f64s,
    as_mut_simd_f64s
);
