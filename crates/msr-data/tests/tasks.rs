//! Tasks out of the files that people have.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

#[path = "tasks/golden.rs"]
mod golden;
#[path = "tasks/layouts.rs"]
mod layouts;
#[path = "tasks/make.rs"]
mod make;
#[path = "tasks/refused/mod.rs"]
mod refused;
