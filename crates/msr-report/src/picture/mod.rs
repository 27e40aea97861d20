//! Pictures for a paper: matrices with colour bars, sharing patterns, line charts; SVG and PNG from
//! one description.
//!
//! A [`Picture`] is a title, rows of blocks, and notes below them. A block is a [`Grid`] of
//! matrices, or a [`Chart`]. The functions of this module put together the pictures that
//! experiments need from plain numbers: [`symmetry`], [`patterns`], [`recovered`], [`inspected`],
//! [`filters`], [`matrices`], [`curves`].
//!
//! The same description gives the same bytes, on every run: the font travels with the program, and
//! nothing depends on the time or on the order of a hash map.
//!
//! # Example
//! ```
//! use msr_report::picture::{Grid, Panel, Picture};
//!
//! # fn main() -> msr_report::Result<()> {
//! let weight = Panel::values("W = U v", &[1.0, -0.5, -0.5, 1.0], 2, 2)?;
//! let picture = Picture::new("A weight of C_2").row([Grid::of([weight], 1).axes("input j", "output i").bar("weight")]);
//! assert!(picture.svg()?.starts_with("<svg "));
//! assert_eq!(&picture.png()?[1..4], b"PNG");
//! # Ok(())
//! # }
//! ```

mod canvas;
mod chart;
mod chart_layout;
pub(crate) mod colour;
mod figures;
pub(crate) mod font;
mod grid;
mod grid_layout;
mod raster;
pub(crate) mod ticks;

use plotters::drawing::IntoDrawingArea;
use plotters::style::text_anchor::HPos;
use plotters_backend::DrawingBackend;
use plotters_svg::SVGBackend;

use self::canvas::{Canvas, FINE, failed};
use self::chart_layout::ChartLayout;
use self::font::{TEXT, TITLE, line_height, typeset, wrapped};
use self::grid::Cells;
use self::grid_layout::{GridLayout, label_width};
use self::raster::{Raster, blank, png};
pub use chart::{Chart, Scale, Series};
pub use figures::{Inspected, curves, filters, inspected, matrices, patterns, recovered, symmetry};
pub use grid::{Grid, Panel};

use crate::{Error, Result};

/// Pixels of a PNG for each pixel of an SVG, either way.
pub const PNG_SCALE: u32 = 2;

/// The most pixels across or down, in SVG.
const MOST: i32 = 8192;
/// Pixels around everything, between rows of blocks, and between blocks.
const MARGIN: i32 = 16;
const BETWEEN: i32 = 24;
/// Titles and notes may be as wide as this even above a narrow picture.
const NARROWEST: i32 = 400;

/// A part of a picture.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Block {
    /// Matrices.
    Grid(Grid),
    /// Lines.
    Chart(Chart),
}

impl From<Grid> for Block {
    fn from(grid: Grid) -> Self {
        Self::Grid(grid)
    }
}

impl From<Chart> for Block {
    fn from(chart: Chart) -> Self {
        Self::Chart(chart)
    }
}

/// What an SVG is made of.
pub(crate) struct Parts {
    /// Pixels across and down.
    pub(crate) size: (i32, i32),
    /// The same in the finer units of the drawing.
    pub(crate) fine: (u32, u32),
    /// What is drawn, and the end of the root element.
    pub(crate) inside: String,
}

/// A title, rows of blocks, notes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    title: String,
    rows: Vec<Vec<Block>>,
    notes: Vec<String>,
}

impl Picture {
    /// A picture with nothing below its title yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Adds a row of blocks below those that are there.
    pub fn row<B: Into<Block>>(mut self, blocks: impl IntoIterator<Item = B>) -> Self {
        self.rows.push(blocks.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a sentence below everything: what colours stand for, what rows and columns are.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The picture as SVG: text stays text, in DejaVu Sans where a reader has it.
    ///
    /// # Errors
    /// [`Error::Empty`] for a picture without panels or charts, [`Error::TooLarge`] beyond 8192
    /// pixels either way.
    pub fn svg(&self) -> Result<String> {
        let Parts { size, fine: (width, height), inside } = self.parts()?;
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\">\n\
             <style>rect {{ shape-rendering: crispEdges }}</style>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n{inside}",
            size.0, size.1,
        ))
    }

    /// What its SVG is made of, for pages that hold it without a file.
    pub(crate) fn parts(&self) -> Result<Parts> {
        let layout = Layout::new(self)?;
        let fine = layout.fine()?;
        let mut drawn = String::new();
        let area = SVGBackend::with_string(&mut drawn, fine).into_drawing_area();
        layout.draw(&Canvas { area: &area })?;
        drop(area);
        // The root element is ours: pixels outside, the finer units of the drawing inside.
        let inside = drawn.split_once('\n').map_or("", |(_, inside)| inside).to_string();
        Ok(Parts { size: (layout.width, layout.height), fine, inside })
    }

    /// The picture as PNG, with [`PNG_SCALE`] pixels for each of [`svg`](Self::svg)'s.
    ///
    /// # Errors
    /// As [`svg`](Self::svg).
    pub fn png(&self) -> Result<Vec<u8>> {
        let layout = Layout::new(self)?;
        let (width, height) = layout.fine()?;
        let scale = PNG_SCALE as f32 / FINE as f32;
        let mut pixmap = blank(width, height, scale)?;
        let area = Raster::new(&mut pixmap, width, height, scale)?.into_drawing_area();
        layout.draw(&Canvas { area: &area })?;
        drop(area);
        png(&pixmap)
    }

    fn grids(&self) -> impl Iterator<Item = &Grid> {
        self.rows.iter().flatten().filter_map(|block| match block {
            Block::Grid(grid) => Some(grid),
            Block::Chart(_) => None,
        })
    }

    /// What a reader must know about the colours that are there.
    fn remarks(&self) -> Vec<String> {
        let many = |panel: &Panel| match &panel.cells {
            Cells::Classes(labels) => labels.iter().collect::<std::collections::BTreeSet<_>>().len(),
            Cells::Values(_) => 0,
        };
        let mut remarks = Vec::new();
        if self.grids().flat_map(Grid::panels).any(|panel| many(panel) > colour::MOST_CLASSES) {
            remarks.push(format!(
                "Colours repeat in patterns with more than {} parameters.",
                colour::MOST_CLASSES
            ));
        }
        if self.grids().flat_map(Grid::panels).any(Panel::has_nan) {
            remarks.push("Grey: not a number.".to_string());
        }
        remarks
    }
}

enum Placed<'a> {
    Grid(GridLayout<'a>),
    Chart(ChartLayout<'a>),
}

impl Placed<'_> {
    fn size(&self) -> (i32, i32) {
        match self {
            Self::Grid(grid) => (grid.width, grid.height),
            Self::Chart(chart) => (chart.width, chart.height),
        }
    }
}

/// Where the blocks of all rows start, so that they stand in columns. The last block of a row may
/// be as wide as it likes.
fn starts(rows: &[Vec<Placed<'_>>]) -> Vec<i32> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut starts = vec![MARGIN];
    for column in 1..columns {
        let before = rows.iter().filter(|row| row.len() > column).map(|row| row[column - 1].size().0);
        starts.push(starts[column - 1] + before.max().unwrap_or(0) + BETWEEN);
    }
    starts
}

/// A picture whose parts have places.
struct Layout<'a> {
    width: i32,
    height: i32,
    title: Vec<String>,
    notes: Vec<String>,
    /// Each block with its upper left corner.
    blocks: Vec<(Placed<'a>, i32, i32)>,
    notes_y: i32,
}

impl<'a> Layout<'a> {
    fn new(picture: &'a Picture) -> Result<Self> {
        picture.grids().try_for_each(Grid::fits)?;
        // Grids at the left edge line up behind one column of labels.
        let labels = picture.rows.iter().filter_map(|row| match row.first() {
            Some(Block::Grid(grid)) => Some(label_width(grid)),
            _ => None,
        });
        let labels = labels.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or(0);
        let mut rows = Vec::new();
        for row in &picture.rows {
            let placed = row.iter().enumerate().map(|(number, block)| match block {
                Block::Grid(grid) if number == 0 => Ok(Placed::Grid(GridLayout::new(grid, labels)?)),
                Block::Grid(grid) => Ok(Placed::Grid(GridLayout::new(grid, label_width(grid)?)?)),
                Block::Chart(chart) => Ok(Placed::Chart(ChartLayout::new(chart)?)),
            });
            rows.push(placed.collect::<Result<Vec<_>>>()?);
        }
        let starts = starts(&rows);
        let ends =
            rows.iter().flat_map(|row| row.iter().zip(&starts).map(|(block, start)| start + block.size().0));
        let across = ends.max().unwrap_or(0);
        let full = |block: &Block| match block {
            Block::Grid(grid) => grid.panels().next().is_some(),
            Block::Chart(_) => true,
        };
        if !picture.rows.iter().flatten().any(full) {
            return Err(Error::Empty("it has no panels and no charts"));
        }
        let inside = (across - MARGIN).max(NARROWEST);
        let title = wrapped(&typeset(&picture.title), inside, TITLE)?;
        let mut y = MARGIN + title.len() as i32 * line_height(TITLE) + if title.is_empty() { 0 } else { 10 };
        let mut blocks = Vec::new();
        let mut hidden = 0;
        for row in rows {
            let high = row.iter().map(|block| block.size().1).max().unwrap_or(0);
            for (block, &x) in row.into_iter().zip(&starts) {
                // Matrices line up above, charts below, where their axes are.
                let down = match &block {
                    Placed::Grid(_) => 0,
                    Placed::Chart(chart) => high - chart.height,
                };
                hidden += if let Placed::Chart(chart) = &block { chart.hidden() } else { 0 };
                blocks.push((block, x, y + down));
            }
            y += high + BETWEEN;
        }
        let mut remarks = picture.remarks();
        if hidden > 0 {
            remarks.push(format!("Not positive, so not on a logarithmic axis: {hidden} values."));
        }
        let notes: Vec<String> = picture.notes.iter().chain(&remarks).map(|note| typeset(note)).collect();
        let notes = wrapped(&notes.join(" "), inside, TEXT)?;
        let notes_y = y - BETWEEN + if notes.is_empty() { 0 } else { 14 };
        let height = notes_y + notes.len() as i32 * line_height(TEXT) + MARGIN;
        Ok(Self { width: inside + 2 * MARGIN, height, title, notes, blocks, notes_y })
    }

    /// The size in fine units, when it is one that can be drawn.
    fn fine(&self) -> Result<(u32, u32)> {
        let (width, height) = (self.width.max(0) as u32, self.height.max(0) as u32);
        if self.width > MOST || self.height > MOST {
            return Err(Error::TooLarge { width, height, most: MOST as u32 });
        }
        Ok((width * FINE as u32, height * FINE as u32))
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<()> {
        for (number, line) in self.title.iter().enumerate() {
            let y = MARGIN + number as i32 * line_height(TITLE) + line_height(TITLE) / 2;
            canvas.text(line, MARGIN, y, HPos::Left, TITLE, colour::INK)?;
        }
        for (block, x, y) in &self.blocks {
            match block {
                Placed::Grid(grid) => grid.draw(canvas, *x, *y)?,
                Placed::Chart(chart) => chart.draw(canvas, *x, *y)?,
            }
        }
        for (number, line) in self.notes.iter().enumerate() {
            let y = self.notes_y + number as i32 * line_height(TEXT) + line_height(TEXT) / 2;
            canvas.text(line, MARGIN, y, HPos::Left, TEXT, colour::INK)?;
        }
        canvas.area.present().map_err(failed)
    }
}

#[cfg(test)]
mod tests;
