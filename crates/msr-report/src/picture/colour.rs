//! Colours: a signed scale, classes, and lines. All keep apart for readers who see red and green
//! alike.

use std::collections::{BTreeMap, BTreeSet};

use plotters::style::RGBColor;

pub(super) const WHITE: RGBColor = RGBColor(255, 255, 255);
/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(38, 38, 38);
/// Frames, ticks.
pub(super) const RULE: RGBColor = RGBColor(130, 130, 130);
/// Lines of a grid.
pub(super) const FAINT: RGBColor = RGBColor(226, 226, 226);
/// What is no number.
pub(super) const NOT_A_NUMBER: RGBColor = RGBColor(160, 160, 160);

/// From −1 to 1 in equal steps: the scale RdBu of ColorBrewer, turned round, with plain white in
/// the middle.
const SIGNED: [[u8; 3]; 9] = [
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [255, 255, 255],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
];

/// Steps between white and a full colour: so few that small noise is white, and neighbours can be
/// drawn as one.
const STEPS: f64 = 128.0;

/// The colour of a value between −1 (blue) and 1 (red); values beyond have the full colour.
pub(crate) fn signed(value: f64) -> RGBColor {
    if value.is_nan() {
        return NOT_A_NUMBER;
    }
    let value = (value.clamp(-1.0, 1.0) * STEPS).round() / STEPS;
    let place = (value + 1.0) / 2.0 * (SIGNED.len() - 1) as f64;
    let from = (place as usize).min(SIGNED.len() - 2);
    let part = place - from as f64;
    let [r, g, b] = [0, 1, 2].map(|channel| {
        let (low, high) = (f64::from(SIGNED[from][channel]), f64::from(SIGNED[from + 1][channel]));
        (low + (high - low) * part).round() as u8
    });
    RGBColor(r, g, b)
}

/// Colours of classes. First those of Okabe and Ito (2008), then each as far as can be from all
/// before it: by the distance in OKLab that is smallest among normal sight, protanopia and
/// deuteranopia (Machado and others, 2009).
const CLASSES: [u32; 24] = [
    0x0072B2, 0xE69F00, 0x009E73, 0xF0E442, 0xD55E00, 0x56B4E9, 0x661A00, 0x80FFFF, 0x003380, 0x804D4D,
    0x33CC99, 0x66004D, 0xE6E6B3, 0x8080E6, 0x4D4D80, 0xB3CCFF, 0x4D99B3, 0x338080, 0x994D00, 0x803300,
    0xCCCC66, 0x4DB3B3, 0x801A4D, 0xFFB3CC,
];

/// The most classes that have colours of their own.
pub(crate) const MOST_CLASSES: usize = CLASSES.len();

/// The colours of lines, by Okabe and Ito without their yellow, which is faint on white.
pub(super) const LINES: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];

/// A colour for each entry of a matrix of labels, row by row. Entries with one label have one
/// colour. Up to [`MOST_CLASSES`] labels have colours of their own, in the order in which they
/// come; with more, each takes the colour least used among those that no label beside or diagonally
/// beside it has.
pub(crate) fn classes(labels: &[u32], cols: usize) -> Vec<RGBColor> {
    let mut order: Vec<u32> = Vec::new();
    let mut known = BTreeSet::new();
    order.extend(labels.iter().filter(|&&label| known.insert(label)));
    let beside = if order.len() > MOST_CLASSES { neighbours(labels, cols) } else { BTreeMap::new() };
    let mut chosen: BTreeMap<u32, usize> = BTreeMap::new();
    let mut used = [0; MOST_CLASSES];
    for (number, &label) in order.iter().enumerate() {
        let taken = |colour: usize| {
            let near = beside.get(&label).into_iter().flatten();
            near.filter(|other| chosen.get(other) == Some(&colour)).count()
        };
        let fresh = (number < MOST_CLASSES).then_some(number);
        let colour = fresh.or_else(|| (0..MOST_CLASSES).min_by_key(|&c| (taken(c), used[c])));
        let colour = colour.unwrap_or(0);
        used[colour] += 1;
        chosen.insert(label, colour);
    }
    let rgb = |colour: u32| RGBColor((colour >> 16) as u8, (colour >> 8) as u8, colour as u8);
    labels.iter().map(|label| rgb(CLASSES[chosen.get(label).copied().unwrap_or(0)])).collect()
}

/// For each label the others that touch it.
fn neighbours(labels: &[u32], cols: usize) -> BTreeMap<u32, BTreeSet<u32>> {
    let mut beside: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (at, &label) in labels.iter().enumerate() {
        let column = at % cols.max(1);
        let right = (column + 1 < cols).then(|| [at + 1, at + cols + 1]);
        let left = (column > 0).then(|| at + cols - 1);
        for other in right.into_iter().flatten().chain(left).chain([at + cols]) {
            if let Some(&other) = labels.get(other).filter(|&&other| other != label) {
                beside.entry(label).or_default().insert(other);
                beside.entry(other).or_default().insert(label);
            }
        }
    }
    beside
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, LINES, MOST_CLASSES, NOT_A_NUMBER, RGBColor, WHITE, classes, signed};

    #[test]
    fn the_signed_scale_is_white_at_zero_and_full_at_its_ends() {
        assert_eq!(signed(0.0), WHITE);
        assert_eq!((signed(1.0), signed(-1.0)), (RGBColor(178, 24, 43), RGBColor(33, 102, 172)));
        assert_eq!((signed(f64::INFINITY), signed(-7.0)), (signed(1.0), signed(-1.0)));
        assert_eq!(signed(f64::NAN), NOT_A_NUMBER);
        assert_eq!(signed(0.5), RGBColor(244, 165, 130));
    }

    /// sRGB as three kinds of eyes see it, in OKLab.
    fn seen(colour: [u8; 3]) -> [[f64; 3]; 3] {
        let linear = colour.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        let times = |m: [[f64; 3]; 3], v: [f64; 3]| m.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum());
        let normal = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let protan = [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ];
        let deutan = [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ];
        let to_lms = [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ];
        let to_lab = [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ];
        [normal, protan, deutan].map(|eye| {
            let light: [f64; 3] = times(eye, linear);
            let lms: [f64; 3] = times(to_lms, light.map(|c| c.clamp(0.0, 1.0)));
            times(to_lab, lms.map(f64::cbrt))
        })
    }

    fn distance(a: [u8; 3], b: [u8; 3]) -> f64 {
        let pairs = seen(a).into_iter().zip(seen(b));
        pairs.map(|(a, b)| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()).fold(f64::MAX, f64::min)
    }

    fn closest(colours: &[[u8; 3]]) -> f64 {
        let pairs = (0..colours.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        pairs.map(|(i, j)| distance(colours[i], colours[j])).fold(f64::MAX, f64::min)
    }

    /// 0.02 in OKLab is about what an eye can just tell apart.
    #[test]
    fn colours_keep_apart_for_the_colour_blind() {
        let all = CLASSES.map(|c| [(c >> 16) as u8, (c >> 8) as u8, c as u8]);
        assert!(closest(&all[..6]) > 0.1 && closest(&all[..12]) > 0.1, "{}", closest(&all[..12]));
        assert!(closest(&all) > 0.06, "{}", closest(&all));
        let lines = LINES.map(|RGBColor(r, g, b)| [r, g, b]);
        assert!(closest(&lines) > 0.07, "{}", closest(&lines));
    }

    #[test]
    fn few_classes_have_colours_of_their_own() {
        let labels: Vec<u32> = (0..24).rev().collect();
        let mut colours: Vec<_> = classes(&labels, 6).iter().map(|c| (c.0, c.1, c.2)).collect();
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), MOST_CLASSES);
        assert_eq!(classes(&[5, 9, 5, 9], 2), classes(&[0, 1, 0, 1], 2));
    }

    #[test]
    fn of_many_classes_neighbours_differ() {
        let (rows, cols) = (12, 15);
        let labels: Vec<u32> = (0..rows * cols).map(|i| (i * 7 % 97) as u32).collect();
        let colours = classes(&labels, cols);
        for row in 0..rows - 1 {
            for col in 0..cols - 1 {
                let at = row * cols + col;
                for other in [at + 1, at + cols, at + cols + 1] {
                    assert!(labels[at] == labels[other] || colours[at] != colours[other], "{row}, {col}");
                }
            }
        }
    }
}
