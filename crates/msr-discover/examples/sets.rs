//! What is found in data sets in `.npz` files: `x (tasks, examples, inputs)`, `y (tasks, examples,
//! outputs)`; behind a `+` in front of a name signs are looked for, behind a `*` products of
//! inputs.
//! `NAME=4x4` says how inputs and outputs are laid out.
#![allow(clippy::print_stdout, reason = "an example")]

use msr_discover::{DiscoverConfig, Layout, discover};

mod reading;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for argument in std::env::args().skip(1) {
        let (signed, pairs) = (argument.starts_with('+'), argument.starts_with('*'));
        let path = argument.trim_start_matches(['+', '*']);
        let (path, shape) = path.split_once('=').unwrap_or((path, ""));
        let sizes = shape.split('x').filter(|size| !size.is_empty()).map(str::parse::<usize>);
        let shape: Vec<usize> = sizes.collect::<Result<_, _>>()?;
        let layout = Layout { inputs: shape.clone(), outputs: shape };
        let tasks = reading::read(path)?;
        let start = std::time::Instant::now();
        let verdict =
            discover(&tasks, &DiscoverConfig { signed, pairs, layout, ..DiscoverConfig::default() })?;
        println!("{path} ({:.1} s): {verdict}", start.elapsed().as_secs_f64());
        if std::env::var_os("MSR_SHOW").is_some() {
            for generator in verdict.symmetry().iter().flat_map(|symmetry| &symmetry.generators) {
                let (y, x) = &generator.pair;
                let strength =
                    generator.strength.map(|s| [s.lower, s.value, s.upper].map(|s| (s * 1e3).round() / 1e3));
                println!("  outputs {y} inputs {x}: strength {strength:?}");
            }
            for row in &verdict.tested {
                println!(
                    "  k {} alpha {:.4} [{:.4}, {:.4}] p {:.4} gain {:.4} visible {:.2} ln {:.1} order {:?} {} {}",
                    row.pattern.free_parameters(),
                    row.asymmetry.value,
                    row.asymmetry.lower,
                    row.asymmetry.upper,
                    row.p_score,
                    row.gain,
                    row.visible,
                    row.ln_coincidence,
                    row.order,
                    if row.is_accepted { "accepted" } else { "" },
                    if row.is_refused { "refused" } else { "" }
                );
            }
        }
    }
    Ok(())
}
