//! Problems whose true symmetry is known, one file each.

pub(crate) mod equivariant;
pub(crate) mod rank_k;
pub(crate) mod sinusoid;
pub(crate) mod steerable;
