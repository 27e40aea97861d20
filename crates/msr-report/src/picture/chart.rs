//! Line charts: what they show, and what of it can be drawn.

/// A line through points, perhaps with a band around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) band: Vec<(f64, f64, f64)>,
    pub(super) dots: bool,
}

impl Series {
    /// A line through `(x, y)` points, in their order. It breaks where a coordinate is no finite
    /// number, and a point between two breaks is a dot.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect(), ..Self::default() }
    }

    /// A shaded band through `(x, low, high)`: an interval at each x. It breaks as lines do.
    pub fn band(mut self, band: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.band = band.into_iter().collect();
        self
    }

    /// A dot on every point: where each was measured, and lines only lead from one to the next.
    pub fn with_dots(mut self) -> Self {
        self.dots = true;
        self
    }
}

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Logarithmic where all values are positive and the largest is at least a hundred times the
    /// smallest, else linear.
    #[default]
    Auto,
    /// Equal distances are equal differences.
    Linear,
    /// Equal distances are equal ratios. Values that are not positive cannot be drawn; the picture
    /// says how many.
    Log,
}

/// Lines over one pair of axes, with a legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    pub(super) guides: Vec<Guide>,
    pub(super) size: (i32, i32),
}

/// A thin straight line between two points, and its name beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Guide {
    pub(super) name: String,
    pub(super) ends: [(f64, f64); 2],
}

/// An axis as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) scale: Scale,
}

impl Chart {
    /// Axes without lines. Name a quantity and its unit: `outer step`, `time in seconds`.
    pub fn new(x: impl Into<String>, y: impl Into<String>) -> Self {
        let axis = |name: String, scale| Axis { name, scale };
        Self {
            title: String::new(),
            x: axis(x.into(), Scale::Linear),
            y: axis(y.into(), Scale::Auto),
            series: Vec::new(),
            guides: Vec::new(),
            size: (560, 300),
        }
    }

    /// Adds a line. The legend shows lines that have names.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a thin grey line to compare with, straight between two points of the chart, and its
    /// name below its middle: `slope 1`. It is no value: the axes do not reach for it.
    pub fn guide(mut self, name: impl Into<String>, ends: [(f64, f64); 2]) -> Self {
        self.guides.push(Guide { name: name.into(), ends });
        self
    }

    /// A title above the axes.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// How values lie along the axis on the left; [`Scale::Auto`] unless this says otherwise.
    pub fn y_scale(mut self, scale: Scale) -> Self {
        self.y.scale = scale;
        self
    }

    /// How values lie along the axis below; [`Scale::Linear`] unless this says otherwise.
    pub fn x_scale(mut self, scale: Scale) -> Self {
        self.x.scale = scale;
        self
    }

    /// Pixels across and down, axes and their numbers included; at least 240 × 160.
    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (i32::from(width).max(240), i32::from(height).max(160));
        self
    }

    /// The axes with their ranges.
    pub(super) fn ranges(&self) -> (Range, Range) {
        let points = || self.series.iter().flat_map(|s| &s.points);
        let band = || self.series.iter().flat_map(|s| &s.band);
        let xs = points().map(|p| p.0).chain(band().map(|b| b.0));
        let ys = points().map(|p| p.1).chain(band().flat_map(|b| [b.1, b.2]));
        (Range::new(self.x.scale, xs, 0.0), Range::new(self.y.scale, ys, 0.05))
    }
}

/// The part of an axis that is shown. Coordinates are values, or their logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) log: bool,
    /// In coordinates.
    pub(super) low: f64,
    /// In coordinates; above `low`.
    pub(super) high: f64,
    /// How many finite values have no coordinate.
    pub(super) hidden: usize,
}

/// Larger values are as good as infinite: differences of two could be.
const BEYOND: f64 = 1e300;

impl Range {
    fn new(scale: Scale, values: impl Iterator<Item = f64>, margin: f64) -> Self {
        let finite: Vec<f64> = values.filter(|v| v.abs() < BEYOND).collect();
        let least = finite.iter().copied().fold(f64::INFINITY, f64::min);
        let most = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log = match scale {
            Scale::Auto => least > 0.0 && most >= 100.0 * least,
            Scale::Linear => false,
            Scale::Log => true,
        };
        let mut range = Self { log, low: f64::INFINITY, high: f64::NEG_INFINITY, hidden: 0 };
        for value in finite {
            match range.coordinate(value) {
                Some(at) => (range.low, range.high) = (range.low.min(at), range.high.max(at)),
                None => range.hidden += 1,
            }
        }
        if range.low > range.high {
            (range.low, range.high) = (0.0, 1.0);
        }
        let span = range.high - range.low;
        // One value, or values that differ by rounding only, stand in the middle.
        let around = range.low.abs().max(range.high.abs()).max(f64::MIN_POSITIVE);
        let margin = match span {
            span if span > 1e-12 * around => margin * span,
            _ if log => 0.5,
            _ if range.low == 0.0 => 1.0,
            _ => 0.5 * around,
        };
        (range.low, range.high) = (range.low - margin, range.high + margin);
        range
    }

    /// Where a value lies, if it does.
    pub(super) fn coordinate(&self, value: f64) -> Option<f64> {
        let at = if self.log { value.log10() } else { value };
        (value.abs() < BEYOND && at.is_finite()).then_some(at)
    }

    /// The value at a coordinate.
    pub(super) fn value(&self, coordinate: f64) -> f64 {
        if self.log { 10f64.powf(coordinate) } else { coordinate }
    }
}

/// Runs of points all of which have coordinates.
pub(super) fn runs<P, Q>(points: &[P], coordinates: impl Fn(&P) -> Option<Q>) -> Vec<Vec<Q>> {
    let mut runs = vec![Vec::new()];
    for point in points {
        match (coordinates(point), runs.last_mut()) {
            (Some(at), Some(run)) => run.push(at),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The same line with at most four points in each of `columns` columns: where it enters, its lowest
/// and highest, and where it leaves. What a picture of so many columns shows is the same.
pub(super) fn thinned(run: Vec<(f64, f64)>, range: &Range, columns: usize) -> Vec<(f64, f64)> {
    if run.len() <= 4 * columns {
        return run;
    }
    let column = |x: f64| ((x - range.low) / (range.high - range.low) * columns as f64) as usize;
    let mut thin = Vec::new();
    for same in run.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let by = |order: std::cmp::Ordering| {
            (0..same.len())
                .reduce(|a, b| if same[b].1.total_cmp(&same[a].1) == order { b } else { a })
                .unwrap_or(0)
        };
        let mut kept = [0, by(std::cmp::Ordering::Less), by(std::cmp::Ordering::Greater), same.len() - 1];
        kept.sort_unstable();
        thin.extend(
            kept.iter().enumerate().filter(|(i, at)| *i == 0 || kept[i - 1] != **at).map(|(_, &at)| same[at]),
        );
    }
    thin
}

#[cfg(test)]
mod tests {
    use super::{Chart, Range, Scale, Series, runs, thinned};

    fn range(scale: Scale, values: &[f64]) -> Range {
        Range::new(scale, values.iter().copied(), 0.0)
    }

    #[test]
    fn values_over_decades_are_on_a_log_axis() {
        assert!(range(Scale::Auto, &[0.01, 1.0]).log && !range(Scale::Auto, &[0.02, 1.0]).log);
        assert!(!range(Scale::Auto, &[0.0, 1.0, 1e6]).log && !range(Scale::Auto, &[]).log);
        let log = range(Scale::Log, &[0.0, -1.0, 1.0, 100.0, f64::NAN]);
        assert_eq!((log.low, log.high, log.hidden), (0.0, 2.0, 2));
        assert_eq!((log.coordinate(0.0), log.coordinate(10.0), log.value(1.0)), (None, Some(1.0), 10.0));
    }

    #[test]
    fn every_range_has_an_extent() {
        let some: [&[f64]; 7] =
            [&[], &[f64::NAN], &[0.0], &[3.0, 3.0], &[-9e299], &[-9e299, 9e299, f64::MAX], &[1e-320, 1e-320]];
        for values in some {
            for scale in [Scale::Auto, Scale::Linear, Scale::Log] {
                let range = range(scale, values);
                assert!(range.low < range.high && range.high.is_finite(), "{values:?}, {range:?}");
            }
        }
    }

    #[test]
    fn lines_break_where_there_is_no_number() {
        let found = runs(&[1.0, 2.0, f64::NAN, 3.0, f64::INFINITY], |x| x.is_finite().then_some(*x));
        assert_eq!(found, [vec![1.0, 2.0], vec![3.0]]);
        let chart = Chart::new("x", "y").series(Series::new("", [(0.0, f64::NAN)]).band([(1.0, 2.0, 4.0)]));
        assert_eq!((chart.ranges().0.high, chart.ranges().1.low), (1.0, 1.9));
    }

    #[test]
    fn thin_lines_keep_their_peaks() {
        let mut run: Vec<(f64, f64)> = (0..10_000).map(|i| (f64::from(i), 0.0)).collect();
        run[4321].1 = 7.0;
        run[8765].1 = -7.0;
        let range = range(Scale::Linear, &[0.0, 9999.0]);
        let thin = thinned(run.clone(), &range, 100);
        assert!(thin.len() <= 404 && thin.contains(&run[4321]) && thin.contains(&run[8765]));
        assert_eq!((thin[0], thin[thin.len() - 1]), (run[0], run[9999]));
        assert!(thin.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(thinned(run[..400].to_vec(), &range, 100).len(), 400);
    }
}
