//! Numbers in text, and what else people write in their place.

/// What stands where a number should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// Nothing, or a word for it.
    Missing,
    /// NaN, an infinity, or more than a number of double precision holds.
    Infinite,
    /// `1,5`.
    DecimalComma,
    /// `1,234,567` or `1 234`.
    Thousands,
    /// `5 %`, `5 mm`, `$5`.
    Unit,
    /// A text, which may be a label.
    Text,
}

/// The number that a text is, blanks around it left out; `true` is 1 and `false` is 0.
pub(super) fn number(text: &str) -> Result<f64, Odd> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(number) if number.is_nan() => Err(Odd::Missing),
        Ok(_) => Err(Odd::Infinite),
        Err(_) if text.eq_ignore_ascii_case("true") => Ok(1.0),
        Err(_) if text.eq_ignore_ascii_case("false") => Ok(0.0),
        Err(_) => Err(odd(text)),
    }
}

/// Words for what is missing.
const MISSING: [&str; 12] = ["", "na", "n/a", "#n/a", "null", "none", "nil", "-", "--", "?", ".", "missing"];

fn odd(text: &str) -> Odd {
    if MISSING.contains(&text.to_ascii_lowercase().as_str()) {
        return Odd::Missing;
    }
    let has_digit = text.contains(|letter: char| letter.is_ascii_digit());
    let is_of =
        |letters: &str| text.chars().all(|letter| letter.is_ascii_digit() || letters.contains(letter));
    if has_digit && is_of("+-.,eE") && text.contains(',') {
        let groups = text.matches(',').count();
        let after = text.rsplit(',').next().unwrap_or_default();
        let is_group = after.split('.').next().unwrap_or_default().len() == 3;
        return if groups > 1 || is_group && (text.contains('.') || !text.starts_with(['0', ','])) {
            Odd::Thousands
        } else {
            Odd::DecimalComma
        };
    }
    // Blanks and apostrophes between digits; a sign is in front.
    let unsigned = text.trim_start_matches(['+', '-']);
    let separators = ".,' _\u{a0}\u{202f}";
    if has_digit && unsigned.chars().all(|letter| letter.is_ascii_digit() || separators.contains(letter)) {
        return Odd::Thousands;
    }
    let bare = text.trim_matches(|letter: char| letter.is_alphabetic() || "%$€£°µ/²³ ".contains(letter));
    let is_unit = !text.starts_with(|letter: char| letter.is_alphabetic()) && bare.parse::<f64>().is_ok();
    if is_unit { Odd::Unit } else { Odd::Text }
}

impl Odd {
    /// What should stand there.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Missing => "a number; fill in or remove rows with missing values",
            Self::Infinite => "a finite number; remove the row",
            Self::DecimalComma => "a number with a decimal point, as 1.5",
            Self::Thousands => "a number without separators between its digits, as 1234.5",
            Self::Unit => "a number alone, without a unit",
            Self::Text => "a number; leave the column out, or write numbers for its texts",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Odd, number};

    #[test]
    fn numbers_are_read_and_odd_ones_are_told_apart() {
        let good = [("1", 1.0), (" -2.5e3 ", -2500.0), (".5", 0.5), ("TRUE", 1.0), ("false", 0.0)];
        for (text, right) in good {
            assert_eq!(number(text), Ok(right), "{text}");
        }
        let odd = [
            ("", Odd::Missing),
            ("NaN", Odd::Missing),
            ("#N/A", Odd::Missing),
            ("inf", Odd::Infinite),
            ("1e999", Odd::Infinite),
            ("1,5", Odd::DecimalComma),
            ("0,125", Odd::DecimalComma),
            ("1.234,5", Odd::DecimalComma),
            ("1,234", Odd::Thousands),
            ("1,234,567", Odd::Thousands),
            ("1 234", Odd::Thousands),
            ("1'234", Odd::Thousands),
            ("5 %", Odd::Unit),
            ("$5", Odd::Unit),
            ("3 mm", Odd::Unit),
            ("cat", Odd::Text),
            ("class 3", Odd::Text),
            ("2024-01-02", Odd::Text),
            ("10.1.2024", Odd::Thousands),
        ];
        for (text, right) in odd {
            assert_eq!(number(text), Err(right), "{text}");
        }
    }
}
