//! The libraries that stand in for NVIDIA's: those to link to, and the driver on the processor with
//! the kernels in it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result};

use super::{Host, Mode, output, run};
use crate::workspace::cargo;

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
pub(super) const REALS: [(&str, &str); 2] = [("float", "f32"), ("double", "f64")];

impl Host {
    /// Libraries with every function of NVIDIA's that cudarc and candle know: to link to.
    pub(super) fn link_folder(&self) -> Result<PathBuf> {
        let folder = self.folder.join("link");
        fs::create_dir_all(&folder)?;
        let names = self.functions()?;
        // Where a program runs with them: CUDA_ERROR_NO_DEVICE.
        let lines: String =
            names.iter().map(|name| format!("int {name}(void) {{ return 100; }}\n")).collect();
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
            let library = folder.join(format!("lib{name}.so"));
            run(cc.arg("-o").arg(&library).arg(of_one))?;
            fs::copy(&library, folder.join(format!("lib{name}.so.{version}")))?;
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
    pub(super) fn driver(&self, mode: Mode) -> Result<PathBuf> {
        let folder = self.folder.join(mode.name());
        fs::create_dir_all(&folder)?;
        let objects = self.objects(mode, &folder)?;
        self.driver_of(mode, &objects, &folder)?;
        Ok(folder)
    }

    /// The driver made of these objects, unless it is there and newer.
    pub(super) fn driver_of(&self, mode: Mode, objects: &[PathBuf], folder: &Path) -> Result<()> {
        let links = self.link_folder()?;
        for (name, version) in LIBRARIES.iter().filter(|(name, _)| *name != "cuda") {
            fs::copy(links.join(format!("lib{name}.so")), folder.join(format!("lib{name}.so.{version}")))?;
        }
        let library = folder.join("libcuda.so.1");
        if newest(objects.iter())? <= modified(&library) {
            return Ok(());
        }
        // What the driver does not have answers that it does not.
        let bare = folder.join("bare.so");
        self.link(mode, objects, None, &bare)?;
        let has = output(Command::new("nm").args(["-D", "--defined-only"]).arg(&bare))?;
        let has: HashSet<&str> = has.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        let rest = self.functions()?.into_iter().filter(|name| !has.contains(name.as_str()));
        let lines: String = rest.map(|name| format!("int {name}(void) {{ return 801; }}\n")).collect();
        let source = folder.join("rest.c");
        fs::write(&source, lines)?;
        self.link(mode, objects, Some(&source), &library)?;
        fs::remove_file(bare)?;
        Ok(())
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

    /// Compiles a source of the driver, or kernels for a number type.
    pub(super) fn compile(
        &self,
        mode: Mode,
        source: &Path,
        object: &Path,
        real: Option<(&str, &str)>,
    ) -> Result<()> {
        let mut compile = Command::new("g++");
        compile.args(["-std=c++20", "-fPIC", "-g1", "-Wall", "-Wextra", "-Werror"]);
        compile.args(["-Wno-unknown-pragmas", "-x", "c++", "-I"]);
        compile.arg(self.sources()).arg("-I").arg(self.kernels().join("cuda"));
        // The driver's own accesses are not those of kernels.
        let is_wanted =
            |flag: &&&str| mode != Mode::Count || real.is_some() || !flag.starts_with("-fsanitize");
        compile.args(mode.flags().iter().filter(is_wanted));
        if let Some((real, suffix)) = real {
            compile.arg(format!("-DREAL={real}")).arg(format!("-DKERNEL(name)=name##_{suffix}"));
        }
        run(compile.arg("-c").arg("-o").arg(object).arg(source))
    }

    /// Where operations and their kernels are.
    pub(super) fn kernels(&self) -> PathBuf {
        self.root.join("crates/msr-kernels/src")
    }

    /// The compiled sources of the driver, and the kernels for each number type.
    pub(super) fn objects(&self, mode: Mode, folder: &Path) -> Result<Vec<PathBuf>> {
        let (sources, kernels) = (self.sources(), self.kernels());
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
                        if let Err(problem) = self.compile(mode, source, object, *real)
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
        let declared = ["pub fn ", concat!("pub un", "safe fn ")]
            .iter()
            .find_map(|start| line.trim_start().strip_prefix(start));
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
