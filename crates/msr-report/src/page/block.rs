//! What sections are made of.

use std::fmt::Write;

use super::figure::Figure;
use super::table::Table;
use super::text::{Text, escaped};
use crate::Result;

/// A part of a section.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Block {
    /// A heading below that of the section.
    Heading(Text),
    /// Sentences.
    Paragraph(Text),
    /// A paragraph that stands out.
    Notice(Text),
    /// Sentences under each other, each with a point before it.
    List(Vec<Text>),
    /// Terms, each with what it is.
    Terms(Vec<(Text, Text)>),
    /// A table.
    Table(Table),
    /// A figure.
    Figure(Figure),
    /// Figures in frames, as many beside each other as there is room for; few when they are broad.
    Cards {
        /// The figures.
        figures: Vec<Figure>,
        /// Whether each needs much room.
        is_broad: bool,
    },
    /// Text of several lines as it is.
    Code(String),
    /// What is only seen once its summary is opened, and on paper.
    Details {
        /// What is always seen.
        summary: Text,
        /// What is below it.
        blocks: Vec<Block>,
    },
}

impl Block {
    /// Sentences.
    pub fn paragraph(text: impl Into<Text>) -> Self {
        Self::Paragraph(text.into())
    }

    pub(super) fn write(&self, html: &mut String) -> Result<()> {
        match self {
            Self::Heading(text) => {
                let _ = writeln!(html, "<h3>{}</h3>", text.html());
            }
            Self::Paragraph(text) => {
                let _ = writeln!(html, "<p>{}</p>", text.html());
            }
            Self::Notice(text) => {
                let _ = writeln!(html, "<div class=\"notice\">{}</div>", text.html());
            }
            Self::List(items) => {
                html.push_str("<ul>");
                items.iter().for_each(|item| {
                    let _ = write!(html, "<li>{}</li>", item.html());
                });
                html.push_str("</ul>\n");
            }
            Self::Terms(terms) => {
                html.push_str("<dl class=\"terms\">");
                terms.iter().for_each(|(term, what)| {
                    let _ = write!(html, "<dt>{}</dt><dd>{}</dd>", term.html(), what.html());
                });
                html.push_str("</dl>\n");
            }
            Self::Table(table) => table.write(html)?,
            Self::Figure(figure) => figure.write(html),
            Self::Cards { figures, is_broad } => {
                let _ = writeln!(html, "<div class=\"cards{}\">", if *is_broad { " broad" } else { "" });
                figures.iter().for_each(|figure| figure.write(html));
                html.push_str("</div>\n");
            }
            Self::Code(text) => {
                let text = msr_files::printable_lines(text);
                let _ = writeln!(html, "<pre><code>{}</code></pre>", escaped(&text));
            }
            Self::Details { summary, blocks } => {
                let _ = writeln!(html, "<details><summary>{}</summary>", summary.html());
                blocks.iter().try_for_each(|block| block.write(html))?;
                html.push_str("</details>\n");
            }
        }
        Ok(())
    }
}

impl From<Table> for Block {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<Figure> for Block {
    fn from(figure: Figure) -> Self {
        Self::Figure(figure)
    }
}
