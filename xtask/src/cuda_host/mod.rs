//! `cargo xtask cuda-host`: programs that were built for a GPU, on the processor. A driver stands
//! in for NVIDIA's, which runs this project's kernels as host code: plainly, under the sanitizers
//! of the C++ compiler, or counting what they move.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::{cargo, root};

mod checks;
mod libraries;

pub use checks::{checks, clippy};

/// How kernels are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As they are.
    Plain,
    /// With the sanitizers of addresses and of undefined behaviour.
    Address,
    /// With the detector of races between the threads of a block.
    Thread,
    /// Counting what passes between blocks and the memory of the device.
    Count,
}

impl Mode {
    /// All, with their names.
    pub const ALL: [(&str, Mode); 4] = [
        ("plain", Mode::Plain),
        ("address", Mode::Address),
        ("thread", Mode::Thread),
        ("count", Mode::Count),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Mode::Plain => &["-O2"],
            Mode::Address => &[
                "-O1",
                "-fsanitize=address,undefined",
                "-fno-sanitize-recover=all",
                "-fsanitize-sections=host_cuda_shared",
            ],
            Mode::Thread => &["-O1", "-fsanitize=thread"],
            Mode::Count => &["-O2", "-fsanitize=thread", "-DCOUNT_TRAFFIC"],
        }
    }

    /// The sanitizer's library, which must be the first that is loaded, and what it is told.
    fn runtime(self, sources: &Path) -> Option<(&'static str, &'static str, String)> {
        match self {
            Mode::Address => Some(("libasan.so", "ASAN_OPTIONS", "detect_leaks=0".into())),
            Mode::Thread => {
                let known = sources.join("thread.supp");
                // Kernels alone are compiled for the detector.
                let options = "halt_on_error=1:ignore_noninstrumented_modules=1";
                Some(("libtsan.so", "TSAN_OPTIONS", format!("{options}:suppressions={}", known.display())))
            }
            Mode::Plain | Mode::Count => None,
        }
    }
}

/// The driver on the processor, and a program that was built for it.
pub struct Host {
    root: PathBuf,
    /// Where cargo builds.
    target: PathBuf,
    /// Where everything else is made.
    folder: PathBuf,
}

impl Host {
    /// In the folder of everything that is built.
    ///
    /// # Errors
    /// When there is no checkout here.
    pub fn new() -> Result<Self> {
        let root = root()?;
        let target = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        Ok(Self { folder: target.join("cuda-host"), target, root })
    }

    fn sources(&self) -> PathBuf {
        self.root.join("xtask/cuda-host")
    }

    /// A command of cargo for programs with the feature `cuda`: linked to the driver, with a
    /// stand-in for NVIDIA's compiler, as machine code of a GPU is not looked at.
    ///
    /// # Errors
    /// When the libraries to link to cannot be made.
    pub fn cargo(&self) -> Result<Command> {
        let links = self.link_folder()?;
        let mut command = cargo();
        command.current_dir(&self.root);
        command.env("NVCC", self.compiler()?).env("CUDARC_CUDA_VERSION", "13000");
        command.env("CUDA_COMPUTE_CAP", "80").env("LIBRARY_PATH", &links);
        for variable in ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"] {
            command.env_remove(variable);
        }
        Ok(command)
    }

    /// What stands in for NVIDIA's compiler. Where there is one, it compiles this project's kernels
    /// (to machine code in fat binaries), so that they are seen to compile; candle's take minutes.
    fn compiler(&self) -> Result<PathBuf> {
        let stand_in = self.sources().join("nvcc");
        let Some(real) = self.nvcc() else { return Ok(stand_in) };
        let both = self.folder.join("nvcc");
        let text = format!(
            "#!/bin/sh\ncase \" $* \" in *' -fatbin '*) exec '{}' \"$@\" ;; *) exec '{}' \"$@\" ;; esac\n",
            real.display(),
            stand_in.display()
        );
        if !fs::read_to_string(&both).is_ok_and(|found| found == text) {
            fs::create_dir_all(&self.folder)?;
            fs::write(&both, text)?;
            run(Command::new("chmod").arg("+x").arg(&both))?;
        }
        Ok(both)
    }

    /// NVIDIA's compiler: of the toolkit that `CUDA_HOME` names, or that scripts/cuda-toolkit.sh
    /// put into the folder of everything that is built.
    pub fn nvcc(&self) -> Option<PathBuf> {
        let homes = std::env::var_os("CUDA_HOME").map(PathBuf::from).into_iter();
        let homes = homes.chain([self.target.join("cuda-toolkit/home")]);
        homes.map(|home| home.join("bin/nvcc")).find(|path| path.is_file())
    }

    /// Runs `program` with the driver of a mode; the words are its own.
    ///
    /// # Errors
    /// When the driver cannot be made.
    pub fn command(&self, mode: Mode, program: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", self.driver(mode)?);
        if let Some((library, variable, options)) = mode.runtime(&self.sources()) {
            let found = output(Command::new("g++").arg(format!("-print-file-name={library}")))?;
            command.env("LD_PRELOAD", found.trim()).env(variable, options);
        }
        if mode == Mode::Thread {
            // How the threads of the program synchronise, the detector cannot see.
            command.env("RAYON_NUM_THREADS", "1");
        }
        Ok(command)
    }

    /// Builds `msr-bench` for it.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn bench(&self) -> Result<PathBuf> {
        self.program("msr-bench")
    }

    /// One of the programs of the workspace, built for a GPU.
    ///
    /// # Errors
    /// When it cannot be built.
    fn program(&self, name: &str) -> Result<PathBuf> {
        let mut build = self.cargo()?;
        // Of the whole workspace: the features of all that it shares with the tests are theirs.
        let features = format!("{name}/cuda");
        build.args(["build", "--quiet", "--workspace", "--bin", name, "--features", &features]);
        run(&mut build)?;
        // Cargo has one place for the program, whatever features it has.
        let own = self.folder.join(name);
        fs::copy(self.target.join("debug").join(name), &own).context(name.to_string())?;
        Ok(own)
    }
}

/// Runs `msr-bench` with the words after the mode on the driver; or, for `checks`, all that
/// continuous integration asks.
///
/// # Errors
/// When there is no such mode, something cannot be built, or the program fails.
pub fn bench(words: &[OsString]) -> Result<()> {
    if words.len() == 1 && words[0] == "checks" {
        return checks();
    }
    let mode = words.first().and_then(|word| Mode::ALL.iter().find(|(name, _)| word == name));
    let Some((_, mode)) = mode else {
        bail!(
            "`cargo xtask cuda-host` needs plain, address, thread or count, then words for msr-bench; or `checks`"
        );
    };
    let host = Host::new()?;
    let program = host.bench()?;
    run(host.command(*mode, &program)?.args(&words[1..]))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status();
    let status = status.with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// What a command prints.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output();
    let output = output.with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
