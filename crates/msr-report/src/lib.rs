//! What people look at after a run: tables, pictures, dated records, and the facts about the
//! machine.
//!
//! - [`Table`]: Markdown that lines up on a terminal, blocks for a narrow one, and JSON through
//!   serde; [`number`] and [`seeds`] as text.
//! - [`picture`]: matrices with colour bars, sharing patterns and line charts, as SVG and as PNG
//!   from one description.
//! - [`page`]: self-contained HTML pages, and [`symmetry_report`], the page of what was found of a
//!   symmetry.
//! - [`Record`]: a result with the command, the time and the [`Machine`] that gave it, under a
//!   dated name.
//! - [`say`], [`complain`], [`finish`], [`width`], [`is_terminal`], [`has_colours_on_stderr`]:
//!   standard output and error as a person sees them; every line of every program goes through
//!   here.
//! - [`shell_word`], [`shell_command`]: what can be pasted into a command.
//!
//! The crate knows numbers and text, no tensors; it writes no files and does not know where a
//! checkout is. Folders come as arguments, and what it makes is returned for the caller to write.
//!
//! # Example
//! ```
//! use msr_report::{Table, number};
//!
//! let table = Table::new(["method", "error"], [["MSR-FC".to_string(), number(0.01234)]]);
//! assert_eq!(
//!     table.to_string(),
//!     "| method | error  |\n\
//!      |--------|--------|\n\
//!      | MSR-FC | 0.0123 |\n"
//! );
//! assert_eq!(table.fit(10), "method: MSR-FC\nerror: 0.0123\n");
//! ```

mod error;
mod machine;
mod memory;
pub mod page;
pub mod picture;
mod record;
mod shell;
pub mod symmetry_report;
mod table;
mod terminal;

pub use error::{Error, Result};
pub use machine::Machine;
pub use memory::{available_memory, peak_memory};
pub use record::{Origin, Record, command, invoked_as};
pub use shell::{shell_command, shell_word};
pub use table::{Table, number, seeds};
pub use terminal::{complain, finish, has_colours_on_stderr, is_terminal, print, say, say_json, width};
