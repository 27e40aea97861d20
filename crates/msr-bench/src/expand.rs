//! From filter parameters to the weights of a batch of tasks: dense, tied by a sharing pattern, and
//! by Kronecker factors; each beside the least time that the device allows.

use std::fmt;
use std::hint::black_box;

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use msr_kernels::matmul;
use msr_kernels::ties::{self, Ties};
use msr_layers::{Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use msr_report::Table;
use serde::Serialize;

use crate::machine_rates::{Rates, copied, copy, per_second};
use crate::record::{OutputArgs, PlaceArgs};
use crate::timing::Timing;

/// The tasks of a batch.
const TASKS: usize = 32;
/// The filter parameters of a dense U.
const PARAMETERS: usize = 32;
/// The side of a filter.
const KERNEL: usize = 3;
/// How long each piece of work is repeated, in seconds.
const SECONDS: f64 = 0.5;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to compute.
    #[command(flatten)]
    place: PlaceArgs,
    /// The largest number of inputs and outputs; 2048 needs 1.5 GB.
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..=8192))]
    largest: u64,
    /// What becomes of the result.
    #[command(flatten)]
    output: OutputArgs,
}

/// A way from parameters to weights, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// `W_t = U v_t`, U of n² rows.
    Dense,
    /// Each of n² weights is one of n parameters: the ties of a circular convolution.
    Tied,
    /// The sums over what is tied: the adjoint of [`Way::Tied`].
    SumTied,
    /// `(A ⊗ B ⊗ C) v_t` for n × n channels and filters of 3 × 3.
    Kronecker,
}

/// The ways and their sizes n.
const WORK: [(Way, &[usize]); 4] = [
    (Way::Dense, &[64, 256, 1024, 2048, 4096]),
    (Way::Tied, &[64, 256, 1024, 2048, 4096]),
    (Way::SumTied, &[64, 256, 1024, 2048, 4096]),
    (Way::Kronecker, &[16, 64, 256]),
];

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense, U v",
            Self::Tied => "tied, gather",
            Self::SumTied => "tied, sums",
            Self::Kronecker => "(A ⊗ B ⊗ C) v",
        }
    }

    /// The fewest operations and bytes, whatever the program: operands are read and the result is
    /// written once.
    fn floor(self, n: usize) -> (f64, f64) {
        let (t, n, k, taps) = (TASKS as f64, n as f64, PARAMETERS as f64, (KERNEL * KERNEL) as f64);
        let (operations, numbers) = match self {
            Self::Dense => (2.0 * t * n * n * k, n * n * k + t * k + t * n * n),
            Self::Tied => (0.0, n * n + t * n + t * n * n),
            Self::SumTied => (t * n * n, n * n + t * n + t * n * n),
            Self::Kronecker => (
                2.0 * t * n * n * taps * (2.0 * n + taps),
                2.0 * (n * n) + taps * taps + 2.0 * t * n * n * taps,
            ),
        };
        (operations, 4.0 * numbers)
    }

    /// The work, on operands that are made here; in f32.
    fn prepare(self, n: usize, device: &Device) -> Result<Box<dyn Fn() -> Result<Tensor>>> {
        let numbers = |shape: &[usize]| -> Result<Tensor> {
            let count = shape.iter().product::<usize>();
            let data: Vec<f32> = (0..count).map(|i| 1e-3 * ((i * 7919 % 1013) as f32 - 506.0)).collect();
            Ok(Tensor::from_vec(data, shape, device)?)
        };
        let circulant = || -> Result<Ties> {
            let parameter = |i: usize| ((i % n + n - i / n) % n) as u32;
            Ok(Ties::new(&(0..n * n).map(parameter).collect::<Vec<u32>>(), n)?)
        };
        Ok(match self {
            Self::Dense => {
                let (symmetry, filters) = (numbers(&[n * n, PARAMETERS])?, numbers(&[TASKS, PARAMETERS])?);
                Box::new(move || Ok(matmul(&filters, &symmetry.t()?)?))
            }
            Self::Tied => {
                let (tied, filters) = (circulant()?, numbers(&[TASKS, n])?);
                Box::new(move || Ok(ties::expand(&filters, &tied)?))
            }
            Self::SumTied => {
                let (tied, weights) = (circulant()?, numbers(&[TASKS, n * n])?);
                Box::new(move || Ok(ties::sum(&weights, &tied)?))
            }
            Self::Kronecker => {
                let config = ReparamConv2dConfig::kronecker(Conv2dConfig::new(n, n, KERNEL));
                let vb = SeededVars::new(1).builder(DType::F32, device);
                let layer = ReparamConv2d::new(config, vb)?;
                let filters = numbers(&[TASKS, n, n, KERNEL * KERNEL])?;
                Box::new(move || Ok(layer.weight_of(&filters)?))
            }
        })
    }
}

/// What was measured, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
struct Results {
    suite: &'static str,
    device: String,
    tasks: usize,
    machine: Rates,
    results: Vec<Row>,
}

/// A way of one size.
#[derive(Clone, Debug, Serialize)]
struct Row {
    way: Way,
    size: usize,
    #[serde(flatten)]
    time: Timing,
    /// The fewest operations.
    operations: f64,
    /// The fewest bytes.
    bytes: f64,
    /// What a copy that moves as many bytes reaches, per second.
    copy_bytes_per_second: f64,
    /// The time of these operations at the rate of a large product, or of such a copy, whichever is
    /// longer.
    floor_ms: f64,
}

/// Measures, prints, and records when asked to.
///
/// # Errors
/// When the device cannot be used, or the result cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let device = args.place.device.open()?;
    let machine = Rates::measure(&device)?;
    let mut results = Vec::new();
    for (way, sizes) in WORK {
        for &size in sizes.iter().filter(|&&size| size as u64 <= args.largest) {
            results.push(measure(way, size, &device, machine)?);
        }
    }
    ensure!(!results.is_empty(), "nothing is as small as --largest {}", args.largest);
    let device = args.place.device.to_string();
    let results = Results { suite: "expand", device, tasks: TASKS, machine, results };
    args.output.publish("expand", args.place.device, &results.to_string(), &results)
}

fn measure(way: Way, size: usize, device: &Device, machine: Rates) -> Result<Row> {
    let work = way.prepare(size, device)?;
    let time = Timing::of(device, SECONDS, || {
        black_box(work()?);
        Ok(())
    })?;
    drop(work);
    let (operations, bytes) = way.floor(size);
    // Half of what is moved is read, the other half written.
    let half = (bytes / 2.0) as usize;
    let copy_bytes_per_second = per_second(copied(half), copy(device, half)?);
    let floor_ms = Rates { copy: copy_bytes_per_second, ..machine }.floor_ms((operations, bytes));
    Ok(Row { way, size, time, operations, bytes, copy_bytes_per_second, floor_ms })
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} tasks, f32, {}. {}\n", self.tasks, self.device, self.machine)?;
        let rows = self.results.iter().map(|row| {
            let rate = |count: f64| format!("{:.1}", count / row.time.ms / 1e6);
            [
                row.way.name().into(),
                row.size.to_string(),
                row.time.to_string(),
                rate(row.operations),
                rate(row.bytes),
                format!("{:.3}", row.floor_ms),
                format!("{:.0} %", 100.0 * row.floor_ms / row.time.ms),
            ]
        });
        let head = ["expansion", "n", "ms", "GFLOP/s", "GB/s", "floor, ms", "floor / time"];
        writeln!(f, "{}", Table::new(head, rows))?;
        write!(
            f,
            "The weights are n × n, of {PARAMETERS} parameters a task when U is dense, and n × n × {KERNEL} × {KERNEL} with \
             Kronecker factors.\n\
             The floor is the larger of the operations at the rate of a large product, and a copy that moves as\n\
             many bytes; operands and result are moved once."
        )
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use candle_core::Device;

    use super::{KERNEL, PARAMETERS, Results, TASKS, WORK, Way, measure};
    use crate::machine_rates::Rates;

    #[test]
    fn every_way_gives_weights_or_parameters() -> Result<()> {
        for (way, shape) in [
            (Way::Dense, vec![TASKS, 25]),
            (Way::Tied, vec![TASKS, 25]),
            (Way::SumTied, vec![TASKS, 5]),
            (Way::Kronecker, vec![TASKS, 5, 5, KERNEL * KERNEL]),
        ] {
            assert_eq!(way.prepare(5, &Device::Cpu)?()?.dims(), shape, "{way:?}");
        }
        Ok(())
    }

    #[test]
    fn the_least_work_by_hand() {
        // 32 tasks, 4 weights, 32 parameters.
        assert_eq!(Way::Dense.floor(2), (2.0 * 32.0 * 4.0 * 32.0, 4.0 * (128.0 + 1024.0 + 128.0)));
        assert_eq!(PARAMETERS * TASKS, 1024);
        assert_eq!(Way::Tied.floor(2), (0.0, 4.0 * (4.0 + 64.0 + 128.0)));
        assert_eq!(Way::SumTied.floor(2), (128.0, Way::Tied.floor(2).1));
        // Per task 4 channels pairs of 9 taps, each summed over 2, 2 and 9.
        let moved = 4.0 * (8.0 + 81.0 + 2.0 * 32.0 * 36.0);
        assert_eq!(Way::Kronecker.floor(2), (2.0 * 32.0 * 36.0 * 13.0, moved));
    }

    #[test]
    fn results_as_json_and_as_text() -> Result<()> {
        let machine = Rates { gemm: 1e12, copy: 1e10 };
        let row = measure(Way::Tied, 3, &Device::Cpu, machine)?;
        let results =
            Results { suite: "expand", device: "cpu".into(), tasks: TASKS, machine, results: vec![row] };
        let json = serde_json::to_value(&results)?;
        let row = &json["results"][0];
        assert_eq!((&row["way"], &row["size"]), (&"tied".into(), &3.into()));
        assert!(row["ms"].as_f64() > Some(0.0) && row["floor_ms"].as_f64() > Some(0.0));
        assert!(results.to_string().contains("| tied, gather | 3 |"), "{results}");
        assert_eq!(WORK.map(|(way, _)| way.name()).len(), 4);
        Ok(())
    }
}
