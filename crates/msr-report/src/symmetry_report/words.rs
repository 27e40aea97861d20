//! Numbers and sentences of the report.

use msr_groups::SignedPermutation;

use super::{Interval, Kind, SymmetryReport};
use crate::picture::font::typeset;

/// The first letter large, indices below the line, and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let text = &typeset(text.trim());
    let stop = if text.is_empty() || text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{}{stop}", capital(text))
}

/// The first letter large.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// A number with a true minus; three digits that count.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let power = value.abs().log10().floor();
    let text = if (-4.0..6.0).contains(&power) {
        let digits = (2.0 - power).clamp(0.0, 7.0) as usize;
        format!("{value:.digits$}")
    } else {
        let raised = |letter: char| match letter {
            '-' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            letter => letter.to_digit(10).and_then(|d| char::from_u32('⁰' as u32 + d)).unwrap_or(letter),
        };
        let exponent: String = (power as i32).to_string().chars().map(raised).collect();
        format!("{:.2}×10{exponent}", value / 10f64.powf(power))
    };
    text.replace('-', "−")
}

/// A share in percent, without digits that say nothing.
pub(super) fn percent(share: f64) -> String {
    percent_with(share, 0)
}

/// The same with so many digits more.
fn percent_with(share: f64, more: usize) -> String {
    let percent = 100.0 * share;
    if percent.abs() >= 1e6 {
        return format!("{} %", number(percent));
    }
    let digits = match percent.abs() {
        size if size >= 10.0 => 0,
        size if size >= 1.0 => 1,
        _ => 2,
    };
    let digits = digits + more;
    let text = format!("{percent:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let text = if text == "-0" { "0" } else { text };
    format!("{} %", text.replace('-', "−"))
}

/// A probability; very small ones only as a bound.
pub(super) fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

/// An interval's bounds: `0.1 to 0.9`.
pub(super) fn bounds(interval: Interval, written: impl Fn(f64) -> String) -> String {
    format!("{} to {}", written(interval.lower), written(interval.upper))
}

/// A share with its bounds, within what a share can be: `97 % (95 % to 100 %)`. Where the bounds
/// leave everything open, it is not measurable; where rounding leaves no difference between them,
/// there are more digits: `99.8 % (99.7 % to 99.9 %)`.
pub(super) fn share(interval: Interval) -> String {
    match within(interval) {
        None => "not measurable".into(),
        Some(interval) => {
            let Interval { value, lower, upper } = interval;
            let is_hidden = |more: &usize| {
                let [value, lower, upper] = [value, lower, upper].map(|share| percent_with(share, *more));
                value == lower && value == upper
            };
            let more = if lower == upper { 0 } else { (0..=2).find(|more| !is_hidden(more)).unwrap_or(2) };
            let percent = |share| percent_with(share, more);
            format!("{} ({})", percent(value), bounds(interval, percent))
        }
    }
}

/// The part of an interval where shares are, from 0 to 1; none where it is all of that.
pub(super) fn within(interval: Interval) -> Option<Interval> {
    let [value, lower, upper] =
        [interval.value, interval.lower, interval.upper].map(|share| share.clamp(0.0, 1.0));
    (lower > 0.0 || upper < 1.0).then_some(Interval { value, lower, upper })
}

/// So many of something, with its plural.
pub(super) fn count(many: usize, one: &str) -> String {
    format!("{} {one}{}", grouped(&many.to_string()), if many == 1 { "" } else { "s" })
}

/// A number in digits, in groups of three where there are more than four of them, and by its power
/// of ten where there are more than nine.
pub(super) fn grouped(digits: &str) -> String {
    if digits.len() <= 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return digits.to_string();
    }
    if digits.len() > 9 {
        let value: f64 = digits.parse().unwrap_or(f64::INFINITY);
        if value.is_finite() {
            return format!("≈ {}", number(value));
        }
        return format!("a number of {} digits", digits.len());
    }
    let first = digits.len() % 3;
    let groups = digits.as_bytes().chunks(1).map(|letter| char::from(letter[0]));
    let mut text = String::new();
    for (index, digit) in groups.enumerate() {
        if index > 0 && index % 3 == first {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// What the largest letters of the page say.
pub(super) fn title(report: &SymmetryReport) -> String {
    let found = report.symmetry.as_ref().map(|symmetry| match symmetry.name.trim() {
        "" => format!("a group of order {}", grouped(&symmetry.order)),
        name => typeset(name),
    });
    match (report.kind, found) {
        (Kind::Found, Some(name)) => capital(&name),
        (Kind::AtLeast, Some(name)) => format!("At least {name}"),
        (Kind::None, _) => "No symmetry".into(),
        _ => "These data do not tell".into(),
    }
}

/// What the verdict means, in one plain sentence.
pub(super) fn meaning(report: &SymmetryReport) -> String {
    let tied = report.symmetry.as_ref().map(|symmetry| {
        let weights = symmetry.pattern.outputs() * symmetry.pattern.inputs();
        let free = symmetry.pattern.free_parameters();
        let map = match report.features.is_empty() {
            true => "a linear map",
            false => "a map that is linear in the inputs and their products",
        };
        format!(
            "In every task, moving the inputs as the group does moves the outputs in its way: of {} \
             of {map}, only {} {} to be learned.",
            count(weights, "weight"),
            grouped(&free.to_string()),
            if free == 1 { "has" } else { "have" }
        )
    });
    match (report.kind, tied) {
        (Kind::Found, Some(tied)) => tied,
        (Kind::AtLeast, Some(tied)) => format!("{tied} More may hold: a larger group is still open."),
        (Kind::None, _) => {
            "Every way that was tried of moving inputs and outputs together clearly changes these \
             tasks."
                .into()
        }
        _ => "Neither a symmetry nor its absence could be shown. That says something about these \
              data, not about the tasks."
            .into(),
    }
}

/// How a permutation moves points, in a few words: `6 cycles of 4, 1 stays`.
pub(super) fn cycles(moved: &SignedPermutation) -> String {
    let mut lengths = std::collections::BTreeMap::new();
    let mut moving = 0;
    for cycle in moved.points().cycles() {
        if cycle.len() > 1 {
            moving += cycle.len();
            *lengths.entry(std::cmp::Reverse(cycle.len())).or_insert(0usize) += 1;
        }
    }
    let mut parts: Vec<String> = lengths
        .iter()
        .map(|(length, &many)| match length.0 {
            2 => count(many, "exchange"),
            length if many == 1 => format!("one cycle of {length}"),
            length => format!("{many} cycles of {length}"),
        })
        .collect();
    let stay = moved.degree() - moving;
    if stay > 0 {
        parts.push(if stay == 1 { "1 stays".into() } else { format!("{stay} stay") });
    }
    let flips = moved.flips().iter().filter(|flip| **flip).count();
    if flips > 0 {
        let change = if flips == 1 { "changes its sign" } else { "change their signs" };
        parts.push(format!("{flips} {change}"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use msr_groups::SignedPermutation;

    use super::{cycles, grouped, number, percent, probability, sentence, share};

    #[test]
    fn numbers_say_what_counts() {
        let numbers = [0.0, 1.0, -0.012345, 12345.6, 1e-7, -2.5e12].map(number);
        assert_eq!(numbers, ["0", "1.00", "−0.0123", "12346", "1.00×10⁻⁷", "−2.50×10¹²"]);
        let shares = [0.05, 0.0042, 0.3, -0.00001, 1.0, -0.012, 1e30].map(percent);
        assert_eq!(shares, ["5 %", "0.42 %", "30 %", "0 %", "100 %", "−1.2 %", "1.00×10³² %"]);
        assert_eq!([probability(1e-9), probability(0.43)], ["< 0.001", "0.430"]);
    }

    #[test]
    fn shares_are_from_nothing_to_everything() {
        let said = [
            (0.97, 0.95, 1.02),
            (-0.24, -1.0, 2.0),
            (-0.01, -0.03, 0.02),
            (1.1, 0.0, 0.5),
            (0.998, 0.997, 1.001),
            (1.001, 1.0, 1.002),
        ];
        let expected = [
            "97 % (95 % to 100 %)",
            "not measurable",
            "0 % (0 % to 2 %)",
            "100 % (0 % to 50 %)",
            "99.8 % (99.7 % to 100 %)",
            "100 % (100 % to 100 %)",
        ];
        assert_eq!(said.map(|interval| share(interval.into())), expected);
    }

    #[test]
    fn large_numbers_are_grouped() {
        let found = ["8", "1234", "43200", "1234567", "43252003274489856000", "x"].map(grouped);
        assert_eq!(found, ["8", "1234", "43\u{202f}200", "1\u{202f}234\u{202f}567", "≈ 4.33×10¹⁹", "x"]);
        assert_eq!(grouped(&"9".repeat(400)), "a number of 400 digits");
    }

    #[test]
    fn sentences_start_large_and_end() {
        assert_eq!(
            ["no symmetry", " Yes. ", "", "C_5 it is"].map(sentence),
            ["No symmetry.", "Yes.", "", "C₅ it is."]
        );
    }

    #[test]
    fn cycles_are_counted() {
        let text = |cycles_: &str, degree| cycles(&SignedPermutation::parse(cycles_, degree).unwrap());
        assert_eq!(text("(0 1 2 3)(4 5)", 7), "one cycle of 4, 1 exchange, 1 stays");
        assert_eq!(text("(-0)(1 -2)", 3), "1 exchange, 1 stays, 2 change their signs");
        assert_eq!(text("()", 2), "2 stay");
    }
}
