//! Loops compiled for the widest vectors of the processor at hand.

/// Runs `f` compiled for the widest vectors this processor has. Loops in `f` profit when everything
/// they call is inlined (`#[inline(always)]`).
#[inline(always)]
pub(crate) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
