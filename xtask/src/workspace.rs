//! Where things are, and the machine this runs on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use candle_core::Device;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// The device that `--device` names.
pub fn device(name: DeviceName) -> Result<Device> {
    match name {
        DeviceName::Cpu => Ok(Device::Cpu),
        DeviceName::Cuda if !cfg!(feature = "cuda") => bail!(
            "this program was built without CUDA; build it with `cargo run --package xtask --features cuda -- …` \
             on a machine with the CUDA toolkit, or use --device cpu"
        ),
        DeviceName::Cuda => Device::new_cuda(0).context("no CUDA device can be used"),
    }
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceName {
    /// The processor.
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

/// The most memory that this process has had, in MiB, where the system says it.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()?.div_ceil(1024))
}

/// A few lines that say what produced a result: processor, cores, memory, compiler, commit.
pub fn machine() -> String {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str| {
        text.lines()
            .find_map(|l| l.strip_prefix(key)?.split_once(':').map(|(_, v)| v.trim().to_string()))
            .unwrap_or_else(|| "unknown".into())
    };
    let output = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).current_dir(root()).output().ok();
        let text = output
            .filter(|o| o.status.success())
            .map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string());
        text.unwrap_or_else(|| "unknown".into())
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // Recorded results and what is spliced from them are no change of the program.
    let dirty = if output("git", &["status", "--porcelain", "--", ".", ":!docs", ":!README.md"]).is_empty() {
        ""
    } else {
        " with local changes"
    };
    format!(
        "processor: {}\ncores: {cores}\nmemory: {}\nsystem: {} {}\ncompiler: {}\ncommit: {}{dirty}\n",
        field(&file("/proc/cpuinfo"), "model name"),
        field(&file("/proc/meminfo"), "MemTotal"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        output("rustc", &["--version"]),
        output("git", &["rev-parse", "--short", "HEAD"]),
    )
}
