//! Tables and numbers as text.

/// Four decimals, or two digits where these would show nothing.
pub fn number(x: f64) -> String {
    if x.abs() < 5e-4 && x != 0.0 { format!("{x:.1e}") } else { format!("{x:.4}") }
}

/// `1 seed`, `3 seeds`.
pub fn seeds(count: u64) -> String {
    format!("{count} seed{}", if count == 1 { "" } else { "s" })
}

/// A Markdown table whose columns also line up on a terminal.
pub fn aligned(head: &[String], rows: &[Vec<String>]) -> String {
    let length = |text: &String| text.chars().count();
    let width = |c: usize| rows.iter().map(|r| length(&r[c])).chain([length(&head[c])]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &[String]| -> String {
        let cells = row.iter().zip(&widths);
        cells
            .map(|(text, &width)| format!("| {text}{} ", " ".repeat(width - length(text))))
            .collect::<String>()
            + "|\n"
    };
    let rule: String = widths.iter().map(|&width| format!("|{}", "-".repeat(width + 2))).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{rule}|\n{body}", line(head))
}
