//! Figures of a page: drawings side by side, with a caption.

use std::fmt::Write;

use super::drawing::Drawing;
use super::inline::picture_svg;
use super::text::Text;
use crate::Result;
use crate::picture::Picture;

/// A drawing with a label above it, perhaps in another form for narrow screens.
#[derive(Clone, Debug)]
struct Panel {
    label: Text,
    svg: String,
}

/// Drawings with a caption. Each says in words what it shows, for those who do not see it.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    panels: Vec<Panel>,
    caption: Text,
}

impl Figure {
    /// A figure without drawings.
    pub fn new(caption: impl Into<Text>) -> Self {
        Self { panels: Vec::new(), caption: caption.into() }
    }

    /// Adds a drawing.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) when a number in it is none.
    pub fn drawing(mut self, label: impl Into<Text>, drawing: &Drawing, alternative: &str) -> Result<Self> {
        self.panels.push(Panel { label: label.into(), svg: drawing.svg("", alternative)? });
        Ok(self)
    }

    /// Adds a drawing in two forms, of which narrow screens show the second.
    ///
    /// # Errors
    /// As [`Figure::drawing`].
    pub fn drawings(
        mut self,
        label: impl Into<Text>,
        wide: &Drawing,
        narrow: &Drawing,
        alternative: &str,
    ) -> Result<Self> {
        let svg = wide.svg("wide", alternative)? + &narrow.svg("narrow", alternative)?;
        self.panels.push(Panel { label: label.into(), svg });
        Ok(self)
    }

    /// Adds a picture in two forms, of which narrow screens show the second.
    ///
    /// # Errors
    /// As [`Picture::svg`].
    pub fn pictures(
        mut self,
        label: impl Into<Text>,
        wide: &Picture,
        narrow: &Picture,
        alternative: &str,
    ) -> Result<Self> {
        let svg = picture_svg(wide, "wide", alternative)? + &picture_svg(narrow, "narrow", alternative)?;
        self.panels.push(Panel { label: label.into(), svg });
        Ok(self)
    }

    pub(super) fn write(&self, html: &mut String) {
        html.push_str("<figure>");
        html.push_str("<div class=\"panels\">");
        for Panel { label, svg } in &self.panels {
            html.push_str("<div class=\"panel\">");
            if !label.is_empty() {
                let _ = write!(html, "<p class=\"label\">{}</p>", label.html());
            }
            let _ = writeln!(html, "{svg}</div>");
        }
        html.push_str("</div>");
        if !self.caption.is_empty() {
            let _ = write!(html, "<figcaption>{}</figcaption>", self.caption.html());
        }
        html.push_str("</figure>\n");
    }
}
