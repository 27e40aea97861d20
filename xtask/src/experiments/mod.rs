//! One experiment a folder, plus what experiments share: the run folder, the training of one model, and the
//! running of many side by side.

pub mod groups;
mod run_folder;
mod runner;
pub mod table1;
pub mod training;
