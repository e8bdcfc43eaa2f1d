//! A plain table: headings, left-aligned columns, two blanks between them. Whatever is put into it is made visible.

use super::visible::word;

/// A table. Cells may be coloured after alignment, so widths count what is seen.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// One cell: what is measured, and what is shown.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    shown: String,
}

impl Cell {
    /// Returns a cell that is shown in another way (coloured) than it is measured.
    pub(crate) fn painted(text: &str, paint: impl Fn(&str) -> String) -> Self {
        let text = word(text).into_owned();
        Self { shown: paint(&text), text }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::painted(&text.into(), str::to_owned)
    }
}

impl Table {
    /// Returns a table with headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N], paint: impl Fn(&str) -> String) -> Self {
        Self { rows: vec![headings.iter().map(|heading| Cell::painted(heading, &paint)).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// Adds a line that no column is as wide as.
    pub(crate) fn note(&mut self, text: &str, paint: impl Fn(&str) -> String) {
        self.rows.push(vec![Cell { text: String::new(), shown: paint(&word(text)) }]);
    }

    /// Returns the text, one line for each row.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&cell.shown);
                let blanks = width - cell.text.chars().count() + 2;
                line.extend(std::iter::repeat_n(' ', blanks));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Paint;

    #[test]
    fn no_cell_ends_its_row() {
        let mut table = Table::new(["NAME", "STATE"], str::to_owned);
        table.row(["a\nrelease 9 succeeded".into(), Cell::painted("x\u{1b}[2K", |text| text.to_uppercase())]);
        table.note("why\r\nb", str::to_owned);
        let want = "NAME                    STATE\na\\nrelease 9 succeeded  X\\X1B[2K\nwhy\\r\\nb\n";
        assert_eq!(table.render(), want);
    }

    #[test]
    fn columns_line_up_whatever_the_colours() {
        let text = |paint: Paint| {
            let mut table = Table::new(["NAME", "STATE"], |text| paint.bold(text));
            table.row(["a".into(), Cell::painted("running", |text| paint.green(text))]);
            table.row(["longer".into(), "exited (1)".into()]);
            table.render()
        };
        assert_eq!(text(Paint::Plain), "NAME    STATE\na       running\nlonger  exited (1)\n");
        let plain = regex_free_strip(&text(Paint::Colour));
        assert_eq!(plain, text(Paint::Plain));
    }

    fn regex_free_strip(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }
}
