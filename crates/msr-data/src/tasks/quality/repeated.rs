//! Examples that occur more than once.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};

use super::Concern;
use crate::tasks::TaskData;

/// More than this share of all examples is worth a word: a few repeat by chance where numbers are
/// rounded.
const FEW: f64 = 0.02;
/// Whole numbers up to this size are ones and zeros, ratings or counts.
const SMALL: f64 = 10.0;
/// With fewer possible examples than this many times those that there are, some repeat by chance.
const ROOM: f64 = 100.0;

/// How often an example occurs, and where.
struct Seen {
    times: usize,
    task: usize,
    is_in_several: bool,
}

/// Examples that occur more than once, where that is more than a few, and not what such data do of
/// themselves. Only a hash of each example is kept.
pub(super) fn repeated(data: &TaskData) -> Option<Concern> {
    let hasher = RandomState::new();
    let mut seen: HashMap<u64, Seen> = HashMap::new();
    let mut of = 0;
    for (task, x, y) in examples(data) {
        of += 1;
        let mut hash = hasher.build_hasher();
        x.iter().chain(y).for_each(|number| hash.write_u64(number.to_bits()));
        let found = seen.entry(hash.finish()).or_insert(Seen { times: 0, task, is_in_several: false });
        found.times += 1;
        found.is_in_several |= found.task != task;
    }
    let often = || seen.values().filter(|found| found.times > 1);
    let examples = often().map(|found| found.times).sum();
    let in_several_tasks = often().filter(|found| found.is_in_several).map(|found| found.times).sum();
    let is_many = examples as f64 > FEW * of as f64;
    (is_many && !is_small(data) && has_room(data, of)).then_some(Concern::Repeated {
        examples,
        in_several_tasks,
        of,
    })
}

/// All examples, with the numbers of their tasks.
fn examples(data: &TaskData) -> impl Iterator<Item = (usize, &[f64], &[f64])> {
    data.tasks.iter().enumerate().flat_map(|(at, task)| {
        let rows = task.x.chunks_exact(data.inputs.max(1)).zip(task.y.chunks_exact(data.outputs.max(1)));
        rows.map(move |(x, y)| (at, x, y))
    })
}

/// Whether all inputs are small whole numbers.
fn is_small(data: &TaskData) -> bool {
    let is_small = |&number: &f64| number.fract() == 0.0 && number.abs() <= SMALL;
    data.tasks.iter().all(|task| task.x.iter().all(is_small))
}

/// Whether so many different examples are possible, by the values of each column, that none of
/// `count` should be there twice.
fn has_room(data: &TaskData, count: usize) -> bool {
    let mut possible = 1.0;
    for at in 0..data.inputs + data.outputs {
        let value = |(_, x, y): (usize, &[f64], &[f64])| x.iter().chain(y).nth(at).map(|v| v.to_bits());
        possible *= examples(data).filter_map(value).collect::<HashSet<u64>>().len().max(1) as f64;
        if possible >= ROOM * count as f64 {
            return true;
        }
    }
    false
}
