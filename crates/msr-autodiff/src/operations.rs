//! The operations, and what candle calls them.
//!
#![doc = include_str!("operations.md")]
