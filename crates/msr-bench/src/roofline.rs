//! What a device can do at most: matrix products, copies, and reading and writing alone, by size.

use std::fmt;

use anyhow::Result;
use candle_core::DType;
use msr_report::Table;
use serde::Serialize;

use crate::machine_rates::{copied, copying, gemm_operations, per_second, product, reading, time, writing};
use crate::record::{OutputArgs, PlaceArgs};
use crate::timing::Timing;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to compute.
    #[command(flatten)]
    place: PlaceArgs,
    /// What becomes of the result.
    #[command(flatten)]
    output: OutputArgs,
}

/// Sides of the matrices of a product; the last is for GPUs.
const SIDES: [usize; 5] = [64, 256, 1024, 2048, 8192];

/// Bytes that are copied: within the caches of a core, those of a processor, and beyond them.
const BYTES: [usize; 7] = [16 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 512 << 20];

/// What was measured, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
struct Results {
    suite: &'static str,
    device: String,
    products: Vec<Product>,
    copies: Vec<Copies>,
}

/// Products of square matrices.
#[derive(Clone, Debug, Serialize)]
struct Product {
    dtype: &'static str,
    side: usize,
    #[serde(flatten)]
    time: Timing,
    flops_per_second: f64,
}

/// Copies of so many bytes, which are read and written; and reading and writing as many alone.
#[derive(Clone, Debug, Serialize)]
struct Copies {
    bytes: usize,
    #[serde(flatten)]
    time: Timing,
    bytes_per_second: f64,
    read_bytes_per_second: f64,
    write_bytes_per_second: f64,
}

/// Measures, prints, and records when asked to.
///
/// # Errors
/// When the device cannot be used, or the result cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let device = args.place.device.open()?;
    let mut products = Vec::new();
    for dtype in [DType::F32, DType::F64] {
        for &side in &SIDES[..SIDES.len() - usize::from(device.is_cpu())] {
            let time = time(&device, product(&device, dtype, side))?;
            let flops_per_second = per_second(gemm_operations(side), time);
            products.push(Product { dtype: dtype.as_str(), side, time, flops_per_second });
        }
    }
    let mut copies = Vec::new();
    for bytes in BYTES {
        let copied_in = time(&device, copying(&device, bytes))?;
        let [read, written] = [reading, writing].map(|work| time(&device, work(&device, bytes)));
        copies.push(Copies {
            bytes,
            time: copied_in,
            bytes_per_second: per_second(copied(bytes), copied_in),
            read_bytes_per_second: per_second(bytes as f64, read?),
            write_bytes_per_second: per_second(bytes as f64, written?),
        });
    }
    let device = args.place.device.to_string();
    let results = Results { suite: "roofline", device, products, copies };
    args.output.publish("roofline", args.place.device, &results.to_string(), &results)
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let products = self.products.iter().map(|product| {
            let Product { dtype, side, time, flops_per_second } = product;
            let size = format!("{side} × {side}, {dtype}");
            [size, time.to_string(), format!("{:.1}", flops_per_second / 1e9)]
        });
        let copies = self.copies.iter().map(|copies| {
            let Copies { bytes, time, .. } = copies;
            let rate = |bytes_per_second: f64| format!("{:.1}", bytes_per_second / 1e9);
            let size = if *bytes < 1 << 20 {
                format!("{} KiB", bytes >> 10)
            } else {
                format!("{} MiB", bytes >> 20)
            };
            [
                size,
                time.to_string(),
                rate(copies.bytes_per_second),
                rate(copies.read_bytes_per_second),
                rate(copies.write_bytes_per_second),
            ]
        });
        writeln!(f, "On {}; medians, and how far the quartiles are from them.\n", self.device)?;
        writeln!(f, "{}", Table::new(["product", "ms", "GFLOP/s"], products))?;
        write!(
            f,
            "{}",
            Table::new(
                ["copy", "ms", "GB/s, read and written", "GB/s, read only", "GB/s, write only"],
                copies
            )
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Copies, Product, Results};
    use crate::timing::Timing;

    #[test]
    fn results_as_json_and_as_text() -> serde_json::Result<()> {
        let time = Timing::among(&[1.0, 2.0, 3.0]);
        let results = Results {
            suite: "roofline",
            device: "cpu".into(),
            products: vec![Product { dtype: "f32", side: 64, time, flops_per_second: 2e9 }],
            copies: vec![Copies {
                bytes: 16 << 10,
                time,
                bytes_per_second: 3e9,
                read_bytes_per_second: 2e9,
                write_bytes_per_second: 1e9,
            }],
        };
        let json = serde_json::to_value(&results)?;
        assert_eq!((&json["products"][0]["ms"], &json["products"][0]["side"]), (&2.0.into(), &64.into()));
        assert_eq!(json["copies"][0]["bytes_per_second"], 3e9);
        let text = results.to_string();
        assert!(text.contains("| 64 × 64, f32 | 2.000 ± 25 % | 2.0     |"), "{text}");
        assert!(text.contains("| 16 KiB | 2.000 ± 25 % | 3.0"), "{text}");
        Ok(())
    }
}
