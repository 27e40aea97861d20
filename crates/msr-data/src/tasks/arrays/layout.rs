//! Which arrays of a file are the inputs and outputs of which task.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::error::{Result, TaskError, brief, list};
use super::super::example::quoted;
use super::super::natural::natural;
use super::super::options::TaskOptions;

/// What arrays of inputs and outputs are called, and those of support and query sets.
pub(super) struct Roles {
    pub x: String,
    pub y: String,
    /// Pairs that are joined along the examples, as people name them.
    sets: [[(String, String); 2]; 2],
}

/// Arrays of a task, or of all, which are joined: names of x and of y.
pub(super) type Pairs = Vec<(String, String)>;

/// How the arrays of a file are tasks.
pub(super) enum Layout {
    /// `(tasks, examples, …)`.
    Together(Pairs),
    /// `(examples, …)` each.
    Groups(Vec<(String, Pairs)>),
}

/// The arrays of a file, by name.
pub(super) struct Named<'a> {
    pub path: &'a Path,
    pub names: &'a [String],
    /// The shape of each.
    pub shapes: &'a [&'a [usize]],
    pub roles: &'a Roles,
}

impl Roles {
    pub fn new(options: &TaskOptions) -> Self {
        let x = options.x.clone().unwrap_or_else(|| "x".into());
        let y = options.y.clone().unwrap_or_else(|| "y".into());
        let set = |part: &str| {
            [(format!("{x}_{part}"), format!("{y}_{part}")), (format!("{part}_{x}"), format!("{part}_{y}"))]
        };
        let [support, query] = ["support", "query"].map(set);
        Self { x, y, sets: [support, query] }
    }

    /// All that arrays are called, longest first, with the pair (0 for x and y, then the sets) and
    /// whether it is x.
    fn names(&self) -> Vec<(&str, usize, bool)> {
        let mut names = vec![(self.x.as_str(), 0, true), (self.y.as_str(), 0, false)];
        for (at, set) in self.sets.iter().enumerate() {
            for (x, y) in set {
                names.extend([(x.as_str(), at + 1, true), (y.as_str(), at + 1, false)]);
            }
        }
        names.sort_by_key(|(name, ..)| std::cmp::Reverse(name.len()));
        names
    }

    /// The task in the name of an array (none: of all), and which array of it that is.
    fn of<'n>(&self, array: &'n str) -> Option<(Option<&'n str>, usize, bool)> {
        let names = self.names();
        if let Some((_, pair, is_x)) = names.iter().find(|(name, ..)| *name == array) {
            return Some((None, *pair, *is_x));
        }
        const BETWEEN: [char; 4] = ['/', '_', '.', '-'];
        for (name, pair, is_x) in names {
            let behind = array.strip_prefix(name).and_then(|rest| {
                let digits = !rest.is_empty() && rest.chars().all(|letter| letter.is_ascii_digit());
                rest.strip_prefix(BETWEEN).or_else(|| digits.then_some(rest))
            });
            let before = array.strip_suffix(name).and_then(|rest| rest.strip_suffix(BETWEEN));
            if let Some(task) = before.or(behind).filter(|task| !task.is_empty()) {
                return Some((Some(task), pair, is_x));
            }
        }
        None
    }
}

impl Named<'_> {
    fn refuse<T>(&self, problem: impl Into<String>) -> Result<T> {
        Err(TaskError::file(self.path, problem))
    }

    /// The tasks of a file: of all tasks when it is `alone`, and else of one.
    pub fn layout(&self, alone: bool) -> Result<Layout> {
        let mut all: BTreeMap<usize, [Option<&str>; 2]> = BTreeMap::new();
        let mut groups: BTreeMap<&str, BTreeMap<usize, [Option<&str>; 2]>> = BTreeMap::new();
        for array in self.names {
            let Some((task, pair, is_x)) = self.roles.of(array) else { continue };
            let pairs = match task {
                None => &mut all,
                Some(task) => groups.entry(task).or_default(),
            };
            let [x, y] = pairs.entry(pair).or_default();
            let place = if is_x { x } else { y };
            if let Some(other) = place.replace(array) {
                return self.refuse(format!(
                    "arrays `{}` and `{}` are both {} of one task; leave one of them out",
                    brief(other),
                    brief(array),
                    if is_x { "inputs" } else { "outputs" }
                ));
            }
        }
        let (x, y) = (brief(&self.roles.x), brief(&self.roles.y));
        if !all.is_empty() {
            if all.contains_key(&0) && all.len() > 1 {
                return self.refuse(format!(
                    "there are arrays `{x}` and `{y}`, and others of support or query sets; keep one of both"
                ));
            }
            return Ok(Layout::Together(self.pairs(&all, None)?));
        }
        if !alone || groups.is_empty() {
            let names = self.names.iter().map(String::as_str);
            return self.refuse(format!(
                "there are no arrays `{x}` and `{y}`; there are {}; name them with --x and --y",
                list(names)
            ));
        }
        let mut found = Vec::new();
        for (task, pairs) in &groups {
            if pairs.contains_key(&0) && pairs.len() > 1 {
                return self.refuse(format!(
                    "task `{}` has arrays `{x}` and `{y}`, and others of support or query sets; keep one of both",
                    brief(task)
                ));
            }
            found.push(((*task).to_string(), self.pairs(pairs, Some(task))?));
        }
        found.sort_by(|(a, _), (b, _)| natural(a, b));
        Ok(Layout::Groups(found))
    }

    /// Pairs, each of which has to be whole.
    fn pairs(&self, found: &BTreeMap<usize, [Option<&str>; 2]>, task: Option<&str>) -> Result<Pairs> {
        let whole = |pair: &[Option<&str>; 2]| match pair {
            [Some(x), Some(y)] => Ok(((*x).to_string(), (*y).to_string())),
            [one, other] => {
                let there = brief(one.or(*other).unwrap_or_default());
                let (what, name, flag) = match one {
                    Some(_) => ("outputs", &self.roles.y, "--y"),
                    None => ("inputs", &self.roles.x, "--x"),
                };
                let other = one.or(*other).filter(|_| task.is_none()).and_then(|there| self.beside(there));
                let task = task.map(|task| format!("task `{}`: ", brief(task))).unwrap_or_default();
                let missing = format!(
                    "{task}beside the array `{there}` there is none of its {what}, `{}`",
                    brief(name)
                );
                let names = self.names.iter().map(String::as_str);
                self.refuse(match other {
                    Some(other) => format!(
                        "{missing}; `{}` has as many examples: if it holds them, add {flag} {}",
                        brief(other),
                        quoted(other)
                    ),
                    None => format!("{missing}; there are {}; add it, or name it with {flag}", list(names)),
                })
            }
        };
        found.values().map(whole).collect()
    }

    /// The only other array whose first sizes, of tasks and examples, are those of this one.
    fn beside(&self, there: &str) -> Option<&str> {
        let leading = |shape: &'_ [usize]| shape.iter().take(2).copied().collect::<Vec<_>>();
        let all = || self.names.iter().map(String::as_str).zip(self.shapes);
        let own = all().find(|(name, _)| *name == there).map(|(_, shape)| leading(shape))?;
        let mut others = all().filter(|(name, shape)| *name != there && leading(shape) == own);
        let (name, _) = others.next()?;
        others.next().is_none().then_some(name)
    }
}
