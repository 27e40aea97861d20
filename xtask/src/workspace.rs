//! Where the checkout is, what runs cargo, and words for the user.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The root of the workspace: of the one whose cargo runs this program, else of the one that the
/// current folder lies in. Where this program was built does not matter: a checkout may be copied
/// or moved with all that was built in it.
///
/// # Errors
/// When neither is there.
pub fn root() -> Result<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = std::env::current_dir().context("the current folder")?;
    find(manifest.as_deref(), &here).with_context(|| {
        format!("{} lies in no checkout of msr; run `cargo xtask` inside one", here.display())
    })
}

/// The root, from the folder of the package that cargo runs and the current folder.
fn find(manifest: Option<&Path>, here: &Path) -> Option<PathBuf> {
    let is_root = |folder: &&Path| {
        let declares = |text: String| text.lines().any(|line| line.trim() == "[workspace]");
        std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(declares)
            && folder.join("xtask/src/workspace.rs").is_file()
    };
    // Cargo may have started something else that started this program.
    let own = manifest.filter(|folder| folder.ends_with("xtask")).and_then(Path::parent).filter(is_root);
    own.or_else(|| here.ancestors().find(is_root)).map(Path::to_path_buf)
}

/// The cargo that runs this program, or the one on the path.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A word as one can paste it into a command. (msr-report has one that knows letters that cannot be
/// seen as well; it would take this crate seconds longer to compile.)
pub fn shell_word(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_+,/.:=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Writes text to stdout or stderr. A reader that went away (`… | head`) is no reason to fail.
pub fn tell(mut to: impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::Result;

    use super::{find, root, shell_word};

    #[test]
    fn words_can_be_pasted() {
        for (word, pasted) in [
            ("cuda", "cuda"),
            ("msr/cuda,a", "msr/cuda,a"),
            ("cuda mkl", "'cuda mkl'"),
            ("", "''"),
            ("/my code/it's/Cargo.toml", r"'/my code/it'\''s/Cargo.toml'"),
        ] {
            assert_eq!(shell_word(word.as_ref()), pasted);
        }
    }

    /// A folder that goes when this does.
    struct Folder(std::path::PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            // The system clears what is left.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// Runs of a copied checkout were written into the one in which the program was built.
    #[test]
    fn the_root_is_where_the_program_runs_and_not_where_it_was_built() -> Result<()> {
        let name = format!("msr xtask {}", std::process::id());
        let parent = Folder(std::env::temp_dir().join(name));
        for copy in ["a", "b"] {
            let copy = parent.0.join(copy);
            std::fs::create_dir_all(copy.join("xtask/src"))?;
            std::fs::create_dir_all(copy.join("crates/msr"))?;
            std::fs::write(copy.join("Cargo.toml"), "[workspace]\n")?;
            std::fs::write(copy.join("xtask/Cargo.toml"), "[package]\n")?;
            std::fs::write(copy.join("xtask/src/workspace.rs"), "")?;
        }
        let (a, b) = (parent.0.join("a"), parent.0.join("b"));
        assert_eq!(find(None, &b.join("crates/msr")), Some(b.clone()));
        assert_eq!(find(Some(&b.join("xtask")), Path::new("/")), Some(b.clone()));
        assert_eq!(find(Some(&b.join("xtask")), &a), Some(b.clone()));
        assert_eq!(find(Some(&b.join("crates/msr")), &a), Some(a));
        assert_eq!(find(Some(Path::new("/no/such/xtask")), &b), Some(b));
        assert_eq!(find(None, &parent.0), None);
        assert!(root()?.join("xtask/src/main.rs").is_file());
        Ok(())
    }
}
