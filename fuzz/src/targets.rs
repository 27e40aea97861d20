//! The readers.

use candle_core::Device;
use msr_data::{ClassSource, Omniglot};
use msr_files::Arrays;
use msr_groups::{Action, Permutation, SharingPattern, parse_group};
use msr_meta::Checkpoint;
use msr_symmetry::Learned;

/// A reader, and how it is given bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What is read.
    pub name: &'static str,
    /// Must come back, whatever the bytes are.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "arrays", run: arrays },
    Target { name: "learned", run: learned },
    Target { name: "checkpoint", run: checkpoint },
    Target { name: "omniglot", run: omniglot },
    Target { name: "groups", run: groups },
    Target { name: "actions", run: actions },
    Target { name: "cycles", run: cycles },
    Target { name: "definitions", run: definitions },
];

/// Arrays of an npy, npz or safetensors file, as `inspect` and `NpzProblem` read them.
fn arrays(bytes: &[u8]) {
    if let Ok(mut arrays) = Arrays::from_bytes(bytes)
        && let Ok(list) = arrays.list()
    {
        for array in list {
            let _ = arrays.numbers(&array.name);
        }
    }
}

/// What was learned, read as far as its groups.
fn learned(bytes: &[u8]) {
    let _ = Learned::is_in(bytes);
    if let Ok(learned) = Learned::from_bytes(bytes, &Device::Cpu) {
        let _ = learned.build();
        let _ = learned.symmetric_layers();
        let _ = learned.to_bytes();
    }
}

fn checkpoint(bytes: &[u8]) {
    let _ = Checkpoint::parse(bytes, &Device::Cpu);
}

/// An archive of characters.
fn omniglot(bytes: &[u8]) {
    if let Ok(characters) = Omniglot::from_bytes(bytes) {
        let mut x = vec![0.0; characters.input_shape().iter().product()];
        let _ = characters.fill(characters.classes() - 1, characters.examples() - 1, &mut x);
    }
}

fn groups(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(group) = parse_group(text)
    {
        let _ = group.order();
        let _ = format!("{group:?}").len();
    }
}

/// A group and an action of it, on lines of their own.
fn actions(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (group, action) = text.split_once('\n').unwrap_or(("dihedral(5)", text));
    if let Ok(group) = parse_group(group)
        && let Ok(action) = Action::parse(&group, action)
    {
        let _ = SharingPattern::new(&action, &action).map(|pattern| pattern.free_parameters());
    }
}

/// A permutation of as many points as the first byte says.
fn cycles(bytes: &[u8]) {
    let Some((&degree, text)) = bytes.split_first() else { return };
    if let Ok(text) = std::str::from_utf8(text)
        && let Ok(permutation) = Permutation::parse(text, degree as usize)
    {
        let _ = permutation.to_string();
    }
}

/// The definition of an experiment; the first byte says which.
fn definitions(bytes: &[u8]) {
    let Some((&which, text)) = bytes.split_first() else { return };
    let entries = msr_experiments::experiments();
    if let Ok(text) = std::str::from_utf8(text) {
        let _ = entries[which as usize % entries.len()].check_text(text);
    }
}
