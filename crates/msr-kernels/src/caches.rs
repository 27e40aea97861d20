//! What the caches of a processor are told: what will be read soon, and what is not worth keeping.
#![allow(unsafe_code, reason = "instructions that the standard library only has as functions of pointers")]

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::Simd;
use pulp::bytemuck::NoUninit;

/// The bytes of a large cache: results of at least this many have left the caches by the time they
/// are read.
const LARGE: usize = 32 << 20;

/// The bytes that a cache keeps together.
const LINE: usize = 64;

/// Whether a result of so many numbers should be written past the caches.
pub(crate) fn is_large<T>(numbers: usize) -> bool {
    numbers.saturating_mul(size_of::<T>()) >= LARGE
}

/// Begins to bring numbers into the caches, without waiting for them.
#[inline(always)]
pub(crate) fn fetch<T>(numbers: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for first in numbers.iter().step_by((LINE / size_of::<T>().max(1)).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing; every processor of this kind has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(first).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// Writes all of `out`, as long as `from`.
#[inline(always)]
fn copy<T: Copy>(out: &mut [MaybeUninit<T>], from: &[T]) {
    assert_eq!(out.len(), from.len());
    out.iter_mut().zip(from).for_each(|(out, &x)| _ = out.write(x));
}

/// Copies parts of a result to where they belong, on one thread.
#[derive(Debug)]
pub(crate) struct Writer {
    past: bool,
    /// What was written past the caches is complete for the thread that wrote it, not for others,
    /// until the writer is dropped there.
    of_thread: PhantomData<*const ()>,
}

impl Writer {
    /// For a large result: past the caches, so that what is overwritten is not read before, and
    /// nothing is driven out for what will not be read soon.
    pub(crate) fn new(is_large: bool) -> Self {
        Self { past: is_large, of_thread: PhantomData }
    }

    /// Writes all of `out`, as long as `from`.
    #[inline(always)]
    pub(crate) fn copy<T: NoUninit, S: Simd>(&self, simd: S, out: &mut [MaybeUninit<T>], from: &[T]) {
        if self.past { copy_past(simd, out, from) } else { copy(out, from) }
    }
}

/// The pieces in which a row of some columns is copied.
pub(crate) const PIECES: usize = 2;

/// Some columns of the rows of a result, computed and waiting to be copied to where they belong.
pub(crate) struct Rows<'a, T> {
    /// Row by row.
    pub(crate) values: &'a [T],
    /// From one row of the values to the next.
    pub(crate) stride: usize,
    /// Where the columns belong in the rows of the result.
    pub(crate) columns: Range<usize>,
}

impl Writer {
    /// Copies a share of some columns of all rows: of their pieces, [`PIECES`] a row, those from
    /// one number to another. While some columns are computed, those before are copied share by
    /// share: the memory is as busy as the processor.
    #[inline(always)]
    pub(crate) fn copy_pieces<T: NoUninit, S: Simd>(
        &self,
        simd: S,
        out: &mut [&mut [MaybeUninit<T>]],
        rows: &Rows<'_, T>,
        pieces: Range<usize>,
    ) {
        let (count, first) = (rows.columns.len(), rows.columns.start);
        let length = count.div_ceil(PIECES);
        for (i, piece) in pieces.map(|number| (number / PIECES, number % PIECES)) {
            let from = (piece * length).min(count)..((piece + 1) * length).min(count);
            let row = &rows.values[i * rows.stride..][from.clone()];
            self.copy(simd, &mut out[i][first + from.start..first + from.end], row);
        }
    }
}

impl Drop for Writer {
    /// After it, what was written can be read, by any thread.
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        if self.past {
            // SAFETY: every processor of this kind has this instruction.
            unsafe { std::arch::x86_64::_mm_sfence() };
        }
    }
}

/// Copies past the caches; whole lines, that is, the ends as usual.
#[inline(always)]
fn copy_past<T: NoUninit, S: Simd>(_: S, out: &mut [MaybeUninit<T>], from: &[T]) {
    assert_eq!(out.len(), from.len());
    #[cfg(target_arch = "x86_64")]
    {
        use std::any::TypeId;
        use std::arch::x86_64::{_mm_loadu_ps, _mm_stream_ps, _mm512_loadu_ps, _mm512_stream_ps};
        let size = size_of::<T>();
        let head = out.as_ptr().align_offset(LINE).min(out.len());
        let lines = match LINE.checked_rem(size) {
            Some(0) => (out.len() - head) * size / LINE,
            _ => 0,
        };
        let body = lines * LINE / size.max(1);
        copy(&mut out[..head], &from[..head]);
        copy(&mut out[head + body..], &from[head + body..]);
        let (to, from) = (&mut out[head..head + body], &from[head..head + body]);
        let (to, from) = (to.as_mut_ptr().cast::<f32>(), from.as_ptr().cast::<f32>());
        for at in (0..lines).map(|line| line * LINE / size_of::<f32>()) {
            // SAFETY: both slices have `lines` lines, and `at` is where one starts; `to` is at the
            // start of a line, since `head` brings it there, or there are none. All bytes of a `T`
            // are initialised, whatever they mean. `Drop` comes before the memory is read. Every
            // processor of this kind has the short instructions, and one for which there is a `V4`
            // the long ones.
            unsafe {
                if TypeId::of::<S>() == TypeId::of::<pulp::x86::V4>() {
                    _mm512_stream_ps(to.add(at), _mm512_loadu_ps(from.add(at)));
                } else {
                    for at in [at, at + 4, at + 8, at + 12] {
                        _mm_stream_ps(to.add(at), _mm_loadu_ps(from.add(at)));
                    }
                }
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    copy(out, from);
}

/// Numbers as places that a test has written to.
#[cfg(test)]
pub(crate) fn places<T: NoUninit>(numbers: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same layout; what is written there through this crate is initialised.
    unsafe { std::slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), numbers.len()) }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use pulp::Simd;
    use pulp::bytemuck::NoUninit;

    use super::{Writer, copy, fetch, is_large, places};
    use crate::lanes::OnEveryWidth;

    fn copied<T: NoUninit + Default>(
        copy: impl Fn(&mut [MaybeUninit<T>], &[T]),
        from: &[T],
        before: usize,
    ) -> Vec<T> {
        let mut out = vec![T::default(); before + from.len() + 3];
        copy(places(&mut out[before..before + from.len()]), from);
        out
    }

    struct Past;

    impl OnEveryWidth for Past {
        fn check<S: Simd>(&self, simd: S) {
            both_copies_write_the_same(simd);
        }
    }

    #[test]
    fn every_width_of_vectors() {
        Past.check_all();
    }

    /// Wherever lines begin and end, and nothing beside.
    fn both_copies_write_the_same<S: Simd>(simd: S) {
        let numbers: Vec<f32> = (1..100).map(|i| i as f32).collect();
        let wide: Vec<f64> = numbers.iter().map(|&x| f64::from(x)).collect();
        for before in 0..20 {
            for length in [0, 1, 7, 15, 16, 17, 33, 64, 99] {
                let part = &numbers[..length];
                assert_eq!(
                    copied(|to, from| Writer::new(true).copy(simd, to, from), part, before),
                    copied(copy, part, before)
                );
                let part = &wide[..length];
                assert_eq!(
                    copied(|to, from| Writer::new(true).copy(simd, to, from), part, before),
                    copied(copy, part, before)
                );
            }
        }
        assert_eq!(
            copied(|to, from| Writer::new(true).copy(simd, to, from), &[[1u8; 3]; 50], 1),
            copied(copy, &[[1u8; 3]; 50], 1)
        );
        fetch(&numbers);
        assert!(is_large::<f64>(4 << 20) && !is_large::<f32>(4 << 20));
    }
}
