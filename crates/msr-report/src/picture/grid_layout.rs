//! Where the parts of a grid go, and drawing them there.

use plotters::style::text_anchor::HPos;
use plotters_backend::DrawingBackend;

use super::canvas::{Canvas, FINE};
use super::colour::{self, INK, RULE};
use super::font::{SMALL, TEXT, line_height, typeset, widest, width, wrapped};
use super::grid::{Cells, Grid, Panel};
use super::ticks;
use crate::Result;

/// The least width that a title above a panel has before it wraps.
const TITLE_WIDTH: i32 = 176;
/// Titles above panels, and above a grid, are this far from what is below.
const ABOVE: i32 = 5;
/// From a row label to its panels.
const BESIDE: i32 = 12;
/// The width of a colour bar, its distance from the panels, and the least height that shows
/// numbers.
const BAR: (i32, i32, i32) = (12, 16, 64);
/// The most pixels that a colour bar is high.
const BAR_MOST: i32 = 180;
/// Ticks outside a frame.
const TICK: i32 = 4;

/// A panel whose place is known.
struct Placed<'a> {
    panel: &'a Panel,
    title: Vec<String>,
    cell: i32,
    /// The upper left corner of its squares.
    x: i32,
    y: i32,
}

impl Placed<'_> {
    fn width(&self) -> i32 {
        self.cell * self.panel.cols as i32
    }

    fn height(&self) -> i32 {
        self.cell * self.panel.rows as i32
    }
}

/// A grid whose parts have places, from its upper left corner.
pub(super) struct GridLayout<'a> {
    grid: &'a Grid,
    pub(super) width: i32,
    pub(super) height: i32,
    title: String,
    /// The middle and the text of each column's heading, and of what they are.
    headings: Vec<(i32, String)>,
    heading: Option<(i32, String)>,
    headings_y: i32,
    /// The middle of each row, and the lines of its label, which end at `labels_x`.
    labels: Vec<(i32, Vec<String>)>,
    labels_x: i32,
    panels: Vec<Placed<'a>>,
    bar: Option<Bar>,
}

struct Bar {
    x: i32,
    y: i32,
    height: i32,
    bound: f64,
    ticks: Vec<(f64, String)>,
    /// The middle of its name.
    name_x: i32,
}

/// The pixels that labels of rows take, with the distance from the panels.
pub(super) fn label_width(grid: &Grid) -> Result<i32> {
    let labels: Vec<String> = grid.rows.iter().flat_map(|(label, _)| broken(label)).collect();
    let widest = widest(labels.iter().map(String::as_str), TEXT)?;
    Ok(if widest > 0 { widest + BESIDE } else { 0 })
}

/// A row label as lines: it is broken at `, `.
fn broken(label: &str) -> Vec<String> {
    let mut lines: Vec<String> = typeset(label).split(", ").map(String::from).collect();
    let last = lines.len().saturating_sub(1);
    lines.iter_mut().take(last).for_each(|line| line.push(','));
    lines
}

impl<'a> GridLayout<'a> {
    /// Places for all parts; row labels take `labels` pixels, so that grids above each other can
    /// line up.
    pub(super) fn new(grid: &'a Grid, labels: i32) -> Result<Self> {
        let cell = |panel: &Panel| grid.cell_of(panel);
        let size = |panel: &Panel| (cell(panel) * panel.cols as i32, cell(panel) * panel.rows as i32);
        let titled = grid.panels().any(|panel| !panel.title.is_empty());
        let axes = if grid.axes.is_some() { Axes::of(grid)? } else { Axes { left: 0, below: 0 } };
        let gap = if titled || grid.axes.is_some() { 20 } else { 8 };

        let columns = grid.rows.iter().map(|(_, panels)| panels.len()).max().unwrap_or(0);
        let mut across = vec![0; columns];
        let mut rows = Vec::new();
        for (_, panels) in &grid.rows {
            let mut titles = Vec::new();
            for (column, panel) in panels.iter().enumerate() {
                let body = size(panel).0;
                let title = wrapped(&typeset(&panel.title), body.max(TITLE_WIDTH), TEXT)?;
                let wide = widest(title.iter().map(String::as_str), TEXT)?;
                across[column] = across[column].max(body).max(wide);
                titles.push(title);
            }
            rows.push(titles);
        }
        let headings: Vec<String> = grid.columns.iter().take(columns).map(|text| typeset(text)).collect();
        for (column, text) in headings.iter().enumerate() {
            across[column] = across[column].max(width(text, TEXT)? + 6);
        }

        let title = typeset(&grid.title);
        let mut y = if title.is_empty() { 0 } else { line_height(TEXT) + ABOVE };
        let heading_y = y;
        y += if grid.heading.is_empty() { 0 } else { line_height(TEXT) + 2 };
        let headings_y = y;
        y += if headings.is_empty() { 0 } else { line_height(TEXT) + ABOVE };

        let starts: Vec<i32> = (0..columns)
            .map(|c| labels + across[..c].iter().map(|w| w + gap + axes.left).sum::<i32>() + axes.left)
            .collect();
        let middle = |column: usize, body: i32| starts[column] + body / 2;
        let mut placed = Vec::new();
        let mut label_places = Vec::new();
        let mut bodies: Option<(i32, i32)> = None;
        let mut first_widths = vec![0; columns];
        for ((label, panels), titles) in grid.rows.iter().zip(rows) {
            let lines = titles.iter().map(Vec::len).max().unwrap_or(0) as i32;
            let top = y + if lines > 0 { lines * line_height(TEXT) + ABOVE } else { 0 };
            let high = panels.iter().map(|panel| size(panel).1).max().unwrap_or(0);
            let lines = broken(label);
            let high = high.max(lines.len() as i32 * line_height(TEXT) * i32::from(!label.is_empty()));
            for (column, (panel, title)) in panels.iter().zip(titles).enumerate() {
                first_widths[column] = first_widths[column].max(size(panel).0);
                placed.push(Placed { panel, title, cell: cell(panel), x: starts[column], y: top });
            }
            label_places.push((top + high / 2, lines));
            bodies = Some((bodies.map_or(top, |(first, _)| first), top + high));
            y = top + high + axes.below + gap;
        }
        let (first, last) = bodies.unwrap_or((y, y));
        let right = starts.last().zip(across.last()).map_or(labels, |(start, width)| start + width);
        let bar = grid.bound().map(|bound| Bar::new(grid, bound, right, (first, last))).transpose()?;
        let heading = typeset(&grid.heading);
        let named = if heading.is_empty() { 0 } else { labels + axes.left + width(&heading, TEXT)? };
        let titles = if title.is_empty() { 0 } else { labels + axes.left + width(&title, TEXT)? };
        Ok(Self {
            grid,
            width: bar.as_ref().map_or(Ok(right), |bar| bar.right(grid))?.max(named).max(titles),
            height: bar.as_ref().map_or(0, |bar| bar.y + bar.height + SMALL / 2).max(last + axes.below),
            title,
            headings: headings
                .into_iter()
                .enumerate()
                .map(|(c, text)| (middle(c, first_widths[c]), text))
                .collect(),
            heading: (!heading.is_empty()).then_some((heading_y, heading)),
            headings_y,
            labels: label_places,
            labels_x: labels - BESIDE,
            panels: placed,
            bar,
        })
    }

    /// Draws the grid with its upper left corner at `(left, top)`.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        left: i32,
        top: i32,
    ) -> Result<()> {
        let line = line_height(TEXT);
        let start = self.panels.first().map_or(0, |p| p.x);
        canvas.text(&self.title, left + start, top + line / 2, HPos::Left, TEXT, INK)?;
        if let Some((y, heading)) = &self.heading {
            canvas.text(heading, left + start, top + y + line / 2, HPos::Left, TEXT, INK)?;
        }
        for (x, heading) in &self.headings {
            canvas.text(heading, left + x, top + self.headings_y + line / 2, HPos::Center, TEXT, INK)?;
        }
        for (middle, lines) in &self.labels {
            let first = top + middle - (lines.len() as i32 - 1) * line / 2;
            for (number, text) in lines.iter().enumerate() {
                let y = first + number as i32 * line;
                canvas.text(text, left + self.labels_x, y, HPos::Right, TEXT, INK)?;
            }
        }
        for panel in &self.panels {
            self.panel(canvas, panel, left + panel.x, top + panel.y)?;
        }
        self.bar.as_ref().map_or(Ok(()), |bar| bar.draw(canvas, &self.grid.bar, left, top))
    }

    fn panel<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        placed: &Placed<'_>,
        x: i32,
        y: i32,
    ) -> Result<()> {
        let line = line_height(TEXT);
        for (number, text) in placed.title.iter().rev().enumerate() {
            canvas.text(text, x, y - ABOVE - line / 2 - number as i32 * line, HPos::Left, TEXT, INK)?;
        }
        let (panel, cell) = (placed.panel, placed.cell);
        let colours: Vec<_> = match &panel.cells {
            Cells::Values(values) => {
                let bound = self.grid.bound().unwrap_or(1.0);
                values.iter().map(|v| colour::signed(v / bound)).collect()
            }
            Cells::Classes(labels) => {
                let colour =
                    |(colour, label)| if panel.white.contains(label) { colour::WHITE } else { colour };
                colour::classes(labels, panel.cols).into_iter().zip(labels).map(colour).collect()
            }
        };
        for (row, colours) in colours.chunks(panel.cols).enumerate() {
            let mut column = 0;
            // Equal neighbours are one rectangle.
            for run in colours.chunk_by(|a, b| a == b) {
                let (from, to) = (column as i32, (column + run.len()) as i32);
                column += run.len();
                if run[0] == colour::WHITE {
                    continue;
                }
                let corner = |c: i32, r: usize| ((x + c * cell) * FINE, (y + r as i32 * cell) * FINE);
                canvas.fill_fine(corner(from, row), corner(to, row + 1), run[0])?;
            }
        }
        canvas.frame(x, y, placed.width(), placed.height(), RULE)?;
        match &self.grid.axes {
            Some(names) => axes(canvas, placed, x, y, names),
            None => Ok(()),
        }
    }
}

/// Room for the axes of panels: on the left and below.
struct Axes {
    left: i32,
    below: i32,
}

impl Axes {
    fn of(grid: &Grid) -> Result<Self> {
        let rows = grid.panels().map(|panel| panel.rows).max().unwrap_or(0);
        let numbers = width(&rows.to_string(), SMALL)?;
        Ok(Self {
            left: numbers + TICK + 6 + line_height(SMALL),
            below: TICK + 4 + SMALL + line_height(SMALL),
        })
    }
}

/// Ticks, indices and names below and on the left of a panel.
fn axes<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    placed: &Placed<'_>,
    x: i32,
    y: i32,
    (below, left): &(String, String),
) -> Result<()> {
    let (wide, high) = (placed.width(), placed.height());
    let middle = |index: usize| (2 * index as i32 - 1) * placed.cell * FINE / 2;
    let stroke = FINE as u32;
    let (bottom, edge) = ((y + high) * FINE, x * FINE);
    for index in ticks::indices(placed.panel.cols, wide) {
        let at = edge + middle(index);
        canvas.line((at, bottom), (at, bottom + TICK * FINE), RULE, stroke)?;
        canvas.text(
            &index.to_string(),
            at / FINE,
            y + high + TICK + 3 + SMALL / 2,
            HPos::Center,
            SMALL,
            INK,
        )?;
    }
    let mut widest = 0;
    for index in ticks::indices(placed.panel.rows, high) {
        let at = y * FINE + middle(index);
        canvas.line((edge - TICK * FINE, at), (edge, at), RULE, stroke)?;
        canvas.text(&index.to_string(), x - TICK - 2, at / FINE, HPos::Right, SMALL, INK)?;
        widest = widest.max(width(&index.to_string(), SMALL)?);
    }
    canvas.text(
        &typeset(below),
        x + wide / 2,
        y + high + TICK + 5 + SMALL + SMALL / 2,
        HPos::Center,
        SMALL,
        INK,
    )?;
    canvas.upwards(&typeset(left), x - TICK - 6 - widest - SMALL / 2, y + high / 2, SMALL, INK)
}

impl Bar {
    fn new(grid: &Grid, bound: f64, right: i32, (first, last): (i32, i32)) -> Result<Self> {
        let named = width(&typeset(&grid.bar), SMALL)? + 4;
        let height = (last - first).min(BAR_MOST).max(BAR.2).max(named);
        // As high as the panels, or in the middle beside them.
        let y = first + ((last - first) - height).max(0) / 2;
        let ticks = ticks::linear(-bound, bound, (height / 24).clamp(3, 7) as usize);
        let numbers = widest(ticks.iter().map(|(_, text)| text.as_str()), SMALL)?;
        let x = right + BAR.1;
        Ok(Self { x, y, height, bound, ticks, name_x: x + BAR.0 + TICK + 3 + numbers + 5 + SMALL / 2 })
    }

    /// Where it ends, with its numbers and its name.
    fn right(&self, grid: &Grid) -> Result<i32> {
        let unnamed = self.name_x - SMALL / 2 - 5;
        Ok(if grid.bar.is_empty() { unnamed } else { self.name_x + SMALL / 2 + 2 })
    }

    fn draw<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        name: &str,
        left: i32,
        top: i32,
    ) -> Result<()> {
        let (x, y) = (left + self.x, top + self.y);
        for row in 0..self.height {
            let value = 1.0 - 2.0 * (f64::from(row) + 0.5) / f64::from(self.height);
            canvas.fill(x, y + row, BAR.0, 1, colour::signed(value))?;
        }
        canvas.frame(x, y, BAR.0, self.height, RULE)?;
        for (value, text) in &self.ticks {
            let part = (1.0 - value / self.bound) / 2.0;
            let at = y * FINE + (part * f64::from(self.height * FINE)).round() as i32;
            let edge = (x + BAR.0) * FINE;
            canvas.line((edge, at), (edge + TICK * FINE, at), RULE, FINE as u32)?;
            canvas.text(text, x + BAR.0 + TICK + 3, at / FINE, HPos::Left, SMALL, INK)?;
        }
        canvas.upwards(&typeset(name), left + self.name_x, y + self.height / 2, SMALL, INK)
    }
}
