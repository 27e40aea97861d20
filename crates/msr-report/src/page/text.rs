//! Words: everything that comes from outside is escaped here, once.

use std::borrow::Cow;

use msr_files::printable;

/// The text as HTML, in an element or in an attribute in quotes. Letters that neither HTML nor XML
/// may hold become U+FFFD.
pub(super) fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' | '\t' => html.push(letter),
            '\u{fffe}' | '\u{ffff}' => html.push('\u{fffd}'),
            letter if letter.is_control() => html.push('\u{fffd}'),
            letter => html.push(letter),
        }
    }
}

/// The text as HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    escape(text, &mut html);
    html
}

/// The text, or as much of it as `most` letters show, with a sign that something is missing.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            Cow::Owned(format!("{}…", kept.trim_end()))
        }
    }
}

/// A line of text with marks in it.
///
/// # Example
/// ```
/// use msr_report::page::Text;
///
/// let text = Text::from("the array ").code("x").plain(" of ").name("tasks <1>.npz", 60);
/// assert_eq!(text.html(), "the array <code>x</code> of <bdi>tasks &lt;1&gt;.npz</bdi>");
/// assert_eq!(Text::new().name("a long name", 7).html(), r#"<bdi title="a long name">a long…</bdi>"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    html: String,
}

impl Text {
    /// No words yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words.
    pub fn plain(mut self, words: &str) -> Self {
        escape(words, &mut self.html);
        self
    }

    /// Adds words that matter more.
    pub fn strong(self, words: &str) -> Self {
        self.within("strong", words)
    }

    /// Adds what stands for itself: a command, a value, signed cycles.
    pub fn code(self, words: &str) -> Self {
        self.within("code", words)
    }

    /// Adds a name that someone else chose. It may run from right to left and be long: of more than
    /// `most` letters the first are shown, and the whole is the tooltip. Letters that act rather
    /// than show are escaped.
    pub fn name(mut self, name: &str, most: usize) -> Self {
        let name = printable(name);
        let shown = cut(&name, most);
        if shown == name {
            self.html.push_str("<bdi>");
        } else {
            self.html.push_str("<bdi title=\"");
            escape(&name, &mut self.html);
            self.html.push_str("\">");
        }
        escape(&shown, &mut self.html);
        self.html.push_str("</bdi>");
        self
    }

    /// Adds words on a line of their own, smaller and paler.
    pub fn below(mut self, words: &str) -> Self {
        self.html.push_str("<br /><span class=\"with\">");
        escape(words, &mut self.html);
        self.html.push_str("</span>");
        self
    }

    /// Adds a name that someone else chose on a line of its own, smaller and paler.
    pub fn below_name(mut self, name: &str, most: usize) -> Self {
        self.html.push_str("<br /><span class=\"with\">");
        let mut text = self.name(name, most);
        text.html.push_str("</span>");
        text
    }

    fn within(mut self, tag: &str, words: &str) -> Self {
        self.html.push_str(&format!("<{tag}>"));
        escape(words, &mut self.html);
        self.html.push_str(&format!("</{tag}>"));
        self
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.html.is_empty()
    }

    /// The text as HTML.
    pub fn html(&self) -> &str {
        &self.html
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self::new().plain(words)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self::new().plain(&words)
    }
}

#[cfg(test)]
mod tests {
    use super::{Text, cut, escaped};

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(escaped("<b a=\"1\" c='2'>&"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
        assert_eq!(escaped("a\0b\x1b[1m\u{ffff}\n"), "a\u{fffd}b\u{fffd}[1m\u{fffd}\n");
        let name = Text::new().name("\u{202e}<script>\n", 40);
        assert_eq!(name.html(), "<bdi>\\u{202e}&lt;script&gt;\\n</bdi>");
    }

    #[test]
    fn long_text_is_cut_at_letters() {
        assert_eq!(cut("שלום", 4), "שלום");
        assert_eq!(cut("שלום עולם", 5), "שלום…");
        assert_eq!((cut("ab", 1), cut("ab", 0), cut("", 0)), ("…".into(), "…".into(), "".into()));
    }
}
