//! Programs that this one runs beside itself, and that print lines of JSON: the same work in
//! another framework, and our own work in a process of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context, Error, Result};
use msr_kernels::Place;
use serde::de::DeserializeOwned;

/// A program that runs. It is ended when this is dropped.
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it writes to stderr, read beside the lines: a full pipe would stop it.
    complaints: Option<JoinHandle<String>>,
}

impl Program {
    /// Starts `command`, which is called `name` in messages.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: impl Into<String>, command: &mut Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let complaints = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let lines = BufReader::new(stdout.context("it has no stdout")?).lines();
        Ok(Self { name: name.into(), child, stdin, lines, complaints: Some(complaints) })
    }

    /// The next line that it prints; `None` at the end of a program that did well.
    ///
    /// # Errors
    /// When the line is no such JSON, or the program failed: with what it wrote to stderr.
    pub fn line<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let name = &self.name;
        let Some(line) = self.lines.next() else {
            let status = self.child.wait()?;
            return match status.success() {
                true => Ok(None),
                false => Err(self.failed(Error::msg(format!("{} failed ({status})", self.name)))),
            };
        };
        let read = line.with_context(|| format!("{name} printed no text"));
        let parsed = read
            .and_then(|line| serde_json::from_str(&line).with_context(|| format!("{name} printed {line:?}")));
        parsed.map(Some).map_err(|error| self.failed(error))
    }

    /// Tells it a line, and waits for the line that it answers.
    ///
    /// # Errors
    /// As [`Program::line`]; and when it ended instead.
    pub fn ask<T: DeserializeOwned>(&mut self, line: &str) -> Result<T> {
        let told = match &mut self.stdin {
            Some(stdin) => writeln!(stdin, "{line}").and_then(|()| stdin.flush()),
            None => Ok(()),
        };
        match told {
            Ok(()) => self.answer(),
            // It has ended: why, it says itself.
            Err(error) => Err(self.answer::<T>().err().unwrap_or_else(|| error.into())),
        }
    }

    /// The next line, which must be there.
    ///
    /// # Errors
    /// As [`Program::line`]; and when it ended instead.
    pub fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.line()?.with_context(|| format!("{} ended without an answer", self.name))
    }

    /// The error, with what the program wrote to stderr. The program is ended: it would go on
    /// computing for nobody.
    fn failed(&mut self, error: Error) -> Error {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        match complaints.trim() {
            "" => error,
            complaints => error.context(complaints.to_string()),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // At the end of its input it ends by itself; a step that is under way is not waited for.
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Programs in other frameworks: `python <scripts>/peers/<script>`.
#[derive(Clone, Copy, Debug)]
pub struct Scripts<'a> {
    /// The Python that has the frameworks.
    pub python: &'a Path,
    /// The folder of this project's scripts.
    pub folder: &'a Path,
    /// Where they compute.
    pub place: Place,
}

impl Scripts<'_> {
    /// A command that runs one of them, where ours computes and nowhere else, without
    /// TensorFloat-32, as ours.
    pub fn command(&self, script: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(self.python);
        // A checkout stays as it is.
        command.arg(self.folder.join("peers").join(script.as_ref())).env("PYTHONDONTWRITEBYTECODE", "1");
        let Place::Cuda(ordinal) = self.place else {
            command.env("JAX_PLATFORMS", "cpu").env("CUDA_VISIBLE_DEVICES", "");
            return command;
        };
        let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
        command.env("CUDA_VISIBLE_DEVICES", nth_visible(visible.as_deref(), ordinal));
        // Memory for what else runs on the card.
        command.env("JAX_PLATFORMS", "cuda").env("XLA_PYTHON_CLIENT_PREALLOCATE", "false");
        command.env("JAX_DEFAULT_MATMUL_PRECISION", "highest").env("NVIDIA_TF32_OVERRIDE", "0");
        command
    }
}

/// What the GPU of that number is called in `CUDA_VISIBLE_DEVICES`, where only these are visible.
fn nth_visible(visible: Option<&str>, ordinal: usize) -> String {
    let nth = visible.and_then(|list| list.split(',').nth(ordinal)).map(str::trim);
    nth.filter(|name| !name.is_empty()).map_or_else(|| ordinal.to_string(), str::to_string)
}

/// Runs a script of `<scripts>/peers` and hands over what it measures, a line of JSON each, as it
/// comes.
///
/// # Errors
/// When Python cannot be started, or the script fails.
pub fn run_peer<T: DeserializeOwned>(
    scripts: Scripts<'_>,
    name: &str,
    args: &[String],
    mut measured: impl FnMut(T),
) -> Result<()> {
    let mut peer = Program::start(name, scripts.command(name).args(args))
        .with_context(|| format!("cannot start {}; name a Python with --python", scripts.python.display()))?;
    let jax = if scripts.place == Place::Cpu { "jax" } else { "'jax[cuda13]'" };
    let needs = || format!("{name} needs `pip install {jax} optax numpy` in the Python that --python names");
    while let Some(found) = peer.line().with_context(needs)? {
        measured(found);
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;
    use std::process::Command;

    use msr_kernels::Place;

    use super::{Program, Scripts, nth_visible};

    fn shell(line: &str) -> anyhow::Result<Program> {
        Program::start("the shell", Command::new("sh").args(["-c", line]))
    }

    #[test]
    fn lines_and_answers() -> anyhow::Result<()> {
        let mut program = shell("echo 1; read line; echo $line; read line; exit 0")?;
        assert_eq!(program.line::<u32>()?, Some(1));
        assert_eq!(program.ask::<u32>("23")?, 23);
        let ended = program.ask::<u32>("4").err().map(|e| e.to_string());
        assert_eq!(ended.as_deref(), Some("the shell ended without an answer"));
        Ok(())
    }

    #[test]
    fn peers_compute_where_ours_does() {
        let (python, folder) = (Path::new("python3"), Path::new("scripts"));
        let of = |place, name: &str| {
            let command = Scripts { python, folder, place }.command("a.py");
            let found = command.get_envs().find(|(key, _)| *key == OsStr::new(name));
            found.and_then(|(_, value)| Some(value?.to_string_lossy().into_owned()))
        };
        let cpu = [of(Place::Cpu, "JAX_PLATFORMS"), of(Place::Cpu, "CUDA_VISIBLE_DEVICES")];
        assert_eq!(cpu, [Some("cpu".into()), Some(String::new())]);
        assert_eq!(of(Place::Cuda(0), "JAX_PLATFORMS"), Some("cuda".into()));
        assert_eq!(of(Place::Cuda(0), "NVIDIA_TF32_OVERRIDE"), Some("0".into()));
        assert_eq!(nth_visible(None, 2), "2");
        assert_eq!(nth_visible(Some("5, 7"), 1), "7");
        assert_eq!(nth_visible(Some(""), 0), "0");
    }

    #[test]
    fn what_went_wrong_is_said() -> anyhow::Result<()> {
        let said =
            |error: Option<anyhow::Error>| format!("{:#}", error.unwrap_or_else(|| anyhow::anyhow!("")));
        let failed = said(shell("echo because >&2; exit 3")?.line::<u32>().err());
        assert!(failed.starts_with("because: the shell failed (exit") && failed.contains('3'), "{failed}");
        let odd = said(shell("echo word; sleep 60")?.line::<u32>().err());
        assert!(odd.starts_with("the shell printed \"word\""), "{odd}");
        let asked = said(shell("echo because >&2; exit 3")?.ask::<u32>("1").err());
        assert!(asked.starts_with("because"), "{asked}");
        Ok(())
    }
}
