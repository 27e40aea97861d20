//! What blocks of a picture are drawn with: pixels in, finer units out, to whichever backend.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::element::{PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontTransform, IntoTextStyle, RGBColor, TextStyle};
use plotters_backend::DrawingBackend;

use super::font::{FAMILY, PER_EM};
use crate::{Error, Result};

/// Units in a pixel. Plotters places things at whole units; curves need finer ones than pixels.
pub(super) const FINE: i32 = 4;

/// An error of plotters as one of ours.
pub(super) fn failed(error: impl Display) -> Error {
    Error::Drawing(error.to_string())
}

/// Text of `em` pixels in plotters' words.
pub(super) fn style(em: i32, colour: RGBColor) -> TextStyle<'static> {
    let mut style = (FontFamily::Name(FAMILY), PER_EM * f64::from(em * FINE)).into_text_style(&(0, 0));
    style.color = colour.to_backend_color();
    style
}

/// An area to draw on, in pixels from its upper left corner.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    /// In units of which [`FINE`] make a pixel.
    pub(super) area: &'a plotters::drawing::DrawingArea<DB, Shift>,
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    /// A filled rectangle.
    pub(super) fn fill(&self, x: i32, y: i32, width: i32, height: i32, colour: RGBColor) -> Result<()> {
        self.fill_fine((x * FINE, y * FINE), ((x + width) * FINE, (y + height) * FINE), colour)
    }

    /// A filled rectangle, its corners in fine units.
    pub(super) fn fill_fine(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) -> Result<()> {
        self.area.draw(&Rectangle::new([from, to], colour.filled())).map_err(failed)
    }

    /// A thin frame round a rectangle, just outside it.
    pub(super) fn frame(&self, x: i32, y: i32, width: i32, height: i32, colour: RGBColor) -> Result<()> {
        let half = FINE / 2;
        let (left, top) = (x * FINE - half, y * FINE - half);
        let (right, bottom) = ((x + width) * FINE + half, (y + height) * FINE + half);
        let corners =
            vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top), (right, top)];
        self.area.draw(&PathElement::new(corners, colour.stroke_width(FINE as u32))).map_err(failed)
    }

    /// A straight line, `width` fine units wide; its ends in fine units.
    pub(super) fn line(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor, width: u32) -> Result<()> {
        self.area.draw(&PathElement::new(vec![from, to], colour.stroke_width(width))).map_err(failed)
    }

    /// A line of text whose capitals are centred on `y`; `x` is where `anchor` says.
    pub(super) fn text(
        &self,
        text: &str,
        x: i32,
        y: i32,
        anchor: HPos,
        em: i32,
        colour: RGBColor,
    ) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let style = style(em, colour).pos(Pos::new(anchor, VPos::Top));
        self.area.draw_text(text, &style, (x * FINE, y * FINE - middle(em))).map_err(failed)
    }

    /// A line of text that reads upwards, centred on `(x, y)`.
    pub(super) fn upwards(&self, text: &str, x: i32, y: i32, em: i32, colour: RGBColor) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let style =
            style(em, colour).pos(Pos::new(HPos::Center, VPos::Top)).transform(FontTransform::Rotate270);
        self.area.draw_text(text, &style, (x * FINE - middle(em), y * FINE)).map_err(failed)
    }
}

/// From the middle of a capital up to where plotters anchors the top of a line, in fine units: that
/// line has its foot 0.76 em below the anchor, and capitals are 0.73 em high.
fn middle(em: i32) -> i32 {
    (0.395 * f64::from(em * FINE)).round() as i32
}
