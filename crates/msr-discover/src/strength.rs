//! How much of a transformation tasks keep that is given beforehand.

use msr_groups::SignedPermutation;
use nalgebra::DMatrix;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::asymmetry::asymmetry;
use crate::config::DiscoverConfig;

use crate::course::{SIDE, VISIBLE};
use crate::discover::check_size;
use crate::error::{Error, Result};
use crate::features::Features;
use crate::learn::learn;
use crate::moments::Moments;
use crate::tasks::{Scaled, Tasks, scaled};
use crate::ties::Ties;
use crate::verdict::Bounds;

/// The strength 1 − α of a pair of signed permutations of outputs and inputs: the share of the
/// variation of the weights that it moves which it keeps, with an interval of 95 %. One for a
/// symmetry, zero where it keeps no more than chance. From all tasks: the pair is to be known
/// before they are looked at. `None` where the tasks do not tell: fewer than two can be used, the
/// inputs do not show what the pair moves, or it moves nothing.
///
/// # Example
/// ```
/// use msr_discover::{DiscoverConfig, Tasks, strength};
/// use msr_groups::SignedPermutation;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Tasks y = w₀ x₀ + w₁ x₁, once with w₀ = w₁ and once with weights that are not alike.
/// let tasks = |same: bool| -> Result<Tasks, msr_discover::Error> {
///     let mut tasks = Tasks::new(2, 1)?;
///     for task in 0..60 {
///         let w = [f64::from(task % 7 + 1), f64::from(if same { task % 7 } else { task * 3 % 11 } + 1)];
///         let x: Vec<f64> = (0..24).map(|i| f64::from((i * i + 5 * i * task) % 13) - 6.0).collect();
///         let y: Vec<f64> = x.chunks_exact(2).map(|x| w[0] * x[0] + w[1] * x[1]).collect();
///         tasks.add(&x, &y)?;
///     }
///     Ok(tasks)
/// };
/// let exchange = (SignedPermutation::identity(1)?, SignedPermutation::parse("(0 1)", 2)?);
/// let config = DiscoverConfig::default();
/// let found = strength(&tasks(true)?, &exchange, &config)?.ok_or("no strength")?;
/// assert!(found.value > 0.999);
/// let found = strength(&tasks(false)?, &exchange, &config)?.ok_or("no strength")?;
/// assert!(found.upper < 0.9);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`discover`](crate::discover), and [`Error::Config`] when the pair does not fit the outputs
/// and inputs.
pub fn strength(
    tasks: &Tasks,
    pair: &(SignedPermutation, SignedPermutation),
    config: &DiscoverConfig,
) -> Result<Option<Bounds>> {
    config.check()?;
    tasks.check()?;
    if (pair.0.degree(), pair.1.degree()) != (tasks.outputs(), tasks.inputs()) {
        return Err(Error::config(format!(
            "a pair of permutations of {} outputs and {} inputs, for tasks of {} and {}",
            pair.0.degree(),
            pair.1.degree(),
            tasks.outputs(),
            tasks.inputs()
        )));
    }
    config.layout.check(tasks.outputs(), tasks.inputs())?;
    check_size((tasks.outputs(), tasks.inputs()), config.pairs)?;
    let of_pairs = if config.pairs { Some(Features::of_pairs(tasks)?) } else { None };
    let (features, tasks) = match &of_pairs {
        Some((features, tasks)) => (features.clone(), tasks),
        None => (Features::plain(tasks.inputs()), tasks),
    };
    let ties = Ties::new(features.pattern(tasks.outputs(), std::slice::from_ref(pair))?);
    if ties.free() == 0 || ties.free() == ties.weights() {
        return Ok(None);
    }
    let all = scaled(tasks)?;
    let moments: Vec<Moments> = all.iter().map(|task| task.moments.clone()).collect();
    let sigma = sigma(&moments);
    let learned = learn(&moments);
    let tied = learned.as_ref().and_then(|learned| learned.tied(&moments, &ties));
    let rng = &mut ChaCha8Rng::seed_from_u64(config.seed);
    let all: Vec<&Scaled> = all.iter().collect();
    let seen =
        tied.zip(learned).and_then(|(tied, learned)| asymmetry(&all, &tied, &ties, &learned, &sigma, rng));
    let Some(seen) = seen else { return Ok(None) };
    let found = seen.interval(SIDE);
    let bounds = Bounds { value: 1.0 - found.value, lower: 1.0 - found.upper, upper: 1.0 - found.lower };
    Ok((seen.visible > VISIBLE && bounds.lower.is_finite()).then_some(bounds))
}

/// The covariance of the inputs within tasks.
pub(crate) fn sigma(tasks: &[Moments]) -> DMatrix<f64> {
    let n = tasks.first().map_or(0, Moments::inputs);
    let mut sigma = DMatrix::<f64>::zeros(n, n);
    let mut rows = 0;
    for task in tasks {
        sigma += &task.xx;
        rows += task.numbers / task.outputs().max(1);
    }
    sigma / rows.max(1) as f64
}
