//! The machine that produced a result.

use std::fmt;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

/// What produced a result: processor, cores, memory, system, compiler, commit. What cannot be found
/// out is `unknown`.
///
/// `Display` gives one `name: value` line for each, as dated records end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The model of the processor.
    pub processor: String,
    /// The threads that this process may use at once.
    pub cores: usize,
    /// The memory, with its unit.
    pub memory: String,
    /// The operating system and the architecture.
    pub system: String,
    /// The compiler that built this program.
    pub compiler: String,
    /// The commit that is checked out, with a remark when files differ from it.
    pub commit: String,
}

impl Machine {
    /// This machine, and the commit of the checkout that `folder` lies in. Changes under the
    /// checkout's `docs` and in its `README.md` are no changes of the program: recorded results go
    /// there.
    pub fn here(folder: &Path) -> Self {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let unknown = || "unknown".to_string();
        let program = [":/", ":(top,exclude)docs", ":(top,exclude)README.md"];
        let changes = git(folder, &[&["status", "--porcelain", "--"][..], &program].concat());
        let dirty = if changes.is_some_and(|c| c.is_empty()) { "" } else { " with local changes" };
        Self {
            processor: field(&file("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: field(&file("/proc/meminfo"), "MemTotal").unwrap_or_else(unknown),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            compiler: env!("MSR_COMPILER").to_string(),
            commit: git(folder, &["rev-parse", "--short", "HEAD"])
                .map_or_else(unknown, |commit| format!("{commit}{dirty}")),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory, system, compiler, commit } = self;
        writeln!(f, "processor: {processor}\ncores: {cores}\nmemory: {memory}\nsystem: {system}")?;
        writeln!(f, "compiler: {compiler}\ncommit: {commit}")
    }
}

/// What `key: value` says in a text of such lines.
fn field(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| Some(line.strip_prefix(key)?.split_once(':')?.1.trim().to_string()))
}

/// What git prints in that folder, when it succeeds.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Machine, field};

    #[test]
    fn a_line_for_each_fact() {
        let machine = Machine::here(Path::new(env!("CARGO_MANIFEST_DIR")));
        let text = machine.to_string();
        let names: Vec<_> = text.lines().filter_map(|l| Some(l.split_once(": ")?.0)).collect();
        assert_eq!(names, ["processor", "cores", "memory", "system", "compiler", "commit"]);
        assert!(machine.compiler.starts_with("rustc 1."), "{}", machine.compiler);
    }

    #[test]
    fn a_folder_without_a_checkout_has_no_commit() {
        assert_eq!(Machine::here(Path::new("/no/such/folder")).commit, "unknown");
    }

    #[test]
    fn fields_of_proc_files() {
        assert_eq!(field("a : 1\nmodel name\t: X 2: 3\n", "model name").as_deref(), Some("X 2: 3"));
        assert_eq!(field("a : 1\n", "b"), None);
    }
}
