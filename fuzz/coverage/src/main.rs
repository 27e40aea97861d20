//! One target of msr-fuzz, named by `MSR_FUZZ_TARGET`, under libFuzzer.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use msr_fuzz::{TARGETS, Target};

fuzz_target!(|data: &[u8]| {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let name = std::env::var("MSR_FUZZ_TARGET").unwrap_or_default();
        match TARGETS.iter().find(|target| target.name == name) {
            Some(target) => *target,
            None => {
                let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                eprintln!("MSR_FUZZ_TARGET must be one of {}", names.join(", "));
                std::process::exit(2);
            }
        }
    });
    (chosen.run)(data);
});
