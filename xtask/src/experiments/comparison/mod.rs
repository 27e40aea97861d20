//! What tables that compare methods share: how methods are defined and trained, the flags, and the text around the numbers.

mod definition;
mod settings;
mod text;

pub use definition::{Method, Training};
pub use settings::{Settings, SettingsArgs};
pub use text::{Notes, seed_by_seed, seeds};
