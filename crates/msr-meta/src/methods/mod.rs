//! One way to meta-learn a file.

pub(crate) mod bilevel;
pub(crate) mod config;
pub(crate) mod least_squares;
pub(crate) mod multi_task;
