//! `cargo xtask bench`: speed, as ratios of two things measured in one run. One suite a file.

mod fc;
mod groups;
mod machine_rates;
mod peer;
mod rot8;
mod step;

use anyhow::Result;
use clap::Subcommand;

/// The suites.
#[derive(Subcommand)]
pub enum Suite {
    /// The MSR-FC meta-step of Table 1: 32 tasks, one support and 19 query examples, Adam included.
    Fc(step::StepArgs),
    /// The MSR-Conv meta-step of the C8 problem of Table 2: 32 tasks, one support and 19 query images, Adam included.
    Rot8(step::StepArgs),
    /// Sharing patterns, large groups, and recovery of groups.
    Groups(groups::Args),
}

/// Runs a suite.
pub fn run(suite: Suite) -> Result<()> {
    match suite {
        Suite::Fc(args) => fc::run(&args),
        Suite::Rot8(args) => rot8::run(&args),
        Suite::Groups(args) => groups::run(&args),
    }
}

/// The median; NaN when there is nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn medians() {
        assert_eq!(super::median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(super::median(&[4.0, 1.0]), 2.5);
        assert!(super::median(&[]).is_nan());
    }
}
