//! `cargo xtask cuda-host`: programs that were built for a GPU, on the processor. A driver stands in
//! for NVIDIA's, which runs this project's kernels as host code: plainly, under the sanitizers of
//! the C++ compiler, or counting what they move.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::{cargo, root};

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

/// The names under which NVIDIA's libraries are linked and loaded.
const LIBRARIES: [(&str, &str); 6] = [
    ("cuda", "1"),
    ("cublas", "13"),
    ("cublasLt", "13"),
    ("curand", "10"),
    ("nvrtc", "13"),
    ("cudart", "13"),
];

/// The number types of kernels.
const REALS: [(&str, &str); 2] = [("float", "f32"), ("double", "f64")];

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
        command.env("NVCC", self.sources().join("nvcc")).env("CUDARC_CUDA_VERSION", "13000");
        command.env("CUDA_COMPUTE_CAP", "80").env("LIBRARY_PATH", &links);
        for variable in ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"] {
            command.env_remove(variable);
        }
        Ok(command)
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
        let mut build = self.cargo()?;
        // Of the whole workspace: the features of all that it shares with the tests are theirs.
        build.args(["build", "--quiet", "--workspace", "--bin", "msr-bench", "--features", "msr-bench/cuda"]);
        run(&mut build)?;
        // Cargo has one place for the program, whatever features it has.
        let own = self.folder.join("msr-bench");
        fs::copy(self.target.join("debug/msr-bench"), &own).context("msr-bench")?;
        Ok(own)
    }

    /// Libraries with every function of NVIDIA's that cudarc and candle know: to link to.
    fn link_folder(&self) -> Result<PathBuf> {
        let folder = self.folder.join("link");
        fs::create_dir_all(&folder)?;
        let names = self.functions()?;
        let lines: String =
            names.iter().map(|name| format!("int {name}(void) {{ return 801; }}\n")).collect();
        let source = folder.join("all.c");
        if fs::read_to_string(&source).is_ok_and(|found| found == lines) {
            return Ok(folder);
        }
        for (name, version) in LIBRARIES {
            let text = if name == "cuda" { lines.as_str() } else { "" };
            let of_one = folder.join(format!("{name}.c"));
            fs::write(&of_one, text)?;
            let mut cc = Command::new("gcc");
            cc.args(["-w", "-shared", "-fPIC"]).arg(format!("-Wl,-soname,lib{name}.so.{version}"));
            run(cc.arg("-o").arg(folder.join(format!("lib{name}.so"))).arg(of_one))?;
        }
        fs::write(&source, lines)?;
        Ok(folder)
    }

    /// The functions of NVIDIA's libraries that cudarc declares, and those of candle's compiled
    /// kernels.
    fn functions(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let packages = output(
            cargo().args(["metadata", "--all-features", "--format-version", "1"]).current_dir(&self.root),
        )?;
        for package in ["cudarc", "candle-kernels"] {
            let folder = packages
                .split('"')
                .filter_map(|text| text.strip_suffix("/Cargo.toml"))
                .find(|folder| Path::new(folder).file_name().is_some_and(|name| is_of(package, name)))
                .with_context(|| format!("cargo knows no package {package}"))?;
            let mut folders = vec![PathBuf::from(folder).join("src")];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
                    let path = entry?.path();
                    if path.is_dir() {
                        folders.push(path);
                    } else if path.extension().is_some_and(|e| e == "rs") {
                        names(&fs::read_to_string(&path)?, &mut found);
                    }
                }
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// The driver of a mode: a folder with the libraries.
    fn driver(&self, mode: Mode) -> Result<PathBuf> {
        let folder = self.folder.join(mode.name());
        fs::create_dir_all(&folder)?;
        let objects = self.objects(mode, &folder)?;
        let links = self.link_folder()?;
        for (name, version) in LIBRARIES.iter().filter(|(name, _)| *name != "cuda") {
            fs::copy(links.join(format!("lib{name}.so")), folder.join(format!("lib{name}.so.{version}")))?;
        }
        let library = folder.join("libcuda.so.1");
        if newest(objects.iter())? <= modified(&library) {
            return Ok(folder);
        }
        // What the driver does not have answers that it does not.
        let bare = folder.join("bare.so");
        self.link(mode, &objects, None, &bare)?;
        let has = output(Command::new("nm").args(["-D", "--defined-only"]).arg(&bare))?;
        let has: std::collections::HashSet<&str> =
            has.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        let rest = self.functions()?.into_iter().filter(|name| !has.contains(name.as_str()));
        let lines: String = rest.map(|name| format!("int {name}(void) {{ return 801; }}\n")).collect();
        let source = folder.join("rest.c");
        fs::write(&source, lines)?;
        self.link(mode, &objects, Some(&source), &library)?;
        fs::remove_file(bare)?;
        Ok(folder)
    }

    fn link(&self, mode: Mode, objects: &[PathBuf], rest: Option<&Path>, to: &Path) -> Result<()> {
        let mut object = None;
        if let Some(rest) = rest {
            let path = rest.with_extension("o");
            run(Command::new("gcc").args(["-w", "-fPIC", "-c", "-o"]).arg(&path).arg(rest))?;
            object = Some(path);
        }
        let mut link = Command::new("g++");
        link.args(["-shared", "-Wl,-soname,libcuda.so.1", "-o"]).arg(to);
        if mode != Mode::Count {
            link.args(mode.flags());
        }
        run(link.args(objects).args(object).arg("-ldl"))
    }

    /// The compiled sources of the driver, and the kernels for each number type.
    fn objects(&self, mode: Mode, folder: &Path) -> Result<Vec<PathBuf>> {
        let (sources, kernels) = (self.sources(), self.root.join("crates/msr-kernels/src"));
        let mut headers = Vec::new();
        for folder in [&sources, &kernels.join("cuda")] {
            let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
            headers.extend(files.filter(|path| path.extension().is_some_and(|e| e == "hpp" || e == "cuh")));
        }
        let headers = newest(headers.iter())?;
        let mut jobs = Vec::new();
        for name in ["driver", "candle", "traffic", "block_order"] {
            jobs.push((sources.join(format!("{name}.cpp")), folder.join(format!("{name}.o")), None));
        }
        let mut operations: Vec<PathBuf> =
            fs::read_dir(&kernels)?.flatten().map(|entry| entry.path()).collect();
        operations.sort();
        for operation in operations.iter().filter(|folder| folder.join("kernel.cu").is_file()) {
            let name = operation.file_name().unwrap_or_default().to_string_lossy();
            for real in REALS {
                let object = folder.join(format!("{name}_{}.o", real.1));
                jobs.push((operation.join("kernel.cu"), object, Some(real)));
            }
        }
        let old = jobs.iter().filter(|(source, object, _)| modified(object) < headers.max(modified(source)));
        let (next, problems) = (Mutex::new(old), Mutex::new(Vec::new()));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let job = next.lock().ok().and_then(|mut jobs| jobs.next());
                        let Some((source, object, real)) = job else { return };
                        let mut compile = Command::new("g++");
                        compile.args(["-std=c++20", "-fPIC", "-g1", "-Wall", "-Wextra", "-Werror"]);
                        compile.args(["-Wno-unknown-pragmas", "-x", "c++", "-I"]);
                        compile.arg(&sources).arg("-I").arg(kernels.join("cuda"));
                        // Its own accesses are not those of kernels.
                        let flags = mode.flags().iter().filter(|flag| {
                            mode != Mode::Count || real.is_some() || !flag.starts_with("-fsanitize")
                        });
                        compile.args(flags);
                        if let Some((real, suffix)) = real {
                            compile
                                .arg(format!("-DREAL={real}"))
                                .arg(format!("-DKERNEL(name)=name##_{suffix}"));
                        }
                        if let Err(problem) = run(compile.arg("-c").arg("-o").arg(object).arg(source))
                            && let Ok(mut problems) = problems.lock()
                        {
                            problems.push(problem);
                        }
                    }
                });
            }
        });
        if let Some(problem) = problems.into_inner().ok().and_then(|mut all| all.pop()) {
            return Err(problem);
        }
        Ok(jobs.into_iter().map(|(_, object, _)| object).collect())
    }
}

/// Runs `msr-bench` with the words after the mode on the driver.
///
/// # Errors
/// When there is no such mode, something cannot be built, or the program fails.
pub fn bench(words: &[OsString]) -> Result<()> {
    let mode = words.first().and_then(|word| Mode::ALL.iter().find(|(name, _)| word == name));
    let Some((_, mode)) = mode else {
        bail!("`cargo xtask cuda-host` needs plain, address, thread or count, then words for msr-bench");
    };
    let host = Host::new()?;
    let program = host.bench()?;
    run(host.command(*mode, &program)?.args(&words[1..]))
}

/// Whether a folder is that of a package of some version.
fn is_of(package: &str, folder: &std::ffi::OsStr) -> bool {
    let rest =
        folder.to_str().and_then(|name| name.strip_prefix(package)).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// The foreign functions that a file declares, where they are NVIDIA's or of candle's kernels.
fn names(text: &str, found: &mut Vec<String>) {
    const STARTS: [&str; 6] = ["cu", "nvrtc", "moe_", "launch_mm", "candle_launch_", "nvJitLink"];
    for line in text.lines() {
        let declared =
            ["pub fn ", "pub unsafe fn "].iter().find_map(|start| line.trim_start().strip_prefix(start));
        let Some(rest) = declared else { continue };
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        if STARTS.iter().any(|start| name.starts_with(start)) {
            found.push(name.into());
        }
    }
}

/// When a file was changed; long ago when there is none.
fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).and_then(|data| data.modified()).unwrap_or(std::time::UNIX_EPOCH)
}

/// When the last of files was changed.
fn newest<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Result<std::time::SystemTime> {
    paths.map(|path| modified(path)).max().context("no file to make the driver of")
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
