//! Groups of matrices that were learned, in which ties are not normal noise about equal rows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use candle_core::Device;
use msr_symmetry::{Learned, Symmetry};

/// What a learner has not quite tied looks like a difference that noise does not explain: that is
/// said, and the group is claimed all the same. The files are of `msr reproduce groups`.
#[test]
fn learned_matrices_are_not_taken_apart() {
    for (file, name) in [("s8", "S_8"), ("s3-wr-c4", "S_3 ≀ C_4"), ("icosahedron", "A_5 × C_2")] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/groups");
        let learned = Learned::load(format!("{folder}/{file}.safetensors"), &Device::Cpu).unwrap();
        let Symmetry::Permutations(found) = &learned.symmetry().unwrap()[0].symmetry else {
            panic!("{file} is fully connected")
        };
        assert_eq!(found.name(), Some(name), "{found}");
        let group = found.group().unwrap();
        assert_eq!(group.doubt.is_some(), found.to_string().contains("more than noise explains"));
    }
}
