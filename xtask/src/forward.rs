//! Building `msr` or `msr-bench`, and running it in place of this program.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::workspace::{cargo, root, shell_word};

/// What stands before the command.
#[derive(Debug, Default, PartialEq)]
pub struct Forward {
    /// The features to build with.
    pub features: Option<OsString>,
    /// Flags for the program.
    pub flags: Vec<OsString>,
}

impl Forward {
    /// Builds `program` and runs it with these words, in the user's folder. It is told where the
    /// checkout keeps data, runs, results and scripts, and what the user typed: `cargo xtask`,
    /// followed by `command` where that is the program's own name.
    pub fn run(&self, program: &str, command: Option<&str>, words: &[OsString]) -> Result<ExitCode> {
        let this = std::env::current_exe().context("where this program is")?;
        let root = root()?;
        self.build(program, &this, &root)?;
        let mut typed = OsString::from("cargo xtask");
        if let Some(features) = &self.features {
            typed.push(" --features ");
            typed.push(shell_word(features));
        }
        if let Some(command) = command {
            typed.push(" ");
            typed.push(command);
        }
        let path = this.with_file_name(format!("{program}{}", std::env::consts::EXE_SUFFIX));
        let mut run = Command::new(&path);
        run.args(&self.flags).args(words);
        let places = [
            ("MSR_DATA", "data"),
            ("MSR_RUNS", "runs"),
            ("MSR_RESULTS", "docs/results"),
            ("MSR_SCRIPTS", "scripts"),
        ];
        for (variable, folder) in places {
            if std::env::var_os(variable).is_none() {
                run.env(variable, root.join(folder));
            }
        }
        run.env("MSR_INVOKED_AS", typed).env("MSR_CHECKOUT", &root);
        replace(run).with_context(|| format!("{}", path.display()))
    }

    /// Builds the program into the folder where this one lies. Cargo shows its progress, unless
    /// there is nothing to do.
    fn build(&self, program: &str, this: &Path, root: &Path) -> Result<()> {
        let mut build = cargo();
        // From the user's folder, as the cargo that built this program, so that both agree on the
        // target folder.
        build.args(["build", "--bin", program, "--manifest-path"]).arg(root.join("Cargo.toml"));
        let profile = this.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        if let Some(profile) = profile.filter(|&name| name != "debug") {
            build.args(["--profile", profile]);
        }
        if let Some(features) = &self.features {
            build.arg("--features").arg(features);
        }
        let status = build.status().context("cannot start cargo")?;
        ensure!(status.success(), "{program} could not be built");
        Ok(())
    }
}

/// The program takes the place of this one: its exit code, or the signal that ends it, is ours.
#[cfg(unix)]
fn replace(mut run: Command) -> std::io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut run))
}

/// The program runs below this one, and its exit code is ours.
#[cfg(not(unix))]
fn replace(mut run: Command) -> std::io::Result<ExitCode> {
    let status = run.status()?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
