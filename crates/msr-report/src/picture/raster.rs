//! Pixels: a backend of plotters that paints with tiny-skia, and PNG.

use std::convert::Infallible;

use ab_glyph::{Font, FontRef, OutlineCurve};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontTransform,
};
use tiny_skia::{FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::font::{PER_EM, font, glyphs};
use crate::{Error, Result};

/// A picture of pixels, drawn in units of which `1 / scale` make a pixel.
pub(super) struct Raster<'a> {
    pixmap: &'a mut Pixmap,
    /// In units.
    size: (u32, u32),
    scale: f32,
    font: &'static FontRef<'static>,
}

type Drawn = std::result::Result<(), DrawingErrorKind<Infallible>>;

/// A white picture of `width` × `height` units, of which `1 / scale` make a pixel.
pub(super) fn blank(width: u32, height: u32, scale: f32) -> Result<Pixmap> {
    let pixels = |units: u32| (units as f32 * scale).round() as u32;
    let mut pixmap = Pixmap::new(pixels(width), pixels(height)).ok_or(Error::Empty("it has no pixels"))?;
    pixmap.fill(tiny_skia::Color::WHITE);
    Ok(pixmap)
}

/// A picture as PNG, three bytes a pixel.
pub(super) fn png(pixmap: &Pixmap) -> Result<Vec<u8>> {
    // Everything is painted on white: all pixels are opaque.
    let pixels: Vec<u8> = pixmap.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

impl<'a> Raster<'a> {
    /// Paints on a picture that [`blank`] made with the same sizes.
    pub(super) fn new(pixmap: &'a mut Pixmap, width: u32, height: u32, scale: f32) -> Result<Self> {
        Ok(Self { pixmap, size: (width, height), scale, font: font()? })
    }

    fn fill(&mut self, path: Option<Path>, colour: BackendColor, turn: Transform) {
        if let Some(path) = path {
            let transform = turn.post_scale(self.scale, self.scale);
            self.pixmap.fill_path(&path, &paint(colour), FillRule::Winding, transform, None);
        }
    }

    fn stroke<S: BackendStyle>(&mut self, path: Option<Path>, style: &S) {
        // What has no length is no line, and cannot be stroked.
        let has_length = |path: &Path| path.bounds().width() > 0.0 || path.bounds().height() > 0.0;
        if let Some(path) = path.filter(has_length) {
            let stroke = Stroke { width: style.stroke_width() as f32, ..Stroke::default() };
            let transform = Transform::from_scale(self.scale, self.scale);
            self.pixmap.stroke_path(&path, &paint(style.color()), &stroke, transform, None);
        }
    }
}

fn paint(BackendColor { alpha, rgb: (r, g, b) }: BackendColor) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, (alpha.clamp(0.0, 1.0) * 255.0).round() as u8);
    paint
}

fn polyline(points: impl IntoIterator<Item = BackendCoord>) -> PathBuilder {
    let mut builder = PathBuilder::new();
    for (x, y) in points {
        let (x, y) = (x as f32, y as f32);
        if builder.is_empty() { builder.move_to(x, y) } else { builder.line_to(x, y) }
    }
    builder
}

/// The outlines of a text whose first letter starts at `(x, y)` on the line that letters stand on.
fn outlines(
    font: &FontRef<'_>,
    text: &[(ab_glyph::GlyphId, f32)],
    em: f32,
    (x, y): (f32, f32),
) -> PathBuilder {
    let unit = em / font.units_per_em().unwrap_or(1.0);
    let mut builder = PathBuilder::new();
    for &(glyph, start) in text {
        let at = |p: ab_glyph::Point| (x + start * em + p.x * unit, y - p.y * unit);
        let mut last = None;
        for curve in font.outline(glyph).into_iter().flat_map(|outline| outline.curves) {
            let (first, end) = match curve {
                OutlineCurve::Line(a, b) => (a, b),
                OutlineCurve::Quad(a, _, b) => (a, b),
                OutlineCurve::Cubic(a, _, _, b) => (a, b),
            };
            if last != Some(first) {
                if last.is_some() {
                    builder.close();
                }
                let (x, y) = at(first);
                builder.move_to(x, y);
            }
            let (x, y) = at(end);
            match curve {
                OutlineCurve::Line(..) => builder.line_to(x, y),
                OutlineCurve::Quad(_, c, _) => {
                    let c = at(c);
                    builder.quad_to(c.0, c.1, x, y);
                }
                OutlineCurve::Cubic(_, c, d, _) => {
                    let (c, d) = (at(c), at(d));
                    builder.cubic_to(c.0, c.1, d.0, d.1, x, y);
                }
            }
            last = Some(end);
        }
        if last.is_some() {
            builder.close();
        }
    }
    builder
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        let square = Rect::from_xywh(x as f32, y as f32, 1.0, 1.0).map(PathBuilder::from_rect);
        self.fill(square, colour, Transform::identity());
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.stroke(polyline([from, to]).finish(), style);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let rect = Rect::from_ltrb(x0 as f32, y0 as f32, x1 as f32, y1 as f32).map(PathBuilder::from_rect);
        if fill {
            self.fill(rect, style.color(), Transform::identity())
        } else {
            self.stroke(rect, style)
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.stroke(polyline(path).finish(), style);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let circle = PathBuilder::from_circle(x as f32, y as f32, radius as f32);
        if fill {
            self.fill(circle, style.color(), Transform::identity())
        } else {
            self.stroke(circle, style)
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let mut builder = polyline(corners);
        builder.close();
        self.fill(builder.finish(), style.color(), Transform::identity());
        Ok(())
    }

    /// As SVG places it: the same anchors, and the distances that plotters writes there.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let em = (style.size() / PER_EM) as f32;
        let (x, y) = (x as f32, y as f32);
        let (placed, width) = glyphs(self.font, text);
        let left = match style.anchor().h_pos {
            HPos::Left => x,
            HPos::Center => x - width * em / 2.0,
            HPos::Right => x - width * em,
        };
        // Half an ex of DejaVu Sans is 0.273 em.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.273,
            VPos::Bottom => -0.273,
        };
        let degrees = match style.transform() {
            FontTransform::None => 0.0,
            FontTransform::Rotate90 => 90.0,
            FontTransform::Rotate180 => 180.0,
            FontTransform::Rotate270 => 270.0,
        };
        let path = outlines(self.font, &placed, em, (left, y + down * em)).finish();
        self.fill(path, style.color(), Transform::from_rotate_at(degrees, x, y));
        Ok(())
    }
}
