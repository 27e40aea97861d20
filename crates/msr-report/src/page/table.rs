//! Tables of a page.

use std::fmt::Write;

use super::drawing::Drawing;
use super::sign::{Sign, write_sign};
use super::text::{Text, escape};
use crate::Result;

/// So many columns fit on narrow screens.
const FEW: usize = 3;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Column {
    /// Words that stay on one line.
    Short,
    /// Sentences: as wide as one can read, and broken.
    Long,
    /// Numbers, at the right edge.
    Number,
}

impl Column {
    fn class(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
            Self::Number => "number",
        }
    }
}

/// What is in one place of a table.
#[derive(Clone, Debug)]
pub struct Cell(Content);

#[derive(Clone, Debug)]
enum Content {
    Text(Text),
    Drawing { drawing: Drawing, alternative: String, below: Text },
    State { sign: Sign, word: String },
}

impl Cell {
    /// A small drawing, read aloud as `alternative`, with words below it.
    pub fn drawing(drawing: Drawing, alternative: impl Into<String>, below: impl Into<Text>) -> Self {
        Self(Content::Drawing { drawing, alternative: alternative.into(), below: below.into() })
    }

    /// A word with a sign before it, so that it is not told by its colour alone.
    pub fn state(sign: Sign, word: impl Into<String>) -> Self {
        Self(Content::State { sign, word: word.into() })
    }

    fn write(&self, html: &mut String) -> Result<()> {
        match &self.0 {
            Content::Text(text) => html.push_str(text.html()),
            Content::Drawing { drawing, alternative, below } => {
                html.push_str(&drawing.svg("", alternative)?);
                if !below.is_empty() {
                    let _ = write!(html, "<span class=\"with\">{}</span>", below.html());
                }
            }
            Content::State { sign, word } => {
                let _ = write!(html, "<span class=\"state {}\">", sign.tone().class());
                write_sign(*sign, html);
                escape(word, html);
                html.push_str("</span>");
            }
        }
        Ok(())
    }
}

impl<T: Into<Text>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self(Content::Text(text.into()))
    }
}

/// A table, which scrolls within itself where the page is narrower. The first cell of a row is its
/// heading.
#[derive(Clone, Debug)]
pub struct Table {
    name: String,
    columns: Vec<(Column, Cell)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows. `name` says what it shows to those who hear it.
    pub fn new<C: Into<Cell>>(
        name: impl Into<String>,
        columns: impl IntoIterator<Item = (Column, C)>,
    ) -> Self {
        let columns = columns.into_iter().map(|(column, head)| (column, head.into())).collect();
        Self { name: name.into(), columns, rows: Vec::new() }
    }

    /// Adds a row. One that is too short is filled up, one that is too long is cut.
    pub fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut cells: Vec<Cell> = cells.into_iter().map(Into::into).collect();
        cells.resize_with(self.columns.len(), || Cell::from(""));
        self.rows.push(cells);
    }

    pub(super) fn write(&self, html: &mut String) -> Result<()> {
        if self.columns.len() > FEW {
            html.push_str(
                "<p class=\"narrow hint\">The table goes on to the right; it scrolls sideways.</p>\n",
            );
        }
        html.push_str("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
        escape(&self.name, html);
        html.push_str("\"><table>\n<thead><tr>");
        for (column, head) in &self.columns {
            let _ = write!(html, "<th scope=\"col\" class=\"{}\">", column.class());
            head.write(html)?;
            html.push_str("</th>");
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            html.push_str("<tr>");
            for (index, (cell, (column, _))) in row.iter().zip(&self.columns).enumerate() {
                let (tag, scope) = if index == 0 { ("th", " scope=\"row\"") } else { ("td", "") };
                let _ = write!(html, "<{tag}{scope} class=\"{}\">", column.class());
                cell.write(html)?;
                let _ = write!(html, "</{tag}>");
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
        Ok(())
    }
}
