//! Permutations in the names of what they move.

use msr_groups::SignedPermutation;

use crate::page::cut;

/// Letters of a name, and of all cycles together.
const LETTERS: usize = 32;
const ALL: usize = 1_200;

/// How points move, by their names: `force_R2 → force_R3 → force_R1 → force_R2`, `left ↔ right`
/// where two change places, a minus where the sign changes on the way. In cycle notation, as
/// `(0 1 2)`, where there are no names or these are numbers from 0 on anyway (`x0`, `x1`, …); `all
/// stay` where nothing moves.
///
/// # Example
/// ```
/// use msr_groups::SignedPermutation;
/// use msr_report::symmetry_report::named_cycles;
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let names = ["left", "mid", "right", "other"].map(String::from);
/// let named = |cycles: &str| Ok(named_cycles(&SignedPermutation::parse(cycles, 4)?, &names));
/// assert_eq!(named("(0 2)")?, "left ↔ right");
/// assert_eq!(named("(0 1 -2)(-3)")?, "left → mid → −right → left, other → −other");
/// let numbered = ["x0", "x1", "x2", "x3"].map(String::from);
/// assert_eq!(named_cycles(&SignedPermutation::parse("(0 2)", 4)?, &numbered), "(0 2)");
/// # Ok(())
/// # }
/// ```
pub fn named_cycles(moved: &SignedPermutation, names: &[String]) -> String {
    if moved.is_identity() {
        return "all stay".into();
    }
    if names.len() != moved.degree() || are_numbered(names) {
        return moved.to_string();
    }
    let name = |point: usize, is_negative: bool| {
        let name = msr_files::printable(names.get(point).map_or("", |name| name.trim())).into_owned();
        format!("{}{}", if is_negative { "−" } else { "" }, cut(&name, LETTERS))
    };
    let mut text = String::new();
    let cycles = moved.points().cycles();
    let moves = |cycle: &&Vec<usize>| cycle.len() > 1 || cycle.iter().any(|&point| moved.apply(point).1);
    let all: Vec<&Vec<usize>> = cycles.iter().filter(moves).collect();
    // What stays is not among the cycles of points, and may change its sign all the same.
    let stays = |point: &usize| moved.apply(*point) == (*point, true);
    let signs =
        (0..moved.degree()).filter(stays).filter(|point| !all.iter().any(|cycle| cycle.contains(point)));
    let singles: Vec<Vec<usize>> = signs.map(|point| vec![point]).collect();
    let all: Vec<&Vec<usize>> = all.into_iter().chain(&singles).collect();
    for (number, cycle) in all.iter().enumerate() {
        if text.len() > ALL {
            text.push_str(&format!(", and {} more cycles", all.len() - number));
            break;
        }
        if number > 0 {
            text.push_str(", ");
        }
        text.push_str(&written(cycle, moved, &name));
    }
    text
}

/// One cycle.
fn written(cycle: &[usize], moved: &SignedPermutation, name: &impl Fn(usize, bool) -> String) -> String {
    let flips: Vec<bool> = cycle.iter().map(|&point| moved.apply(point).1).collect();
    if let ([first, second], [there, back]) = (cycle, flips.as_slice())
        && there == back
    {
        return format!("{} ↔ {}", name(*first, false), name(*second, *there));
    }
    let mut text = cycle.first().map(|&first| name(first, false)).unwrap_or_default();
    for (&point, &flip) in cycle.iter().zip(&flips) {
        text.push_str(&format!(" → {}", name(moved.apply(point).0, flip)));
    }
    text
}

/// Whether names are alike but for numbers, and these are those of the points.
fn are_numbered(names: &[String]) -> bool {
    let Some(stem) = names.first().and_then(|first| first.strip_suffix('0')) else { return false };
    let is_own =
        |(at, name): (usize, &String)| name.strip_prefix(stem).is_some_and(|rest| rest == at.to_string());
    names.iter().enumerate().all(is_own)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use msr_groups::SignedPermutation;

    use super::named_cycles;

    #[test]
    fn cycles_have_names_where_these_say_more_than_numbers() {
        let names = |list: &str| list.split_whitespace().map(String::from).collect::<Vec<_>>();
        for (list, cycles, expected) in [
            ("", "(0 1)", "(0 1)"),
            ("", "()", "all stay"),
            ("x0 x1 x2", "(0 1 2)", "(0 1 2)"),
            ("x1 x2 x3", "(0 1 2)", "x1 → x2 → x3 → x1"),
            ("a b c", "()", "all stay"),
            ("a b c", "(0 -2)", "a → −c → a"),
            ("a b c", "(-0 -2)(-1)", "a ↔ −c, b → −b"),
            ("a\u{1b}[0m b c", "(0 1)", "a\\u{1b}[0m ↔ b"),
        ] {
            let moved = SignedPermutation::parse(cycles, 3).unwrap();
            assert_eq!(named_cycles(&moved, &names(list)), expected, "{list}");
        }
        let many: Vec<String> = (0..400).map(|i| format!("a long name {}", 400 - i)).collect();
        let pairs: String = (0..200).map(|i| format!("({} {})", 2 * i, 2 * i + 1)).collect();
        let text = named_cycles(&SignedPermutation::parse(&pairs, 400).unwrap(), &many);
        assert!(text.len() < 1_400 && text.ends_with(" more cycles"), "{text}");
    }
}
