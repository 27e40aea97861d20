//! The memory of this process: what it has had, and what it may still take.

use std::fs::read_to_string;

/// The most memory that this process has had, in MiB, where the system says it.
pub fn peak_memory() -> Option<u64> {
    let status = read_to_string("/proc/self/status").ok()?;
    Some(bytes(&status, "VmHWM:")?.div_ceil(1 << 20))
}

/// The bytes of memory that can be had without swapping, where the system says it: those that are
/// available, but no more than the control group of this process may have.
pub fn available_memory() -> Option<u64> {
    let available = read_to_string("/proc/meminfo").ok().and_then(|text| bytes(&text, "MemAvailable:"));
    let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    // `max` is no number, and no limit.
    let limits = groups.iter().filter_map(|path| read_to_string(path).ok()?.trim().parse().ok());
    available.into_iter().chain(limits).min()
}

/// The bytes of a line `key 12 kB`.
fn bytes(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::{available_memory, bytes, peak_memory};

    #[test]
    fn what_the_system_says() {
        assert_eq!(bytes("A: 1 kB\nB:\t 20 kB\n", "B:"), Some(20 << 10));
        for text in ["", "B: 20", "B: x kB", "C: 20 kB", "B: 18446744073709551615 kB"] {
            assert_eq!(bytes(text, "B:"), None, "{text}");
        }
        if cfg!(target_os = "linux") {
            assert!(peak_memory().is_some_and(|mib| mib > 0));
            assert!(available_memory().is_some_and(|bytes| bytes > 1 << 20));
        }
    }
}
