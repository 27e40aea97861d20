//! Tables on narrow terminals.

use msr_report::Table;

/// The text with every table that is wider than `columns` told row by row.
pub fn fit(text: &str, columns: usize) -> String {
    let mut told = String::new();
    let mut table: Vec<&str> = Vec::new();
    for line in text.split_inclusive('\n').chain([""]) {
        if line.starts_with('|') {
            table.push(line);
            continue;
        }
        if table.iter().any(|row| row.trim_end().chars().count() > columns) {
            told.push_str(&parsed(&table).fit(columns));
        } else {
            told.push_str(&table.concat());
        }
        table.clear();
        told.push_str(line);
    }
    told
}

/// The table that these lines show.
fn parsed(lines: &[&str]) -> Table {
    let cells = |line: &str| -> Vec<String> {
        line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
    };
    let is_rule = |line: &str| line.trim().chars().all(|c| c == '|' || c == '-');
    let rows = lines.iter().skip(1).filter(|line| !is_rule(line)).map(|line| cells(line));
    Table::new(lines.first().map(|line| cells(line)).unwrap_or_default(), rows)
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn wide_tables_are_told_row_by_row() {
        let text = "Title\n\n| name | a ± b |\n|------|-------|\n| x    | 1     |\n| y    | –     |\n\nend\n";
        assert_eq!(fit(text, 16), text);
        assert_eq!(fit(text, 15), "Title\n\nname: x\na ± b: 1\n\nname: y\na ± b: –\n\nend\n");
    }
}
