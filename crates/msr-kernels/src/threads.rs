//! When another thread is worth its price.

use std::cell::Cell;

thread_local! {
    /// How many calls of [`side_by_side`] this thread is in.
    static SIDE_BY_SIDE: Cell<usize> = const { Cell::new(0) };
}

/// Runs one of several pieces of work that keep all threads of a rayon pool busy: the operations in
/// it are spread over threads only if they are large.
pub fn side_by_side<R>(work: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            SIDE_BY_SIDE.with(|depth| depth.set(depth.get().saturating_sub(1)));
        }
    }
    SIDE_BY_SIDE.with(|depth| depth.set(depth.get() + 1));
    let _leave = Leave;
    work()
}

/// Whether this is a thread of a rayon pool whose other threads may have nothing to do. It then
/// takes part in what it spreads, and the others may still be awake from the operation before; a
/// thread from outside sleeps until others have done all of it, which wakes two threads for each
/// operation.
pub(crate) fn is_in_pool() -> bool {
    rayon::current_thread_index().is_some() && SIDE_BY_SIDE.with(Cell::get) == 0
}

/// The work below which another thread is not worth waking: so much from outside of a pool, an
/// eighth of it within.
pub(crate) fn worth_spreading(outside: usize) -> usize {
    if is_in_pool() { outside / 8 } else { outside }
}

#[cfg(test)]
mod tests {
    use super::{is_in_pool, side_by_side};

    #[test]
    fn only_a_thread_of_a_pool_with_nothing_beside_it_is_in_one() {
        assert!(!is_in_pool());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| {
            assert!(is_in_pool());
            side_by_side(|| assert!(!side_by_side(is_in_pool) && !is_in_pool()));
            assert!(is_in_pool());
        });
    }
}
