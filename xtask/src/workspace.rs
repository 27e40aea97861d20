//! Where the checkout is, and in what state: nothing but this crate knows.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// The cargo that runs this program, or the one on the path.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The commit, and whether the sources differ from it.
pub fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(root()).output().ok();
        let text = output.filter(|o| o.status.success());
        text.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string())
    };
    // Recorded results and what is spliced from them are no change of the program.
    let changes = git(&["status", "--porcelain", "--", ".", ":!docs", ":!README.md"]);
    let dirty = if changes.is_none_or(|c| c.is_empty()) { "" } else { " with local changes" };
    git(&["rev-parse", "--short", "HEAD"]).map_or_else(|| "unknown".into(), |commit| commit + dirty)
}
