//! Text out of files, made fit to be shown.

use std::borrow::Cow;

/// Text with every letter that a terminal takes for a command, or that turns the direction of
/// writing, as an escape: `\u{1b}` for ESC, `\n` for a line break. All else is as it was.
///
/// ```
/// assert_eq!(msr_files::printable("fc.weight"), "fc.weight");
/// assert_eq!(msr_files::printable("w\x1b[31m\n"), "w\\u{1b}[31m\\n");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter.escape_default().to_string(), false)
}

/// The same for text of several lines: line breaks and tabs stay.
///
/// ```
/// assert_eq!(msr_files::printable_lines("a\tb\nc\r"), "a\tb\nc\\r");
/// ```
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter.escape_default().to_string(), true)
}

/// The same for JSON, which stays the JSON that it was.
///
/// ```
/// assert_eq!(msr_files::printable_json("{\n\"\u{9b}\": 1}"), "{\n\"\\u009b\": 1}");
/// ```
pub fn printable_json(json: &str) -> Cow<'_, str> {
    escaped(json, |letter| format!("\\u{:04x}", u32::from(letter)), true)
}

fn escaped(text: &str, escape: impl Fn(char) -> String, lines: bool) -> Cow<'_, str> {
    let is_hidden = |letter: char| acts_on_terminal(letter) && !(lines && matches!(letter, '\n' | '\t'));
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_hidden(letter) {
            shown.push_str(&escape(letter));
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal acts upon a letter in place of showing it: control characters, breaks of
/// lines and paragraphs, and marks of direction (Unicode Standard Annex 9).
pub fn acts_on_terminal(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
