//! Tables on narrow terminals.

/// The text with every table that is wider than `columns` told row by row: a line for each cell, with the name of its column.
pub fn fit(text: &str, columns: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut table: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('|') {
            table.push(line);
            continue;
        }
        if table.iter().any(|row| row.chars().count() > columns) {
            lines.extend(rows(&table));
        } else {
            lines.extend(table.iter().map(ToString::to_string));
        }
        table.clear();
        lines.push(line.to_string());
    }
    lines.join("\n")
}

/// The rows of a table, each as a block.
fn rows(table: &[&str]) -> Vec<String> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
    };
    let Some((head, rest)) = table.split_first() else { return Vec::new() };
    let head = cells(head);
    let width = head.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let is_rule = |line: &&&str| line.chars().all(|c| c == '|' || c == '-');
    let mut lines = Vec::new();
    for row in rest.iter().filter(|line| !is_rule(line)) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        for (name, cell) in head.iter().zip(cells(row)).filter(|(_, cell)| cell != "–") {
            let space = " ".repeat(width - name.chars().count());
            lines.push(format!("{name}{space}  {cell}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn wide_tables_are_told_row_by_row() {
        let text = "Title\n\n| name | a ± b |\n|------|-------|\n| x    | 1     |\n| y    | –     |\n\nend\n";
        assert_eq!(fit(text, 80), text);
        assert_eq!(fit(text, 12), "Title\n\nname   x\na ± b  1\n\nname   y\n\nend\n");
    }
}
