//! Where does a table that is not written yet belong?

use toml_edit::{Item, Key, Table};

use super::{Source, line_start, newline};

/// A place for a table of its own comes before tables with these roots; what is not here comes first.
const ORDER: [&str; 6] = ["variables", "secrets", "services", "schedules", "previews", "stages"];

impl Source<'_> {
    /// Returns the words that make a table of its own, and where they belong.
    pub(super) fn section(&self, path: &[&str], entry: &str) -> (usize, String) {
        let newline = newline(self.text);
        let header: Vec<String> = path.iter().map(|key| Key::new(*key).display_repr().into_owned()).collect();
        let words = format!("[{}]{newline}{entry}{newline}", header.join("."));
        let headers = self.headers();
        let (after, before) = self.neighbours(path, &headers);
        if let Some(start) = before {
            return (self.block(start), format!("{words}{newline}"));
        }
        let next = after.and_then(|own| headers.iter().map(|(_, start)| *start).find(|start| *start > own));
        let end = next.map_or(self.text.len(), |start| self.block(start));
        let blank = |line: &str| line.trim().is_empty();
        let mut at = end;
        while after.is_some() && next.is_some() && at > 0 {
            let start = line_start(self.text, at - 1);
            if !blank(&self.text[start..at]) {
                break;
            }
            at = start;
        }
        match self.text[..at].ends_with('\n') || at == 0 {
            true => (at, format!("{newline}{words}")),
            false => (at, format!("{newline}{newline}{}", words.trim_end())),
        }
    }

    /// Returns the header that a new table comes after, or the one that it comes before.
    fn neighbours(&self, path: &[&str], headers: &[(Vec<String>, usize)]) -> (Option<usize>, Option<usize>) {
        let is_below = |header: &[String], above: &[&str]| {
            header.len() >= above.len() && header.iter().zip(above).all(|(a, b)| a == b)
        };
        // The table around it, if that has a header; else whatever else is written of that table.
        for depth in (1..path.len()).rev() {
            let above = &path[..depth];
            let exact = headers.iter().find(|(header, _)| header.len() == depth && is_below(header, above));
            if let Some((_, start)) = exact {
                return (Some(*start), None);
            }
            if depth > 1
                && let Some((_, start)) = headers.iter().find(|(header, _)| is_below(header, above))
            {
                return (None, Some(*start));
            }
        }
        let rank = |root: &str| ORDER.iter().position(|known| *known == root);
        let own = path.first().and_then(|root| rank(root));
        let comes_after = |header: &[String]| {
            let other = header.first().and_then(|root| rank(root));
            other.is_some() && (other > own || (path.len() == 1 && other == own))
        };
        (None, headers.iter().find(|(header, _)| comes_after(header)).map(|(_, start)| *start))
    }

    /// Returns the headers of the text with their places, in order.
    pub(super) fn headers(&self) -> Vec<(Vec<String>, usize)> {
        fn walk(table: &Table, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, usize)>) {
            for (name, item) in table.iter() {
                path.push(name.to_owned());
                let tables: Vec<&Table> = match item {
                    Item::Table(table) => vec![table],
                    Item::ArrayOfTables(tables) => tables.iter().collect(),
                    _ => Vec::new(),
                };
                for table in tables {
                    if let Some(span) = table.span().filter(|_| !table.is_implicit() && !table.is_dotted()) {
                        found.push((path.clone(), span.start));
                    }
                    walk(table, path, found);
                }
                path.pop();
            }
        }
        let mut found = Vec::new();
        walk(self.document.as_table(), &mut Vec::new(), &mut found);
        found.sort_by_key(|(_, start)| *start);
        found
    }

    /// Returns where the comments directly above a header begin.
    pub(super) fn block(&self, header: usize) -> usize {
        let mut at = line_start(self.text, header);
        while at > 0 {
            let start = line_start(self.text, at - 1);
            if !self.text[start..at].trim_start().starts_with('#') {
                break;
            }
            at = start;
        }
        at
    }
}
