//! Results that stay: under a dated name, with the command and the machine.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Machine;
use crate::shell::shell_command;

/// What starts this program, as a user types it: what the program that started it says in
/// MSR_INVOKED_AS (as `cargo xtask`), or else its name.
pub fn invoked_as(name: &str) -> String {
    std::env::var("MSR_INVOKED_AS").unwrap_or_else(|_| name.to_string())
}

/// The command of this process as a user would type it: `program`, then the arguments that this
/// process got, quoted where a shell needs it.
pub fn command(program: &str) -> String {
    shell_command(program, std::env::args_os().skip(1))
}

/// What a result came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The command, as a user would type it.
    pub command: String,
    /// When the result was complete.
    pub time: SystemTime,
    /// What it was made on.
    pub machine: Machine,
}

impl Origin {
    /// This process, now, on this machine; `program` as for [`command`], `folder` as for
    /// [`Machine::here`].
    pub fn here(program: &str, folder: &Path) -> Self {
        Self { command: command(program), time: SystemTime::now(), machine: Machine::here(folder) }
    }

    /// The same with the folder MSR_CHECKOUT. An installed program does not know from which commit
    /// it was built; who started it from a checkout says where that is.
    pub fn of(program: &str) -> Self {
        let checkout = std::env::var_os("MSR_CHECKOUT").unwrap_or_default();
        Self::here(program, Path::new(&checkout))
    }
}

/// A dated result: where it belongs, and its text. The caller writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `<folder>/<date>-<device>/<name>.md`.
    pub path: PathBuf,
    /// The command, the time (UTC), the result, and the machine.
    pub text: String,
}

impl Record {
    /// The record of `result` (Markdown), computed on `device`, under `name`.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use msr_report::{Origin, Record};
    ///
    /// let origin = Origin::here("msr", Path::new("."));
    /// let record = Record::new(Path::new("results"), "table1", "cpu", "| a |\n", &origin);
    /// assert!(record.path.starts_with("results") && record.path.ends_with("table1.md"));
    /// assert!(record.text.starts_with("Command: msr"));
    /// ```
    pub fn new(folder: &Path, name: &str, device: &str, result: &str, origin: &Origin) -> Self {
        let Origin { command, time, machine } = origin;
        let time = humantime::format_rfc3339_seconds(*time).to_string();
        let date = time.split('T').next().unwrap_or(&time);
        Self {
            path: folder.join(format!("{date}-{device}")).join(format!("{name}.md")),
            text: format!("Command: {command}\nTime: {time}\n\n{result}\n{machine}"),
        }
    }

    /// The same in the folder MSR_RESULTS, or in docs/results.
    pub fn in_results(name: &str, device: &str, result: &str, origin: &Origin) -> Self {
        let folder = std::env::var_os("MSR_RESULTS").map_or_else(|| "docs/results".into(), PathBuf::from);
        Self::new(&folder, name, device, result, origin)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::{Origin, Record};

    #[test]
    fn a_record_has_its_date_in_the_path_and_the_machine_at_the_foot() {
        let mut origin = Origin::here("msr", Path::new("/no/such/folder"));
        origin.command = "msr reproduce table1".into();
        origin.time = SystemTime::UNIX_EPOCH + Duration::from_secs(86_399);
        let record = Record::new(Path::new("results"), "table1", "cpu", "| a |\n", &origin);
        assert_eq!(record.path, Path::new("results/1970-01-01-cpu/table1.md"));
        let head = "Command: msr reproduce table1\nTime: 1970-01-01T23:59:59Z\n\n| a |\n\nprocessor: ";
        assert!(
            record.text.starts_with(head) && record.text.ends_with("\ncommit: unknown\n"),
            "{}",
            record.text
        );
    }
}
