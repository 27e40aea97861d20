//! Tables, and numbers as text.

use std::fmt;

use serde::Serialize;

/// Four decimals, or two digits where these would show nothing.
///
/// ```
/// assert_eq!(msr_report::number(0.12345), "0.1235");
/// assert_eq!(msr_report::number(0.00012345), "1.2e-4");
/// ```
pub fn number(x: f64) -> String {
    if x.abs() < 5e-4 && x != 0.0 { format!("{x:.1e}") } else { format!("{x:.4}") }
}

/// `1 seed`, `3 seeds`.
pub fn seeds(count: u64) -> String {
    format!("{count} seed{}", if count == 1 { "" } else { "s" })
}

/// A table of text: a head and rows of as many cells.
///
/// `Display` is a Markdown table whose columns also line up on a terminal. As JSON it is `{"head":
/// ["…"], "rows": [["…"]]}`: the cells as they are printed. Results with types of their own are
/// better serialised as those.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head and these rows. Where a row has fewer cells than another or than the
    /// head, the cells that it lacks are empty.
    pub fn new<H, R, C>(head: H, rows: R) -> Self
    where
        H: IntoIterator,
        H::Item: Into<String>,
        R: IntoIterator<Item = C>,
        C: IntoIterator,
        C::Item: Into<String>,
    {
        let mut head: Vec<String> = head.into_iter().map(Into::into).collect();
        let mut rows: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect();
        let columns = rows.iter().map(Vec::len).chain([head.len()]).max().unwrap_or(0);
        head.resize(columns, String::new());
        rows.iter_mut().for_each(|row| row.resize(columns, String::new()));
        Self { head, rows }
    }

    /// The names of the columns.
    pub fn head(&self) -> &[String] {
        &self.head
    }

    /// The rows, each with one cell a column.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// The table for a terminal of `width` letters: as `Display` prints it where that fits, else a
    /// block of `head: cell` lines for each row, with an empty line between blocks.
    pub fn fit(&self, width: usize) -> String {
        let aligned = self.to_string();
        if aligned.lines().all(|line| length(line) <= width) {
            return aligned;
        }
        let line = |(head, cell): (&String, &String)| match (head.is_empty(), cell.is_empty()) {
            (_, true) => String::new(),
            (true, false) => format!("{cell}\n"),
            (false, false) => format!("{head}: {cell}\n"),
        };
        let block = |row: &Vec<String>| self.head.iter().zip(row).map(line).collect::<String>();
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&self.head]).filter_map(|row| row.get(column));
            cells.map(|cell| length(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |f: &mut fmt::Formatter<'_>, row: &[String]| {
            for (cell, width) in row.iter().zip(&widths) {
                write!(f, "| {cell}{} ", " ".repeat(width - length(cell)))?;
            }
            f.write_str("|\n")
        };
        line(f, &self.head)?;
        widths.iter().try_for_each(|width| write!(f, "|{}", "-".repeat(width + 2)))?;
        f.write_str("|\n")?;
        self.rows.iter().try_for_each(|row| line(f, row))
    }
}

/// The letters of a text; those that people see here are one column wide.
fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::{Table, number, seeds};

    fn groups() -> Table {
        Table::new(["problem", "group"], [["shift", "C_7 ⋊ C_3"], ["all", ""]])
    }

    /// Recorded tables are compared with what is printed now: not a letter may change.
    #[test]
    fn aligned_to_the_last_letter() {
        let aligned = "| problem | group     |\n|---------|-----------|\n| shift   | C_7 ⋊ C_3 |\n| all     |           |\n";
        assert_eq!(groups().to_string(), aligned);
        assert_eq!(Table::new(["a"], [[""; 0]; 0]).to_string(), "| a |\n|---|\n");
    }

    #[test]
    fn a_narrow_terminal_gets_blocks() {
        assert_eq!(groups().fit(23), groups().to_string());
        assert_eq!(groups().fit(22), "problem: shift\ngroup: C_7 ⋊ C_3\n\nproblem: all\n");
    }

    #[test]
    fn uneven_rows_are_filled() {
        let table = Table::new(["a", "b"], vec![vec!["1"], vec!["1", "2", "3"]]);
        assert_eq!(table.head(), ["a", "b", ""]);
        assert_eq!(table.rows()[0], ["1", "", ""]);
    }

    #[test]
    fn json_has_head_and_rows() {
        let json = serde_json::to_string(&Table::new(["a"], [["1"]])).unwrap();
        assert_eq!(json, r#"{"head":["a"],"rows":[["1"]]}"#);
    }

    #[test]
    fn numbers_and_seeds() {
        let texts = [0.0, 1.23456, -0.00049, 0.0005, f64::NAN].map(number);
        assert_eq!(texts, ["0.0000", "1.2346", "-4.9e-4", "0.0005", "NaN"]);
        assert_eq!([seeds(1), seeds(3)], ["1 seed", "3 seeds"]);
    }
}
