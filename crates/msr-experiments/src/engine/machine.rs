//! The machine this runs on.

use std::process::Command;

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
        let output = Command::new(program).args(args).output().ok();
        let text = output
            .filter(|o| o.status.success())
            .map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string());
        text.unwrap_or_else(|| "unknown".into())
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // Only who started this program knows from which sources it was built.
    let commit = std::env::var("MSR_COMMIT")
        .unwrap_or_else(|_| format!("unknown, version {}", env!("CARGO_PKG_VERSION")));
    format!(
        "processor: {}\ncores: {cores}\nmemory: {}\nsystem: {} {}\ncompiler: {}\ncommit: {commit}\n",
        field(&file("/proc/cpuinfo"), "model name"),
        field(&file("/proc/meminfo"), "MemTotal"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        output("rustc", &["--version"]),
    )
}
