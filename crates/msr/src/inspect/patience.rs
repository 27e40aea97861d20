//! Work that may take long.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use msr_report::complain;

/// When the first word is said.
const FIRST: Duration = Duration::from_secs(2);
/// And then again.
const AGAIN: Duration = Duration::from_secs(15);

/// Does the work; says on stderr what takes so long, when it does, and how it is stopped.
pub fn with_a_word<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (working, done) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (started, mut wait) = (Instant::now(), FIRST);
            // The other end goes away when the work is done.
            while done.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let seconds = started.elapsed().as_secs();
                complain(&format!("still {what}, {seconds} s so far; Ctrl-C stops it, nothing is lost"));
                wait = AGAIN;
            }
        });
        let result = work();
        drop(working);
        result
    })
}
