//! Pictures as they come out: pixels, text, sizes, errors.

use super::{
    Block, Chart, Grid, Inspected, Panel, Picture, Scale, Series, curves, filters, inspected, matrices,
    patterns, symmetry,
};
use crate::Error;

/// The width and the pixels of a PNG.
fn decoded(picture: &Picture) -> (usize, Vec<[u8; 3]>) {
    let bytes = picture.png().unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width as usize, pixels.as_chunks::<3>().0.to_vec())
}

/// Text of an SVG: what it says, where its anchor is in pixels, and where it ends when it starts
/// there.
fn texts(svg: &str) -> Vec<(String, f64, f64)> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts
        .map(|node| {
            let number =
                |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap() / f64::from(super::FINE);
            (node.text().unwrap().trim().to_string(), number("x"), number("y"))
        })
        .collect()
}

fn of(values: &[f64], rows: usize, cols: usize) -> Panel {
    Panel::values("", values, rows, cols).unwrap()
}

const RED: [u8; 3] = [178, 24, 43];
const BLUE: [u8; 3] = [33, 102, 172];

/// Where the squares of a single 1 × 2 panel of 16 pixels are: after the margin of 16.
#[test]
fn squares_have_the_colours_of_their_values() {
    let (width, pixels) =
        decoded(&Picture::new("").row([Grid::of([of(&[2.0, -2.0, 0.0, f64::NAN], 2, 2)], 1)]));
    let at = |x: usize, y: usize| pixels[2 * y * width + 2 * x];
    assert_eq!((at(24, 24), at(40, 24), at(24, 40), at(40, 40)), (RED, BLUE, [255; 3], [160; 3]));
    // Squares touch, and their edges are sharp.
    assert_eq!((at(31, 24), at(32, 24)), (RED, BLUE));
    assert_eq!(at(1, 1), [255; 3]);
}

#[test]
fn a_pattern_has_one_colour_for_each_label() {
    let panel = Panel::pattern("", &[7, 1, 1, 7], 2, 2).unwrap();
    let (width, pixels) = decoded(&Picture::new("").row([Grid::of([panel], 1)]));
    let at = |x: usize, y: usize| pixels[2 * y * width + 2 * x];
    assert_eq!((at(24, 24), at(40, 24)), ([0, 114, 178], [230, 159, 0]));
    assert_eq!((at(24, 24), at(40, 24)), (at(40, 40), at(24, 40)));
}

#[test]
fn a_colour_bar_has_numbers_on_both_sides_of_zero() {
    for bound in [0.013, 1.2, 7.0, 1e-9, 123_456.0] {
        let svg = Picture::new("").row([Grid::of([of(&[bound, 0.0], 1, 2)], 1).bar("weight")]).svg().unwrap();
        let texts = texts(&svg);
        let find = |wanted: &dyn Fn(&str) -> bool| texts.iter().find(|(text, ..)| wanted(text)).map(|t| t.2);
        let below = find(&|text| text.starts_with('−')).unwrap();
        let zero = find(&|text| text == "0").unwrap();
        let above = find(&|text| text.starts_with(|c: char| c.is_ascii_digit()) && text != "0").unwrap();
        assert!(above < zero && zero < below, "{bound}: {texts:?}");
        assert!(find(&|text| text == "weight").is_some());
    }
    let pattern = Panel::pattern("", &[0], 1, 1).unwrap();
    assert!(texts(&Picture::new("").row([Grid::of([pattern], 1)]).svg().unwrap()).is_empty());
}

fn one_column(column: &[f64], inputs: usize) -> Inspected<'static> {
    let columns = vec![("weight".to_string(), column.to_vec())];
    Inspected { title: "inspected".into(), columns, entry: "weight", of: 1, inputs, ..Inspected::default() }
}

/// Classes that are zero are white and said to be; columns that are not shown are counted; the
/// title has the group.
#[test]
fn an_inspected_matrix_shows_zeros_white_and_counts_what_it_leaves_out() {
    let action = msr_groups::Action::natural(&msr_groups::symmetric(2).unwrap());
    let pattern = msr_groups::SharingPattern::new(&action, &action).unwrap();
    let off = pattern.labels()[1];
    let found = Inspected {
        title: "w: S_2, order 2".into(),
        pattern: Some(&pattern),
        zero: vec![off],
        of: 3,
        ..one_column(&[1.0, 0.0, 0.0, 1.0], 2)
    };
    let svg = inspected(&found).unwrap().svg().unwrap();
    // Notes are wrapped into lines.
    let words = |svg: &str| -> String {
        let document = roxmltree::Document::parse(svg).unwrap();
        let texts = document.descendants().filter(roxmltree::Node::is_text).filter_map(|n| n.text());
        texts.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    };
    for part in ["w: S₂, order 2", "White: zero.", "1 of 3 columns"] {
        assert!(words(&svg).contains(part), "`{part}` is not in `{}`", words(&svg));
    }
    let all = inspected(&Inspected { zero: Vec::new(), of: 1, ..found }).unwrap().svg().unwrap();
    assert!(!words(&all).contains("White: zero.") && !words(&all).contains("columns are shown"));
    let rectangles = |svg: &str| svg.matches("<rect").count();
    // The two entries off the diagonal, in colour or not.
    assert_eq!(rectangles(&all), rectangles(&svg) + 2);
}

/// Measured points on logarithmic axes, and a guide.
fn growth() -> Chart {
    let measured = Series::new("measured", [(1.0, 3.0), (2.0, 5.0), (100.0, 900.0)]).with_dots();
    let chart = Chart::new("tasks", "time in ms").x_scale(Scale::Log).y_scale(Scale::Log);
    chart.series(measured).guide("slope 1", [(1.0, 9.0), (100.0, 900.0)])
}

fn every_kind() -> Vec<Picture> {
    let weight: Vec<f64> = (0..12).map(|i| f64::from(i).sin()).collect();
    let headings = ["0".to_string(), "180".to_string()];
    let row = (0..18).map(|i| f64::from(i).cos()).collect::<Vec<_>>();
    let group = vec![("true".to_string(), row.clone()), ("learned, <&>".to_string(), row)];
    let panels = (0..5).map(|i| Panel::pattern(format!("C_{i}"), &[0, 1, 2, i], 2, 2).unwrap()).collect();
    let lines = (0..9).map(|line| Series::new(format!("line {line}"), [(0.0, 1.0), (1.0, f64::from(line))]));
    let band = Series::new("mean", [(0.0, 0.5), (1.0, 0.6)]).band([(0.0, 0.4, 0.6), (1.0, 0.5, 0.7)]);
    vec![
        symmetry("a <title> & \"more\"", &[weight.clone(), weight.clone()], &weight, Some(&weight), 3, 4)
            .unwrap(),
        patterns("patterns", panels).unwrap(),
        inspected(&one_column(&weight, 4)).unwrap(),
        filters("filters", "angle in degrees", &headings, 3, &[group]).unwrap(),
        matrices("factors", "entry", vec![("rows".into(), vec![of(&weight, 3, 4)])]),
        curves("curves", "step", "loss", lines),
        Picture::new("band").row([Chart::new("step", "accuracy").series(band)]),
        Picture::new("growth").row([growth()]),
    ]
}

#[test]
fn the_same_description_gives_the_same_bytes() {
    for (one, other) in every_kind().iter().zip(every_kind()) {
        assert!(one.svg().unwrap() == other.svg().unwrap() && one.png().unwrap() == other.png().unwrap());
    }
}

#[test]
fn svg_is_well_formed_and_as_large_as_it_says() {
    for picture in every_kind() {
        let svg = picture.svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let size = |name: &str| document.root_element().attribute(name).unwrap().parse::<usize>().unwrap();
        let (width, pixels) = decoded(&picture);
        assert_eq!((2 * size("width"), 4 * size("width") * size("height")), (width, pixels.len()));
    }
}

/// Every text starts, is centred or ends inside the picture, with room for its letters.
#[test]
fn no_text_is_clipped() {
    for picture in every_kind() {
        let svg = picture.svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let all = document.root_element().attribute("width").unwrap().parse::<f64>().unwrap();
        for node in
            document.descendants().filter(|n| n.has_tag_name("text") && n.attribute("transform").is_none())
        {
            let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap() / 4.0;
            let text = node.text().unwrap().trim();
            let wide = f64::from(super::font::width(text, number("font-size").round() as i32).unwrap());
            let left = match node.attribute("text-anchor") {
                Some("middle") => number("x") - wide / 2.0,
                Some("end") => number("x") - wide,
                _ => number("x"),
            };
            assert!(left >= 0.0 && left + wide <= all, "{text:?}: {left} + {wide} of {all}");
        }
    }
}

/// Titles wrap rather than touch the next panel's.
#[test]
fn titles_fit_their_panels() {
    let names = ["C_5² ⋊ C_4 (turns) (100)", "a name that goes on and on, and on again, of a group (12)"];
    let panels = names.map(|name| Panel::pattern(name, &[0; 4], 2, 2).unwrap());
    let svg = Picture::new("").row([Grid::of(panels, 2)]).svg().unwrap();
    let texts = texts(&svg);
    let (first, second) = (&texts[0], &texts[1..]);
    assert_eq!(first.0, "C₅² ⋊ C₄ (turns) (100)");
    let end = first.1 + f64::from(super::font::width(&first.0, super::TEXT).unwrap());
    assert!(second.len() > 1 && second.iter().all(|(_, x, _)| end < *x), "{texts:?}");
}

#[test]
fn a_long_title_wraps_and_widens_nothing() {
    let title = |text: &str| Picture::new(text).row([Grid::of([of(&[1.0], 1, 1)], 1)]);
    let ((width, short), (same, long)) = (decoded(&title("short")), decoded(&title(&"word ".repeat(40))));
    assert!(width == same && long.len() > short.len());
}

#[test]
fn lines_have_their_colours_and_places() {
    let line = |y: f64| Series::new("", [(0.0, y), (1.0, y)]);
    let chart = Chart::new("x", "y").series(line(0.0)).series(line(1.0));
    let (width, pixels) = decoded(&Picture::new("").row([chart]));
    let row_of = |colour: [u8; 3]| pixels.iter().position(|pixel| *pixel == colour).unwrap() / width;
    assert!(row_of([213, 94, 0]) + 100 < row_of([0, 114, 178]));
}

#[test]
fn bands_are_shaded_in_the_colour_of_their_line() {
    let band = Series::new("", [(0.0, 0.5), (1.0, 0.5)]).band([(0.0, 0.0, 1.0), (1.0, 0.0, 1.0)]);
    let (_, pixels) = decoded(&Picture::new("").row([Chart::new("x", "y").series(band)]));
    // A fifth of the line's blue on white.
    let near = |p: &&[u8; 3]| p.iter().zip([204, 227, 240]).all(|(a, b)| a.abs_diff(b) <= 1);
    assert!(pixels.iter().filter(near).count() > 10_000);
}

#[test]
fn dots_mark_points_and_guides_have_names() {
    let count = |chart: Chart| {
        let svg = Picture::new("").row([chart]).svg().unwrap();
        (svg.matches("<circle").count(), texts(&svg).iter().filter(|(text, ..)| text == "slope 1").count())
    };
    assert_eq!(count(growth()), (3, 1));
    // What has no place on the axes is not drawn, and no axis reaches for a guide.
    assert_eq!(
        count(Chart { series: Vec::new(), ..growth() }.guide("slope 1", [(0.0, 1.0), (1.0, 1.0)])),
        (0, 1)
    );
    let far = growth().guide("", [(1e9, 1e9), (1e10, 1e10)]);
    assert_eq!(far.ranges(), growth().ranges());
}

#[test]
fn charts_of_nothing_are_drawn() {
    let points: [&[(f64, f64)]; 4] = [
        &[],
        &[(f64::NAN, 1.0), (1.0, f64::INFINITY)],
        &[(3.0, 0.0)],
        &[(0.0, 0.0), (1.0, -1.0), (2.0, 1e-9)],
    ];
    for points in points {
        for scale in [Scale::Auto, Scale::Linear, Scale::Log] {
            let chart = Chart::new("x", "y").y_scale(scale).x_scale(scale);
            let chart = chart.series(Series::new("name", points.iter().copied()));
            let svg = Picture::new("").row([chart]).svg().unwrap();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
    let zeros = Chart::new("x", "y").y_scale(Scale::Log).series(Series::new("", [(0.0, 0.0), (1.0, 1.0)]));
    let svg = Picture::new("").row([zeros]).svg().unwrap();
    assert!(texts(&svg).iter().any(|(text, ..)| text.contains("logarithmic axis: 1")), "{svg}");
}

#[test]
fn what_does_not_fit_is_an_error() {
    let wide = Grid::new().row("", (0..600).map(|_| of(&[1.0], 1, 1)));
    assert!(matches!(Picture::new("").row([wide]).png(), Err(Error::TooLarge { most: 8192, .. })));
    let long = Grid::of([Panel::pattern("", &vec![0; 9000], 1, 9000).unwrap()], 1);
    assert!(matches!(
        Picture::new("").row([long]).png(),
        Err(Error::TooLarge { width: 9000, height: 1, .. })
    ));
    assert!(matches!(Picture::new("").svg(), Err(Error::Empty(_))));
    assert!(matches!(Picture::new("").row(Vec::<Block>::new()).png(), Err(Error::Empty(_))));
    assert!(matches!(Picture::new("").row([Grid::new()]).png(), Err(Error::Empty(_))));
    assert!(matches!(patterns("", Vec::new()), Err(Error::Empty(_))));
    assert!(symmetry("", &[vec![1.0; 5]], &[0.5; 6], None, 2, 3).is_err());
    assert!(inspected(&one_column(&[1.0; 7], 3)).is_err());
    assert!(inspected(&one_column(&[1.0; 7], 0)).is_err());
    let rows = vec![vec![("row".to_string(), vec![0.0; 8])]];
    assert!(matches!(filters("", "angle", &["0".into()], 3, &rows), Err(Error::Shape { entries: 8, .. })));
}
