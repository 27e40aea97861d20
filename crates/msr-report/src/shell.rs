//! Words of a command, as a shell reads them.

use std::ffi::OsStr;
use std::fmt::Write;

use msr_files::acts_on_terminal;

/// A word as one can paste it into a command: as it is where a shell takes it as it is, in single
/// quotes where it does not, and as `$'…'` (bash, zsh, ksh, POSIX from 2024) where it holds bytes
/// that are no text or letters that a terminal would act upon.
///
/// ```
/// assert_eq!(msr_report::shell_word("runs/1"), "runs/1");
/// assert_eq!(msr_report::shell_word("my runs/$1"), "'my runs/$1'");
/// assert_eq!(msr_report::shell_word("a\nb"), r"$'a\nb'");
/// ```
pub fn shell_word(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    if let Some(text) = word.to_str().filter(|text| !text.contains(acts_on_terminal)) {
        // Only NUL, which is a control letter, cannot be quoted.
        return shlex::try_quote(text).map_or_else(|_| text.to_string(), std::borrow::Cow::into_owned);
    }
    let mut quoted = String::from("$'");
    for chunk in word.as_encoded_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                '\'' | '\\' => quoted.extend(['\\', letter]),
                _ if acts_on_terminal(letter) => {
                    letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| push_byte(&mut quoted, byte));
                }
                _ => quoted.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|&byte| push_byte(&mut quoted, byte));
    }
    quoted.push('\'');
    quoted
}

/// Three octal digits: no digit after them can be taken for a part of the number.
fn push_byte(text: &mut String, byte: u8) {
    // A string takes everything.
    let _ = write!(text, "\\{byte:03o}");
}

/// A command of these words, each as [`shell_word`], after `program`, which stands as it is: it may
/// be several words, as `cargo xtask`.
pub fn shell_command<W: AsRef<OsStr>>(program: &str, words: impl IntoIterator<Item = W>) -> String {
    words.into_iter().fold(program.to_string(), |line, word| line + " " + &shell_word(word))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{shell_command, shell_word};

    fn odd_words() -> Vec<OsString> {
        let mut words: Vec<OsString> = [
            "",
            "a",
            "my runs",
            "it's",
            "$HOME",
            "`id`",
            "~",
            "a\\b",
            "*",
            "x;y",
            "a\nb",
            "'\n'",
            "\x1b[31m",
            "é",
            "\u{202e}gnp.exe",
            "it's \u{2066}\u{9b}",
            "a\u{2028}b",
        ]
        .map(OsString::from)
        .to_vec();
        #[cfg(unix)]
        words.extend(
            [&b"/tmp/\xff"[..], b"\xff7'\\", b"\xc3\x28 \x80"]
                .map(|bytes| std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())),
        );
        words
    }

    #[test]
    fn commands_can_be_typed_again() {
        let words =
            ["reproduce", "table1", "--seeds", "3", "--group", "cyclic(8)", "my runs/1"].map(String::from);
        let line = shell_command("cargo xtask", &words);
        assert!(line.starts_with("cargo xtask reproduce table1 --seeds 3 --group "), "{line}");
        assert_eq!(shlex::split(&line).unwrap()[2..], words);
    }

    #[test]
    fn no_word_reaches_the_terminal_raw() {
        for word in odd_words() {
            let quoted = shell_word(&word);
            assert!(!quoted.contains('\u{fffd}'), "{quoted:?}");
            assert_eq!(msr_files::printable(&quoted), quoted, "what is said is what can be pasted");
        }
    }

    /// Where there is a bash, it reads back what was quoted.
    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_words_that_were_quoted() {
        let line = shell_command(r"printf '%s\0'", odd_words());
        let Ok(output) = std::process::Command::new("bash").args(["-c", &line]).output() else {
            println!("SKIPPED: there is no `bash` to read quoted words with");
            return;
        };
        let mut expected = Vec::new();
        for word in odd_words() {
            expected.extend_from_slice(word.as_encoded_bytes());
            expected.push(0);
        }
        assert_eq!(output.stdout, expected, "{line}");
    }
}
