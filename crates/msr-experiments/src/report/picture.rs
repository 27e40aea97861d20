//! Pictures of symmetry matrices and weights: matrices as coloured squares, blue negative, red positive.

use anyhow::{Result, ensure};
use font8x8::UnicodeFonts;
use msr_groups::SharingPattern;

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

    /// A matrix of values in −1 … 1 (±1 is full red or blue), in a thin frame, `scale` pixels for each.
    fn values(&mut self, x: usize, y: usize, data: &[f32], cols: usize, scale: usize) {
        self.cells(x, y, data.len() / cols.max(1), cols, scale, |at| colour(data[at]));
    }

    /// A pattern: one colour for each tied weight, in a thin frame, `scale` pixels for each weight.
    fn pattern(&mut self, x: usize, y: usize, labels: &[u32], cols: usize, scale: usize) {
        self.cells(x, y, labels.len() / cols.max(1), cols, scale, |at| class_colour(labels[at] as usize));
    }

    /// A grid of coloured squares in a thin frame.
    fn cells(
        &mut self,
        x: usize,
        y: usize,
        rows: usize,
        cols: usize,
        scale: usize,
        colour: impl Fn(usize) -> [u8; 3],
    ) {
        for py in 0..rows * scale + 2 {
            for px in 0..cols * scale + 2 {
                let inside = (1..=rows * scale).contains(&py) && (1..=cols * scale).contains(&px);
                let here = if inside { colour((py - 1) / scale * cols + (px - 1) / scale) } else { INK };
                self.set(x + px, y + py, here);
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
        let values: Vec<f32> = data.iter().map(|v| v / largest).collect();
        canvas.values(x, y + CAPTION, &values, n, SCALE);
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

/// A colour for each class, far from its neighbours'.
fn class_colour(class: usize) -> [u8; 3] {
    // Hues by the golden angle; every third darker, so that many classes stay apart.
    let hue = (class as f64 * 0.618_033_988_75).fract() * 6.0;
    let (saturation, value) = [(0.55, 0.95), (0.75, 0.72), (0.4, 0.85)][class % 3];
    let channel = |offset: f64| {
        let k = (offset + hue) % 6.0;
        let fall = k.min(4.0 - k).clamp(0.0, 1.0);
        (255.0 * (value - value * saturation * fall)).round() as u8
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// The letters that the font has: signs of group theory as plain ones.
pub fn ascii(text: &str) -> String {
    text.replace('×', "x").replace('⋊', ":").replace('≀', "wr").replace('²', "^2").replace(['→', '–'], "-")
}

/// Pixels per weight so that a matrix of this size is about as large as the others.
fn scale_for(rows: usize, cols: usize) -> usize {
    (144 / rows.max(cols).max(1)).clamp(2, 16)
}

/// Patterns `(caption, outputs, inputs, labels)` side by side, one colour for each tied weight. Returns a PNG.
pub fn patterns(panels: &[(String, usize, usize, &[u32])]) -> Result<Vec<u8>> {
    const ACROSS: usize = 4;
    for (caption, m, n, labels) in panels {
        ensure!(labels.len() == m * n, "the pattern of {caption} has {} labels, not {m} × {n}", labels.len());
    }
    let size = |panel: &(String, usize, usize, &[u32])| {
        let scale = scale_for(panel.1, panel.2);
        let caption = 8 * ascii(&panel.0).chars().count().min(CAPTION_LETTERS);
        ((panel.2 * scale + 2).max(caption), panel.1 * scale + 2 + CAPTION)
    };
    let width = panels.iter().map(|p| size(p).0).max().unwrap_or(0) + GAP;
    let height = panels.iter().map(|p| size(p).1).max().unwrap_or(0) + GAP;
    let across = ACROSS.min(panels.len().max(1));
    let mut canvas = Canvas::new(across * width + GAP, panels.len().div_ceil(across) * height + GAP);
    for (i, (caption, m, n, labels)) in panels.iter().enumerate() {
        let (x, y) = (GAP + i % across * width, GAP + i / across * height);
        let caption = ascii(caption);
        let short: String = if caption.chars().count() > CAPTION_LETTERS {
            caption.chars().take(CAPTION_LETTERS - 2).chain("..".chars()).collect()
        } else {
            caption
        };
        canvas.text(x, y, &short);
        canvas.pattern(x, y + CAPTION, labels, *n, scale_for(*m, *n));
    }
    canvas.png()
}

/// The most letters of a caption above a pattern.
const CAPTION_LETTERS: usize = 26;

/// What was recovered beside what is true: the two patterns, and one task's weight, learned and true. Returns a PNG.
pub fn recovered(
    title: &str,
    truth: &SharingPattern,
    found: &SharingPattern,
    true_weight: &[f64],
    weight: &[f64],
) -> Result<Vec<u8>> {
    let (m, n) = (truth.outputs(), truth.inputs());
    let sizes = [found.labels().len(), true_weight.len(), weight.len()];
    ensure!(sizes == [m * n; 3], "a picture of {m} × {n} matrices got {sizes:?} entries");
    let scale = scale_for(m, n).max(4);
    let panel = (n * scale + 2).max(8 * 16) + GAP;
    let height = m * scale + 2 + CAPTION;
    let mut canvas =
        Canvas::new((4 * panel + GAP).max(8 * title.len() + 2 * GAP), height + 3 * GAP + CAPTION);
    let captions = ["true pattern", "recovered", "true W, one task", "learned W"];
    for (i, caption) in captions.iter().enumerate() {
        let (x, y) = (GAP + i * panel, GAP);
        canvas.text(x, y, caption);
        match i {
            0 => canvas.pattern(x, y + CAPTION, truth.labels(), n, scale),
            1 => canvas.pattern(x, y + CAPTION, found.labels(), n, scale),
            _ => {
                let of = if i == 2 { true_weight } else { weight };
                let largest = true_weight.iter().fold(f64::MIN_POSITIVE, |l, w| l.max(w.abs()));
                let values: Vec<f32> = of.iter().map(|w| (w / largest) as f32).collect();
                canvas.values(x, y + CAPTION, &values, n, scale);
            }
        }
    }
    canvas.text(GAP, height + 2 * GAP, &ascii(title));
    canvas.png()
}

/// A matrix that was inspected: its pattern, when one was found, and the first columns of U (or the weight
/// itself) as matrices with `inputs` columns. Returns a PNG.
pub fn inspected(
    title: &str,
    pattern: Option<&SharingPattern>,
    columns: &[Vec<f64>],
    inputs: usize,
) -> Result<Vec<u8>> {
    let outputs = columns.first().map_or(0, Vec::len) / inputs.max(1);
    ensure!(columns.iter().all(|c| c.len() == outputs * inputs), "columns of different lengths");
    let scale = scale_for(outputs, inputs);
    let width = (inputs * scale + 2).max(8 * 14) + GAP;
    let height = outputs * scale + 2 + CAPTION;
    let count = columns.len() + usize::from(pattern.is_some());
    let title = ascii(title);
    let mut canvas =
        Canvas::new((count * width + GAP).max(8 * title.len() + 2 * GAP), height + 3 * GAP + CAPTION);
    let mut x = GAP;
    if let Some(pattern) = pattern {
        canvas.text(x, GAP, "tied weights");
        canvas.pattern(x, GAP + CAPTION, pattern.labels(), inputs, scale);
        x += width;
    }
    for (i, column) in columns.iter().enumerate() {
        let caption = if columns.len() == 1 { "weight".to_string() } else { format!("U, column {}", i + 1) };
        canvas.text(x, GAP, &caption);
        let largest = column.iter().fold(f64::MIN_POSITIVE, |l, v| l.max(v.abs()));
        let values: Vec<f32> = column.iter().map(|v| (v / largest) as f32).collect();
        canvas.values(x, GAP + CAPTION, &values, inputs, scale);
        x += width;
    }
    canvas.text(GAP, height + 2 * GAP, &title);
    canvas.png()
}

/// A matrix on a [`sheet`].
pub struct Panel {
    caption: String,
    /// In −1 … 1.
    values: Vec<f32>,
    cols: usize,
    /// Pixels per entry.
    scale: usize,
}

impl Panel {
    /// Values of which `largest` is full colour, `cols` in a row.
    pub fn new(caption: &str, values: &[f64], largest: f64, cols: usize, scale: usize) -> Self {
        let values = values.iter().map(|v| (v / largest) as f32).collect();
        Self { caption: caption.into(), values, cols, scale }
    }

    /// A caption alone, as wide as a panel of `cols` entries: the heading of a column.
    pub fn heading(caption: &str, cols: usize, scale: usize) -> Self {
        Self { caption: caption.into(), values: Vec::new(), cols, scale }
    }

    fn size(&self) -> (usize, usize) {
        let rows = self.values.len() / self.cols.max(1);
        let letters = 8 * self.caption.chars().count();
        let caption = if self.caption.is_empty() { 0 } else { CAPTION };
        let frame = if rows == 0 { 0 } else { rows * self.scale + 2 };
        ((self.cols * self.scale + 2).max(letters), frame + caption)
    }
}

/// Rows of panels, each row with a label on its left; `title` at the foot, on as many lines as it needs. Returns a PNG.
pub fn sheet(title: &str, rows: &[(String, Vec<Panel>)]) -> Result<Vec<u8>> {
    const BETWEEN: usize = 6;
    const NARROWEST: usize = 420;
    let label = rows.iter().map(|(label, _)| 8 * label.chars().count()).max().unwrap_or(0) + GAP;
    let height = |panels: &[Panel]| panels.iter().map(|p| p.size().1).max().unwrap_or(0) + BETWEEN;
    let width = |panels: &[Panel]| panels.iter().map(|p| p.size().0 + BETWEEN).sum::<usize>();
    let across = rows.iter().map(|(_, panels)| width(panels)).max().unwrap_or(0);
    let down: usize = rows.iter().map(|(_, panels)| height(panels)).sum();
    let inside = (label + across).max(NARROWEST);
    let lines = wrapped(&format!("{} (red: positive, blue: negative)", ascii(title)), inside / 8);
    let mut canvas = Canvas::new(inside + 2 * GAP, down + CAPTION * lines.len() + 3 * GAP);
    let mut y = GAP;
    for (name, panels) in rows {
        canvas.text(GAP, y + height(panels) / 2 - BETWEEN, name);
        let mut x = GAP + label;
        for panel in panels {
            ensure!(
                panel.cols > 0 && panel.values.len().is_multiple_of(panel.cols),
                "a panel of uneven rows"
            );
            canvas.text(x, y, &panel.caption);
            let below = if panel.caption.is_empty() { 0 } else { CAPTION };
            if !panel.values.is_empty() {
                canvas.values(x, y + below, &panel.values, panel.cols, panel.scale);
            }
            x += panel.size().0 + BETWEEN;
        }
        y += height(panels);
    }
    for (number, line) in lines.iter().enumerate() {
        canvas.text(GAP, y + GAP + number * CAPTION, line);
    }
    canvas.png()
}

/// Words on lines of at most so many letters (one word may be longer).
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Panel, colour, sheet, symmetry, wrapped};

    fn decoded(bytes: Vec<u8>) -> anyhow::Result<(u32, u32, Vec<u8>)> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
        let info = reader.next_frame(&mut pixels)?;
        Ok((info.width, info.height, pixels))
    }

    /// Panels stand in their rows with the right colours; a long title wraps and does not widen the sheet.
    #[test]
    fn a_sheet_shows_its_panels() -> anyhow::Result<()> {
        let rows = || {
            let heading = vec![Panel::heading("a", 2, 10), Panel::heading("b", 2, 10)];
            let values =
                vec![Panel::new("", &[2.0, -2.0], 2.0, 2, 10), Panel::new("", &[0.0; 4], 1.0, 2, 10)];
            [(String::new(), heading), ("row".to_string(), values)]
        };
        let (width, height, pixels) = decoded(sheet("short", &rows())?)?;
        let (same, higher, _) = decoded(sheet(&"word ".repeat(40), &rows())?)?;
        assert!(same == width && higher > height, "{width} × {height}, {same} × {higher}");
        let at = |x: usize, y: usize| &pixels[3 * (y * width as usize + x)..][..3];
        // Label, gap and frame on the left; the heading's line above.
        let (x, y) = (16 + 3 * 8 + 16 + 1, 16 + 14 + 6 + 1);
        assert_eq!((at(x + 5, y + 5), at(x + 15, y + 5)), (&[178, 24, 43][..], &[33, 102, 172][..]));
        assert_eq!(at(x + 22 + 6 + 5, y + 5), [255, 255, 255]);
        assert!(sheet("", &[(String::new(), vec![Panel::new("", &[1.0; 3], 1.0, 2, 4)])]).is_err());
        assert_eq!(wrapped("a bc def g", 4), ["a bc", "def", "g"]);
        Ok(())
    }

    #[test]
    fn colours_are_signed_and_symmetric() {
        assert_eq!(colour(0.0), [255, 255, 255]);
        assert_eq!((colour(1.0), colour(-1.0)), ([178, 24, 43], [33, 102, 172]));
        assert_eq!(colour(f32::NAN), [255, 255, 255]);
    }

    #[test]
    fn a_picture_is_a_png_of_the_expected_size() -> anyhow::Result<()> {
        let bytes = symmetry("title", &[vec![1.0; 6], vec![-1.0; 6]], &[0.5; 6], Some(&[0.5; 6]), 2, 3)?;
        let (width, height, pixels) = decoded(bytes)?;
        assert_eq!((width, height), (2 * 27 + 16, 2 * 38 + 16 + 14));
        assert!(
            pixels.chunks(3).any(|p| p == [178, 24, 43]) && pixels.chunks(3).any(|p| p == [33, 102, 172])
        );
        assert!(symmetry("title", &[vec![1.0; 5]], &[0.5; 6], None, 2, 3).is_err());
        Ok(())
    }
}
