//! The memory of this process, as the system counts it.

use std::fs;

/// Returns the peak resident memory, in KiB; zero where the system does not report it.
pub(crate) fn peak_kib() -> u64 {
    field("VmHWM:")
}

/// Returns the resident memory, in KiB; zero where the system does not report it.
pub(crate) fn resident_kib() -> u64 {
    field("VmRSS:")
}

fn field(name: &str) -> u64 {
    // Only Linux has this file; elsewhere the column shows zero.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Converts KiB to MiB.
pub(crate) fn mib(kib: u64) -> f64 {
    // No machine has enough memory to lose a digit that is shown.
    kib as f64 / 1024.0
}
