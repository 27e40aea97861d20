//! Who started this program, and where results are recorded.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use msr_report::{Origin, Record, invoked_as, shell_word};
use msr_symmetry::write_atomic;

/// What starts this program, as a user types it.
pub fn program() -> String {
    invoked_as("msr")
}

/// The command that continues the run of an experiment in a folder, as a user types it.
pub fn to_continue(experiment: &str, folder: &Path) -> String {
    format!("{} reproduce {experiment} --resume --out {}", program(), shell_word(folder))
}

/// Writes `text` to `<date>-<device>/<name>.md` in the folder of results, followed by the machine,
/// and returns the path.
///
/// # Errors
/// When the file cannot be written.
pub fn record(name: &str, device: &str, text: &str) -> Result<PathBuf> {
    let record = Record::in_results(name, device, text, &Origin::of(&program()));
    let folder = record.path.parent().unwrap_or(&record.path);
    std::fs::create_dir_all(folder).with_context(|| {
        format!("{} cannot be made; MSR_RESULTS may name another folder for results", folder.display())
    })?;
    write_atomic(&record.path, record.text.as_bytes())?;
    Ok(record.path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::to_continue;

    #[test]
    fn a_folder_with_a_space_is_one_word() {
        for folder in ["/tmp/my runs/it's 1", "runs/table1/$HOME", "runs/table1/1"] {
            let words = shlex::split(&to_continue("table1", Path::new(folder))).unwrap_or_default();
            let expected = ["reproduce", "table1", "--resume", "--out", folder];
            assert!(words.ends_with(&expected.map(String::from)), "{words:?}");
        }
        assert!(to_continue("table1", Path::new("runs/table1/1")).ends_with(" --out runs/table1/1"));
    }
}
