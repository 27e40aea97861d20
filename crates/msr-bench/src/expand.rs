//! From filter parameters to the weights of a batch of tasks: dense, tied by a sharing pattern, and
//! by Kronecker factors; each beside the least time that the device allows.
//!
//! What only writes is not compared with what a copy moves, which reads as much beside it: a
//! processor moves more bytes a second both ways than one way. So the least time is that of the
//! operations at the rate of a large product, of the bytes that are read at the rate of reading, of
//! those that are written at that of writing, or of both at that of copying, whichever is longest;
//! all measured with as many bytes as the work has, so that a cache helps both or neither, and in
//! turn with the work.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use msr_kernels::matmul;
use msr_kernels::ties::{self, Ties};
use msr_layers::{Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use msr_report::Table;
use serde::Serialize;

use crate::machine_rates::{Rates, copied, copying, gemm_operations, product, reading, writing};
use crate::record::{OutputArgs, PlaceArgs};
use crate::timing::{InTurn, Timing, Work, median};

/// The tasks of a batch.
const TASKS: usize = 32;
/// The filter parameters of a dense U.
const PARAMETERS: usize = 32;
/// The side of a filter.
const KERNEL: usize = 3;
/// How long work and each rate are measured in a turn, in milliseconds.
const TURN_MS: f64 = 5.0;
/// The turns, and the seconds after which there are no more of them.
const TURNS: usize = 41;
const SECONDS: f64 = 5.0;

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
    /// The same for one task.
    DenseOne,
    /// Each of n² weights is one of n parameters: the ties of a circular convolution.
    Tied,
    /// The sums over what is tied: the adjoint of [`Way::Tied`].
    SumTied,
    /// Each of n² weights is one of n parameters, without any order.
    Scattered,
    /// The adjoint of [`Way::Scattered`].
    SumScattered,
    /// `(A ⊗ B ⊗ C) v_t` for n × n channels and filters of 3 × 3.
    Kronecker,
}

/// The sizes of what a task has n² weights of.
const SIZES: &[usize] = &[64, 256, 1024, 2048, 4096];

/// The ways and their sizes n.
const WORK: [(Way, &[usize]); 7] = [
    (Way::Dense, SIZES),
    (Way::DenseOne, SIZES),
    (Way::Tied, SIZES),
    (Way::SumTied, SIZES),
    (Way::Scattered, SIZES),
    (Way::SumScattered, SIZES),
    (Way::Kronecker, &[16, 64, 256]),
];

/// The fewest operations, and the fewest bytes that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Least {
    operations: f64,
    bytes_read: f64,
    bytes_written: f64,
}

impl Least {
    fn bytes(&self) -> f64 {
        self.bytes_read + self.bytes_written
    }
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense, U v",
            Self::DenseOne => "dense, one task",
            Self::Tied => "tied, gather",
            Self::SumTied => "tied, sums",
            Self::Scattered => "scattered, gather",
            Self::SumScattered => "scattered, sums",
            Self::Kronecker => "(A ⊗ B ⊗ C) v",
        }
    }

    /// The least work, whatever the program: operands are read and the result is written once.
    fn least(self, n: usize) -> Least {
        let (t, n, k, taps) = (TASKS as f64, n as f64, PARAMETERS as f64, (KERNEL * KERNEL) as f64);
        let (operations, read, written) = match self {
            Self::Dense => (2.0 * t * n * n * k, n * n * k + t * k, t * n * n),
            Self::DenseOne => (2.0 * n * n * k, n * n * k + k, n * n),
            // In a circulant every row follows from the one before: nothing but parameters is read.
            Self::Tied => (0.0, t * n, t * n * n),
            Self::SumTied => (t * n * n, t * n * n, t * n),
            // The parameter of each weight is read once for all tasks.
            Self::Scattered => (0.0, n * n + t * n, t * n * n),
            Self::SumScattered => (t * n * n, n * n + t * n * n, t * n),
            Self::Kronecker => (
                2.0 * t * n * n * taps * (2.0 * n + taps),
                2.0 * (n * n) + taps * taps + t * n * n * taps,
                t * n * n * taps,
            ),
        };
        Least { operations, bytes_read: 4.0 * read, bytes_written: 4.0 * written }
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
        let scattered = || -> Result<Ties> {
            // The upper digits of a linear congruential generator.
            let next = |x: &u64| Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            let drawn =
                std::iter::successors(Some(1u64), next).skip(1).map(|x| ((x >> 33) % n as u64) as u32);
            Ok(Ties::new(&drawn.take(n * n).collect::<Vec<u32>>(), n)?)
        };
        let tasks = if self == Self::DenseOne { 1 } else { TASKS };
        Ok(match self {
            Self::Dense | Self::DenseOne => {
                let (symmetry, filters) = (numbers(&[n * n, PARAMETERS])?, numbers(&[tasks, PARAMETERS])?);
                Box::new(move || Ok(matmul(&filters, &symmetry.t()?)?))
            }
            Self::Tied | Self::Scattered => {
                let tied = if self == Self::Tied { circulant()? } else { scattered()? };
                let filters = numbers(&[TASKS, n])?;
                Box::new(move || Ok(ties::expand(&filters, &tied)?))
            }
            Self::SumTied | Self::SumScattered => {
                let tied = if self == Self::SumTied { circulant()? } else { scattered()? };
                let weights = numbers(&[TASKS, n * n])?;
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
    #[serde(flatten)]
    least: Least,
    /// What a copy that moves as many bytes reaches, per second.
    copy_bytes_per_second: f64,
    /// The least time: the longest of the times to read as much, to write as much, to copy as many
    /// bytes, and of as many operations in a large product.
    floor_ms: f64,
    /// The floor as a fraction of the time: the median over turns, in each of which all of it was
    /// measured.
    distance: f64,
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
            results.push(measure(way, size, &device)?);
        }
    }
    ensure!(!results.is_empty(), "nothing is as small as --largest {}", args.largest);
    let device = args.place.device.to_string();
    let results = Results { suite: "expand", device, tasks: TASKS, machine, results };
    args.output.publish("expand", args.place.device, &results.to_string(), &results)
}

fn measure(way: Way, size: usize, device: &Device) -> Result<Row> {
    let least = way.least(size);
    let (bytes_read, bytes_written) = (least.bytes_read as usize, least.bytes_written as usize);
    // Half of what is moved is read, the other half written.
    let half = (bytes_read + bytes_written) / 2;
    let work = way.prepare(size, device)?;
    let work = Box::new(move || {
        black_box(work()?);
        Ok(())
    });
    let mut in_turn = vec![work as Box<Work>];
    in_turn.extend([reading(device, bytes_read)?, writing(device, bytes_written)?, copying(device, half)?]);
    let rows = Rates::gemm_size(device);
    if least.operations > 0.0 {
        in_turn.push(product(device, DType::F32, rows)?);
    }
    let in_turn: Result<Vec<_>> =
        in_turn.into_iter().map(|work| InTurn::new(device, TURN_MS, work)).collect();
    let mut in_turn = in_turn?;
    let (mut times, mut floors, mut distances, mut copies) = (vec![], vec![], vec![], vec![]);
    let start = Instant::now();
    while times.len() < TURNS && (times.len() < 3 || start.elapsed().as_secs_f64() < SECONDS) {
        let ms = in_turn.iter_mut().map(|work| work.ms(device)).collect::<Result<Vec<f64>>>()?;
        let &[time, read, write, copy, ref product @ ..] = ms.as_slice() else { continue };
        let product = product.first().map_or(0.0, |ms| ms * least.operations / gemm_operations(rows));
        let floor = [read, write, copy, product].into_iter().fold(0.0, f64::max);
        times.push(time);
        floors.push(floor);
        distances.push(floor / time);
        copies.push(1e3 * copied(half) / copy);
    }
    Ok(Row {
        way,
        size,
        time: Timing::among(&times),
        least,
        copy_bytes_per_second: median(&copies),
        floor_ms: median(&floors),
        distance: median(&distances),
    })
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
                rate(row.least.operations),
                rate(row.least.bytes()),
                format!("{:.1}", row.copy_bytes_per_second / 1e9),
                format!("{:.3}", row.floor_ms),
                format!("{:.0} %", 100.0 * row.distance),
            ]
        });
        let head = ["expansion", "n", "ms", "GFLOP/s", "GB/s", "a copy's GB/s", "floor, ms", "floor / time"];
        writeln!(f, "{}", Table::new(head, rows))?;
        write!(
            f,
            "The weights are n × n, of {PARAMETERS} parameters a task when U is dense, and n × n × {KERNEL} × {KERNEL} with \
             Kronecker factors.\n\
             The floor is the longest of: the operations at the rate of a large product of ours, what is read, what is\n\
             written, and both, at the rates of reading, writing and copying as many bytes. They are measured in turn with\n\
             the work, some milliseconds each; the distance is the median over turns. Operands and result are moved\n\
             once. Scattered: the parameters of the weights in no order, and numbers that say which."
        )
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use candle_core::Device;

    use super::{KERNEL, Least, PARAMETERS, Results, TASKS, WORK, Way, measure};
    use crate::machine_rates::Rates;

    #[test]
    fn every_way_gives_weights_or_parameters() -> Result<()> {
        for (way, shape) in [
            (Way::Dense, vec![TASKS, 25]),
            (Way::DenseOne, vec![1, 25]),
            (Way::Tied, vec![TASKS, 25]),
            (Way::SumTied, vec![TASKS, 5]),
            (Way::Scattered, vec![TASKS, 25]),
            (Way::SumScattered, vec![TASKS, 5]),
            (Way::Kronecker, vec![TASKS, 5, 5, KERNEL * KERNEL]),
        ] {
            assert_eq!(way.prepare(5, &Device::Cpu)?()?.dims(), shape, "{way:?}");
        }
        Ok(())
    }

    #[test]
    fn the_least_work_by_hand() {
        let least = |operations, read, written| Least {
            operations,
            bytes_read: 4.0 * read,
            bytes_written: 4.0 * written,
        };
        assert_eq!((PARAMETERS, TASKS), (32, 32));
        // 4 weights.
        assert_eq!(Way::Dense.least(2), least(2.0 * 32.0 * 4.0 * 32.0, 128.0 + 1024.0, 128.0));
        assert_eq!(Way::DenseOne.least(2), least(2.0 * 4.0 * 32.0, 128.0 + 32.0, 4.0));
        assert_eq!(Way::Tied.least(2), least(0.0, 64.0, 128.0));
        assert_eq!(Way::SumTied.least(2), least(128.0, 128.0, 64.0));
        assert_eq!(Way::Scattered.least(2), least(0.0, 4.0 + 64.0, 128.0));
        assert_eq!(Way::SumScattered.least(2), least(128.0, 4.0 + 128.0, 64.0));
        // Per task 4 pairs of channels of 9 taps, each summed over 2, 2 and 9.
        let numbers = 32.0 * 36.0;
        let kronecker = least(2.0 * numbers * 13.0, 8.0 + 81.0 + numbers, numbers);
        assert_eq!(Way::Kronecker.least(2), kronecker);
        assert_eq!(kronecker.bytes(), 4.0 * (89.0 + 2.0 * numbers));
    }

    #[test]
    fn results_as_json_and_as_text() -> Result<()> {
        let machine = Rates { gemm: 1e12, copy: 1e10 };
        let row = measure(Way::Tied, 3, &Device::Cpu)?;
        let results =
            Results { suite: "expand", device: "cpu".into(), tasks: TASKS, machine, results: vec![row] };
        let json = serde_json::to_value(&results)?;
        let row = &json["results"][0];
        assert_eq!((&row["way"], &row["size"]), (&"tied".into(), &3.into()));
        assert!(row["ms"].as_f64() > Some(0.0) && row["floor_ms"].as_f64() > Some(0.0));
        assert!(results.to_string().contains("| tied, gather | 3 |"), "{results}");
        let mut names = WORK.map(|(way, _)| way.name());
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        Ok(())
    }
}
