//! The order in which people number things: `task2` before `task10`.

use std::cmp::Ordering;

/// Compares texts letter by letter, and runs of digits as the numbers that they are.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let order = match (next(&mut left), next(&mut right)) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) if is_number(left) && is_number(right) => {
                let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
                left.len().cmp(&right.len()).then_with(|| left.cmp(right))
            }
            (Some(left), Some(right)) => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn is_number(part: &str) -> bool {
    part.starts_with(|letter: char| letter.is_ascii_digit())
}

/// Takes the digits that a text begins with, or else its first letter.
fn next<'a>(text: &mut &'a str) -> Option<&'a str> {
    let first = text.chars().next()?;
    let end = match text.find(|letter: char| !letter.is_ascii_digit()) {
        Some(0) => first.len_utf8(),
        Some(end) => end,
        None => text.len(),
    };
    let (part, rest) = text.split_at(end);
    *text = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let mut names = ["t10", "t2", "t1", "t01", "a", "t", "t2b", "é9", "é10", "12345678901234567890123"];
        names.sort_by(|a, b| natural(a, b));
        let right = ["12345678901234567890123", "a", "t", "t01", "t1", "t2", "t2b", "t10", "é9", "é10"];
        assert_eq!(names, right);
    }
}
