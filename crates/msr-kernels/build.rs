//! Compiles every `src/<operation>/kernel.cu` for NVIDIA GPUs, once for each number type, when the
//! feature `cuda` is on: machine code for compute capability 8.0 and 9.0, and PTX for what comes
//! after. Without it, there is nothing to do. A warning is an error, and so are registers that are
//! spilled to memory.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

type Failure = Box<dyn std::error::Error>;

/// The number types: as C++ has them, and as they end the name of a kernel.
const REALS: [(&str, &str); 2] = [("float", "f32"), ("double", "f64")];

fn main() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-env-changed=NVCC");
    let nvcc = nvcc();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let sources = sources()?;
    let jobs: Vec<_> = sources.iter().flat_map(|source| REALS.map(|real| (source, real))).collect();
    let (next, failures) = (Mutex::new(jobs.iter()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let job = next.lock().ok().and_then(|mut jobs| jobs.next());
                    let Some(((name, source), real)) = job else { return };
                    if let Err(problem) = compile(&nvcc, source, *real, &out.join(binary(name, real.1)))
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.push(problem.to_string());
                    }
                }
            });
        }
    });
    if let Some(problem) = failures.into_inner()?.first() {
        return Err(problem.clone().into());
    }
    let line = |(name, _): &(String, PathBuf)| {
        let [single, double] = REALS.map(|(_, real)| format!("include_bytes!(\"{}\")", binary(name, real)));
        format!("    (\"{name}\", [{single}, {double}]),\n")
    };
    let lines: String = sources.iter().map(line).collect();
    let text = format!("const BINARIES: &[(&str, [&[u8]; 2])] = &[\n{lines}];\n");
    fs::write(out.join("binaries.rs"), text)?;
    Ok(())
}

/// The folders of operations that have a kernel, by name, with the kernel.
fn sources() -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut found = Vec::new();
    for folder in fs::read_dir("src")? {
        let folder = folder?;
        let source = folder.path().join("kernel.cu");
        if source.is_file() {
            found.push((folder.file_name().to_string_lossy().into_owned(), source));
        }
    }
    found.sort();
    Ok(found)
}

fn binary(name: &str, real: &str) -> String {
    format!("{name}_{real}.fatbin")
}

/// The compiler: `$NVCC`, or that of the toolkit that `$CUDA_HOME`, `$CUDA_PATH` or `$CUDA_ROOT`
/// names, or the one on the path.
fn nvcc() -> PathBuf {
    if let Some(named) = env::var_os("NVCC") {
        return named.into();
    }
    let homes = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"].into_iter().filter_map(|variable| {
        println!("cargo::rerun-if-env-changed={variable}");
        env::var_os(variable)
    });
    let mut compilers = homes.map(|home| Path::new(&home).join("bin/nvcc"));
    compilers.find(|path| path.is_file()).unwrap_or_else(|| "nvcc".into())
}

fn compile(nvcc: &Path, source: &Path, (real, suffix): (&str, &str), to: &Path) -> Result<(), Failure> {
    let mut command = Command::new(nvcc);
    command.args(["-fatbin", "-std=c++17", "-O3", "-Werror", "all-warnings"]);
    command.args(["-Xptxas", "-Werror,-warn-spills", "--expt-relaxed-constexpr"]);
    for code in
        ["arch=compute_80,code=sm_80", "arch=compute_90,code=sm_90", "arch=compute_80,code=compute_80"]
    {
        command.args(["-gencode", code]);
    }
    command.arg(format!("-DREAL={real}")).arg(format!("-DKERNEL(name)=name##_{suffix}"));
    command.args(["-I", "src/cuda", "-o"]).arg(to).arg(source);
    let output = command.output().map_err(|problem| {
        format!(
            "{} cannot be started: {problem}. The feature `cuda` needs NVIDIA's compiler: install the CUDA toolkit, \
             or run scripts/cuda-toolkit.sh, and name it with CUDA_HOME",
            nvcc.display()
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} does not compile for {suffix}:\n{said}", source.display()).into())
}
