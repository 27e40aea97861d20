//! Peak memory of a large sharing pattern and of a regular action, measured by the allocator. One
//! test: nothing else may run beside it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use msr_groups::{Action, SharingPattern, cyclic, torus_translations};
use msr_testkit::{CountingAllocator, peak_memory};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_million_weights_and_a_regular_action_take_a_few_bytes_each() {
    let peak = peak_memory(|| {
        let action = Action::natural(&torus_translations(32, 32).unwrap());
        let pattern = SharingPattern::new(&action, &action).unwrap();
        assert_eq!((pattern.labels().len(), pattern.free_parameters()), (1 << 20, 1024));
        assert!(pattern.sizes().iter().all(|&size| size == 1024));
    });
    println!("C_32 × C_32 on 1024 × 1024: {:.1} MB", peak as f64 / 1e6);
    assert!(peak <= 64_000_000, "{peak} bytes");
    // It took 1.1 GiB when the elements were written out.
    let peak = peak_memory(|| {
        assert_eq!(Action::regular(&cyclic(11_585).unwrap()).unwrap().points(), 11_585);
    });
    println!("C_11585 on itself: {:.1} MB", peak as f64 / 1e6);
    assert!(peak <= 8_000_000, "{peak} bytes");
}
