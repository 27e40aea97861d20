//! Work on the threads of rayon's pool.

/// The work on a thread of the current rayon pool: it takes part in what it spreads over the pool,
/// and the others need not be woken for each operation.
pub(crate) fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}
