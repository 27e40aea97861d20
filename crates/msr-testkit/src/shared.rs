//! Reference data that is too big for the repository.

use std::path::{Path, PathBuf};

/// The path of a file of the reference data beside a developer's checkout (`../shared` seen from
/// the repository's root), or `None` after saying on stderr that the test was skipped.
pub fn shared(relative: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(relative);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {relative} is not here; a stranger's clone does not carry the big reference data");
    None
}
