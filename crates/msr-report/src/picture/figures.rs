//! The pictures of experiments, from plain numbers.

use msr_groups::SharingPattern;

use super::{Chart, Grid, Panel, Picture, Series};
use crate::{Error, Result};

const SIGNS: &str = "Blue: negative, red: positive.";
const TIED: &str = "Weights of one colour are tied: they share one parameter.";
const SHAPE: &str = "Rows are outputs, columns are inputs.";
/// Pixels that panels of a row may take together.
const ACROSS: i32 = 760;

/// A learned symmetry matrix: above, the weight `W = U v` that it gives for one task beside the
/// true one; below, each of its columns as the `m × n` weight that one filter parameter stands for,
/// all of them on one colour scale.
///
/// `columns` are the columns of U, each of `m · n` entries; `weight` and `truth` are `m × n`, row
/// by row.
///
/// # Errors
/// [`Error::Shape`] for other sizes.
pub fn symmetry<T: Copy + Into<f64>>(
    title: &str,
    columns: &[Vec<T>],
    weight: &[T],
    truth: Option<&[T]>,
    m: usize,
    n: usize,
) -> Result<Picture> {
    let mut weights = vec![Panel::values("W = U v, one test task", weight, m, n)?];
    if let Some(truth) = truth {
        weights.push(Panel::values("true W of that task", truth, m, n)?);
    }
    // All columns on one scale: one that is hardly used is pale beside the others.
    let (across, cell) = if columns.len() <= 6 { (3, 3) } else { (6, 2) };
    let draw = |panels: Vec<Panel>, bar: &str| {
        let grid = Grid::of(panels, across).axes("input j", "output i").bar(bar);
        // Small matrices have room for larger cells.
        if m.max(n) > 40 { grid.cell(cell) } else { grid }
    };
    let column = |(number, column): (usize, &Vec<T>)| {
        Panel::values(format!("column {} of U", number + 1), column, m, n)
    };
    let columns = columns.iter().enumerate().map(column).collect::<Result<Vec<_>>>()?;
    let mut picture = Picture::new(title).row([draw(weights, "weight")]);
    if !columns.is_empty() {
        picture = picture.row([draw(columns, "entry of U")]);
    }
    let note = "A column of U is the weight that one parameter in v stands for.";
    Ok(picture.note(note).note(SIGNS))
}

/// Adds grids of one panel each, as many in a row as fit.
fn in_rows(picture: Picture, grids: Vec<Grid>) -> Picture {
    let wide = |grid: &Grid| grid.panels().map(|p| p.cell() * p.cols as i32).max().unwrap_or(1) + 120;
    let across = (ACROSS / grids.iter().map(wide).max().unwrap_or(ACROSS)).max(1) as usize;
    grids.chunks(across).fold(picture, |picture, row| picture.row(row.to_vec()))
}

/// Sharing patterns, each under its name, four in a row.
///
/// # Errors
/// [`Error::Empty`] without panels.
pub fn patterns(title: &str, panels: Vec<Panel>) -> Result<Picture> {
    if panels.is_empty() {
        return Err(Error::Empty("it has no patterns"));
    }
    Ok(Picture::new(title).row([Grid::of(panels, 4)]).note(SHAPE).note(TIED))
}

/// What was recovered beside what is true: the two patterns, and one task's weight, true and
/// learned, on one scale.
///
/// `true_weight` and `weight` are as large as the patterns, row by row.
///
/// # Errors
/// [`Error::Shape`] for weights of other sizes.
pub fn recovered(
    title: &str,
    truth: &SharingPattern,
    found: &SharingPattern,
    true_weight: &[f64],
    weight: &[f64],
) -> Result<Picture> {
    let (m, n) = (truth.outputs(), truth.inputs());
    let axes = |panels: [Panel; 2]| Grid::of(panels, 2).axes("input j", "output i");
    let patterns = axes([Panel::sharing("true pattern", truth), Panel::sharing("recovered pattern", found)]);
    let weights = [
        Panel::values("true W of one task", true_weight, m, n)?,
        Panel::values("learned W of that task", weight, m, n)?,
    ];
    let (patterns, weights) = (patterns, axes(weights).bar("weight"));
    let picture = Picture::new(title);
    let wide = 2 * Panel::sharing("", truth).cell() * n as i32 > ACROSS / 2;
    let picture =
        if wide { picture.row([patterns]).row([weights]) } else { picture.row([patterns, weights]) };
    Ok(picture.note(TIED).note(SIGNS))
}

/// A matrix that was inspected, as [`inspected`] draws it.
#[derive(Clone, Debug, Default)]
pub struct Inspected<'a> {
    /// Above everything: its name, and the group that was found.
    pub title: String,
    /// What was found to be tied.
    pub pattern: Option<&'a SharingPattern>,
    /// The classes of weights that are zero.
    pub zero: Vec<u32>,
    /// Columns of U, or weights, each with its title.
    pub columns: Vec<(String, Vec<f64>)>,
    /// What their entries are, beside the colour bar.
    pub entry: &'a str,
    /// How many columns there are, shown or not.
    pub of: usize,
    /// Columns of each as a matrix.
    pub inputs: usize,
}

/// A matrix that was inspected: its pattern, when one was found, with zeros in white, and columns
/// of U or weights as matrices, each on its own scale. Columns that are not shown are counted.
///
/// # Errors
/// [`Error::Shape`] for columns whose length is no multiple of `inputs`, [`Error::Empty`] for
/// nothing to show.
pub fn inspected(found: &Inspected<'_>) -> Result<Picture> {
    let axes = |grid: Grid| grid.axes("input j", "output i");
    let pattern = found.pattern.map(|p| Panel::sharing("tied weights", p).white(found.zero.iter().copied()));
    let mut grids: Vec<Grid> = pattern.map(|panel| axes(Grid::of([panel], 1))).into_iter().collect();
    for (title, column) in &found.columns {
        let outputs = column.len() / found.inputs.max(1);
        let panel = Panel::values(title, column, outputs, found.inputs)?;
        grids.push(axes(Grid::of([panel], 1)).bar(found.entry));
    }
    let mut picture = in_rows(Picture::new(&found.title), grids);
    if found.pattern.is_some() {
        picture = picture.note(TIED);
        if !found.zero.is_empty() {
            picture = picture.note("White: zero.");
        }
    }
    let shown = found.columns.len();
    if shown > 0 {
        picture = picture.note(SIGNS);
    }
    Ok(if shown < found.of {
        picture.note(format!("{shown} of {} columns are shown.", found.of))
    } else {
        picture
    })
}

/// Filters side by side, in rows that have labels: a filter for each heading. Rows of one group,
/// such as a true row and the learned one, are on one colour scale.
///
/// `quantity` says what the headings are, with the unit: `rotation angle in degrees`. A row has as
/// many filters of `kernel × kernel` taps as there are headings, one after the other, each row by
/// row.
///
/// # Errors
/// [`Error::Shape`] for rows of other sizes, [`Error::Empty`] without rows.
pub fn filters(
    title: &str,
    quantity: &str,
    headings: &[String],
    kernel: usize,
    groups: &[Vec<(String, Vec<f64>)>],
) -> Result<Picture> {
    let mut picture = Picture::new(title);
    let taps = kernel * kernel;
    for (number, group) in groups.iter().filter(|group| !group.is_empty()).enumerate() {
        let mut grid = Grid::new().bar("filter weight");
        if number == 0 {
            grid = grid.columns(format!("columns: {quantity}"), headings);
        }
        for (label, row) in group {
            if row.len() != headings.len() * taps {
                let (rows, cols) = (headings.len(), taps);
                return Err(Error::Shape { what: label.clone(), entries: row.len(), rows, cols });
            }
            let panels =
                row.chunks_exact(taps.max(1)).map(|filter| Panel::values("", filter, kernel, kernel));
            grid = grid.row(label, panels.collect::<Result<Vec<_>>>()?);
        }
        picture = picture.row([grid]);
    }
    Ok(picture.note(SIGNS).note("Rows beside one colour bar are on its scale."))
}

/// Matrices in rows that have labels, each matrix on its own colour scale: Kronecker factors and
/// their products.
///
/// `bar` says what the entries are.
pub fn matrices(title: &str, bar: &str, rows: Vec<(String, Vec<Panel>)>) -> Picture {
    let row = |(label, panels): (String, Vec<Panel>)| {
        let labels = std::iter::once(label).chain(std::iter::repeat(String::new()));
        panels
            .into_iter()
            .zip(labels)
            .map(|(panel, label)| Grid::new().row(label, [panel]).bar(bar))
            .collect::<Vec<_>>()
    };
    let picture = rows.into_iter().fold(Picture::new(title), |picture, each| picture.row(row(each)));
    picture.note("Each matrix has its own colour scale.").note(SIGNS)
}

/// Lines over one pair of axes: learning curves, rates, errors. The axis on the left is logarithmic
/// where values span decades.
pub fn curves(title: &str, x: &str, y: &str, series: impl IntoIterator<Item = Series>) -> Picture {
    Picture::new(title).row([series.into_iter().fold(Chart::new(x, y), Chart::series)])
}
