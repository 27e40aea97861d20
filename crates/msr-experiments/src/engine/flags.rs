//! The flags that all experiments have.

use std::path::PathBuf;

use super::device::DeviceName;

/// The flags of an experiment, with those of its own.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags<Own: clap::Args> {
    /// A smoke run: fewer steps, problems and test tasks, and where that is not enough fewer
    /// methods.
    #[arg(long, conflicts_with = "resume")]
    pub quick: bool,
    /// Only these methods, by the names in the table, separated by commas.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub methods: Vec<String>,
    /// Those of its own.
    #[command(flatten)]
    pub own: Own,
    /// How many seeds; the table shows the mean over them.
    #[arg(long, conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Steps of the outer loop.
    #[arg(long, conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(1..))]
    pub outer_steps: Option<u64>,
    /// Steps of the inner loop.
    #[arg(long, conflicts_with = "resume")]
    pub inner_steps: Option<usize>,
    /// Where to compute.
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub device: Option<DeviceName>,
    /// Another definition of the experiment, in place of the one that is built in.
    #[arg(long, value_name = "FILE.toml", conflicts_with = "resume")]
    pub definition: Option<PathBuf>,
    /// The run folder; without it, a new one in the folder EXPERIMENT of --runs.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where run folders are made and looked for.
    #[arg(long, value_name = "DIR", env = "MSR_RUNS", hide_env_values = true, default_value = "runs")]
    pub runs: PathBuf,
    /// Continue an interrupted run: the one in --out, or the newest that is not finished. Its
    /// settings are taken from its folder.
    #[arg(long)]
    pub resume: bool,
    /// Also write the table, the machine and the command to a dated folder of docs/results.
    #[arg(long)]
    pub record: bool,
    /// Print the results as JSON on stdout, and everything else on stderr.
    #[arg(long)]
    pub json: bool,
}
