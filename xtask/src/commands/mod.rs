//! One command a file.

pub mod bench;
pub mod ci;
pub mod inspect;
mod inspect_plane;
pub mod reproduce;
pub mod tidy;
