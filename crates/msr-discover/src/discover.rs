//! Finding on one half of the tasks, confirming on the other.

use std::collections::{HashMap, HashSet};

use nalgebra::DMatrix;
use num_bigint::BigUint;

use crate::candidates::{Candidates, candidates, chain};
use crate::config::DiscoverConfig;
use crate::course::{Course, FEWEST, MOST_TESTED, Row, VISIBLE};
use crate::division::{halves, stream};
use crate::error::{Error, Result};
use crate::features::Features;
use crate::groups::ln;
use crate::guard::plants_found;
use crate::learn::{Learned, MOST_UNKNOWNS, best_noise, learn};
use crate::search::Candidate;
use crate::space::Space;
use crate::statistics::{Coincidence, Interval, tasks_for};
use crate::strength::sigma;
use crate::tasks::{Scaled, Tasks, scaled};
use crate::ties::Ties;
use crate::verdict::{Symmetry, Verdict, VerdictKind, Why};

/// The most weights: the search holds the products of all rows with all rows.
const MOST_WEIGHTS: usize = 4_096;
/// A candidate that leaves so much on the tasks that find is no reason to call a group the largest
/// one.
const NEAR: f64 = 0.25;
/// So many candidates of a U that is tied by what was found are tried.
const MORE: usize = 12;
/// How many more tasks would tell is said up to so many times those that there are.
const MOST_TIMES: usize = 200;
/// Inputs with less than this of the mean effect have next to none.
const FAINT: f64 = 0.01;
/// Tasks are thin when they have fewer examples than so many times the features.
const ENOUGH: usize = 2;
/// A group is near when less than this of the variation breaks it.
const NEAREST: f64 = 0.5;

/// Which permutations of outputs and inputs do the tasks share?
///
/// Half of the tasks are used to find candidates, and the other half to accept or refuse them. A
/// symmetry is found when what breaks it is less than the tolerance with high confidence, a score
/// test sees nothing of it, chance is ruled out, and all larger candidates were refused; there is
/// none when all candidates were refused and an exchange planted in these data would have been
/// found.
///
/// # Errors
/// [`Error::Data`] when there are fewer than two tasks, or all inputs are the same;
/// [`Error::Config`] for numbers outside their range, a layout that does not fit, and too many
/// inputs and outputs; [`Error::Groups`] when a group is too large.
pub fn discover(tasks: &Tasks, config: &DiscoverConfig) -> Result<Verdict> {
    config.check()?;
    tasks.check()?;
    let points = (tasks.outputs(), tasks.inputs());
    config.layout.check(points.0, points.1)?;
    check_size(points, config.pairs)?;
    let of_pairs = if config.pairs { Some(Features::of_pairs(tasks)?) } else { None };
    let (features, tasks) = match &of_pairs {
        Some((features, tasks)) => (features.clone(), tasks),
        None => (Features::plain(points.1), tasks),
    };
    let known = config.layout.known_inputs();
    let space = Space { outputs: points.0, features, known, signed: config.signed };
    let all = scaled(tasks)?;
    let undecided = |why| Ok(Verdict::undecided(config.clone(), points, why));
    let mut rng = stream(config.seed);
    let (finding, confirming) = halves(all.len(), &mut rng);
    if confirming.len() < FEWEST || finding.len() < FEWEST {
        return undecided(Why::FewTasks { needed: 2 * FEWEST });
    }
    let of = |which: &[usize]| which.iter().map(|&i| all[i].moments.clone()).collect::<Vec<_>>();
    let found_on = of(&finding);
    let Some(learned) = learn(&found_on) else { return undecided(Why::NotLearned) };
    // With the noise that suits them best, as it is of ties.
    let untied = Learned { noise: best_noise(&found_on, &learned), ..learned.clone() };
    let Candidates { raw, kept, chains } = candidates(&found_on, &learned, &space, &mut rng)?;
    let moments = of(&confirming);
    let sigma = sigma(&all.iter().map(|task| task.moments.clone()).collect::<Vec<_>>());
    let mut course = Course {
        config,
        space: &space,
        learned: &learned,
        confirming: confirming.iter().map(|&i| &all[i]).collect(),
        untied: untied.densities(&moments),
        found_on,
        moments,
        sigma,
        rank: learned.effective_rank(finding.len()),
        rng,
        rows: Vec::new(),
        known: HashSet::new(),
        broken: HashMap::new(),
    };
    for pairs in chains {
        course.test(pairs)?;
    }
    let mut best = enlarged(&mut course, &kept, &raw)?;
    if best.is_none() {
        for candidate in raw.iter().take(8) {
            course.test(vec![candidate.pair.clone()])?;
        }
        best = enlarged(&mut course, &kept, &raw)?;
    }
    let faint = faint(&learned, &space, &course.sigma);
    let mut verdict = conclude(course, best, &raw, || {
        let finding: Vec<&Scaled> = finding.iter().map(|&i| &all[i]).collect();
        plants_found(&finding, &learned, &space, config.seed)
    })?;
    let examples: usize = all.iter().map(|task| task.x.nrows()).sum();
    verdict.is_thin = examples < ENOUGH * space.features.count() * all.len();
    verdict.faint = faint;
    Ok(verdict)
}

/// Inputs whose weights, those of their products among them, are next to nothing beside those of
/// the others.
fn faint(learned: &Learned, space: &Space, sigma: &DMatrix<f64>) -> Vec<usize> {
    let (m, count) = space.shape();
    let of_feature = |f: usize| {
        let squares: f64 = (0..m).map(|y| learned.u.row(y * count + f).norm_squared()).sum();
        sigma[(f, f)] * (squares + m as f64 * learned.floor * learned.floor)
    };
    let sizes: Vec<f64> = (0..space.features.inputs())
        .map(|x| space.features.with(x).into_iter().map(of_feature).sum::<f64>())
        .collect();
    let mean = sizes.iter().sum::<f64>() / sizes.len().max(1) as f64;
    (0..sizes.len()).filter(|&x| sizes[x] < FAINT * mean).collect()
}

/// The number of weights; refuses more inputs and outputs than can be searched.
pub(crate) fn check_size((outputs, inputs): (usize, usize), pairs: bool) -> Result<usize> {
    let features = match pairs {
        true => inputs.checked_mul(inputs + 1).and_then(|products| (products / 2).checked_add(inputs)),
        false => Some(inputs),
    };
    let weights = features.and_then(|features| features.checked_mul(outputs));
    match weights
        .filter(|&weights| weights <= MOST_WEIGHTS && features.is_some_and(|count| count <= MOST_UNKNOWNS))
    {
        Some(weights) => Ok(weights),
        None => {
            let with = if pairs { ", with their products," } else { "" };
            Err(Error::config(format!(
                "{inputs} inputs{with} and {outputs} outputs; at most {MOST_UNKNOWNS} inputs and {MOST_WEIGHTS} weights, \
                 inputs times outputs, can be searched: choose some, or average neighbours"
            )))
        }
    }
}

/// The best pattern, and larger ones: each kept candidate together with the best so far, and again
/// while that helps. Candidates that were not kept, but leave little, are tried as well: what
/// breaks a larger group is to be seen on the tasks that confirm.
fn enlarged(course: &mut Course<'_>, kept: &[Candidate], raw: &[Candidate]) -> Result<Option<usize>> {
    let mut best = course.choose();
    while let Some(at) = best {
        // Tied by what was found, U shows more clearly what else there is.
        let clearer = course.rows[at].ties.project(&course.learned.u);
        let more = course.space.search(&clearer, MORE, &mut course.rng);
        let more = more.iter().filter(|candidate| candidate.asymmetry < NEAR);
        for candidate in
            kept.iter().chain(raw.iter().filter(|candidate| candidate.asymmetry < NEAR)).chain(more)
        {
            if course.rows.len() >= MOST_TESTED {
                break;
            }
            let mut pairs = course.rows[at].pairs.clone();
            pairs.push(candidate.pair.clone());
            course.test(pairs)?;
        }
        let next = course.choose();
        if next == best {
            break;
        }
        best = next;
    }
    Ok(best)
}

/// What is said in the end.
fn conclude(
    mut course: Course<'_>,
    best: Option<usize>,
    raw: &[Candidate],
    plants: impl FnOnce() -> usize,
) -> Result<Verdict> {
    let (config, points) = (course.config.clone(), (course.space.outputs, course.space.features.inputs()));
    let confirming = course.confirming.len();
    let unexplained = (course.learned.noise / course.learned.scale(&course.found_on)).clamp(0.0, 1.0);
    let confirmed = best.and_then(|at| {
        let row = &course.rows[at];
        let group = row.group.clone()?;
        Some((row.ties.pattern.clone(), group, row.interval.into(), row.confirmed_on, course.is_whole(row)))
    });
    if let Some((pattern, group, interval, count, is_whole)) = confirmed {
        let symmetry = course.symmetry(&pattern, &group, interval, count)?;
        let kind = if is_whole { VerdictKind::Found(symmetry) } else { VerdictKind::AtLeast(symmetry) };
        return Ok(Verdict::new(config, points, kind, course.tested()).with(unexplained, confirming));
    }
    let nearest = nearest(&mut course, raw)?;
    let kind = match !course.rows.is_empty() && course.rows.iter().all(|row| row.is_rejected) {
        true => match plants() {
            crate::guard::PLANTS => VerdictKind::None,
            found => VerdictKind::Undecided { why: Why::Blind { found }, more_tasks: None },
        },
        false => not_confirmed(&course),
    };
    let mut verdict = Verdict::new(config, points, kind, course.tested()).with(unexplained, confirming);
    verdict.nearest = nearest;
    Ok(verdict)
}

/// About how many more tasks would confirm the pattern that lacks nothing but a narrower interval:
/// so many that the bound would be at the tolerance, were nothing to break it. Or, where it has no
/// bound at all, that it would have one.
fn not_confirmed(course: &Course<'_>) -> VerdictKind {
    let tolerance = course.config.tolerance;
    let all = 2 * course.confirming.len();
    let rows = || {
        course.rows.iter().filter(|row| {
            !row.is_rejected && row.visible > VISIBLE && row.p_score > 1e-3 && row.interval.value < tolerance
        })
    };
    let least = |needed: &mut dyn Iterator<Item = (&Row, usize)>| {
        // Of tasks like these, some of which may be too small to count.
        let more = needed.filter_map(|(row, needed)| {
            let of_all = needed.saturating_mul(all) / row.confirmed_on.max(1);
            Some(of_all.saturating_sub(all)).filter(|&more| more > 0)
        });
        // So many more that nobody can want to know.
        more.min().filter(|&more| more <= MOST_TIMES * all)
    };
    let wide = rows().filter(|row| row.interval.upper.is_finite()).filter_map(|row| {
        let of_mean = |interval: &Interval, middle: f64| {
            let most = Some(row.most - middle).filter(|&most| most > 0.0)?;
            tasks_for(interval.upper - interval.value, row.confirmed_on, most, course.level())
        };
        // By what breaks the pattern, or by all that is left.
        let (estimate, residual) = &row.parts;
        let needed = of_mean(estimate, 0.0).into_iter().chain(of_mean(residual, residual.value)).min();
        needed.map(|needed| (row, needed))
    });
    let needed = least(&mut { wide });
    if needed.is_some() || rows().any(|row| row.interval.upper.is_finite()) {
        return VerdictKind::Undecided { why: Why::NotConfirmed, more_tasks: needed };
    }
    // Because what the tasks have in common varies, or because of noise.
    let of =
        |is_varied: bool| {
            least(&mut rows().filter_map(|row| {
                Some((row, row.bounded_from.filter(|(_, varied)| *varied == is_varied)?.0))
            }))
        };
    match (of(true), of(false)) {
        (Some(more), other) if other.is_none_or(|other| more <= other) => {
            VerdictKind::Undecided { why: Why::Unbounded, more_tasks: Some(more) }
        }
        (_, more_tasks) => VerdictKind::Undecided { why: Why::NotConfirmed, more_tasks },
    }
}

/// The group that the tasks come nearest to, where less than half of the variation breaks it and
/// that is no coincidence. The candidates are added one after the other, as they are, and the
/// tasks that confirm say how far each group is.
fn nearest(course: &mut Course<'_>, raw: &[Candidate]) -> Result<Option<Symmetry>> {
    let near: Vec<Candidate> =
        raw.iter().filter(|candidate| candidate.asymmetry < NEAREST).cloned().collect();
    let mut found = Vec::new();
    let singles = near.iter().take(4).map(|candidate| vec![candidate.pair.clone()]);
    for pairs in chain(&near, course.space, None)?.into_iter().chain(singles) {
        let Some((bounds, count)) = course.breaking(&pairs)? else { continue };
        // Where one strong part is most of the variation, everything else looks small beside it.
        if bounds.upper < NEAREST && !course.is_contradicted(&pairs, bounds)? {
            found.push((pairs, bounds, count));
        }
    }
    let least = found.iter().map(|(_, bounds, _)| bounds.value).fold(f64::INFINITY, f64::min);
    // The largest of those that are hardly further than the nearest.
    found.retain(|(_, bounds, _)| bounds.value <= 1.25 * least.max(0.0) + 0.02);
    let mut best: Option<(usize, Symmetry)> = None;
    for (pairs, bounds, count) in found {
        let ties = Ties::new(course.space.pattern(&pairs)?);
        if best.as_ref().is_some_and(|(free, _)| *free <= ties.free()) {
            continue;
        }
        let Some(group) = course.group_of(&ties.pattern)? else { continue };
        let (tied, kinds) = ties.seen_in();
        let chance = Coincidence {
            outputs: course.space.outputs,
            inputs: course.space.features.inputs(),
            signed: course.config.signed,
            moves: ties.tied_kinds() > 0,
            ln_order: ln(&group.1),
            tied,
            kinds,
            rank: course.rank,
            asymmetry: bounds.upper.max(1e-6),
        };
        if group.1 > BigUint::from(1u32) && chance.is_ruled_out() {
            let symmetry = course.symmetry(&ties.pattern, &group, bounds, count)?;
            best = Some((ties.free(), symmetry));
        }
    }
    Ok(best.map(|(_, symmetry)| symmetry))
}
