//! Layers whose weights are `vec(W) = U v` with a symmetry matrix `U` that is learned or given.

pub(crate) mod conv2d;
pub(crate) mod linear;
pub(crate) mod pattern;
pub(crate) mod pattern_conv2d;
