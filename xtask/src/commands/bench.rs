//! `cargo xtask bench`: speed, as ratios of two things measured in one run.

use anyhow::Result;
use clap::Subcommand;

/// The suites.
#[derive(Subcommand)]
pub enum Suite {}

/// Runs a suite.
pub fn run(suite: Suite) -> Result<()> {
    match suite {}
}
