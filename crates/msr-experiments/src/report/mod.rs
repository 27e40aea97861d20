//! What people look at: tables and pictures.

pub mod console;
pub mod interrupt;
mod narrow;
pub mod picture;
pub mod record;
pub mod table;

pub use console::Console;
