#!/usr/bin/env bash
# Runs a target of msr-fuzz under libFuzzer: scripts/fuzz-coverage.sh TARGET [SECONDS]
# What it finds worth keeping lies in fuzz/found/TARGET; a failing input is kept in the current folder.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
target="${1:?which target? cargo run -p msr-fuzz -- --target none lists them}"
seconds="${2:-60}"
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags="$flags -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
host="$(rustc +nightly -vV | sed -n 's/^host: //p')"
cp "$root/Cargo.lock" "$root/fuzz/coverage/Cargo.lock"
RUSTFLAGS="$flags" cargo +nightly build --release --target "$host" \
    --manifest-path "$root/fuzz/coverage/Cargo.toml" --target-dir "$root/target/coverage"
found="$root/fuzz/found/$target"
mkdir -p "$found"
seeds="$(mktemp -d)"
trap 'rm -rf "$seeds"' EXIT
cargo run --quiet --manifest-path "$root/Cargo.toml" -p msr-fuzz -- --target "$target" --write-seeds "$seeds"
MSR_FUZZ_TARGET="$target" "$root/target/coverage/$host/release/msr-fuzz-coverage" \
    -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=16384 "$found" "$seeds"
