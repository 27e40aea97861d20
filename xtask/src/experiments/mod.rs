//! One experiment a file, plus what experiments share: the definition read from data, the run folder, and
//! the training of one cell of a table.

pub mod cell;
pub mod definition;
pub mod plan;
pub mod run_folder;
pub mod table1;
