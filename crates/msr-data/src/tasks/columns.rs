//! Which columns of a table are inputs and outputs.

use std::path::Path;

use super::error::{Result, TaskError, brief, list};
use super::options::TaskOptions;

/// The columns that are needed, by their positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub x: Vec<usize>,
    pub y: Vec<usize>,
    pub task: Option<usize>,
    /// Whether nobody named the column of the tasks: it is called `task`.
    pub is_task_found: bool,
}

/// Columns that an option names: one by its own name or in a range, or all that are like a pattern.
type Named = Vec<Part>;

#[derive(Clone, Debug)]
enum Part {
    Own(usize),
    Like(Vec<usize>),
}

/// Finds the columns among the names of all; `alone` when the rows of several tasks may be in this
/// table.
pub(super) fn choose(path: &Path, names: &[String], options: &TaskOptions, alone: bool) -> Result<Chosen> {
    let task = match options.column() {
        Some(name) => Some(exactly(names, name).ok_or_else(|| missing(path, names, "--task-column", name))?),
        None => None,
    };
    let pick = |option: &Option<String>, flag: &str, letter: char| match option {
        Some(text) => select(path, names, text, flag),
        None => standard(path, names, options, letter),
    };
    let (x, y) = (pick(&options.x, "--x", 'x')?, pick(&options.y, "--y", 'y')?);
    // A pattern takes what nobody else named.
    let own = |named: &Named| -> Vec<usize> {
        let own = |part: &Part| if let Part::Own(at) = part { Some(*at) } else { None };
        named.iter().filter_map(own).chain(task).collect()
    };
    let (own_x, own_y) = (own(&x), own(&y));
    let columns = |named: Named, others: &[usize]| -> Vec<usize> {
        let of = |part| match part {
            Part::Own(at) => vec![at],
            Part::Like(all) => by_number(names, all.into_iter().filter(|at| !others.contains(at)).collect()),
        };
        named.into_iter().flat_map(of).collect()
    };
    let (x, y) = (columns(x, &own_y), columns(y, &own_x));
    let mut uses: Vec<(usize, &str)> = task.iter().map(|&at| (at, "--task-column")).collect();
    uses.extend(x.iter().map(|&at| (at, "--x")));
    uses.extend(y.iter().map(|&at| (at, "--y")));
    uses.sort_by_key(|(at, _)| *at);
    for pair in uses.windows(2) {
        if let [(a, first), (b, second)] = pair
            && a == b
        {
            let name = names.get(*a).map_or_else(String::new, |name| brief(name));
            let problem = if first == second {
                format!("the column `{name}` is named twice in {first}; name it once")
            } else {
                format!("the column `{name}` is in {first} and in {second}; leave it out of one of them")
            };
            return Err(TaskError::file(path, problem));
        }
    }
    for (columns, flag) in [(&x, "--x"), (&y, "--y")] {
        if columns.is_empty() {
            let problem = format!("{flag} names no column that is left; there are {}", all(names));
            return Err(TaskError::file(path, problem));
        }
    }
    let found = (task.is_none() && alone && options.tasks_from.is_none())
        .then(|| names.iter().position(|name| name == "task"))
        .flatten()
        .filter(|at| !x.contains(at) && !y.contains(at));
    Ok(Chosen { x, y, task: task.or(found), is_task_found: found.is_some() })
}

/// The names of columns, those without one left out.
fn all(names: &[String]) -> String {
    list(names.iter().map(String::as_str).filter(|name| !name.is_empty()))
}

fn exactly(names: &[String], name: &str) -> Option<usize> {
    names
        .iter()
        .position(|other| other == name)
        .or_else(|| names.iter().position(|other| other == name.trim()))
}

fn missing(path: &Path, names: &[String], flag: &str, name: &str) -> TaskError {
    let near = names.iter().find(|other| other.trim().eq_ignore_ascii_case(name.trim()));
    let near = near.map(|near| format!("; did you mean `{}`?", brief(near))).unwrap_or_default();
    let problem = format!("{flag}: there is no column `{}`; there are {}{near}", brief(name), all(names));
    TaskError::file(path, problem)
}

/// The columns that a text names.
fn select(path: &Path, names: &[String], text: &str, flag: &str) -> Result<Named> {
    // A name may hold commas, stars and dots.
    if let Some(at) = names.iter().position(|name| name == text) {
        return Ok(vec![Part::Own(at)]);
    }
    let mut found = Named::new();
    for part in text.split(',').map(str::trim) {
        if part.is_empty() {
            let problem = format!("{flag} has an empty name between its commas; remove the comma");
            return Err(TaskError::file(path, problem));
        }
        if let Some(at) = exactly(names, part) {
            found.push(Part::Own(at));
        } else if let Some((from, to)) = part.split_once("..") {
            let to = to.strip_prefix('=').unwrap_or(to);
            found.extend(range(path, names, from.trim(), to.trim(), flag)?.into_iter().map(Part::Own));
        } else if part.contains('*') {
            let matching: Vec<usize> =
                names.iter().enumerate().filter(|(_, name)| matches(part, name)).map(|(at, _)| at).collect();
            if matching.is_empty() {
                let problem =
                    format!("{flag}: no column is like `{}`; there are {}", brief(part), all(names));
                return Err(TaskError::file(path, problem));
            }
            found.push(Part::Like(matching));
        } else {
            return Err(missing(path, names, flag, part));
        }
    }
    Ok(found)
}

/// The columns from one to another: by number where they differ in that alone, and else as they
/// stand in the table.
fn range(path: &Path, names: &[String], from: &str, to: &str, flag: &str) -> Result<Vec<usize>> {
    let (first, last) = (numbered(from), numbered(to));
    if let (Some((stem, low, end)), Some((other, high, last_end))) = (first, last)
        && stem == other
        && end == last_end
    {
        if high < low {
            let (from, to) = (brief(from), brief(to));
            let problem =
                format!("{flag}: the range {from}..{to} runs backwards; write the smaller number first");
            return Err(TaskError::file(path, problem));
        }
        // As many digits as are typed, when the first has zeros in front.
        let digits = from.len() - stem.len() - end.len();
        let mut found = Vec::new();
        for number in low..=high {
            let name = format!("{stem}{number}{end}");
            let padded = format!("{stem}{number:0digits$}{end}");
            let at = exactly(names, &padded).or_else(|| exactly(names, &name));
            found.push(at.ok_or_else(|| missing(path, names, flag, &name))?);
        }
        return Ok(found);
    }
    let at = |name: &str| exactly(names, name).ok_or_else(|| missing(path, names, flag, name));
    let (low, high) = (at(from)?, at(to)?);
    if high < low {
        let problem = format!(
            "{flag}: the column `{}` stands after `{}`; turn the range around",
            brief(from),
            brief(to)
        );
        return Err(TaskError::file(path, problem));
    }
    Ok((low..=high).collect())
}

/// What a name is before its last number, that number, and what comes after.
fn numbered(name: &str) -> Option<(&str, u32, &str)> {
    let end = name.rfind(|letter: char| letter.is_ascii_digit())? + 1;
    let (head, tail) = name.split_at(end);
    let stem = head.trim_end_matches(|letter: char| letter.is_ascii_digit());
    Some((stem, head.strip_prefix(stem)?.parse().ok()?, tail))
}

/// Columns that differ in one number alone, in the order of these; others as they stand.
fn by_number(names: &[String], mut columns: Vec<usize>) -> Vec<usize> {
    let part = |at: &usize| names.get(*at).and_then(|name| numbered(name));
    let Some((stem, _, end)) = columns.first().and_then(part) else { return columns };
    if columns.iter().all(|at| part(at).is_some_and(|(other, _, tail)| other == stem && tail == end)) {
        columns.sort_by_key(|at| part(at).map_or(0, |(_, number, _)| number));
    }
    columns
}

/// Whether a name is like a pattern, whose stars stand for any letters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The columns that are called as inputs or outputs are when nobody says: `x`, `x0`, `x_left`,
/// `x[1]`.
fn standard(path: &Path, names: &[String], options: &TaskOptions, letter: char) -> Result<Named> {
    let is_one = |name: &str| {
        let rest = name.strip_prefix(letter).or_else(|| name.strip_prefix(letter.to_ascii_uppercase()));
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(|next: char| next.is_ascii_digit() || "_[".contains(next))
        })
    };
    let found: Vec<usize> =
        names.iter().enumerate().filter(|(_, name)| is_one(name)).map(|(at, _)| at).collect();
    if found.is_empty() {
        let (what, flag) = if letter == 'x' { ("inputs", "--x") } else { ("outputs", "--y") };
        let are_numbers = names.iter().all(|name| name.parse::<f64>().is_ok());
        let no_header = "; if the first line is no header, put one in front of it";
        return Err(TaskError::file(
            path,
            format!(
                "no column is called {letter}, {letter}0 or {letter}_…, so name the columns of the {what}; there are {}; \
                 for example {flag} {}{}",
                all(names),
                example(names, options, letter),
                if are_numbers { no_header } else { "" }
            ),
        ));
    }
    Ok(vec![Part::Like(found)])
}

/// What could be typed for these columns.
fn example(names: &[String], options: &TaskOptions, letter: char) -> String {
    let taken = |name: &&String| {
        name.is_empty()
            || Some(name.as_str()) == options.column()
            || [&options.x, &options.y].iter().any(|option| option.as_deref() == Some(name.as_str()))
    };
    let free: Vec<&String> = names.iter().filter(|name| !taken(name)).collect();
    let text = match (letter, free.as_slice()) {
        ('y', [.., last]) => (*last).clone(),
        ('x', [first, .., before, _]) if first != before => format!("{first}..{before}"),
        ('x', [first, ..]) => (*first).clone(),
        _ => "NAME".into(),
    };
    let text = brief(&text);
    if text.contains([' ', '*', '\'', '$', '(']) { format!("\"{text}\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str], x: Option<&str>, y: Option<&str>) -> std::result::Result<Chosen, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        let options =
            TaskOptions { x: x.map(String::from), y: y.map(String::from), ..TaskOptions::default() };
        choose(Path::new("t.csv"), &names, &options, true).map_err(|e| e.to_string())
    }

    #[test]
    fn columns_are_named_by_lists_ranges_and_patterns() {
        let names = ["p0", "p10", "p2", "p1", "a,b", "task", "y", "z*"];
        let x = |text| chosen(&names, Some(text), None).unwrap().x;
        assert_eq!(x("p0..p2"), [0, 3, 2]);
        assert_eq!(x("p0..=p2"), [0, 3, 2]);
        assert_eq!(x("p*"), [0, 3, 2, 1]);
        assert_eq!(x("a,b"), [4]);
        assert_eq!(x("p2, p0"), [2, 0]);
        assert_eq!(x("a,b"), [4]);
        assert_eq!(x("z*"), [7], "a name with a star");
        assert_eq!(x("p1..task"), [3, 4, 5], "as they stand in the table");
        let everything_else = chosen(&names, Some("*"), Some("y")).unwrap();
        assert_eq!((everything_else.x.len(), everything_else.y, everything_else.task), (7, vec![6], None));
        let padded = chosen(&["x08", "x09", "x10", "y"], Some("x08..x10"), None).unwrap();
        assert_eq!(padded.x, [0, 1, 2]);
    }

    #[test]
    fn without_options_names_begin_with_x_and_y() {
        let found = chosen(&["id", "x_b", "x_a", "Y[0]", "year", "task"], None, None).unwrap();
        assert_eq!((found.x, found.y, found.task, found.is_task_found), (vec![1, 2], vec![3], Some(5), true));
        let problem = chosen(&["a", "b", "label"], None, None).unwrap_err();
        assert!(problem.contains("there are a, b, label; for example --x a..b"), "{problem}");
    }
}
