//! What was found, as a table and as JSON.

use std::fmt;

use msr_kernels::Place;
use msr_report::Table;
use serde::Serialize;

use super::compare::Difference;

/// What became of an operation in one dtype.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All differences are below their bounds; the one that comes closest to its own.
    Right(Difference),
    /// A difference above its bound, an error, or a panic.
    Failed {
        /// What was seen.
        problem: String,
    },
    /// The device has no such operation.
    Missing {
        /// What it says.
        reason: String,
    },
}

/// What became of an operation in one dtype, and which.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// The dtype.
    pub dtype: &'static str,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub operation: String,
    /// Kernel, rule or meta-step.
    pub family: &'static str,
    /// Dtype by dtype.
    pub found: Vec<Found>,
}

impl Row {
    fn failed(&self) -> bool {
        self.found.iter().any(|found| matches!(found.verdict, Verdict::Failed { .. }))
    }

    fn missing(&self) -> bool {
        self.found.iter().any(|found| matches!(found.verdict, Verdict::Missing { .. }))
    }

    /// The difference that comes closest to its bound.
    fn worst(&self) -> Option<&Difference> {
        let right = self.found.iter().filter_map(|found| match &found.verdict {
            Verdict::Right(worst) => Some(worst),
            _ => None,
        });
        right.max_by(|a, b| a.share().total_cmp(&b.share()))
    }

    fn cells(&self, dtypes: &[&str]) -> Vec<String> {
        let errors = dtypes.iter().map(|dtype| {
            match self.found.iter().find(|found| found.dtype == *dtype).map(|found| &found.verdict) {
                Some(Verdict::Right(worst)) if worst.error == 0.0 => "0".into(),
                Some(Verdict::Right(worst)) => format!("{:.0e}", worst.error),
                Some(Verdict::Failed { .. }) => "FAILED".into(),
                Some(Verdict::Missing { .. }) => "missing".into(),
                None => "–".into(),
            }
        });
        let worst = self.worst();
        let share = worst.map_or_else(String::new, |worst| format!("{:.0} %", 100.0 * worst.share()));
        let at = worst.filter(|worst| worst.error > 0.0).map_or_else(String::new, |worst| worst.at.clone());
        let name = format!("{} {}", self.family, self.operation);
        [name].into_iter().chain(errors).chain([share, at]).collect()
    }
}

/// What was found of all operations, as `--json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Results {
    suite: &'static str,
    /// Where they ran.
    device: String,
    /// What the inputs were drawn from.
    seed: u64,
    /// The sizes of the operands.
    sizes: Vec<usize>,
    /// How long it took.
    seconds: f64,
    /// The number of operations that failed in some dtype.
    pub failed: usize,
    /// The number of operations that the device lacks in some dtype, and that did not fail.
    pub missing: usize,
    /// Operation by operation.
    pub operations: Vec<Row>,
}

impl Results {
    /// Counts what failed and what is missing.
    pub fn new(device: Place, seed: u64, sizes: Vec<usize>, seconds: f64, operations: Vec<Row>) -> Self {
        let failed = operations.iter().filter(|row| row.failed()).count();
        let missing = operations.iter().filter(|row| row.missing() && !row.failed()).count();
        Self { suite: "check", device: device.to_string(), seed, sizes, seconds, failed, missing, operations }
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut dtypes: Vec<&str> = Vec::new();
        for found in self.operations.iter().flat_map(|row| &row.found) {
            if !dtypes.contains(&found.dtype) {
                dtypes.push(found.dtype);
            }
        }
        writeln!(
            f,
            "Relative errors on {} against f64 on the processor; random operands of sizes {:?},\n\
             contiguous, with an offset, and strided; seed {}.\n",
            self.device, self.sizes, self.seed
        )?;
        let head = ["operation"].into_iter().chain(dtypes.iter().copied()).chain(["of bound", "worst at"]);
        write!(f, "{}", Table::new(head, self.operations.iter().map(|row| row.cells(&dtypes))))?;
        for row in &self.operations {
            for found in &row.found {
                let name = format!("{} {} in {}", row.family, row.operation, found.dtype);
                match &found.verdict {
                    Verdict::Failed { problem } => writeln!(f, "FAILED: {name}: {problem}")?,
                    Verdict::Missing { reason } => writeln!(f, "not on this device: {name}: {reason}")?,
                    Verdict::Right(_) => {}
                }
            }
        }
        write!(
            f,
            "\n{} operations, {} failed, {} not on this device; {:.1} s.",
            self.operations.len(),
            self.failed,
            self.missing,
            self.seconds
        )
    }
}
