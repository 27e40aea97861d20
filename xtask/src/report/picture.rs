//! Pictures of symmetry matrices and weights: matrices as coloured squares, blue negative, red positive.

use anyhow::{Result, ensure};
use font8x8::UnicodeFonts;

const BACKGROUND: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [40, 40, 40];
/// Pixels per matrix entry.
const SCALE: usize = 3;
/// Pixels between panels.
const GAP: usize = 16;
/// Pixels for a caption: one line of 8-pixel letters with room around it.
const CAPTION: usize = 14;
const COLUMNS: usize = 6;

/// An RGB picture.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: BACKGROUND.repeat(width * height) }
    }

    fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            let at = 3 * (y * self.width + x);
            self.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }

    fn text(&mut self, x: usize, y: usize, text: &str) {
        for (i, letter) in text.chars().enumerate() {
            let glyph = font8x8::BASIC_FONTS.get(letter).unwrap_or([0; 8]);
            for (row, bits) in glyph.iter().enumerate() {
                for column in (0..8).filter(|c| bits >> c & 1 == 1) {
                    self.set(x + 8 * i + column, y + row, INK);
                }
            }
        }
    }

    /// A `rows × cols` matrix, colours scaled so that ±`largest` is full red or blue, in a thin frame.
    fn matrix(&mut self, x: usize, y: usize, data: &[f32], rows: usize, cols: usize, largest: f32) {
        let (width, height) = (cols * SCALE, rows * SCALE);
        for i in 0..width + 2 {
            self.set(x + i, y, INK);
            self.set(x + i, y + height + 1, INK);
        }
        for i in 0..height + 2 {
            self.set(x, y + i, INK);
            self.set(x + width + 1, y + i, INK);
        }
        for py in 0..height {
            for px in 0..width {
                let value = data[py / SCALE * cols + px / SCALE];
                self.set(x + 1 + px, y + 1 + py, colour(value / largest));
            }
        }
    }

    fn png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(bytes)
    }
}

/// White at zero, red at one, blue at minus one.
fn colour(value: f32) -> [u8; 3] {
    let value = if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 };
    let fade = |full: f32| (255.0 - (255.0 - full) * value.abs()).round() as u8;
    if value >= 0.0 { [fade(178.0), fade(24.0), fade(43.0)] } else { [fade(33.0), fade(102.0), fade(172.0)] }
}

fn largest(data: &[f32]) -> f32 {
    data.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()))
}

/// A learned symmetry matrix: above, the weight that it gives for one task beside the true one; below,
/// each column of U as the `m × n` weight that one filter parameter stands for; `title` at the foot. Returns a PNG.
pub fn symmetry(
    title: &str,
    columns: &[Vec<f32>],
    weight: &[f32],
    truth: Option<&[f32]>,
    m: usize,
    n: usize,
) -> Result<Vec<u8>> {
    let sizes = columns.iter().map(Vec::len).chain([weight.len()]).chain(truth.map(<[f32]>::len));
    ensure!(sizes.into_iter().all(|len| len == m * n), "a picture of {m} × {n} matrices got other sizes");
    let (panel_width, panel_height) = (n * SCALE + 2 + GAP, m * SCALE + 2 + CAPTION + GAP);
    let across = COLUMNS.min(columns.len().max(if truth.is_some() { 2 } else { 1 }));
    let down = 1 + columns.len().div_ceil(across);
    let mut canvas = Canvas::new(across * panel_width + GAP, down * panel_height + GAP + CAPTION);
    canvas.text(
        GAP,
        down * panel_height + GAP / 2,
        &format!("{title}: red +, blue -; W on one scale, each column on its own"),
    );
    let mut panel = |place: usize, caption: &str, data: &[f32], largest: f32| {
        let (x, y) = (GAP + place % across * panel_width, GAP + place / across * panel_height);
        canvas.text(x, y, caption);
        canvas.matrix(x, y + CAPTION, data, m, n, largest);
    };
    let scale = largest(truth.unwrap_or(weight));
    panel(0, "W = U v, one test task", weight, scale);
    if let Some(truth) = truth {
        panel(1, "true W of that task", truth, scale);
    }
    for (i, column) in columns.iter().enumerate() {
        panel(across + i, &format!("column {} of U", i + 1), column, largest(column));
    }
    canvas.png()
}

#[cfg(test)]
mod tests {
    use super::{colour, symmetry};

    #[test]
    fn colours_are_signed_and_symmetric() {
        assert_eq!(colour(0.0), [255, 255, 255]);
        assert_eq!((colour(1.0), colour(-1.0)), ([178, 24, 43], [33, 102, 172]));
        assert_eq!(colour(f32::NAN), [255, 255, 255]);
    }

    #[test]
    fn a_picture_is_a_png_of_the_expected_size() -> anyhow::Result<()> {
        let bytes = symmetry("title", &[vec![1.0; 6], vec![-1.0; 6]], &[0.5; 6], Some(&[0.5; 6]), 2, 3)?;
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
        let info = reader.next_frame(&mut pixels)?;
        assert_eq!((info.width, info.height), (2 * 27 + 16, 2 * 38 + 16 + 14));
        assert!(
            pixels.chunks(3).any(|p| p == [178, 24, 43]) && pixels.chunks(3).any(|p| p == [33, 102, 172])
        );
        assert!(symmetry("title", &[vec![1.0; 5]], &[0.5; 6], None, 2, 3).is_err());
        Ok(())
    }
}
