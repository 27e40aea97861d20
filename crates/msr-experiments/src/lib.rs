//! The experiments of MSR: training runs of (problem × method × seed) side by side, run folders
//! that can be continued, and the tables that come out.
//!
//! [`engine`] is what all share; each experiment is a definition in `data/experiments`, a folder
//! beside it, and a line in [`experiments`]. `table1/mod.rs` can be read top to bottom: definition,
//! training runs, one of them, report.

pub mod console;
pub mod engine;
mod groups;
mod table1;
mod table2;
mod table3;

use engine::Entry;
use groups::Groups;
use table1::Table1;
use table2::Table2;
use table3::Table3;

/// All experiments: name, what it is, definition, and the type that runs it.
pub fn experiments() -> [Entry; 10] {
    [
        Entry::new::<Table1>(
            "table1",
            "Partial translation symmetry in one dimension: MAML, MTSR and MSR on rank 1, 2 and 5",
            include_str!("../definitions/table1.toml"),
        ),
        Entry::new::<Table2>(
            "table2",
            "Rotations and flips in two dimensions: MAML, MTSR and MSR on C_8 and D_8, and the group that each learned",
            include_str!("../definitions/table2.toml"),
        ),
        Entry::new::<Table3>(
            "table3",
            "Few-shot classification of Omniglot and mini-ImageNet, queries augmented: MAML, ANIL, ProtoNets and MSR",
            include_str!("../definitions/table3.toml"),
        ),
        Entry::new::<Table3>(
            "table3-tuning",
            "How the rates of table3 were chosen, on validation classes, and what may lift the level, each alone",
            include_str!("../definitions/table3-tuning.toml"),
        ),
        Entry::new::<Table3>(
            "table3-controls",
            "What the symmetry matrix of table3 learns: without flips, without turns, parts of U, rates in place of U",
            include_str!("../definitions/table3-controls.toml"),
        ),
        Entry::new::<Table3>(
            "table3-budgets",
            "Accuracy of MAML and MSR against the number of outer steps, from 500 to 16,000",
            include_str!("../definitions/table3-budgets.toml"),
        ),
        Entry::new::<Table3>(
            "table3-transfer",
            "The symmetry learned on Omniglot, frozen, on MNIST's digits and mini-ImageNet: --symmetry learned.safetensors",
            include_str!("../definitions/table3-transfer.toml"),
        ),
        Entry::new::<Table3>(
            "omniglot-plain",
            "Omniglot without augmentation, as published: MAML, ANIL and ProtoNets",
            include_str!("../definitions/omniglot-plain.toml"),
        ),
        Entry::new::<Groups>(
            "groups",
            "Tasks with the symmetry of 16 groups: MSR learns U, and the group is read out of it",
            include_str!("../definitions/groups.toml"),
        ),
        Entry::new::<Groups>(
            "numbers",
            "Sums of numbers: which positions of a sequence are interchangeable",
            include_str!("../definitions/numbers.toml"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::experiments;

    #[test]
    fn the_built_in_definitions_are_consistent() {
        for entry in experiments() {
            let checked = entry.check();
            assert!(checked.is_ok(), "{}: {:?}", entry.name, checked.err());
        }
    }

    #[test]
    fn every_definition_in_the_repository_is_of_an_experiment_by_its_name() -> std::io::Result<()> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/definitions");
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            files.push(entry?.file_name().to_string_lossy().into_owned());
        }
        let mut named = experiments().map(|entry| format!("{}.toml", entry.name));
        files.sort();
        named.sort();
        assert_eq!(files, named);
        Ok(())
    }
}
