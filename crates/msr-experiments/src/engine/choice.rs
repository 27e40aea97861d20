//! What of a definition was asked for.

use std::fmt::Display;

use anyhow::{Result, bail};

/// The entries of `known` that were asked for; all, or `default`, when none were.
pub fn choose<K: Clone + Display + PartialEq>(
    what: &str,
    known: &[K],
    asked: &[K],
    default: Option<Vec<K>>,
    same: impl Fn(&K, &K) -> bool,
) -> Result<Vec<K>> {
    if asked.is_empty() {
        return Ok(default.unwrap_or_else(|| known.to_vec()));
    }
    if let Some(unknown) = asked.iter().find(|a| !known.iter().any(|k| same(k, a))) {
        let mut names: Vec<String> = known.iter().map(ToString::to_string).collect();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        // Names with commas are separated by semicolons.
        let separator = if names.iter().any(|name| name.contains(',')) { "; " } else { ", " };
        bail!("there is no {what} `{unknown}`; there are {}", names.join(separator));
    }
    Ok(known.iter().filter(|k| asked.iter().any(|a| same(k, a))).cloned().collect())
}

/// Keeps the entries whose key was asked for; all, or those with a key of `default`, when none was.
pub fn keep<T, K: Clone + Display + PartialEq>(
    what: &str,
    entries: &mut Vec<T>,
    key: impl Fn(&T) -> K,
    asked: &[K],
    default: Option<Vec<K>>,
    same: impl Fn(&K, &K) -> bool,
) -> Result<()> {
    let known: Vec<K> = entries.iter().map(&key).collect();
    let chosen = choose(what, &known, asked, default, same)?;
    entries.retain(|entry| chosen.contains(&key(entry)));
    Ok(())
}

/// Names are the same however they are capitalised.
pub fn by_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
