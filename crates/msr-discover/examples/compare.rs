//! What a symmetry that is found is worth, in data sets in `.npz` files: `x (tasks, examples,
//! inputs)`, `y (tasks, examples, outputs)`; behind a `+` in front of a name signs are looked for,
//! `=3x4` behind it is the grid of inputs and outputs, `--curve` asks for fewer tasks as well.
#![allow(clippy::print_stdout, reason = "an example")]

use msr_discover::{CompareConfig, DiscoverConfig, Tasks, compare, discover};

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
        let bytes = std::fs::read(path)?;
        let mut arrays = msr_files::Arrays::from_bytes(&bytes)?;
        let shape = |name: &str,
                     arrays: &mut msr_files::Arrays<'_>|
         -> Result<Vec<usize>, Box<dyn std::error::Error>> {
            let found = arrays.list()?.into_iter().find(|array| array.name == name);
            Ok(found.ok_or("there is no such array")?.shape)
        };
        let (of_x, of_y) = (shape("x", &mut arrays)?, shape("y", &mut arrays)?);
        let (x, y) = (arrays.numbers("x")?, arrays.numbers("y")?);
        let mut tasks = Tasks::new(of_x[2], of_y[2])?;
        for task in 0..of_x[0] {
            let (a, b) = (of_x[1] * of_x[2], of_y[1] * of_y[2]);
            tasks.add(&x[task * a..(task + 1) * a], &y[task * b..(task + 1) * b])?;
        }
        let verdict = discover(&tasks, &DiscoverConfig { signed, ..DiscoverConfig::default() })?;
        println!("{path}: {}", verdict.to_string().lines().next().unwrap_or_default());
        let pattern = verdict.symmetry().map(|symmetry| &symmetry.pattern);
        let config = CompareConfig { curve, ..CompareConfig::default() };
        println!("{}", compare(&tasks, pattern, None, (&grid, &grid), &config)?);
    }
    Ok(())
}
