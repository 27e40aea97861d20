//! Vectors of `f32` and of `f64` under the same names, for loops that are written once and need
//! multiply–adds in registers.

use candle_core::WithDType;
use pulp::Simd;
use pulp::bytemuck;

/// The most numbers in a vector of any processor.
pub(crate) const MOST: usize = 16;

/// Numbers that come in vectors.
pub(crate) trait Lanes: WithDType + bytemuck::Pod + std::ops::Add<Output = Self> {
    /// A vector of the processor.
    type Vector<S: Simd>: Copy + bytemuck::Pod;

    /// Which places of a vector are meant.
    type Mask<S: Simd>: Copy;

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

    /// The places of a vector, counted from zero, that are meant.
    fn places<S: Simd>(simd: S, is_meant: impl Fn(usize) -> bool) -> Self::Mask<S>;

    /// The numbers of `a` in the places of the mask, those of `b` in others.
    fn choose<S: Simd>(
        simd: S,
        mask: Self::Mask<S>,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// Each number so many places further on, from the last place to the first.
    fn rotate<S: Simd>(simd: S, a: Self::Vector<S>, places: usize) -> Self::Vector<S>;

    /// The whole vectors of a slice; numbers that are left over are left out.
    fn vectors<S: Simd>(x: &[Self]) -> &[Self::Vector<S>];

    /// The same, to be changed.
    fn vectors_mut<S: Simd>(x: &mut [Self]) -> &mut [Self::Vector<S>];

    /// The numbers of vectors.
    fn numbers<S: Simd>(x: &[Self::Vector<S>]) -> &[Self];
}

macro_rules! lanes {
    ($t:ty, $vector:ident, $mask:ident, $lanes:ident, $splat:ident, $mul_add:ident, $add:ident, $sub:ident, $partial_load:ident, $as_simd:ident, $as_mut_simd:ident, $select:ident, $rotate:ident, $less:ident) => {
        impl Lanes for $t {
            type Vector<S: Simd> = S::$vector;
            type Mask<S: Simd> = S::$mask;

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
            fn places<S: Simd>(simd: S, is_meant: impl Fn(usize) -> bool) -> S::$mask {
                let meant: [$t; MOST] = std::array::from_fn(|i| if is_meant(i) { 1.0 } else { 0.0 });
                simd.$less(simd.$splat(0.0), Self::vectors::<S>(&meant)[0])
            }

            #[inline(always)]
            fn choose<S: Simd>(simd: S, mask: S::$mask, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$select(mask, a, b)
            }

            #[inline(always)]
            fn rotate<S: Simd>(simd: S, a: S::$vector, places: usize) -> S::$vector {
                simd.$rotate(a, places)
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
    m32s,
    F32_LANES,
    splat_f32s,
    mul_add_e_f32s,
    add_f32s,
    sub_f32s,
    partial_load_f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    select_f32s,
    rotate_right_f32s,
    less_than_f32s
);
lanes!(
    f64,
    f64s,
    m64s,
    F64_LANES,
    splat_f64s,
    mul_add_e_f64s,
    add_f64s,
    sub_f64s,
    partial_load_f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    select_f64s,
    rotate_right_f64s,
    less_than_f64s
);

/// Turns square blocks: as many vectors as a vector has numbers become its columns.
#[derive(Clone, Copy)]
pub(crate) struct Turn<T: Lanes, S: Simd> {
    simd: S,
    /// For each binary digit of the places: those that have it, and the others.
    masks: [(T::Mask<S>, T::Mask<S>); 4],
}

impl<T: Lanes, S: Simd> Turn<T, S> {
    #[inline(always)]
    pub(crate) fn new(simd: S) -> Self {
        let masks = std::array::from_fn(|stage| {
            let has = |i: usize| i >> stage & 1 == 1;
            (T::places(simd, has), T::places(simd, |i| !has(i)))
        });
        Self { simd, masks }
    }

    /// Of each block of two by two, then of each block of such blocks, and so on, what is right
    /// above and left below change places.
    #[inline(always)]
    pub(crate) fn turn(&self, rows: &mut [T::Vector<S>; MOST]) {
        // Spelled out: vectors that a loop finds by a number would be kept in memory.
        macro_rules! exchange {
            ($stage:literal: $($i:literal)*) => {
                $(self.exchange::<$i, { 1 << $stage }>(self.masks[$stage], rows);)*
            };
        }
        exchange!(0: 0 2 4 6 8 10 12 14);
        exchange!(1: 0 1 4 5 8 9 12 13);
        exchange!(2: 0 1 2 3 8 9 10 11);
        exchange!(3: 0 1 2 3 4 5 6 7);
    }

    /// What is right in vector I and left in the one D below.
    #[inline(always)]
    fn exchange<const I: usize, const D: usize>(
        &self,
        (has, has_not): (T::Mask<S>, T::Mask<S>),
        rows: &mut [T::Vector<S>; MOST],
    ) {
        let lanes = T::lanes::<S>();
        if I + D < lanes {
            let (above, below) = (rows[I], rows[I + D]);
            rows[I] = T::choose(self.simd, has, T::rotate(self.simd, below, D), above);
            rows[I + D] = T::choose(self.simd, has_not, T::rotate(self.simd, above, lanes - D), below);
        }
    }
}

/// The numbers in a vector of this processor.
pub(crate) fn lanes_here<T: Lanes>() -> usize {
    struct Count<T>(std::marker::PhantomData<T>);
    impl<T: Lanes> pulp::WithSimd for Count<T> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            T::lanes::<S>()
        }
    }
    pulp::Arch::new().dispatch(Count::<T>(std::marker::PhantomData))
}

/// What is to be checked for every width of vectors.
#[cfg(test)]
pub(crate) trait OnEveryWidth {
    /// Checks it for vectors of this kind.
    fn check<S: Simd>(&self, simd: S);

    /// Checks it for plain numbers, for arrays of each size that stand for vectors, and for the
    /// vectors of this processor.
    fn check_all(&self) {
        self.check(pulp::Scalar);
        self.check(pulp::Scalar128b);
        self.check(pulp::Scalar256b);
        self.check(pulp::Scalar512b);
        struct Here<'a, C: ?Sized>(&'a C);
        impl<C: OnEveryWidth + ?Sized> pulp::WithSimd for Here<'_, C> {
            type Output = ();

            fn with_simd<S: Simd>(self, simd: S) {
                self.0.check(simd);
            }
        }
        pulp::Arch::new().dispatch(Here(self));
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            self.check(simd);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lanes, MOST, OnEveryWidth, Turn};
    use pulp::Simd;

    /// Turns a block of numbers that say where they are.
    struct Turned<T>(std::marker::PhantomData<T>);

    impl<T: Lanes + std::fmt::Debug> OnEveryWidth for Turned<T> {
        fn check<S: Simd>(&self, simd: S) {
            let lanes = T::lanes::<S>();
            let number = |row: usize, column: usize| T::from_f64((100 * row + column) as f64);
            let mut block = [T::splat(simd, T::zero()); MOST];
            for (i, row) in block.iter_mut().enumerate().take(lanes) {
                let numbers: Vec<T> = (0..lanes).map(|j| number(i, j)).collect();
                *row = T::vectors::<S>(&numbers)[0];
            }
            Turn::<T, S>::new(simd).turn(&mut block);
            for (i, row) in block.iter().enumerate().take(lanes) {
                let expected: Vec<T> = (0..lanes).map(|j| number(j, i)).collect();
                assert_eq!(T::numbers::<S>(std::slice::from_ref(row)), expected, "{simd:?}");
            }
        }
    }

    #[test]
    fn rows_become_columns() {
        Turned::<f32>(std::marker::PhantomData).check_all();
        Turned::<f64>(std::marker::PhantomData).check_all();
    }
}
