//! What a symmetry that is found is worth, in data sets in `.npz` files: `x (tasks, examples,
//! inputs)`, `y (tasks, examples, outputs)`; behind a `+` in front of a name signs are looked for,
//! `=3x4` behind it is the grid of inputs and outputs, `--curve` asks for fewer tasks as well.
#![allow(clippy::print_stdout, reason = "an example")]

use msr_discover::{CompareConfig, DiscoverConfig, Layout, compare, discover};

mod reading;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut curve = false;
    for argument in std::env::args().skip(1) {
        if argument == "--curve" {
            curve = true;
            continue;
        }
        let (signed, path) =
            argument.strip_prefix('+').map_or((false, argument.as_str()), |path| (true, path));
        let (path, grid) = path.split_once('=').unwrap_or((path, ""));
        let grid: Vec<usize> = grid.split('x').filter_map(|side| side.parse().ok()).collect();
        let tasks = reading::read(path)?;
        let layout = Layout { inputs: grid.clone(), outputs: grid.clone() };
        let verdict = discover(&tasks, &DiscoverConfig { signed, layout, ..DiscoverConfig::default() })?;
        println!("{path}: {}", verdict.to_string().lines().next().unwrap_or_default());
        let pattern = verdict.symmetry().map(|symmetry| &symmetry.pattern);
        let config = CompareConfig { curve, ..CompareConfig::default() };
        println!("{}", compare(&tasks, pattern, None, (&grid, &grid), &config)?);
    }
    Ok(())
}
