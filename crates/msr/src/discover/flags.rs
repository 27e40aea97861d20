//! The flags of `msr discover`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use msr_data::tasks::{TaskOptions, TasksFrom, parse_shape};
use msr_discover::{DiscoverConfig, Layout};

/// Where the data are, how they are read, and how it is decided.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Tasks: an .npz or .safetensors file with arrays x and y of (tasks, examples, ...), or with a
    /// group of arrays for each task; a .csv, .tsv or .parquet table with a column that says which
    /// task a row belongs to; or a folder of such files, one for each task. Tasks are to be
    /// independent, and to share no rows.
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// The inputs: the name of an array; of a table, columns (a,b,c), a range (p0..p15) or a
    /// pattern (pixel*). Without it, x, and columns that begin so.
    #[arg(long, value_name = "NAMES")]
    pub x: Option<String>,
    /// The outputs, in the same way. Without it, y.
    #[arg(long, value_name = "NAMES")]
    pub y: Option<String>,
    /// The column, or array, that says which task a row belongs to.
    #[arg(long, alias = "task", value_name = "NAME")]
    pub task_column: Option<String>,
    /// Make tasks of one set of data, between which its rows are divided: outputs (each is a task)
    /// or labels (each class against the others). Of fewer than 20 there is no verdict. column:NAME
    /// is the same as --task-column NAME.
    #[arg(long, value_name = "WHAT")]
    pub tasks_from: Option<TasksFrom>,
    /// y holds labels of classes, and each class is an output. Labels that are words are seen to
    /// be.
    #[arg(long)]
    pub classes: bool,
    /// How the inputs are laid out, as 4x4: maps of the grid are tried, and the verdict speaks of
    /// rows, turns and flips.
    #[arg(long, value_name = "SIZES", value_parser = shape)]
    pub shape: Option<Shape>,
    /// How the outputs are laid out.
    #[arg(long, value_name = "SIZES", value_parser = shape)]
    pub output_shape: Option<Shape>,
    /// Look for components that change their signs, too, as those of vectors do under a turn or a
    /// mirror.
    #[arg(long, conflicts_with = "pairs")]
    pub signed: bool,
    /// Take products of inputs as features, for maps without a linear part.
    #[arg(long)]
    pub pairs: bool,
    /// A symmetry is accepted when less than this share of the variation of the weights breaks it,
    /// with high confidence, and none of it surely; what surely breaks a tenth of it is refused. A
    /// number between 0 and 1, as 0.05, or a percentage, as 5%.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    pub tolerance: f64,
    /// Which tasks find and which confirm, and everything else that is drawn.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Leave a report, report.html, and verdict.json, which msr export reads, in this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on in a folder, after Ctrl-C too: what was finished there with the same data and settings
    /// is not done again. What is finished is printed again.
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// About how long the report may take to compare with other ways to learn, as 30s or 5m. The
    /// verdict takes the time that it needs.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = time)]
    pub budget: Duration,
    /// Only say how the data were understood, what each column is used for, and what a verdict
    /// would cost.
    #[arg(long)]
    pub check: bool,
    /// Print what is found as JSON on stdout, and everything else on stderr.
    #[arg(long)]
    pub json: bool,
}

/// Sizes, as they are typed; to the command line a list of numbers would be several flags.
#[derive(Clone, Debug)]
pub struct Shape(Vec<usize>);

fn shape(text: &str) -> Result<Shape> {
    Ok(Shape(parse_shape(text)?))
}

/// `0.05`, `5%`.
fn share(text: &str) -> Result<f64> {
    let (number, of) = match text.trim().strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let number = number.trim().parse::<f64>();
    Ok(number
        .context("a tolerance is a number between 0 and 1, such as 0.05, or a percentage, such as 5%")?
        / of)
}

/// `30s`, `5m`, `1h`; a number alone is of seconds.
fn time(text: &str) -> Result<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let seconds = match unit {
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let time = number.trim().parse::<f64>().unwrap_or(f64::NAN) * seconds;
    ensure!((1.0..1e6).contains(&time), "a time is a number with s, m or h, from 1s on, as 30s or 5m");
    Ok(Duration::from_secs_f64(time))
}

impl Args {
    /// How the files are read.
    pub fn options(&self) -> TaskOptions {
        TaskOptions {
            x: self.x.clone(),
            y: self.y.clone(),
            task_column: self.task_column.clone(),
            tasks_from: self.tasks_from.clone(),
            classes: self.classes,
            input_shape: self.shape.as_ref().map(|shape| shape.0.clone()),
            output_shape: self.output_shape.as_ref().map(|shape| shape.0.clone()),
            seed: self.seed,
            ..TaskOptions::default()
        }
    }

    /// How it is decided, of inputs and outputs that lie so.
    ///
    /// # Errors
    /// For a tolerance that is no share.
    pub fn config(&self, inputs: &[usize], outputs: &[usize]) -> Result<DiscoverConfig> {
        ensure!(
            self.tolerance > 0.0 && self.tolerance < 1.0,
            "--tolerance is a number above 0 and below 1, such as 0.05, not {}",
            self.tolerance
        );
        // A row of numbers is a grid only when someone says so.
        let grid = |shape: &[usize], is_said: bool| match is_said || shape.len() > 1 {
            true => shape.to_vec(),
            false => Vec::new(),
        };
        let layout = Layout {
            inputs: grid(inputs, self.shape.is_some()),
            outputs: grid(outputs, self.output_shape.is_some()),
        };
        Ok(DiscoverConfig {
            signed: self.signed,
            pairs: self.pairs,
            layout,
            tolerance: self.tolerance,
            seed: self.seed,
            ..DiscoverConfig::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{share, time};

    #[test]
    fn tolerances_may_be_percentages() {
        for (text, number) in [("0.05", 0.05), ("5%", 0.05), (" 2.5 %", 0.025)] {
            assert_eq!(share(text).ok(), Some(number), "{text}");
        }
        for text in ["", "%", "much", "5 percent", "0,05"] {
            assert!(share(text).is_err_and(|why| why.to_string().contains("such as 0.05")), "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("1 h", 3600), ("2", 2), ("1.5m", 90), ("3min", 180)]
        {
            assert_eq!(time(text).map(|time| time.as_secs()).ok(), Some(seconds), "{text}");
        }
        for text in ["", "m", "-1s", "0s", "1d", "nan", "inf", "1e9h", "5 m 3 s"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
