//! When another thread is worth its price.

/// Whether this is a thread of a rayon pool. It then takes part in what it spreads, and the others
/// may still be awake from the operation before; a thread from outside sleeps until others have
/// done all of it, which wakes two threads for each operation.
pub(crate) fn is_in_pool() -> bool {
    rayon::current_thread_index().is_some()
}

/// The work below which another thread is not worth waking: so much from outside of a pool, an
/// eighth of it within.
pub(crate) fn worth_spreading(outside: usize) -> usize {
    if is_in_pool() { outside / 8 } else { outside }
}
