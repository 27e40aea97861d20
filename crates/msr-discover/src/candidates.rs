//! Which pairs of permutations are worth looking at, by the tasks that find.

use msr_groups::{Recovery, RecoveryConfig, SignedPattern, SignedPermutation, SymmetryMatrix, recover};
use nalgebra::DMatrix;
use rand_chacha::ChaCha8Rng;

use crate::confirm::{scores, tied, untied};
use crate::error::Result;
use crate::learn::{Learned, leading, maximise};
use crate::moments::Moments;
use crate::search::{Candidate, Pair};
use crate::space::Space;
use crate::statistics::Sample;
use crate::ties::Ties;

/// The rank of the tasks' own estimates that are searched.
const LEADING: usize = 80;
/// The same of many weights.
const LEADING_OF_MANY: usize = 24;
/// So many weights are many.
const MANY: usize = 1_024;

/// The rank of the tasks' own estimates that are searched, of so many outputs and features.
pub(crate) fn leading_rank((m, n): (usize, usize)) -> usize {
    if m * n > MANY { LEADING_OF_MANY } else { LEADING }
}

/// A candidate is kept on the first half while its score is below so many of its errors.
const SCREEN: f64 = 2.5;
/// And, over a floor, while its density is not below by so many.
const LESS: f64 = 3.0;
/// The best candidates that are tried together.
const CHAINED: usize = 60;
/// The best candidates that are tried alone.
const SINGLES: usize = 4;
/// Patterns of a chain.
const PATTERNS: usize = 12;

/// What the tasks that find suggest.
pub(crate) struct Candidates {
    /// The best pairs, whatever they are.
    pub raw: Vec<Candidate>,
    /// Those that pass a score test on the tasks that find, the best first.
    pub kept: Vec<Candidate>,
    /// What to test first: groups that the candidates generate, and the best candidates alone.
    pub chains: Vec<Vec<Pair>>,
}

/// Candidates: the best of all, whatever they are, and those that pass a score test on the half of
/// the tasks that finds.
pub(crate) fn candidates(
    tasks: &[Moments],
    learned: &Learned,
    space: &Space,
    rng: &mut ChaCha8Rng,
) -> Result<Candidates> {
    let (_, n) = space.shape();
    let has_products = space.features.has_products();
    let mut views = vec![learned.u.clone(), leading(tasks, leading_rank(space.shape()))];
    let deviation: Vec<f64> = {
        let mut xx = DMatrix::<f64>::zeros(n, n);
        tasks.iter().for_each(|task| xx += &task.xx);
        xx.diagonal().iter().map(|v| v.sqrt()).collect()
    };
    let (least, most) = deviation.iter().fold((f64::INFINITY, 0.0f64), |(l, h), &d| (l.min(d), h.max(d)));
    if most > 1.2 * least && most > 0.0 && !has_products {
        let scaled = |u: &DMatrix<f64>| {
            DMatrix::from_fn(u.nrows(), u.ncols(), |row, column| u[(row, column)] * deviation[row % n] / most)
        };
        let more: Vec<_> = views.iter().map(scaled).collect();
        views.extend(more);
    }
    let (mut found, mut laid_out): (Vec<Vec<Candidate>>, Vec<Candidate>) = (Vec::new(), Vec::new());
    for (at, view) in views.iter().enumerate() {
        let mut of_view = if at == 0 && !has_products { recovered(view, space.shape())? } else { Vec::new() };
        of_view.extend(space.search(view, 300, rng));
        found.push(of_view);
        laid_out.extend(space.laid_out(view));
    }
    let sort = |of: &mut Vec<Candidate>| {
        of.sort_by(|a, b| a.asymmetry.total_cmp(&b.asymmetry).then_with(|| a.pair.cmp(&b.pair)));
        of.dedup_by(|a, b| a.pair == b.pair);
    };
    let mut raw: Vec<Candidate> = found.iter().flat_map(|view| view.iter().take(12).cloned()).collect();
    sort(&mut raw);
    sort(&mut laid_out);
    let Some(screen) = Screen::new(tasks, learned) else {
        return Ok(Candidates { raw, kept: Vec::new(), chains: Vec::new() });
    };
    let most = if learned.floor > 0.0 { 20 } else { 80 };
    let (mut kept, mut seen): (Vec<Candidate>, Vec<SignedPattern>) = (Vec::new(), Vec::new());
    for candidate in laid_out.iter().chain(found.iter().flat_map(|view| view.iter().take(most))) {
        let pattern = space.pattern(std::slice::from_ref(&candidate.pair))?;
        if pattern.free_parameters() == 0 || seen.contains(&pattern) {
            continue;
        }
        seen.push(pattern.clone());
        if screen.passes(&Ties::new(pattern)) {
            kept.push(candidate.clone());
        }
    }
    sort(&mut kept);
    laid_out.retain(|candidate| kept.iter().any(|other| other.pair == candidate.pair));
    let mut chains = chain(&laid_out, space, Some(&screen))?;
    chains.extend(chain(&kept, space, Some(&screen))?);
    chains.extend(laid_out.iter().chain(&kept).take(SINGLES).map(|candidate| vec![candidate.pair.clone()]));
    Ok(Candidates { raw, kept, chains })
}

/// Two halves of the tasks that find: what is learned of one is tested on the other.
pub(crate) struct Screen<'a> {
    /// Tasks, what was learned of the others, and the densities without ties.
    halves: Vec<(&'a [Moments], Learned, Vec<f64>)>,
    has_floor: bool,
}

impl<'a> Screen<'a> {
    /// `None` where nothing is learned of a half.
    fn new(tasks: &'a [Moments], learned: &Learned) -> Option<Self> {
        let (first, second) = tasks.split_at(tasks.len() / 2);
        let of_half = |half: &[Moments]| {
            let (u, noise) = maximise(half, learned.u.ncols(), 15)?;
            let noise = if learned.floor > 0.0 { learned.noise } else { noise };
            Some(Learned { u, noise, floor: learned.floor })
        };
        let has_floor = learned.floor > 0.0;
        let of = |tasks: &'a [Moments], learned: Learned| {
            let base = if has_floor { untied(tasks, &learned) } else { Vec::new() };
            (tasks, learned, base)
        };
        Some(Self { halves: vec![of(second, of_half(first)?), of(first, of_half(second)?)], has_floor })
    }

    /// Whether a score does not speak clearly against the ties, nor, over a floor, the density.
    fn passes(&self, ties: &Ties) -> bool {
        let values: Option<Vec<Vec<f64>>> =
            self.halves.iter().map(|(tasks, learned, _)| scores(tasks, learned, ties)).collect();
        if values.is_none_or(|values| Sample::of(&values.concat()).t() >= SCREEN) {
            return false;
        }
        if !self.has_floor {
            return true;
        }
        let gains = |(tasks, learned, base): &(&[Moments], Learned, Vec<f64>)| -> Option<Vec<f64>> {
            let found = tied(tasks, learned, ties)?;
            Some(found.iter().zip(base).map(|(tied, untied)| tied - untied).collect())
        };
        let gains: Option<Vec<Vec<f64>>> = self.halves.iter().map(gains).collect();
        gains.is_some_and(|gains| Sample::of(&gains.concat()).t() >= -LESS)
    }
}

/// The generators of the group that equal rows of U tell, where they do.
fn recovered(u: &DMatrix<f64>, (m, n): (usize, usize)) -> Result<Vec<Candidate>> {
    let rows = u.transpose();
    let Recovery::Group(group) =
        recover(SymmetryMatrix::new(rows.as_slice(), m, n)?, &RecoveryConfig::default())?
    else {
        return Ok(Vec::new());
    };
    let candidate = |(on_outputs, on_inputs)| Candidate {
        pair: (SignedPermutation::from(on_outputs), SignedPermutation::from(on_inputs)),
        asymmetry: 0.0,
    };
    Ok(group.generators().into_iter().map(candidate).collect())
}

/// The groups that the candidates generate, one more at a time; those with which the group does not
/// pass the screen are left out.
pub(crate) fn chain(
    kept: &[Candidate],
    space: &Space,
    screen: Option<&Screen<'_>>,
) -> Result<Vec<Vec<Pair>>> {
    let mut chains: Vec<Vec<Pair>> = Vec::new();
    let mut last = None;
    let mut pairs: Vec<Pair> = Vec::new();
    for candidate in kept.iter().take(CHAINED) {
        let mut more = pairs.clone();
        more.push(candidate.pair.clone());
        let pattern = space.pattern(&more)?;
        if last.as_ref() == Some(&pattern)
            || screen.is_some_and(|screen| !chains.is_empty() && !screen.passes(&Ties::new(pattern.clone())))
        {
            continue;
        }
        let is_last = pattern.free_parameters() <= 1 || chains.len() + 1 >= PATTERNS;
        last = Some(pattern);
        pairs = more;
        chains.push(pairs.clone());
        if is_last {
            break;
        }
    }
    Ok(chains)
}
