//! What could be typed for a table, as a proposal in a message.

use super::error::brief;
use super::options::TaskOptions;

/// Options for columns with these names, of what nobody has named yet: patterns of names that begin
/// alike, as `--x 'force_*' --y 'disp_*'`. The column of the tasks is in none of them. `usual` says
/// whether a name is one that is taken for an input (`x`) or an output (`y`) without an option.
pub(super) fn example(names: &[String], options: &TaskOptions, usual: impl Fn(&str, char) -> bool) -> String {
    let is_there = |letter| names.iter().any(|name| usual(name, letter));
    let has_x = options.x.is_some() || is_there('x');
    let has_y = options.y.is_some() || is_there('y');
    let is_task = |name: &str| match options.column() {
        Some(column) => column == name,
        None => name == "task" && options.tasks_from.is_none(),
    };
    let is_taken = |name: &str| {
        name.is_empty()
            || is_task(name)
            || options.x.is_none() && usual(name, 'x')
            || options.y.is_none() && usual(name, 'y')
            || [&options.x, &options.y].iter().any(|option| option.as_deref() == Some(name))
    };
    let knows_tasks = options.divides().is_some() || names.iter().any(|name| is_task(name));
    let free: Vec<&str> = names.iter().map(String::as_str).filter(|name| !is_taken(name)).collect();
    let groups = alike(&free, options);
    let is_grouped = |name: &str| groups.iter().any(|group| name.starts_with(group));
    let grouped = free.iter().find(|name| is_grouped(name)).copied();
    let pattern = |group: &str| quoted(&format!("{group}*"));
    let range = |first: &str, last: &str| match first == last {
        true => quoted(first),
        false => quoted(&format!("{first}..{last}")),
    };
    let both = |x: String, y: String| format!("--x {x} --y {y}");
    // Of `A in`, `A out`, `B in`, … the last words make two groups, and the first ones many.
    if let (false, false, Some([x, y])) = (has_x, has_y, endings(&free).filter(|_| groups.len() != 2)) {
        return both(quoted(&format!("*{x}")), quoted(&format!("*{y}")));
    }
    match (has_x, has_y, groups.as_slice(), free.as_slice()) {
        // What stands alone at the end is an output.
        (false, false, [only], [.., last]) if !is_grouped(last) => both(pattern(only), quoted(last)),
        (false, false, [_, _, ..], [.., before, last]) if !is_grouped(last) => {
            both(range(grouped.unwrap_or_default(), before), quoted(last))
        }
        (false, false, [first, second, ..], _) => both(pattern(first), pattern(second)),
        // The first column often says which task a row belongs to.
        (false, false, _, [task, first, .., before, last]) if !knows_tasks => {
            format!("--task-column {} {}", quoted(task), both(range(first, before), quoted(last)))
        }
        (false, false, _, [first, .., before, last]) if knows_tasks => {
            both(range(first, before), quoted(last))
        }
        (false, false, _, [first, last]) if knows_tasks => both(quoted(first), quoted(last)),
        (false, false, ..) => both("NAME,NAME".into(), "NAME".into()),
        (true, _, [.., last], _) => format!("--y {}", pattern(last)),
        (true, _, _, [.., last]) => format!("--y {}", quoted(last)),
        (_, true, [first, ..], _) => format!("--x {}", pattern(first)),
        (_, true, _, [first, .., last]) => format!("--x {}", range(first, last)),
        (true, ..) => "--y NAME".into(),
        (_, true, ..) => "--x NAME,NAME".into(),
    }
}

/// How names begin that several have in common, in the order of the table; not those that an option
/// takes already.
fn alike<'a>(names: &[&'a str], options: &TaskOptions) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for name in names {
        let start = start(name);
        let many = names.iter().filter(|other| other.starts_with(start)).count();
        let is_given = [&options.x, &options.y].into_iter().flatten().any(|option| option.starts_with(start));
        if many > 1 && !start.is_empty() && !is_given && !found.contains(&start) {
            found.push(start);
        }
    }
    found
}

/// What parts the words of a name.
fn parts(letter: char) -> bool {
    matches!(letter, '_' | '-' | '.' | ' ' | '/' | '[' | ':')
}

/// The two ways in which names end, where there are two with as many names each, several; of the
/// last words, as few as give that.
fn endings<'a>(names: &[&'a str]) -> Option<[&'a str; 2]> {
    const MOST_WORDS: usize = 4;
    (0..MOST_WORDS).find_map(|words| {
        let ending = |name: &&'a str| {
            let (at, _) =
                name.char_indices().filter(|(at, letter)| *at > 0 && parts(*letter)).nth_back(words)?;
            name.get(at..)
        };
        let all: Vec<&str> = names.iter().filter_map(ending).collect();
        let first = *all.first()?;
        let second = *all.iter().find(|other| **other != first)?;
        let many = |ending: &str| all.iter().filter(|other| **other == ending).count();
        let is_halves = many(first) > 1 && many(first) == many(second) && 2 * many(first) == all.len();
        is_halves.then_some([first, second])
    })
}

/// What a name begins with: all before its first digit, or up to what parts it.
fn start(name: &str) -> &str {
    let end = name.char_indices().find_map(|(at, letter)| match letter {
        letter if parts(letter) => Some(at + letter.len_utf8()),
        letter if letter.is_ascii_digit() => Some(at),
        _ => None,
    });
    name.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// As a shell takes it.
pub(super) fn quoted(text: &str) -> String {
    let text = brief(text);
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-.,/:%+@".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::example;
    use crate::tasks::{TaskOptions, TasksFrom};

    #[test]
    fn proposals_are_ones_that_make_sense() {
        let robots =
            ["robot", "timestamp", "force_R1", "force_L1", "disp_R1", "disp_L1"].map(String::from).to_vec();
        let few = ["site", "left", "mid", "right", "after"].map(String::from).to_vec();
        let places = ["who", "A in [K]", "A out [K]", "B in [K]", "B out [K]", "C in [K]", "C out [K]"];
        let places = places.map(String::from).to_vec();
        let labelled = ["p0", "p1", "p2", "kind"].map(String::from).to_vec();
        let iris = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"];
        let iris = iris.map(String::from).to_vec();
        let some = |text: &str| Some(text.to_string());
        let none = TaskOptions::default;
        for (names, options, expected) in [
            (&robots, none(), "--x 'force_*' --y 'disp_*'"),
            (&robots, TaskOptions { task_column: some("robot"), ..none() }, "--x 'force_*' --y 'disp_*'"),
            (&robots, TaskOptions { x: some("force_*"), ..none() }, "--y 'disp_*'"),
            (&robots, TaskOptions { x: some("force_L1..force_R1"), ..none() }, "--y 'disp_*'"),
            (&robots, TaskOptions { y: some("disp_*"), ..none() }, "--x 'force_*'"),
            (&places, none(), "--x '* in [K]' --y '* out [K]'"),
            (&few, none(), "--task-column site --x left..right --y after"),
            (&few, TaskOptions { task_column: some("site"), ..none() }, "--x left..right --y after"),
            (&iris, none(), "--x sepal_length..petal_width --y species"),
            (&labelled, TaskOptions { tasks_from: Some(TasksFrom::Labels), ..none() }, "--x 'p*' --y kind"),
            (
                &few,
                TaskOptions { tasks_from: Some(TasksFrom::Labels), ..none() },
                "--x site..right --y after",
            ),
            (&few[..3].to_vec(), none(), "--x NAME,NAME --y NAME"),
            (&few, TaskOptions { y: some("after"), ..none() }, "--x site..right"),
        ] {
            assert_eq!(example(names, &options, |_, _| false), expected);
        }
        // What needs no option is not proposed.
        let usual = ["task", "x0", "x1", "left", "right"].map(String::from).to_vec();
        assert_eq!(example(&usual, &none(), |name, letter| name.starts_with(letter)), "--y right");
    }
}
