//! Whether a symmetry would have been seen: exchanges, and changes of sign, planted in the same
//! data.

use msr_groups::{Permutation, SignedPermutation};
use nalgebra::{DMatrix, DVector};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::candidates::leading_rank;
use crate::learn::{Learned, leading, learn, noise_within};
use crate::moments::Moments;
use crate::search::{Candidate, Pair};
use crate::space::Space;
use crate::tasks::{Scaled, centred};
use crate::ties::Ties;

/// How many exchanges are planted; where signs are looked for the first is a change of signs, if
/// there can be one.
pub(crate) const PLANTS: usize = 3;

/// A random mirror is drawn at most so often.
const MIRRORS: usize = 50;
/// A weight of less than this share of the mean square is none of any size.
const LITTLE: f64 = 0.1;

/// A random exchange of (nearly) all points in pairs.
fn exchange(count: usize, rng: &mut ChaCha8Rng) -> Option<SignedPermutation> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(rng);
    let mut images: Vec<usize> = (0..count).collect();
    for pair in order.chunks_exact(2) {
        images.swap(pair[0], pair[1]);
    }
    Permutation::from_images(&images).ok().map(SignedPermutation::from)
}

/// A change of the signs of a random half of the outputs and of the inputs, under which each keeps
/// some weight of any size: the sign of one that keeps none cannot be found again. `None` where no
/// such thing is found.
fn mirror(learned: &Learned, (m, n): (usize, usize), rng: &mut ChaCha8Rng) -> Option<Pair> {
    let floor = learned.floor * learned.floor;
    let sizes: Vec<f64> = learned.u.row_iter().map(|row| row.norm_squared() + floor).collect();
    let least = LITTLE * sizes.iter().sum::<f64>() / sizes.len().max(1) as f64;
    let half = |count: usize, rng: &mut ChaCha8Rng| {
        let mut flips: Vec<bool> = (0..count).map(|at| at < count / 2).collect();
        flips.shuffle(rng);
        flips
    };
    for _ in 0..MIRRORS {
        let (outputs, inputs) = (half(m, rng), half(n, rng));
        let keeps = |y: usize, x: usize| outputs[y] == inputs[x] && sizes[y * n + x] > least;
        let is_kept =
            (0..m).all(|y| (0..n).any(|x| keeps(y, x))) && (0..n).all(|x| (0..m).any(|y| keeps(y, x)));
        if is_kept && outputs.contains(&true) && inputs.contains(&true) {
            let signed = |flips: &[bool]| {
                let all: Vec<usize> = (0..flips.len()).collect();
                SignedPermutation::new(Permutation::from_images(&all).ok()?, flips).ok()
            };
            return signed(&outputs).zip(signed(&inputs));
        }
    }
    None
}

/// How many of [`PLANTS`] exchanges, or changes of signs, are found again, planted into these
/// tasks: the same inputs, weights as they were learned but tied by the exchange, and the same
/// noise.
pub(crate) fn plants_found(tasks: &[&Scaled], learned: &Learned, space: &Space, seed: u64) -> usize {
    let (m, n) = space.shape();
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x706c_616e_7473);
    let moments: Vec<Moments> = tasks.iter().map(|task| task.moments.clone()).collect();
    let within = noise_within(&moments).unwrap_or(f64::INFINITY);
    let is_dense = within < 0.7 * learned.noise;
    let noise = if is_dense { within } else { learned.noise };
    let mut found = 0;
    for plant in 0..PLANTS {
        let mirror = if space.signed && plant == 0 { mirror(learned, (m, n), &mut rng) } else { None };
        let pair = match mirror {
            Some(pair) => Some(pair),
            None => exchange(m, &mut rng).zip(exchange(space.features.inputs(), &mut rng)),
        };
        let Some(pair) = pair else { continue };
        let Ok(pattern) = space.pattern(std::slice::from_ref(&pair)) else { continue };
        let ties = Ties::new(pattern);
        let mut normal = |count: usize| -> DVector<f64> {
            DVector::from_iterator(count, (0..count).map(|_| StandardNormal.sample(&mut rng)))
        };
        let weights: Vec<DVector<f64>> = moments
            .iter()
            .map(|task| match task.ridge(0.03).filter(|_| is_dense) {
                Some(w) => w,
                None => &learned.u * normal(learned.u.ncols()),
            })
            .collect();
        let tied: Vec<DVector<f64>> = weights.iter().map(|w| ties.project_vector(w)).collect();
        let size = |all: &[DVector<f64>]| all.iter().map(DVector::norm_squared).sum::<f64>();
        let scale = (size(&weights) / size(&tied).max(f64::MIN_POSITIVE)).sqrt();
        let planted: Vec<Moments> = tasks
            .iter()
            .zip(&tied)
            .map(|(task, w)| {
                let by_output = DMatrix::from_column_slice(n, m, w.as_slice()) * scale;
                let x = if task.is_centred { centred(&task.x) } else { task.x.clone() };
                let error = DMatrix::from_iterator(x.nrows(), m, normal(x.nrows() * m).iter().copied());
                let y = &x * by_output + error * noise.sqrt();
                let y = if task.is_centred { centred(&y) } else { y };
                let size = (y.norm_squared() / y.len() as f64).sqrt().max(1e-12);
                Moments::new(&x, &(y / size), task.is_centred)
            })
            .collect();
        let Some(again) = learn(&planted) else { continue };
        // What differs by −1 on both sides is the same.
        let negated = (pair.0.negated(), pair.1.negated());
        let is_it = |candidate: &Candidate| candidate.pair == pair || candidate.pair == negated;
        let is_seen = [again.u, leading(&planted, leading_rank((m, n)))]
            .iter()
            .any(|view| space.search(view, 20, &mut rng).iter().any(is_it));
        found += usize::from(is_seen);
    }
    found
}
