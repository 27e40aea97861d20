//! How often verdicts are right, wrong and undecided, on tasks that are made for it:
//!
//! - `campaign nulls FROM TO [TABLES.npz [KIND]]`: tasks without a symmetry, of sixteen kinds;
//! - `campaign power [RUNS [NAME]]`: generic equivariant maps of five groups, of several sizes;
//! - `campaign forecast [RUNS]`: with as many tasks as an undecided verdict asks for, what is said;
//! - `campaign strength RUNS`: intervals of the strength of a generator, and the truth;
//! - `campaign cost [INPUTS]`: time and memory, by the number of inputs and of tasks.
//!
//! The last two words `--picture NAME` draw power and cost to NAME.svg and NAME.png.
//!
//! A thread for each core; each run has its own seed, so that parts of a campaign can be put
//! together.
#![allow(clippy::print_stdout, reason = "an example")]

mod cost;
mod forecast;
mod made;
mod nulls;
mod plot;
mod power;
mod strength;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What `of` gives for each number below `count`, in their order; as many at a time as there
/// are cores.
pub(crate) fn each<T: Send>(
    count: usize,
    of: impl Fn(usize) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    match of(at) {
                        Ok(value) => {
                            if let Ok(mut found) = found.lock() {
                                found.push((at, value));
                            }
                        }
                        Err(problem) => {
                            if let Ok(mut failed) = failed.lock() {
                                *failed = Some(problem);
                            }
                        }
                    }
                }
            });
        }
    });
    if let Some(problem) = failed.into_inner().ok().flatten() {
        return Err(problem);
    }
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(at, _)| *at);
    Ok(found.into_iter().map(|(_, value)| value).collect())
}

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let picture = match arguments.iter().position(|word| word == "--picture") {
        Some(at) => arguments.drain(at..).nth(1),
        None => None,
    };
    let picture = picture.as_deref().map(std::path::Path::new);
    let number = |at: usize, or: usize| arguments.get(at).map_or(Ok(or), |text| text.parse::<usize>());
    match arguments.first().map(String::as_str) {
        Some("nulls") => {
            let word = |at: usize| arguments.get(at).map(String::as_str);
            nulls::run(number(1, 0)?, number(2, 16)?, word(3), word(4))
        }
        Some("power") => power::run(number(1, 2)?, arguments.get(2).map(String::as_str), picture),
        Some("forecast") => forecast::run(number(1, 2)?),
        Some("strength") => strength::run(number(1, 10)?),
        Some("cost") => cost::run(number(1, 0)?, picture),
        _ => Err("say nulls, power, forecast, strength or cost".into()),
    }
}
