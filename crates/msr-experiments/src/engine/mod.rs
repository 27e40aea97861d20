//! What all experiments share: definitions, flags, run folders, the training runs of (problem ×
//! method × seed) side by side, and the training of one of them.

mod cells;
mod choice;
mod curves;
mod definition;
mod device;
mod entries;
mod entry;
mod experiment;
mod files;
mod flags;
mod folder;
mod learned;
mod learner;
mod mean;
mod metrics;
mod model;
mod origin;
mod reproduce;
mod run;
mod run_folder;
mod settings;
mod tasks;
mod text;
mod training;
mod truth;

pub use choice::{by_name, choose, keep};
pub use device::DeviceName;
pub use entries::entries;
pub use entry::Entry;
pub use experiment::{Cell, Definition, Experiment, Part, Report, Run};
pub use files::open_file;
pub use flags::Flags;
pub use folder::{CELLS, Folder};
pub use learned::LEARNED;
pub use mean::{Mean, shown};
pub use model::{LayerKind, Model, Shape, weights};
pub use origin::{program, record};
pub use settings::{Expectation, Inner, LearnerKind, Method, Schedule, Training};
pub use tasks::CellTasks;
pub use text::{not_checked, notes, seed_by_seed, steps};
pub use training::{CellFolder, Tested};
pub use truth::Truth;
