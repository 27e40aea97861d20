//! Arrays, for anything that reads numpy's archives.
//!
//! | array | shape | what |
//! |---|---|---|
//! | `labels` | m × n, i32 | the free parameter of each weight, −1 where it is zero |
//! | `signs` | m × n, i8 | 1, −1 or 0: `W = signs · v[labels]` |
//! | `symmetry` | m·n × k, i8 | U in full, `vec(W) = U v`; left out above 2²⁶ entries |
//! | `bias_labels`, `bias_signs`, `bias_symmetry` | m, m, m × k_b | of the bias, where it is tied |
//! | `output_images`, `output_signs` | g × m, i32, i8 | where generators move `e_y`, and its sign |
//! | `input_images`, `input_signs` | g × n | the same of the inputs |
//! | `input_shape`, `output_shape` | i64 | the layout of inputs and outputs |
//! | `values`, `bias_values` | k, k_b, f64 | the free parameters, where they are known |
//! | `name`, `order` | text | what the group is called, and its order, where they are known |

use std::io::{Cursor, Write};

use msr_files::npy_header;
use msr_groups::{SignedPattern, SignedPermutation};
use zip::write::{FileOptions, ZipWriter};

use super::error::Result;
use super::layer::TiedLayer;

/// The most entries of U in full.
const MOST_ENTRIES: usize = 1 << 26;

/// The bytes of the archive. Nothing is compressed, so that it can be mapped into memory.
///
/// # Errors
/// When the archive cannot be put together.
pub(super) fn archive(layer: &TiedLayer) -> Result<Vec<u8>> {
    let mut arrays = Arrays(ZipWriter::new(Cursor::new(Vec::new())));
    let (m, n) = (layer.outputs, layer.inputs);
    arrays.pattern("", &layer.pattern, &[m, n])?;
    if layer.has_bias() {
        arrays.pattern("bias_", &layer.bias_pattern()?, &[m])?;
    }
    arrays.moves("output", m, layer.generators.iter().map(|(y, _)| y))?;
    arrays.moves("input", n, layer.generators.iter().map(|(_, x)| x))?;
    for (name, shape) in [("input_shape", &layer.input_shape), ("output_shape", &layer.output_shape)] {
        let sizes = shape.iter().flat_map(|&size| (size as i64).to_le_bytes()).collect();
        arrays.add(name, "<i8", &[shape.len()], sizes)?;
    }
    for (name, values) in [("values", &layer.values), ("bias_values", &layer.bias_values)] {
        if let Some(values) = values {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            arrays.add(name, "<f8", &[values.len()], bytes)?;
        }
    }
    let order = layer.order.as_ref().map(ToString::to_string);
    for (name, text) in [("name", layer.name.as_ref().map(|_| layer.title())), ("order", order)] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let letters: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
            arrays.add(name, &format!("<U{}", letters.len() / 4), &[], letters)?;
        }
    }
    Ok(arrays.0.finish()?.into_inner())
}

/// An archive that is being written.
struct Arrays(ZipWriter<Cursor<Vec<u8>>>);

impl Arrays {
    fn add(&mut self, name: &str, descr: &str, shape: &[usize], bytes: Vec<u8>) -> Result<()> {
        let options: FileOptions<'_, '_, ()> =
            FileOptions::default().compression_method(zip::CompressionMethod::Stored).large_file(true);
        self.0.start_file(format!("{name}.npy"), options)?;
        self.0.write_all(&npy_header(descr, shape))?;
        self.0.write_all(&bytes)?;
        Ok(())
    }

    /// Labels, signs, and U in full.
    fn pattern(&mut self, prefix: &str, pattern: &SignedPattern, shape: &[usize]) -> Result<()> {
        let k = pattern.free_parameters();
        let entries =
            || (0..pattern.outputs()).flat_map(|y| (0..pattern.inputs()).map(move |x| pattern.entry(y, x)));
        let label = |entry: Option<(usize, bool)>| entry.map_or(-1, |(class, _)| class as i32);
        let labels = entries().flat_map(|entry| label(entry).to_le_bytes()).collect();
        self.add(&format!("{prefix}labels"), "<i4", shape, labels)?;
        let signs: Vec<u8> = entries().map(|entry| sign(entry).to_le_bytes()[0]).collect();
        let count = signs.len();
        self.add(&format!("{prefix}signs"), "|i1", shape, signs)?;
        let Some(size) = count.checked_mul(k).filter(|&size| size <= MOST_ENTRIES) else { return Ok(()) };
        let mut full = vec![0u8; size];
        for (row, entry) in entries().enumerate() {
            if let Some((class, _)) = entry {
                full[row * k + class] = sign(entry).to_le_bytes()[0];
            }
        }
        self.add(&format!("{prefix}symmetry"), "|i1", &[count, k], full)
    }

    /// Signed permutations, as images and signs.
    fn moves<'a>(
        &mut self,
        side: &str,
        points: usize,
        moves: impl Iterator<Item = &'a SignedPermutation>,
    ) -> Result<()> {
        let (mut images, mut signs, mut count) = (Vec::new(), Vec::new(), 0);
        for g in moves {
            images.extend(g.points().images().iter().flat_map(|&image| (image as i32).to_le_bytes()));
            signs.extend(g.flips().iter().flat_map(|&flip| if flip { -1i8 } else { 1 }.to_le_bytes()));
            count += 1;
        }
        self.add(&format!("{side}_images"), "<i4", &[count, points], images)?;
        self.add(&format!("{side}_signs"), "|i1", &[count, points], signs)
    }
}

/// The factor before a free parameter.
fn sign(entry: Option<(usize, bool)>) -> i8 {
    match entry {
        None => 0,
        Some((_, false)) => 1,
        Some((_, true)) => -1,
    }
}
