//! Matrices in rows and columns: what they show.

use msr_groups::SharingPattern;

use super::MOST;
use crate::{Error, Result};

/// A matrix as coloured squares, with a title above it.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    pub(super) title: String,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) cells: Cells,
    /// Labels of classes that are drawn white.
    pub(super) white: Vec<u32>,
}

/// What the squares of a panel stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cells {
    /// Signed values.
    Values(Vec<f64>),
    /// Classes: equal labels are tied weights.
    Classes(Vec<u32>),
}

impl Panel {
    /// Signed values, row by row: blue below zero, red above, grey where there is no number.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are rows × cols values.
    pub fn values<T: Copy + Into<f64>>(
        title: impl Into<String>,
        values: &[T],
        rows: usize,
        cols: usize,
    ) -> Result<Self> {
        Self::new(title.into(), rows, cols, values.len(), || {
            Cells::Values(values.iter().map(|&v| v.into()).collect())
        })
    }

    /// The labels of tied weights, row by row: one colour for each label.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are rows × cols labels.
    pub fn pattern(title: impl Into<String>, labels: &[u32], rows: usize, cols: usize) -> Result<Self> {
        Self::new(title.into(), rows, cols, labels.len(), || Cells::Classes(labels.to_vec()))
    }

    /// A sharing pattern: rows are outputs, columns are inputs.
    pub fn sharing(title: impl Into<String>, pattern: &SharingPattern) -> Self {
        let cells = Cells::Classes(pattern.labels().to_vec());
        Self {
            title: title.into(),
            rows: pattern.outputs(),
            cols: pattern.inputs(),
            cells,
            white: Vec::new(),
        }
    }

    /// Draws these classes white, as zeros are.
    pub fn white(self, classes: impl IntoIterator<Item = u32>) -> Self {
        Self { white: classes.into_iter().collect(), ..self }
    }

    /// Whether a matrix of this size is no larger than a picture may be.
    pub fn fits(rows: usize, cols: usize) -> bool {
        rows.max(cols) <= MOST as usize
    }

    fn new(
        title: String,
        rows: usize,
        cols: usize,
        entries: usize,
        cells: impl FnOnce() -> Cells,
    ) -> Result<Self> {
        if rows.checked_mul(cols) != Some(entries) || entries == 0 {
            return Err(Error::Shape { what: title, entries, rows, cols });
        }
        Ok(Self { title, rows, cols, cells: cells(), white: Vec::new() })
    }

    /// The largest size of a value; zero for patterns and where no value is finite.
    pub(super) fn largest(&self) -> f64 {
        match &self.cells {
            Cells::Values(values) => {
                values.iter().map(|v| v.abs()).filter(|v| v.is_finite()).fold(0.0, f64::max)
            }
            Cells::Classes(_) => 0.0,
        }
    }

    /// Whether some value is no number.
    pub(super) fn has_nan(&self) -> bool {
        matches!(&self.cells, Cells::Values(values) if values.iter().any(|v| v.is_nan()))
    }

    /// Pixels a square unless the grid says otherwise: small matrices come out about as large as
    /// each other, of large ones every entry has a pixel.
    pub(super) fn cell(&self) -> i32 {
        let side = self.rows.max(self.cols);
        let least = match side {
            0..=100 => 3,
            101..=300 => 2,
            _ => 1,
        };
        i32::try_from(144 / side.max(1)).unwrap_or(1).clamp(least, 16)
    }
}

/// Panels in rows and columns. All values in a grid are on one colour scale, whose colour bar
/// stands on the right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    pub(super) title: String,
    pub(super) heading: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<(String, Vec<Panel>)>,
    pub(super) axes: Option<(String, String)>,
    pub(super) bar: String,
    pub(super) cell: Option<i32>,
}

impl Grid {
    /// No panels yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Panels side by side, `across` in a row.
    pub fn of(panels: impl IntoIterator<Item = Panel>, across: usize) -> Self {
        let panels: Vec<Panel> = panels.into_iter().collect();
        panels.chunks(across.max(1)).fold(Self::new(), |grid, row| grid.row("", row.to_vec()))
    }

    /// Adds a row of panels, with a label on its left.
    pub fn row(mut self, label: impl Into<String>, panels: impl IntoIterator<Item = Panel>) -> Self {
        self.rows.push((label.into(), panels.into_iter().collect()));
        self
    }

    /// A title above all panels.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// A heading above each column, and above these what they are: a quantity with its unit, such
    /// as `rotation angle in degrees`.
    pub fn columns<S: Into<String>>(
        mut self,
        quantity: impl Into<String>,
        each: impl IntoIterator<Item = S>,
    ) -> Self {
        self.heading = quantity.into();
        self.columns = each.into_iter().map(Into::into).collect();
        self
    }

    /// Names of the axes of the panels, below them and on their left, with the indices of columns
    /// and rows from 1.
    pub fn axes(mut self, below: impl Into<String>, left: impl Into<String>) -> Self {
        self.axes = Some((below.into(), left.into()));
        self
    }

    /// What the values are, beside the colour bar.
    pub fn bar(mut self, quantity: impl Into<String>) -> Self {
        self.bar = quantity.into();
        self
    }

    /// Pixels for each entry of the panels, from 1 to 64.
    pub fn cell(mut self, pixels: u8) -> Self {
        self.cell = Some(i32::from(pixels).clamp(1, 64));
        self
    }

    /// All panels.
    pub(super) fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|(_, panels)| panels)
    }

    /// The pixels of a square of this panel.
    pub(super) fn cell_of(&self, panel: &Panel) -> i32 {
        self.cell.unwrap_or_else(|| panel.cell())
    }

    /// Nothing when no panel alone is larger than a picture may be.
    pub(super) fn fits(&self) -> Result<()> {
        let large = |panel: &&Panel| {
            let cell = self.cell_of(panel).unsigned_abs() as usize;
            cell.saturating_mul(panel.rows.max(panel.cols)) > MOST as usize
        };
        self.panels().find(large).map_or(Ok(()), |panel| {
            let pixels = |count: usize| {
                u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(self.cell_of(panel).unsigned_abs())
            };
            Err(Error::TooLarge { width: pixels(panel.cols), height: pixels(panel.rows), most: MOST as u32 })
        })
    }

    /// The value of full colour, when the grid shows values.
    pub(super) fn bound(&self) -> Option<f64> {
        let mut values = self.panels().filter(|panel| matches!(panel.cells, Cells::Values(_))).peekable();
        values.peek()?;
        let largest = values.map(Panel::largest).fold(0.0, f64::max);
        Some(if largest > 0.0 { largest } else { 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::{Grid, Panel};
    use crate::Error;

    #[test]
    fn a_panel_has_as_many_entries_as_its_shape() {
        let error = Panel::values("W", &[1.0f32; 5], 2, 3).unwrap_err();
        assert!(matches!(error, Error::Shape { entries: 5, rows: 2, cols: 3, .. }));
        assert_eq!(error.to_string(), "W: 5 entries do not make a 2 × 3 matrix");
        assert!(Panel::pattern("", &[0; 6], 2, 2).is_err() && Panel::values::<f64>("", &[], 0, 3).is_err());
        assert!(Panel::values("", &[1.0], usize::MAX, 2).is_err());
    }

    #[test]
    fn the_scale_of_a_grid_ends_at_its_largest_value() {
        let panel = |values: &[f64]| Panel::values("", values, 1, values.len()).unwrap();
        assert_eq!(Grid::of([panel(&[1.0, -3.0]), panel(&[2.0, f64::NAN])], 2).bound(), Some(3.0));
        assert_eq!(Grid::of([panel(&[0.0, f64::INFINITY])], 1).bound(), Some(1.0));
        assert_eq!(Grid::of([Panel::pattern("", &[0], 1, 1).unwrap()], 1).bound(), None);
    }

    #[test]
    fn squares_shrink_as_matrices_grow() {
        let cell = |side: usize| Panel::pattern("", &vec![0; side], 1, side).unwrap().cell();
        assert_eq!([3, 12, 24, 70, 200, 1000].map(cell), [16, 12, 6, 3, 2, 1]);
    }
}
