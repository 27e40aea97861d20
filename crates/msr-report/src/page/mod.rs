//! Pages that are one file: HTML with its style and its figures inside, which load nothing, run
//! nothing, and can be read on a telephone, on paper, and in the dark.
//!
//! A [`Page`] is a [`Headline`], and [`Section`]s of [`Block`]s: paragraphs, lists, tables,
//! figures, code, and details that open. Every text is escaped where it is put in; there is no way
//! to add markup. The page asks browsers to refuse whatever would come from elsewhere, and is
//! well-formed XML too. The same page gives the same bytes.
//!
//! # Example
//! ```
//! use msr_report::page::{Block, Headline, Page, Section};
//!
//! # fn main() -> msr_report::Result<()> {
//! let page = Page::new("Shifts", Headline::new("The tasks are shifts"))
//!     .section(Section::new("Data").block(Block::paragraph("32 tasks of <five> inputs.")));
//! let html = page.html()?;
//! assert!(html.starts_with("<!DOCTYPE html>\n"));
//! assert!(html.contains("<p>32 tasks of &lt;five&gt; inputs.</p>"));
//! # Ok(())
//! # }
//! ```

mod block;
mod drawing;
mod figure;
mod inline;
mod sign;
mod table;
mod text;

use std::collections::BTreeSet;
use std::fmt::Write;

pub use block::Block;
pub use drawing::{Anchor, Drawing, Outline, Paint, Tone};
pub use figure::Figure;
pub use sign::Sign;
pub use table::{Cell, Column, Table};
pub use text::Text;
pub(crate) use text::cut;

use self::sign::write_sign;
use self::text::{escape, escaped};
use crate::Result;

/// How pages look.
const STYLE: &str = include_str!("style.css");
/// What a page may load and run: its own style and pictures that it holds.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// What a reader sees first.
#[derive(Clone, Debug, Default)]
pub struct Headline {
    badge: Option<(Sign, String)>,
    about: Text,
    title: Text,
    lead: Text,
    second: Text,
    facts: Vec<(String, String)>,
}

impl Headline {
    /// The largest words of the page.
    pub fn new(title: impl Into<Text>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// A word in a coloured field above the title, with a sign.
    pub fn badge(self, sign: Sign, word: impl Into<String>) -> Self {
        Self { badge: Some((sign, word.into())), ..self }
    }

    /// What the page is about, above the title.
    pub fn about(self, about: impl Into<Text>) -> Self {
        Self { about: about.into(), ..self }
    }

    /// A few sentences below the title.
    pub fn lead(self, lead: impl Into<Text>) -> Self {
        Self { lead: lead.into(), ..self }
    }

    /// More sentences below these, paler.
    pub fn second(self, second: impl Into<Text>) -> Self {
        Self { second: second.into(), ..self }
    }

    /// Adds a number that sums something up, and what it is.
    pub fn fact(mut self, value: impl Into<String>, what: impl Into<String>) -> Self {
        self.facts.push((value.into(), what.into()));
        self
    }

    fn write(&self, html: &mut String) {
        if self.badge.is_some() || !self.about.is_empty() {
            html.push_str("<div class=\"about\">");
            if let Some((sign, word)) = &self.badge {
                let _ = write!(html, "<span class=\"badge {}\">", sign.tone().class());
                write_sign(*sign, html);
                let _ = write!(html, "{}</span>", escaped(word));
            }
            let _ = writeln!(html, "<span>{}</span></div>", self.about.html());
        }
        let _ = writeln!(html, "<h1>{}</h1>", self.title.html());
        for (class, text) in [("lead", &self.lead), ("second", &self.second)] {
            if !text.is_empty() {
                let _ = writeln!(html, "<p class=\"{class}\">{}</p>", text.html());
            }
        }
        if !self.facts.is_empty() {
            html.push_str("<dl class=\"facts\">");
            for (value, what) in &self.facts {
                let _ = write!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(what), escaped(value));
            }
            html.push_str("</dl>\n");
        }
    }
}

/// A part of a page under a heading.
#[derive(Clone, Debug)]
pub struct Section {
    heading: String,
    blocks: Vec<Block>,
}

impl Section {
    /// A section with nothing in it yet; a page leaves such a one out.
    pub fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), blocks: Vec::new() }
    }

    /// Adds a block below those that are there.
    pub fn block(mut self, block: impl Into<Block>) -> Self {
        self.blocks.push(block.into());
        self
    }

    /// Adds blocks below those that are there.
    pub fn extend(mut self, blocks: impl IntoIterator<Item = Block>) -> Self {
        self.blocks.extend(blocks);
        self
    }
}

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    headline: Headline,
    sections: Vec<Section>,
    foot: Vec<Text>,
}

impl Page {
    /// A page with a title for its tab, and a headline.
    pub fn new(title: impl Into<String>, headline: Headline) -> Self {
        Self { title: title.into(), headline, sections: Vec::new(), foot: Vec::new() }
    }

    /// Adds a section, unless it has nothing in it.
    pub fn section(mut self, section: Section) -> Self {
        if !section.blocks.is_empty() {
            self.sections.push(section);
        }
        self
    }

    /// Adds a line at the very end.
    pub fn foot(mut self, line: impl Into<Text>) -> Self {
        self.foot.push(line.into());
        self
    }

    /// The page as HTML.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) when a number in a drawing is none.
    pub fn html(&self) -> Result<String> {
        let mut html = String::with_capacity(64 * 1024);
        html.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n");
        let _ =
            writeln!(html, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\" />", escaped(POLICY));
        html.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n");
        html.push_str("<meta name=\"color-scheme\" content=\"light dark\" />\n");
        html.push_str("<meta name=\"referrer\" content=\"no-referrer\" />\n");
        let _ = writeln!(html, "<title>{}</title>", escaped(&msr_files::printable(&self.title)));
        let _ = writeln!(html, "<style>\n{STYLE}</style>\n</head>\n<body>\n<header>");
        self.headline.write(&mut html);
        let names = self.names();
        if names.len() > 2 {
            html.push_str("<nav aria-label=\"Contents\"><ul>");
            for (name, section) in names.iter().zip(&self.sections) {
                let _ = write!(html, "<li><a href=\"#{name}\">{}</a></li>", escaped(&section.heading));
            }
            html.push_str("</ul></nav>\n");
        }
        html.push_str("</header>\n<main>\n");
        for (name, section) in names.iter().zip(&self.sections) {
            let _ = write!(
                html,
                "<section id=\"{name}\" aria-labelledby=\"{name}-heading\">\n<h2 id=\"{name}-heading\">"
            );
            escape(&section.heading, &mut html);
            html.push_str("</h2>\n<div class=\"content\">\n");
            section.blocks.iter().try_for_each(|block| block.write(&mut html))?;
            html.push_str("</div>\n</section>\n");
        }
        html.push_str("</main>\n");
        if !self.foot.is_empty() {
            html.push_str("<footer>\n");
            for line in &self.foot {
                let _ = writeln!(html, "<p>{}</p>", line.html());
            }
            html.push_str("</footer>\n");
        }
        html.push_str("</body>\n</html>\n");
        Ok(html)
    }

    /// A name for each section, of letters that need no escape; no two are the same.
    fn names(&self) -> Vec<String> {
        let mut known = BTreeSet::new();
        let name = |section: &Section| {
            let letters = section.heading.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' });
            let words: String = letters.collect();
            let words = words.split_whitespace().map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
            let start = if words.is_empty() { "section".to_string() } else { words };
            // An id that ends as the heading's does would be taken twice.
            let start = if start.ends_with("-heading") { format!("{start}-") } else { start };
            let mut name = start.clone();
            let mut number = 2;
            while !known.insert(name.clone()) {
                name = format!("{start}-{number}");
                number += 1;
            }
            name
        };
        self.sections.iter().map(name).collect()
    }
}

#[cfg(test)]
mod tests;
