//! What of a definition was asked for.

use std::fmt::Display;

use anyhow::{Result, bail, ensure};

use super::learner::{Inner, Learner};

/// The entries of `known` that were asked for; all, or `default`, when none were.
pub fn choose<T: Clone + Display>(
    what: &str,
    asked: &[T],
    known: &[T],
    default: Option<Vec<T>>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<Vec<T>> {
    if asked.is_empty() {
        return Ok(default.unwrap_or_else(|| known.to_vec()));
    }
    if let Some(unknown) = asked.iter().find(|a| !known.iter().any(|k| same(k, a))) {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        bail!("there is no {what} `{unknown}`; there are {}", known.join(", "));
    }
    Ok(known.iter().filter(|k| asked.iter().any(|a| same(k, a))).cloned().collect())
}

/// Those of the chosen methods that adapt as `--inner` says.
pub fn select(
    inner: Option<Inner>,
    chosen: Vec<String>,
    learner: impl Fn(&String) -> Option<Learner>,
) -> Result<Vec<String>> {
    let Some(inner) = inner else { return Ok(chosen) };
    let kept: Vec<String> =
        chosen.iter().filter(|name| learner(name).is_some_and(|l| inner.selects(l))).cloned().collect();
    ensure!(
        !kept.is_empty(),
        "none of the methods {} adapts as --inner asks; leave out --methods or --inner",
        chosen.join(", ")
    );
    Ok(kept)
}
