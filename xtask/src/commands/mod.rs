//! One command a file.

pub mod bench;
pub mod ci;
pub mod inspect;
pub mod reproduce;
pub mod tidy;
