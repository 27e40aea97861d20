//! Random crops, flips and turns of images: one affine map, and one resampling, for each.

use std::f64::consts::PI;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

/// How images are augmented: a crop of random area and aspect that is scaled to the whole image,
/// flips, and a turn, all at once and with one bilinear resampling. What comes from outside the
/// image is zero.
///
/// Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
/// section 5.3: "random resized crops, reflections and rotations".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augmentation {
    /// The least and the largest area of a crop, as shares of the image.
    pub area: (f64, f64),
    /// The least and the largest aspect, width by height, of a crop of a square image; uniform in
    /// its logarithm.
    pub aspect: (f64, f64),
    /// Whether every second image is mirrored left to right, and whether every second one is
    /// mirrored top to bottom.
    pub flips: (bool, bool),
    /// The largest angle of a turn to either side, in degrees.
    pub degrees: f64,
}

impl Default for Augmentation {
    /// Areas from 0.8, aspects from 3/4 to 4/3, both flips, up to 30°.
    fn default() -> Self {
        Self { area: (0.8, 1.0), aspect: (0.75, 4.0 / 3.0), flips: (true, true), degrees: 30.0 }
    }
}

/// How often a crop that does not fit into the image is drawn anew, before the image is taken
/// whole.
const TRIES: usize = 10;

impl Augmentation {
    /// Nothing is changed.
    pub const NONE: Self = Self { area: (1.0, 1.0), aspect: (1.0, 1.0), flips: (false, false), degrees: 0.0 };

    /// Refuses numbers that no crop or turn has.
    ///
    /// # Errors
    /// [`Error::Config`], which names them.
    pub fn check(&self) -> Result<()> {
        let within = |(low, high): (f64, f64), most: f64| 0.0 < low && low <= high && high <= most;
        let problem = if !within(self.area, 1.0) {
            format!("areas should be shares of the image, got {:?}", self.area)
        } else if !within(self.aspect, f64::MAX) {
            format!("aspects should be positive and in order, got {:?}", self.aspect)
        } else if !(0.0..=180.0).contains(&self.degrees) {
            format!("the largest angle should be 0° to 180°, got {}", self.degrees)
        } else if self.area.0 * (1.0 / self.aspect.1).max(self.aspect.0) > 1.0 {
            format!("no crop of area {:?} and aspect {:?} fits into an image", self.area, self.aspect)
        } else {
            return Ok(());
        };
        Err(Error::Config { problem: format!("augmentation: {problem}") })
    }

    /// The map for an image of this height and width.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, (height, width): (usize, usize)) -> AffineMap {
        let (h, w) = (height as f64, width as f64);
        let mut crop = (h, w, 0.0, 0.0);
        for _ in 0..TRIES {
            let area = uniform(rng, self.area) * h * w;
            let aspect = uniform(rng, (self.aspect.0.ln(), self.aspect.1.ln())).exp() * w / h;
            let (tall, wide) = ((area / aspect).sqrt(), (area * aspect).sqrt());
            if tall <= h && wide <= w {
                crop = (tall, wide, uniform(rng, (0.0, h - tall)), uniform(rng, (0.0, w - wide)));
                break;
            }
        }
        let mirrored = |asked: bool, rng: &mut ChaCha8Rng| asked && rng.random_bool(0.5);
        let flips = (mirrored(self.flips.0, rng), mirrored(self.flips.1, rng));
        let angle = uniform(rng, (-self.degrees, self.degrees)) * PI / 180.0;
        AffineMap::new((h, w), crop, flips, angle)
    }
}

/// The largest whole number that is not larger: without the call that `f64::floor` is on processors
/// that have no instruction for it.
fn floor(x: f64) -> isize {
    let whole = x as isize;
    whole - isize::from((whole as f64) > x)
}

/// Uniform in an interval, which may be a single number.
fn uniform(rng: &mut ChaCha8Rng, (low, high): (f64, f64)) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// Where the pixels of a new image come from: that in row i and column j from `a (i, j, 1)`, in
/// rows and columns of the old image, both counted from the centre of the first pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AffineMap([[f64; 3]; 2]);

impl AffineMap {
    /// A crop (height, width, top, left), then flips left to right and top to bottom, then a turn
    /// by `angle` counterclockwise.
    pub(crate) fn new(
        (h, w): (f64, f64),
        (tall, wide, top, left): (f64, f64, f64, f64),
        (across, down): (bool, bool),
        angle: f64,
    ) -> Self {
        // From the centre of the new image, in its pixels: turned back, mirrored, scaled.
        let (sin, cos) = angle.sin_cos();
        let (sign_y, sign_x) = (if down { -1.0 } else { 1.0 }, if across { -1.0 } else { 1.0 });
        let (scale_y, scale_x) = (sign_y * tall / h, sign_x * wide / w);
        let [y, x] = [[cos * scale_y, sin * scale_y], [-sin * scale_x, cos * scale_x]];
        let centre = ((h - 1.0) / 2.0, (w - 1.0) / 2.0);
        let to = (top + tall / 2.0 - 0.5, left + wide / 2.0 - 0.5);
        let offset = |row: [f64; 2], to: f64| to - row[0] * centre.0 - row[1] * centre.1;
        Self([[y[0], y[1], offset(y, to.0)], [x[0], x[1], offset(x, to.1)]])
    }

    /// Resamples an image `(channels, height, width)`.
    pub(crate) fn resample(&self, from: &[f32], (height, width): (usize, usize), to: &mut [f32]) {
        let size = height * width;
        let [y, x] = self.0;
        for i in 0..height {
            for j in 0..width {
                let at = |row: [f64; 3]| row[0] * i as f64 + row[1] * j as f64 + row[2];
                let (row, column) = (at(y), at(x));
                let (top, left) = (floor(row), floor(column));
                let (below, beside) = ((row - top as f64) as f32, (column - left as f64) as f32);
                let weights = [
                    (1.0 - below) * (1.0 - beside),
                    (1.0 - below) * beside,
                    below * (1.0 - beside),
                    below * beside,
                ];
                let place = i * width + j;
                let images = from.chunks(size).zip(to.chunks_mut(size));
                // Nearly always all four are inside.
                if top >= 0 && left >= 0 && top + 1 < height as isize && left + 1 < width as isize {
                    let first = top as usize * width + left as usize;
                    let places = [first, first + 1, first + width, first + width + 1];
                    for (old, new) in images {
                        new[place] = weights.iter().zip(places).map(|(weight, at)| weight * old[at]).sum();
                    }
                    continue;
                }
                let corners = [(top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)];
                let inside = |at: isize, size: usize| usize::try_from(at).ok().filter(|at| *at < size);
                for (old, new) in images {
                    new[place] = 0.0;
                    for (&(r, c), weight) in corners.iter().zip(weights) {
                        if let (Some(r), Some(c)) = (inside(r, height), inside(c, width)) {
                            new[place] += weight * old[r * width + c];
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AffineMap, Augmentation};
    use crate::classes::augment_golden::GOLDEN;
    use crate::random::{Role, stream};

    fn resampled(map: AffineMap, from: &[f32], size: (usize, usize)) -> Vec<f32> {
        let mut to = vec![f32::NAN; from.len()];
        map.resample(from, size, &mut to);
        to
    }

    const IMAGE: [f32; 6] = [1., 2., 3., 4., 5., 6.];

    #[test]
    fn flips_and_whole_crops_move_pixels() {
        let map = |flips| AffineMap::new((2., 3.), (2., 3., 0., 0.), flips, 0.0);
        assert_eq!(resampled(map((false, false)), &IMAGE, (2, 3)), IMAGE);
        assert_eq!(resampled(map((true, false)), &IMAGE, (2, 3)), [3., 2., 1., 6., 5., 4.]);
        assert_eq!(resampled(map((false, true)), &IMAGE, (2, 3)), [4., 5., 6., 1., 2., 3.]);
    }

    #[test]
    fn a_quarter_turn_counterclockwise() {
        let square: Vec<f32> = (1..=18).map(|n| n as f32).collect();
        let map = AffineMap::new((3., 3.), (3., 3., 0., 0.), (false, false), std::f64::consts::FRAC_PI_2);
        let expected = [3., 6., 9., 2., 5., 8., 1., 4., 7.];
        let found = resampled(map, &square, (3, 3));
        for (at, (found, expected)) in
            found.iter().zip(expected.iter().chain(&expected.map(|n| n + 9.))).enumerate()
        {
            assert!((found - expected).abs() < 1e-5, "{at}: {found} {expected}");
        }
    }

    /// Values of PyTorch: `grid_sample` (bilinear, zeros, not aligned to corners) with the grid of
    /// the same map, made by `scripts/golden/augment.py`.
    #[test]
    fn the_resampling_is_that_of_others() {
        for golden in GOLDEN {
            let map = AffineMap::new((4., 5.), golden.crop, golden.flips, golden.angle);
            let image: Vec<f32> = (0..20).map(|n| ((n * 7 + 3) % 20) as f32 / 20.0).collect();
            for (at, (found, expected)) in
                resampled(map, &image, (4, 5)).iter().zip(golden.values).enumerate()
            {
                assert!((found - expected).abs() < 2e-6, "{:?}, {at}: {found} {expected}", golden.crop);
            }
        }
    }

    /// The same numbers as by four taps, each of which is looked for in the image.
    #[test]
    fn inside_an_image_and_across_its_edge_alike() {
        let augmentation = Augmentation::default();
        for step in 0..50 {
            let map = augmentation.draw(&mut stream(5, Role::TrainAugmentation, step), (6, 7));
            let image: Vec<f32> = (0..84).map(|n| ((n * 31 + 7) % 84) as f32 / 84.0).collect();
            let [y, x] = map.0;
            let found = resampled(map, &image, (6, 7));
            for (at, found) in found.iter().enumerate() {
                let (channel, i, j) = (at / 42, at / 7 % 6, at % 7);
                let of = |row: [f64; 3]| row[0] * i as f64 + row[1] * j as f64 + row[2];
                let (row, column) = (of(y), of(x));
                let (below, beside) = ((row - row.floor()) as f32, (column - column.floor()) as f32);
                let mut expected = 0.0;
                for (down, right, weight) in [
                    (0.0, 0.0, (1.0 - below) * (1.0 - beside)),
                    (0.0, 1.0, (1.0 - below) * beside),
                    (1.0, 0.0, below * (1.0 - beside)),
                    (1.0, 1.0, below * beside),
                ] {
                    let (r, c) = (row.floor() + down, column.floor() + right);
                    if (0.0..6.0).contains(&r) && (0.0..7.0).contains(&c) {
                        expected += weight * image[channel * 42 + r as usize * 7 + c as usize];
                    }
                }
                assert_eq!(*found, expected, "{step}: {channel} {i} {j}");
            }
        }
    }

    #[test]
    fn what_is_drawn_is_what_was_asked_for() {
        let augmentation = Augmentation::default();
        let (mut mirrored, mut whole) = (0, 0);
        for step in 0..1_000 {
            let rng = &mut stream(3, Role::TrainAugmentation, step);
            let AffineMap([y, x]) = augmentation.draw(rng, (28, 28));
            let determinant = y[0] * x[1] - y[1] * x[0];
            // The share of the image that is seen is the determinant.
            assert!((0.8 - 1e-9..=1.0 + 1e-9).contains(&determinant.abs()), "{determinant}");
            mirrored += usize::from(determinant < 0.0);
            whole += usize::from(determinant.abs() == 1.0);
            let again = augmentation.draw(&mut stream(3, Role::TrainAugmentation, step), (28, 28));
            assert_eq!(again, AffineMap([y, x]));
        }
        assert!((430..570).contains(&mirrored) && whole < 150, "{mirrored}, {whole}");
        let none = Augmentation::NONE.draw(&mut stream(0, Role::TrainAugmentation, 0), (2, 3));
        assert_eq!(resampled(none, &IMAGE, (2, 3)), IMAGE);
    }

    #[test]
    fn numbers_of_nothing_are_refused() {
        let fine = Augmentation::default();
        assert!(fine.check().is_ok() && Augmentation::NONE.check().is_ok());
        for bad in [
            Augmentation { area: (0.0, 1.0), ..fine },
            Augmentation { area: (0.9, 0.8), ..fine },
            Augmentation { aspect: (1.0, f64::NAN), ..fine },
            Augmentation { degrees: -1.0, ..fine },
            Augmentation { area: (0.9, 0.9), aspect: (2.0, 2.0), ..fine },
        ] {
            assert!(bad.check().is_err_and(|e| e.to_string().contains("augmentation")));
        }
    }
}
