//! How long a run will still take, from the first steps on.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

/// The work of all training runs, what is done of it, and how fast that went.
#[derive(Debug)]
pub struct Ahead(Mutex<State>);

#[derive(Debug)]
struct State {
    cells: Vec<Work>,
    /// When the first progress was seen, and what was done then.
    first: Option<(Instant, f64)>,
}

/// A training run.
#[derive(Clone, Debug)]
struct Work {
    /// Beside those of others.
    size: f64,
    progress: Progress,
}

#[derive(Clone, Debug)]
enum Progress {
    Waiting,
    Running(ProgressBar),
    Done,
}

impl Work {
    fn done(&self) -> f64 {
        match &self.progress {
            Progress::Waiting => 0.0,
            Progress::Running(bar) => match bar.length() {
                Some(length) if length > 1 => self.size * (bar.position() as f64 / length as f64).min(1.0),
                _ => 0.0,
            },
            Progress::Done => self.size,
        }
    }
}

impl Ahead {
    /// Training runs with so much work each, in any unit.
    pub fn new(sizes: impl Iterator<Item = f64>) -> Self {
        let cells = sizes.map(|size| Work { size: size.max(0.0), progress: Progress::Waiting });
        Self(Mutex::new(State { cells: cells.collect(), first: None }))
    }

    fn change(&self, cell: usize, change: impl FnOnce(&mut Work)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = state.cells.get_mut(cell) {
            change(work);
        }
    }

    /// This training run begins; its bar says how far it is.
    pub fn begins(&self, cell: usize, bar: &ProgressBar) {
        self.change(cell, |work| work.progress = Progress::Running(bar.clone()));
    }

    /// It is done; when it `was_before`, it was no work.
    pub fn ends(&self, cell: usize, was_before: bool) {
        self.change(cell, |work| {
            work.progress = Progress::Done;
            if was_before {
                work.size = 0.0;
            }
        });
    }

    /// What is left, as things went until now; nothing before there was progress.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let done: f64 = state.cells.iter().map(Work::done).sum();
        let whole: f64 = state.cells.iter().map(|work| work.size).sum();
        let Some((start, before)) = state.first else {
            // What a checkpoint held is no progress of this run.
            if done > 0.0 {
                state.first = Some((now, done));
            }
            return None;
        };
        let speed = (done - before) / now.duration_since(start).as_secs_f64();
        let seconds = (whole - done) / speed;
        (speed > 0.0).then(|| Duration::try_from_secs_f64(seconds.max(0.0)).ok())?
    }
}

/// `about 50 s left`, `about 12 min left`, `about 3 h 20 min left`.
pub fn in_words(left: Duration) -> String {
    let seconds = left.as_secs();
    match seconds {
        0..90 => format!("about {} s left", seconds.div_ceil(5) * 5),
        90..5_400 => format!("about {} min left", seconds.div_ceil(60)),
        _ => {
            let tens = seconds.div_ceil(600);
            format!("about {} h {:02} min left", tens / 6, tens % 6 * 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use indicatif::ProgressBar;

    use super::{Ahead, in_words};

    #[test]
    fn what_is_left_follows_from_what_was_done() {
        let ahead = Ahead::new([2.0, 4.0, 10.0, 100.0].into_iter());
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        // Was there from an earlier run.
        ahead.ends(3, true);
        let bar = ProgressBar::hidden();
        bar.set_length(100);
        ahead.begins(0, &bar);
        assert_eq!(ahead.left(start), None);
        // Continues from a checkpoint.
        bar.set_position(50);
        assert_eq!(ahead.left(after(10)), None);
        bar.set_position(75);
        // Half a unit in ten seconds, and 14.5 to go.
        assert_eq!(ahead.left(after(20)), Some(Duration::from_secs(290)));
        ahead.ends(0, false);
        assert_eq!(ahead.left(after(30)), Some(Duration::from_secs(280)));
        ahead.ends(1, false);
        ahead.ends(2, false);
        assert_eq!(ahead.left(after(40)), Some(Duration::ZERO));
    }

    #[test]
    fn durations_in_words() {
        let words = [0, 42, 90, 3_599, 12_000].map(|s| in_words(Duration::from_secs(s)));
        let expected = [
            "about 0 s left",
            "about 45 s left",
            "about 2 min left",
            "about 60 min left",
            "about 3 h 20 min left",
        ];
        assert_eq!(words, expected);
    }
}
