//! One way to meta-learn a file.

mod at_once;
pub(crate) mod bilevel;
pub(crate) mod config;
mod graphs;
mod headed;
pub(crate) mod least_squares;
pub(crate) mod multi_task;
mod nested;
pub(crate) mod prototypes;
pub(crate) mod ridge_head;
