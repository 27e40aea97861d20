//! What tables that compare methods share: how methods are defined and trained, the flags, and the text around the numbers.

mod data;
mod definition;
mod settings;
mod text;

pub use data::{open_file, try_out};
pub use definition::{Method, Training};
pub use settings::{Settings, SettingsArgs};
pub use text::{Notes, not_checked, seed_by_seed, steps};
