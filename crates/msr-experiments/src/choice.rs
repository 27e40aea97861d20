//! What of a definition was asked for.

use std::fmt::Display;

use anyhow::{Result, bail};

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

/// Names are the same however they are capitalised.
pub fn by_name<S: AsRef<str>>(a: &S, b: &S) -> bool {
    a.as_ref().eq_ignore_ascii_case(b.as_ref())
}
