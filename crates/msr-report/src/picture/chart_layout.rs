//! Drawing a chart: plotters does the axes and the lines, the legend goes above them.

use plotters::chart::{ChartBuilder, ChartContext, LabelAreaPosition};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::element::{Circle, DashedPathElement, PathElement, Polygon, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};
use plotters_backend::DrawingBackend;

use super::canvas::{Canvas, FINE, failed, style};
use super::chart::{Chart, Guide, Range, runs, thinned};
use super::colour::{FAINT, INK, LINES, RULE};
use super::font::{SMALL, TEXT, line_height, typeset, widest, width};
use super::ticks;
use crate::Result;

/// The sample of a line in the legend, its distance from the name, and from the next.
const SAMPLE: (i32, i32, i32) = (24, 6, 18);
/// Fine units that lines are wide.
const LINE: u32 = 7;
/// Fine units from the middle of a dot to its edge.
const DOT: i32 = 10;
/// The least room right of the axes.
const RIGHT: i32 = 12;

/// A name in the legend: the number of its line, and where its sample starts.
struct Entry {
    line: usize,
    name: String,
    x: i32,
    y: i32,
}

/// A chart whose parts have places.
pub(super) struct ChartLayout<'a> {
    chart: &'a Chart,
    pub(super) width: i32,
    pub(super) height: i32,
    title: String,
    legend: Vec<Entry>,
    /// Where the axes start.
    top: i32,
    x: Range,
    y: Range,
    x_ticks: Vec<(f64, String)>,
    y_ticks: Vec<(f64, String)>,
    left: i32,
    /// Room right of the axes: half of the last number stands there.
    right: i32,
}

/// An axis as plotters takes it: a range in coordinates, its numbers, and faint lines between them.
struct Axis {
    range: std::ops::Range<f64>,
    numbers: Vec<(f64, String)>,
    between: Vec<f64>,
}

impl Axis {
    fn new(range: &Range, numbers: &[(f64, String)]) -> Self {
        let faint =
            if range.log { ticks::between(range.value(range.low), range.value(range.high)) } else { vec![] };
        let between = faint.into_iter().filter_map(|value| range.coordinate(value)).collect();
        Self { range: range.low..range.high, numbers: numbers.to_vec(), between }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = (value - self.range.start) / (self.range.end - self.range.start);
        from + (part * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            self.between.clone()
        } else {
            self.numbers.iter().map(|(at, _)| *at).collect()
        }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.numbers.iter().find(|(at, _)| at == value).map_or_else(String::new, |(_, text)| text.clone())
    }
}

type Context<'a, DB> = ChartContext<'a, DB, Cartesian2d<Axis, Axis>>;

impl<'a> ChartLayout<'a> {
    pub(super) fn new(chart: &'a Chart) -> Result<Self> {
        let (mut wide, high) = chart.size;
        let (x, y) = chart.ranges();
        let y_ticks = numbers(&y, (high / 45).clamp(3, 8) as usize);
        let left = widest(y_ticks.iter().map(|(_, text)| text.as_str()), SMALL)? + 12 + line_height(TEXT) + 4;
        let title = typeset(&chart.title);
        let mut top = if title.is_empty() { 0 } else { line_height(TEXT) + 4 };
        let mut legend: Vec<Entry> = Vec::new();
        let mut at = left;
        for (line, series) in chart.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty()) {
            let name = typeset(&series.name);
            let needed = SAMPLE.0 + SAMPLE.1 + width(&name, TEXT)?;
            if at > left && at + needed > wide - RIGHT {
                at = left;
                top += line_height(TEXT) + 2;
            }
            wide = wide.max(at + needed + RIGHT);
            legend.push(Entry { line, name, x: at, y: top + line_height(TEXT) / 2 });
            at += needed + SAMPLE.2;
        }
        top += if legend.is_empty() { 0 } else { line_height(TEXT) + 6 };
        let wide = wide.max(width(&title, TEXT)? + left);
        let x_ticks = numbers(&x, ((wide - left) / 70).clamp(2, 9) as usize);
        let last = x_ticks.last().map_or(Ok(0), |(_, text)| width(text, SMALL))?;
        let right = RIGHT.max(last / 2 + 2);
        let (width, height) = (wide, high + top);
        Ok(Self { chart, width, height, title, legend, top, x, y, x_ticks, y_ticks, left, right })
    }

    /// How many finite values an axis cannot show.
    pub(super) fn hidden(&self) -> usize {
        self.x.hidden + self.y.hidden
    }

    /// Draws the chart with its upper left corner at `(left, top)`.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        left: i32,
        top: i32,
    ) -> Result<()> {
        let line = line_height(TEXT);
        canvas.text(&self.title, left + self.left, top + line / 2, HPos::Left, TEXT, INK)?;
        for Entry { line, name, x, y } in &self.legend {
            let (from, y) = (left + x, top + y);
            let ends = vec![(from * FINE, y * FINE), ((from + SAMPLE.0) * FINE, y * FINE)];
            if dashed(*line) {
                let stroke = colour(*line).stroke_width(LINE);
                canvas
                    .area
                    .draw(&DashedPathElement::new(ends, 5 * FINE, 3 * FINE, stroke))
                    .map_err(failed)?;
            } else {
                canvas
                    .area
                    .draw(&PathElement::new(ends, colour(*line).stroke_width(LINE)))
                    .map_err(failed)?;
            }
            canvas.text(name, from + SAMPLE.0 + SAMPLE.1, y, HPos::Left, TEXT, INK)?;
        }
        let corner = (left * FINE, (top + self.top) * FINE);
        let size = (self.width * FINE, (self.height - self.top) * FINE);
        let area = canvas.area.clone().shrink(corner, size);
        let mut context = ChartBuilder::on(&area)
            .margin_right(self.right * FINE)
            .margin_top(SMALL / 2 * FINE)
            .set_label_area_size(LabelAreaPosition::Left, self.left * FINE)
            .set_label_area_size(
                LabelAreaPosition::Bottom,
                (line_height(SMALL) + line_height(TEXT) + 12) * FINE,
            )
            .build_cartesian_2d(Axis::new(&self.x, &self.x_ticks), Axis::new(&self.y, &self.y_ticks))
            .map_err(failed)?;
        context
            .configure_mesh()
            .bold_line_style(FAINT.stroke_width(FINE as u32))
            .light_line_style(FAINT.mix(0.5).stroke_width(FINE as u32))
            .axis_style(RULE.stroke_width(FINE as u32))
            .label_style(style(SMALL, INK))
            .axis_desc_style(style(TEXT, INK))
            .set_all_tick_mark_size(4 * FINE)
            .x_desc(typeset(&self.chart.x.name))
            .y_desc(typeset(&self.chart.y.name))
            .draw()
            .map_err(failed)?;
        self.lines(&mut context)?;
        if self.chart.series.iter().all(|s| s.points.iter().all(|p| self.place(p.0, p.1).is_none())) {
            let middle = left + (self.width + self.left - self.right) / 2;
            let text = "no values";
            canvas.text(text, middle, top + (self.height + self.top) / 2 - line, HPos::Center, TEXT, RULE)?;
        }
        Ok(())
    }

    fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.x.coordinate(x)?, self.y.coordinate(y)?))
    }

    /// Bands first, so that no line is under one.
    fn lines<DB: DrawingBackend>(&self, context: &mut Context<'_, DB>) -> Result<()> {
        for (number, series) in self.chart.series.iter().enumerate() {
            for run in runs(&series.band, |&(x, low, high)| Some((self.place(x, low)?, self.place(x, high)?)))
            {
                let there = run.iter().map(|(low, _)| *low);
                let corners: Vec<_> = there.chain(run.iter().rev().map(|(_, high)| *high)).collect();
                context.draw_series([Polygon::new(corners, colour(number).mix(0.2))]).map_err(failed)?;
            }
        }
        self.guides(context)?;
        let columns = usize::try_from(self.width * FINE / 2).unwrap_or(1);
        for (number, series) in self.chart.series.iter().enumerate() {
            for run in runs(&series.points, |&(x, y)| self.place(x, y)) {
                let stroke = colour(number).stroke_width(LINE);
                if series.dots {
                    let dots = run.iter().map(|&at| Circle::new(at, DOT, colour(number).filled()));
                    context.draw_series(dots).map_err(failed)?;
                }
                let run = thinned(run, &self.x, columns);
                if let [only] = run[..] {
                    context
                        .draw_series([Circle::new(only, 2 * FINE, colour(number).filled())])
                        .map_err(failed)?;
                } else if dashed(number) {
                    let line = DashedPathElement::new(run, 5 * FINE, 3 * FINE, stroke);
                    context.draw_series([line]).map_err(failed)?;
                } else {
                    context.draw_series([PathElement::new(run, stroke)]).map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    /// What lines are compared with, under them.
    fn guides<DB: DrawingBackend>(&self, context: &mut Context<'_, DB>) -> Result<()> {
        for Guide { name, ends } in &self.chart.guides {
            let [Some(from), Some(to)] = ends.map(|(x, y)| self.place(x, y)) else { continue };
            let stroke = RULE.stroke_width(LINE / 2);
            let line = DashedPathElement::new([from, to], 3 * FINE, 3 * FINE, stroke);
            context.draw_series([line]).map_err(failed)?;
            let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
            let beside = style(SMALL, RULE).pos(Pos::new(HPos::Left, VPos::Top));
            let text = Text::new(typeset(name), middle, beside);
            context.draw_series([text]).map_err(failed)?;
        }
        Ok(())
    }
}

fn colour(line: usize) -> RGBColor {
    LINES[line % LINES.len()]
}

/// Lines beyond the colours have these again, with dashes.
fn dashed(line: usize) -> bool {
    line / LINES.len() % 2 == 1
}

/// The numbers along an axis, by coordinate.
fn numbers(range: &Range, most: usize) -> Vec<(f64, String)> {
    if !range.log {
        return ticks::linear(range.low, range.high, most);
    }
    let values = ticks::logarithmic(range.value(range.low), range.value(range.high), most);
    values.into_iter().filter_map(|(value, text)| Some((range.coordinate(value)?, text))).collect()
}
