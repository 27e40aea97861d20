//! Which columns of a table are inputs and outputs.

use std::path::Path;

use super::error::{Result, TaskError, brief, list};
use super::example::example;
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

/// Columns that an option names: these, or those of them that have no other use.
type Named = Vec<Part>;

#[derive(Clone, Debug)]
enum Part {
    Own(Vec<usize>),
    /// What `*` stands for, or an option that was left out.
    Rest(Vec<usize>),
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
    // What is said of all others is not said of what somebody named.
    let own = |named: &Named| -> Vec<usize> {
        let own = |part: &Part| if let Part::Own(all) = part { all.clone() } else { Vec::new() };
        named.iter().flat_map(own).chain(task).collect()
    };
    let (own_x, own_y) = (own(&x), own(&y));
    let columns = |named: Named, others: &[usize]| -> Vec<usize> {
        let of = |part| match part {
            Part::Own(all) => all,
            Part::Rest(all) => by_number(names, all.into_iter().filter(|at| !others.contains(at)).collect()),
        };
        named.into_iter().flat_map(of).collect()
    };
    let (x, y) = (columns(x, &own_y), columns(y, &own_x));
    one_use(path, names, [("--task-column", task.as_slice()), ("--x", &x), ("--y", &y)])?;
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

/// Refuses columns that are named for two uses, or twice for one.
fn one_use(path: &Path, names: &[String], uses: [(&str, &[usize]); 3]) -> Result<()> {
    let called = |columns: &[usize]| {
        let names: Vec<&str> = columns.iter().filter_map(|&at| names.get(at)).map(String::as_str).collect();
        match names.as_slice() {
            [one] => format!("the column `{}` is", brief(one)),
            several => format!("the columns {} are", list(several.iter().copied())),
        }
    };
    for (at, (flag, columns)) in uses.iter().enumerate() {
        let is_again =
            |(number, column): (usize, &usize)| columns.get(..number)?.contains(column).then_some(*column);
        let twice: Vec<usize> = columns.iter().enumerate().filter_map(is_again).collect();
        if !twice.is_empty() {
            let problem = format!("{} named twice in {flag}; name each once", called(&twice));
            return Err(TaskError::file(path, problem));
        }
        for (other, others) in uses.iter().skip(at + 1) {
            let both: Vec<usize> = others.iter().filter(|column| columns.contains(column)).copied().collect();
            if !both.is_empty() {
                let problem = format!(
                    "{} in {flag} and in {other}; a column has one use, so leave it out of one",
                    called(&both)
                );
                return Err(TaskError::file(path, problem));
            }
        }
    }
    Ok(())
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
        return Ok(vec![Part::Own(vec![at])]);
    }
    let mut found = Named::new();
    for part in text.split(',').map(str::trim) {
        if part.is_empty() {
            let problem = format!("{flag} has an empty name between its commas; remove the comma");
            return Err(TaskError::file(path, problem));
        }
        if let Some(at) = exactly(names, part) {
            found.push(Part::Own(vec![at]));
        } else if let Some((from, to)) = part.split_once("..") {
            let to = to.strip_prefix('=').unwrap_or(to);
            found.push(Part::Own(range(path, names, from.trim(), to.trim(), flag)?));
        } else if part.contains('*') {
            let matching: Vec<usize> =
                names.iter().enumerate().filter(|(_, name)| matches(part, name)).map(|(at, _)| at).collect();
            if matching.is_empty() {
                let problem =
                    format!("{flag}: no column is like `{}`; there are {}", brief(part), all(names));
                return Err(TaskError::file(path, problem));
            }
            found.push(match part {
                "*" => Part::Rest(matching),
                _ => Part::Own(by_number(names, matching)),
            });
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

/// Whether a column is called as inputs or outputs are when nobody says: `x`, `x0`, `x_left`,
/// `x[1]`.
fn is_usual(name: &str, letter: char) -> bool {
    let rest = name.strip_prefix(letter).or_else(|| name.strip_prefix(letter.to_ascii_uppercase()));
    rest.is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(|next: char| next.is_ascii_digit() || "_[".contains(next))
    })
}

/// The columns that are called so.
fn standard(path: &Path, names: &[String], options: &TaskOptions, letter: char) -> Result<Named> {
    let found: Vec<usize> =
        names.iter().enumerate().filter(|(_, name)| is_usual(name, letter)).map(|(at, _)| at).collect();
    if found.is_empty() {
        let (what, flag) = if letter == 'x' { ("inputs", "--x") } else { ("outputs", "--y") };
        let are_numbers = names.iter().all(|name| name.parse::<f64>().is_ok());
        let no_header = "; if the first line is no header, put one in front of it";
        return Err(TaskError::file(
            path,
            format!(
                "no column is called {letter}, {letter}0 or {letter}_…, so name the columns of the {what} with {flag}; there \
                 are {}; for example {}{}",
                all(names),
                example(names, options, is_usual),
                if are_numbers { no_header } else { "" }
            ),
        ));
    }
    Ok(vec![Part::Rest(found)])
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
    fn a_column_has_one_use() {
        let names = ["run", "a1", "a2", "b1", "b2", "c"];
        for (x, y, words) in [
            ("a1..b2", "b*", "the columns b1, b2 are in --x and in --y; a column has one use"),
            ("b1,a1", "b*", "the column `b1` is in --x and in --y"),
            ("a*", "*2", "the column `a2` is in --x and in --y"),
            ("a1,a*", "c", "the column `a1` is named twice in --x"),
            ("*", "*", "are in --x and in --y"),
        ] {
            let problem = chosen(&names, Some(x), Some(y)).unwrap_err();
            assert!(problem.contains(words), "{x}, {y}: {problem}");
        }
        let of_task = |x: &str| {
            let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
            let some = |text: &str| Some(text.to_string());
            let options =
                TaskOptions { x: some(x), y: some("c"), task_column: some("run"), ..TaskOptions::default() };
            choose(Path::new("t.csv"), &names, &options, true).map_err(|e| e.to_string())
        };
        for x in ["run..b2", "r*,a1", "run"] {
            let problem = of_task(x).unwrap_err();
            assert!(problem.contains("the column `run` is in --task-column and in --x"), "{x}: {problem}");
        }
        // All others are what nobody named, by a pattern either.
        assert_eq!(of_task("*").unwrap().x, [1, 2, 3, 4]);
        assert_eq!(chosen(&names, Some("*"), Some("b*")).unwrap().x, [0, 1, 2, 5]);
    }

    #[test]
    fn without_options_names_begin_with_x_and_y() {
        let found = chosen(&["id", "x_b", "x_a", "Y[0]", "year", "task"], None, None).unwrap();
        assert_eq!((found.x, found.y, found.task, found.is_task_found), (vec![1, 2], vec![3], Some(5), true));
        let problem = chosen(&["a", "b", "label"], None, None).unwrap_err();
        assert!(problem.contains("with --x; there are a, b, label; for example --x "), "{problem}");
    }
}
