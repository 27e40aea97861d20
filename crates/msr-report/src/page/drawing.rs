//! Drawings for pages: shapes and words in pixels, coloured by the page, so that they are right on
//! light and on dark ground.

use std::fmt::Write;

use super::text::{escape, escaped};
use crate::{Error, Result};

/// What a shape is coloured as. The page's stylesheet says which colour that is, on light and on
/// dark ground and on paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tone {
    /// As text.
    Ink,
    /// As text that matters less.
    Soft,
    /// As axes and frames.
    Rule,
    /// As lines of a grid.
    Faint,
    /// A surface a little apart from the ground.
    Raised,
    /// As the ground.
    Paper,
    /// What is pointed out.
    Accent,
    /// What holds.
    Good,
    /// What is open.
    Open,
    /// What does not hold.
    Bad,
    /// A line among others; seven colours, and then these again.
    Series(usize),
    /// Always this colour, red, green, blue.
    Fixed([u8; 3]),
}

/// The colours of lines.
const SERIES: usize = 7;

impl Tone {
    /// The name of the class that colours text and badges so.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Open => "open",
            Self::Bad => "bad",
            _ => "plain",
        }
    }

    fn name(self) -> String {
        match self {
            Self::Ink => "ink".into(),
            Self::Soft => "soft".into(),
            Self::Rule => "rule".into(),
            Self::Faint => "faint".into(),
            Self::Raised => "raised".into(),
            Self::Paper => "paper".into(),
            Self::Accent => "accent".into(),
            Self::Good => "good".into(),
            Self::Open => "open".into(),
            Self::Bad => "bad".into(),
            Self::Series(number) => format!("series-{}", number % SERIES),
            Self::Fixed([r, g, b]) => format!("#{r:02x}{g:02x}{b:02x}"),
        }
    }
}

/// How a shape is drawn: filled, outlined, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paint {
    fill: Option<Tone>,
    stroke: Option<(Tone, f64)>,
    dash: bool,
    crisp: bool,
}

impl Paint {
    /// Filled.
    pub fn fill(tone: Tone) -> Self {
        Self { fill: Some(tone), ..Self::default() }
    }

    /// A line so many pixels wide.
    pub fn stroke(tone: Tone, width: f64) -> Self {
        Self { stroke: Some((tone, width)), ..Self::default() }
    }

    /// And a line around it.
    pub fn and_stroke(self, tone: Tone, width: f64) -> Self {
        Self { stroke: Some((tone, width)), ..self }
    }

    /// The line is dashed.
    pub fn dashed(self) -> Self {
        Self { dash: true, ..self }
    }

    /// Edges lie on whole pixels of the screen: squares that touch have no gaps between them.
    pub fn crisp(self) -> Self {
        Self { crisp: true, ..self }
    }
}

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Anchor {
    /// At its start.
    Start,
    /// In its middle.
    Middle,
    /// At its end.
    End,
}

/// An outline, in pixels: `M x y L x y …`, made by its methods alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    data: String,
    strange: Option<f64>,
}

impl Outline {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes somewhere without drawing.
    pub fn to(mut self, at: (f64, f64)) -> Self {
        self.add('M', &[at.0, at.1]);
        self
    }

    /// A straight line.
    pub fn line(mut self, at: (f64, f64)) -> Self {
        self.add('L', &[at.0, at.1]);
        self
    }

    /// A curve that leaves and arrives in the direction of a point between.
    pub fn curve(mut self, by: (f64, f64), at: (f64, f64)) -> Self {
        self.add('Q', &[by.0, by.1, at.0, at.1]);
        self
    }

    /// Back to where it began.
    pub fn close(mut self) -> Self {
        self.data.push('Z');
        self
    }

    /// A rectangle.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.add('M', &[x, y]);
        self.add('h', &[width]);
        self.add('v', &[height]);
        self.add('h', &[-width]);
        self.data.push('Z');
    }

    /// A line of its own.
    pub fn segment(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.add('M', &[from.0, from.1]);
        self.add('L', &[to.0, to.1]);
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    fn add(&mut self, command: char, numbers: &[f64]) {
        self.data.push(command);
        for (index, &number) in numbers.iter().enumerate() {
            if index > 0 {
                self.data.push(' ');
            }
            if !number.is_finite() {
                self.strange.get_or_insert(number);
            }
            self.data.push_str(&pixels(number));
        }
    }
}

/// Shapes and words on a surface of so many pixels.
///
/// A number that is none is kept, and refused when the drawing is put on a page.
#[derive(Clone, Debug)]
pub struct Drawing {
    width: f64,
    height: f64,
    body: String,
    strange: Option<f64>,
}

impl Drawing {
    /// An empty surface, with sizes in pixels.
    pub fn new(width: f64, height: f64) -> Self {
        let strange = [width, height].into_iter().find(|size| !size.is_finite());
        Self { width, height, body: String::new(), strange }
    }

    /// A rectangle from its upper left corner.
    pub fn rectangle(&mut self, at: (f64, f64), size: (f64, f64), paint: Paint) {
        let numbers = [("x", at.0), ("y", at.1), ("width", size.0), ("height", size.1)];
        self.shape("rect", &numbers, paint);
    }

    /// A circle around a point.
    pub fn circle(&mut self, at: (f64, f64), radius: f64, paint: Paint) {
        self.shape("circle", &[("cx", at.0), ("cy", at.1), ("r", radius)], paint);
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), paint: Paint) {
        self.shape("line", &[("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)], paint);
    }

    /// An outline; one with nothing in it draws nothing.
    pub fn outline(&mut self, outline: &Outline, paint: Paint) {
        if outline.is_empty() {
            return;
        }
        self.strange = self.strange.or(outline.strange);
        let _ = write!(self.body, "<path d=\"{}\"", outline.data);
        self.paint(paint);
        self.body.push_str("/>");
    }

    /// A line of text of `size` pixels whose foot is at `at`; `whole` is its tooltip, where it was
    /// cut.
    pub fn text(
        &mut self,
        text: &str,
        at: (f64, f64),
        (size, anchor, tone): (f64, Anchor, Tone),
        whole: Option<&str>,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.body.push_str("<text");
        self.numbers(&[("x", at.0), ("y", at.1), ("font-size", size)]);
        let _ = write!(self.body, " text-anchor=\"{anchor}\"");
        self.paint(Paint::fill(tone));
        self.body.push('>');
        if let Some(whole) = whole {
            let _ = write!(self.body, "<title>{}</title>", escaped(whole));
        }
        escape(text, &mut self.body);
        self.body.push_str("</text>");
    }

    /// A line of text that rises steeply from `at`, for names above columns.
    pub fn slanted(&mut self, text: &str, at: (f64, f64), (size, tone): (f64, Tone), whole: Option<&str>) {
        let before = self.body.len();
        self.text(text, at, (size, Anchor::Start, tone), whole);
        let turn = format!("<text transform=\"rotate(-60 {} {})\"", pixels(at.0), pixels(at.1));
        self.body.replace_range(before..before + "<text".len(), &turn);
    }

    /// A picture of `columns` pixels a row, each a colour or nothing, stretched over a rectangle
    /// without blurring.
    ///
    /// # Errors
    /// [`Error::Shape`] when the pixels are no rows of `columns`, [`Error::Png`].
    pub fn pixels(
        &mut self,
        at: (f64, f64),
        size: (f64, f64),
        colours: &[Option<[u8; 3]>],
        columns: usize,
    ) -> Result<()> {
        let rows = colours.len() / columns.max(1);
        if rows * columns != colours.len() || colours.is_empty() {
            let (what, entries) = ("the pixels of a drawing".into(), colours.len());
            return Err(Error::Shape { what, entries, rows, cols: columns });
        }
        let address = super::inline::png_address(colours, columns)?;
        self.body.push_str("<image class=\"pixels\" preserveAspectRatio=\"none\"");
        self.numbers(&[("x", at.0), ("y", at.1), ("width", size.0), ("height", size.1)]);
        let _ = write!(self.body, " href=\"{address}\"/>");
        Ok(())
    }

    fn shape(&mut self, tag: &str, numbers: &[(&str, f64)], paint: Paint) {
        let _ = write!(self.body, "<{tag}");
        self.numbers(numbers);
        self.paint(paint);
        self.body.push_str("/>");
    }

    fn numbers(&mut self, numbers: &[(&str, f64)]) {
        for &(name, number) in numbers {
            if !number.is_finite() {
                self.strange.get_or_insert(number);
            }
            let _ = write!(self.body, " {name}=\"{}\"", pixels(number));
        }
    }

    fn paint(&mut self, paint: Paint) {
        let mut classes: Vec<String> = Vec::new();
        match paint.fill {
            None => classes.push("none".into()),
            Some(Tone::Fixed(_)) => {}
            Some(tone) => classes.push(tone.name()),
        }
        if let Some((tone, _)) = paint.stroke
            && !matches!(tone, Tone::Fixed(_))
        {
            classes.push(format!("s-{}", tone.name()));
        }
        if paint.crisp {
            classes.push("crisp".into());
        }
        if !classes.is_empty() {
            let _ = write!(self.body, " class=\"{}\"", classes.join(" "));
        }
        if let Some(tone @ Tone::Fixed(_)) = paint.fill {
            let _ = write!(self.body, " fill=\"{}\"", tone.name());
        }
        if let Some((tone, width)) = paint.stroke {
            self.numbers(&[("stroke-width", width)]);
            if matches!(tone, Tone::Fixed(_)) {
                let _ = write!(self.body, " stroke=\"{}\"", tone.name());
            }
        }
        if paint.dash {
            self.body.push_str(" stroke-dasharray=\"3.5 3\"");
        }
    }

    /// The drawing as SVG within HTML; read aloud as `alternative`, or passed over when that is
    /// empty.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a number in it is none.
    pub(super) fn svg(&self, class: &str, alternative: &str) -> Result<String> {
        if let Some(value) = self.strange {
            return Err(Error::NotFinite { what: format!("a drawing ({alternative})"), value });
        }
        let (width, height) = (pixels(self.width), pixels(self.height));
        let mut svg = format!("<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"");
        svg.push_str(&attributes(class, alternative));
        let _ = write!(svg, ">{}</svg>", self.body);
        Ok(svg)
    }
}

/// The class of an SVG, and how it is read aloud.
pub(super) fn attributes(class: &str, alternative: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    if alternative.is_empty() {
        return format!("{class} aria-hidden=\"true\"");
    }
    format!("{class} role=\"img\" aria-label=\"{}\"", escaped(alternative))
}

/// A length with at most two digits after the point.
fn pixels(number: f64) -> String {
    let rounded = (number * 100.0).round() / 100.0;
    // No negative zero.
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}
