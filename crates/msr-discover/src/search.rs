//! Candidates for symmetries of a symmetry matrix: permutations of outputs and inputs under which
//! its rows stay almost where they are.
//!
//! Where one or two inputs go is fixed, and then two assignment problems take turns: the best
//! permutation σ of outputs for the present one of inputs, and the best τ of inputs for the present
//! σ; `|U − g U|²` is what both make small. With signs the gain is the magnitude of an inner
//! product, and its sign is kept. All of it needs the inner products of the rows of U alone. With
//! products of inputs as features, where an input goes is asked with the others where they were.

use std::collections::HashMap;

use msr_groups::{Permutation, SignedPermutation};
use nalgebra::DMatrix;
use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use crate::features::Features;
use crate::mirrors::mirrors;

/// The most starts for up to 32 inputs; of more inputs, whose assignments take longer, fewer.
const MOST_STARTS: usize = 1_500;
/// So many starts times inputs.
const STARTED: usize = 48_000;
/// At least so many starts.
const LEAST_STARTS: usize = 150;
/// Inner products of all rows are kept where there are more columns than this, and where there are
/// products of inputs; the rows otherwise.
const WIDE: usize = 8;
/// Unless there are more weights than this.
const MOST_PRODUCTS: usize = 1_024;
/// Rounds of the two assignments from one start.
const ROUNDS: usize = 8;
/// Weights of assignments are whole numbers up to this one.
const RESOLUTION: f64 = (1u64 << 40) as f64;

/// A pair of signed permutations of outputs and inputs.
pub(crate) type Pair = (SignedPermutation, SignedPermutation);

/// A pair that may be a symmetry.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub pair: Pair,
    /// `|U − g U|² / 2 |U|²` over the weights that move; where none does, what should vanish in
    /// units of what is kept.
    pub asymmetry: f64,
}

/// The rows of U, and their inner products.
struct Rows<'a> {
    m: usize,
    n: usize,
    features: &'a Features,
    /// Uᵀ, k × m features.
    rows: DMatrix<f64>,
    /// U with the rows of each input side by side, n × m k, or
    by_input: Option<DMatrix<f64>>,
    /// `U Uᵀ`.
    gram: Option<DMatrix<f64>>,
    squares: Vec<f64>,
    signed: bool,
    total: f64,
}

/// Where points go, and with which sign.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Half {
    images: Vec<usize>,
    flips: Vec<bool>,
}

impl Half {
    fn identity(count: usize) -> Self {
        Self { images: (0..count).collect(), flips: vec![false; count] }
    }

    fn sign(&self, at: usize) -> f64 {
        if self.flips[at] { -1.0 } else { 1.0 }
    }

    fn signed(&self) -> Option<SignedPermutation> {
        SignedPermutation::new(Permutation::from_images(&self.images).ok()?, &self.flips).ok()
    }
}

/// Which inputs go where at the start, with which signs.
#[derive(Clone)]
struct Start {
    from: Vec<usize>,
    to: Vec<usize>,
    flips: Vec<bool>,
}

impl Start {
    fn of(map: &Permutation) -> Self {
        let n = map.degree();
        Self { from: (0..n).collect(), to: (0..n).map(|x| map.apply(x)).collect(), flips: vec![false; n] }
    }

    fn whole(half: &Half) -> Self {
        let (to, flips) = (half.images.clone(), half.flips.clone());
        Self { from: (0..to.len()).collect(), to, flips }
    }
}

/// A sign.
fn sign(is_negative: bool) -> f64 {
    if is_negative { -1.0 } else { 1.0 }
}

impl<'a> Rows<'a> {
    fn new(u: &DMatrix<f64>, m: usize, features: &'a Features, signed: bool) -> Self {
        let (n, k, rows) = (features.inputs(), u.ncols(), u.transpose());
        let is_wide = k > WIDE && u.nrows() <= MOST_PRODUCTS;
        let gram = (features.has_products() || is_wide).then(|| u * &rows);
        let by_input = match gram {
            Some(_) => None,
            None => Some(DMatrix::from_fn(n, m * k, |x, at| rows[(at % k, at / k * n + x)])),
        };
        let squares: Vec<f64> = rows.column_iter().map(|row| row.norm_squared()).collect();
        let total = squares.iter().sum();
        Self { m, n, features, rows, by_input, gram, squares, signed, total }
    }

    /// Of the weights of outputs and features.
    fn product(&self, (y, x): (usize, usize), (y2, x2): (usize, usize)) -> f64 {
        let count = self.features.count();
        let (a, b) = (y * count + x, y2 * count + x2);
        match &self.gram {
            Some(gram) => gram[(a, b)],
            None => self.rows.column(a).dot(&self.rows.column(b)),
        }
    }

    fn square(&self, y: usize, x: usize) -> f64 {
        self.squares[y * self.features.count() + x]
    }

    /// The images that make the sum of gains `2 ⟨·, ·⟩ − |·|²` large; the points of `fixed` go
    /// where it says.
    fn assign(&self, gains: &DMatrix<f64>, sizes: &[f64], fixed: Option<&Start>) -> Half {
        let count = sizes.len();
        let mut values = DMatrix::from_fn(count, count, |at, to| {
            let gain = gains[(at, to)];
            2.0 * if self.signed { gain.abs() } else { gain } - sizes[to]
        });
        // More than all else together, and yet not so much that nothing is left of the rest.
        let much = 4.0 * self.total + 1.0;
        for (&at, &to) in fixed.iter().flat_map(|start| start.from.iter().zip(&start.to)) {
            values[(at, to)] += much;
        }
        let largest = values.iter().fold(f64::MIN_POSITIVE, |largest, v| largest.max(v.abs()));
        let whole: Vec<i64> =
            values.transpose().iter().map(|v| (v / largest * RESOLUTION).round() as i64).collect();
        let Ok(matrix) = Matrix::from_vec(count, count, whole) else { return Half::identity(count) };
        let (_, images) = kuhn_munkres(&matrix);
        let flips = images.iter().enumerate().map(|(at, &to)| self.signed && gains[(at, to)] < 0.0);
        let flips = flips.collect();
        Half { images, flips }
    }

    /// The best σ, by some inputs and where they go.
    fn outputs(&self, start: &Start) -> Half {
        let images = self.features.images(&start.from, &start.to, &start.flips);
        let sizes: Vec<f64> =
            (0..self.m).map(|to| images.iter().map(|&(_, image, _)| self.square(to, image)).sum()).collect();
        let gains = match &self.gram {
            Some(_) => DMatrix::from_fn(self.m, self.m, |y, to| {
                images.iter().map(|&(f, image, flip)| sign(flip) * self.product((y, f), (to, image))).sum()
            }),
            None => {
                let (k, count) = (self.rows.nrows(), self.features.count());
                let of = |at: usize, y: usize, feature: usize| self.rows[(at % k, y * count + feature)];
                let here = DMatrix::from_fn(self.m, images.len() * k, |y, at| of(at, y, images[at / k].0));
                let there = DMatrix::from_fn(images.len() * k, self.m, |at, y| {
                    sign(images[at / k].2) * of(at, y, images[at / k].1)
                });
                here * there
            }
        };
        self.assign(&gains, &sizes, None)
    }

    /// The features in which an input takes part, with the others where they were.
    fn parts(&self, x: usize, to: usize, known: &Start) -> Vec<(usize, usize, bool)> {
        let mut found = vec![(x, to, false)];
        found.extend(
            self.features.product(x, x).zip(self.features.product(to, to)).map(|(a, b)| (a, b, false)),
        );
        for ((&j, &image), &flip) in known.from.iter().zip(&known.to).zip(&known.flips) {
            if j != x && image != to {
                let pair = self.features.product(x, j).zip(self.features.product(to, image));
                found.extend(pair.map(|(a, b)| (a, b, flip)));
            }
        }
        found
    }

    /// The best τ for this σ; the inputs of the start go where it says. With products, for the
    /// other inputs where `known` says.
    fn inputs(&self, outputs: &Half, start: &Start, known: &Start) -> Half {
        let (m, n, k) = (self.m, self.n, self.rows.nrows());
        let (gains, sizes): (_, Vec<f64>) = match &self.by_input {
            Some(by_input) => {
                let there = DMatrix::from_fn(m * k, n, |at, x| {
                    let y = at / k;
                    outputs.sign(y) * self.rows[(at % k, outputs.images[y] * n + x)]
                });
                let size = |x: usize| (0..m).map(|y| self.square(outputs.images[y], x)).sum();
                (by_input * there, (0..n).map(size).collect())
            }
            None => {
                let gains = DMatrix::from_fn(n, n, |x, to| {
                    let parts = self.parts(x, to, known);
                    let of = |y: usize| {
                        let part = |&(a, b, flip): &(usize, usize, bool)| {
                            sign(flip) * self.product((y, a), (outputs.images[y], b))
                        };
                        outputs.sign(y) * parts.iter().map(part).sum::<f64>()
                    };
                    (0..m).map(of).sum()
                });
                let size = |to: usize| {
                    let others = known.to.iter().filter(|&&image| image != to);
                    let products = others.filter_map(|&image| self.features.product(to, image));
                    let all: Vec<usize> = products.chain(self.features.product(to, to)).chain([to]).collect();
                    (0..m)
                        .flat_map(|y| all.iter().map(move |&f| (y, f)))
                        .map(|(y, f)| self.square(outputs.images[y], f))
                        .sum()
                };
                (gains, (0..n).map(size).collect())
            }
        };
        self.assign(&gains, &sizes, Some(start))
    }

    /// What a pair leaves of the weights that it moves, as a share; `None` for one that moves none
    /// of any size.
    fn asymmetry(&self, outputs: &Half, inputs: &Half) -> Option<f64> {
        let all: Vec<usize> = (0..self.n).collect();
        let features = self.features.images(&all, &inputs.images, &inputs.flips);
        let (mut apart, mut size) = (0.0, 0.0);
        for y in 0..self.m {
            for &(x, x2, flip) in &features {
                let y2 = outputs.images[y];
                let sign = outputs.sign(y) * sign(flip);
                if (y, x) != (y2, x2) || sign < 0.0 {
                    let (a, b) = (self.square(y, x), self.square(y2, x2));
                    apart += a + b - 2.0 * sign * self.product((y, x), (y2, x2));
                    size += 2.0 * a;
                }
            }
        }
        (size > 2e-9 * self.total).then(|| apart / size)
    }

    /// The start of a number, of all that there are: two inputs, one input, an exchange of two, a
    /// change of sign, none.
    fn start(&self, mut at: usize) -> Option<Start> {
        let n = self.n;
        let apart = |at: usize| (at / (n - 1), at % (n - 1) + usize::from(at % (n - 1) >= at / (n - 1)));
        let signs = if self.signed { 2 } else { 1 };
        let of_pair = n * n.saturating_sub(1);
        for second in 1..n.min(3) {
            if at < signs * of_pair {
                let (p, q) = apart(at / signs);
                let flips = vec![false, at % signs == 1];
                return Some(Start { from: vec![0, second], to: vec![p, q], flips });
            }
            at -= signs * of_pair;
        }
        if at < of_pair {
            let (x, to) = apart(at);
            return Some(Start { from: vec![x], to: vec![to], flips: vec![false] });
        }
        at -= of_pair;
        let all = |change: &dyn Fn(&mut Half)| {
            let mut half = Half::identity(n);
            change(&mut half);
            Some(Start { from: (0..n).collect(), to: half.images, flips: half.flips })
        };
        if at < of_pair {
            // Each exchange twice; the second time adds nothing.
            let (p, q) = apart(at);
            return if p < q { all(&|half| half.images.swap(p, q)) } else { None };
        }
        at -= of_pair;
        if self.signed && at < n {
            return all(&|half| half.flips[at] = true);
        }
        all(&|_| {})
    }

    /// The best pair that a start leads to.
    fn refined(&self, start: &Start) -> (Half, Half) {
        let mut outputs = self.outputs(start);
        let mut inputs = self.inputs(&outputs, start, start);
        for _ in 1..ROUNDS {
            let all = Start::whole(&inputs);
            let next_outputs = self.outputs(&all);
            let next_inputs = self.inputs(&next_outputs, start, &all);
            let is_same = next_outputs == outputs && next_inputs == inputs;
            (outputs, inputs) = (next_outputs, next_inputs);
            if is_same {
                break;
            }
        }
        (outputs, inputs)
    }

    fn starts(&self, rng: &mut ChaCha8Rng) -> Vec<Start> {
        let n = self.n;
        let of_pair = n * n.saturating_sub(1);
        let signs = if self.signed { 2 } else { 1 };
        let of_signs = if self.signed { n } else { 0 };
        let count = (n.min(3).saturating_sub(1) * signs + 2) * of_pair + of_signs + usize::from(self.m > 1);
        let most = (STARTED / n.max(1)).clamp(LEAST_STARTS, MOST_STARTS);
        if count <= most {
            return (0..count).filter_map(|at| self.start(at)).collect();
        }
        let mut chosen = sample(rng, count, most).into_vec();
        // Where the first input goes is asked in any case: that finds what moves all of them.
        let of_one = n.min(3).saturating_sub(1) * signs * of_pair;
        chosen.extend(of_one..of_one + (n - 1));
        chosen.sort_unstable();
        chosen.dedup();
        chosen.into_iter().filter_map(|at| self.start(at)).collect()
    }
}

/// Pairs under which the rows of U (m features × k) stay almost where they are, the best first, at
/// most `most`. Permutations of the inputs that are known beforehand are tried too.
pub(crate) fn search(
    u: &DMatrix<f64>,
    m: usize,
    features: &Features,
    known: &[Permutation],
    (signed, most): (bool, usize),
    rng: &mut ChaCha8Rng,
) -> Vec<Candidate> {
    let rows = Rows::new(u, m, features, signed);
    if rows.total <= 0.0 {
        return Vec::new();
    }
    let mut found: HashMap<(Half, Half), f64> = HashMap::new();
    for start in known.iter().map(Start::of).chain(rows.starts(rng)) {
        let (outputs, inputs) = rows.refined(&start);
        if let Some(asymmetry) = rows.asymmetry(&outputs, &inputs) {
            found.insert((outputs, inputs), asymmetry);
        }
    }
    let mut found: Vec<Candidate> = found
        .into_iter()
        .filter_map(|((outputs, inputs), asymmetry)| {
            Some(Candidate { pair: (outputs.signed()?, inputs.signed()?), asymmetry })
        })
        .collect();
    // Nothing is moved there, so that assignments see no difference.
    if signed && !features.has_products() {
        found.extend(mirrors(&rows.squares, (m, features.inputs())));
    }
    found.sort_by(|a, b| a.asymmetry.total_cmp(&b.asymmetry).then_with(|| a.pair.cmp(&b.pair)));
    found.truncate(most);
    found
}

/// Permutations of the inputs with those of the outputs, signed or not, that go best with them.
pub(crate) fn laid_out(
    u: &DMatrix<f64>,
    m: usize,
    features: &Features,
    known: &[Permutation],
    signed: bool,
) -> Vec<Candidate> {
    let rows = Rows::new(u, m, features, signed);
    let candidate = |map: &Permutation| {
        let (outputs, inputs) = rows.refined(&Start::of(map));
        let asymmetry = rows.asymmetry(&outputs, &inputs)?;
        Some(Candidate { pair: (outputs.signed()?, inputs.signed()?), asymmetry })
    };
    known.iter().filter_map(candidate).collect()
}
