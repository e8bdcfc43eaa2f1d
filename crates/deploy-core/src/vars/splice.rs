//! How is one key put into a TOML text, or taken out, so that every other byte stays?
//!
//! The parser only tells places; the text is cut there and joined again, never printed anew. Every
//! result is read back and compared with what was meant, so that a way of writing which this module
//! does not know ends in [`Stuck`], not in another manifest.

mod section;

use std::ops::Range;

use toml_edit::{Document, Item, Key, Table, Value};

/// The text is written in a way that cannot be edited here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stuck;

type Spliced = Result<String, Stuck>;

/// Puts `name = literal` into a table, which is made if it is not written yet.
pub(super) fn insert(text: &str, table: &[&str], name: &str, literal: &str) -> Spliced {
    let source = Source::read(text)?;
    let entry = format!("{} = {literal}", Key::new(name).display_repr());
    let (at, words) = match source.find(table) {
        Some((_, Item::Value(Value::InlineTable(inline)))) if !inline.is_dotted() => {
            source.inside_inline(inline.span().ok_or(Stuck)?, source.last_value(table), &entry)?
        }
        Some((_, Item::Table(found))) => match source.last_line(found) {
            Some((prefix, end)) => source.line(end, &format!("{prefix}{entry}")),
            None => match found.span().filter(|_| !found.is_implicit() && !found.is_dotted()) {
                Some(header) => {
                    let indent = &text[line_start(text, header.start)..header.start];
                    source.line(header.end, &format!("{indent}{entry}"))
                }
                None => source.section(table, &entry),
            },
        },
        Some(_) => return Err(Stuck),
        None => match source.inline_above(table)? {
            None => source.section(table, &entry),
            Some(depth) => {
                let (path, missing) = table.split_at(depth);
                let (_, around) = source.find(path).ok_or(Stuck)?;
                let inner = missing.iter().rev().fold(entry, |inner, key| format!("{key} = {{ {inner} }}"));
                source.inside_inline(around.span().ok_or(Stuck)?, source.last_value(path), &inner)?
            }
        },
    };
    let after = format!("{}{words}{}", &text[..at], &text[at..]);
    let path = [table, &[name]].concat();
    checked(text, after, &path, Some(literal))
}

/// Writes another value for a key that is there.
pub(super) fn replace(text: &str, path: &[&str], literal: &str) -> Spliced {
    let source = Source::read(text)?;
    let (_, item) = source.find(path).ok_or(Stuck)?;
    let span = item.as_value().and_then(Value::span).ok_or(Stuck)?;
    checked(text, format!("{}{literal}{}", &text[..span.start], &text[span.end..]), path, Some(literal))
}

/// Takes a key out with its value; a table of variables or secrets that has nothing left goes too.
pub(super) fn remove(text: &str, path: &[&str]) -> Spliced {
    let source = Source::read(text)?;
    let (key, item) = source.find(path).ok_or(Stuck)?;
    let (table, _) = path.split_at(path.len() - 1);
    let mut ranges = match item {
        Item::Table(found) if found.is_dotted() => source.leaves(found).iter().map(|leaf| source.lines(leaf)).collect(),
        Item::Table(found) => vec![source.whole_section(found.span().ok_or(Stuck)?.start)],
        Item::Value(value) => {
            let whole = key.span().ok_or(Stuck)?.start..end_of(value).ok_or(Stuck)?;
            match source.find(table) {
                Some((_, Item::Value(Value::InlineTable(_)))) => vec![source.out_of_inline(table, &whole)?],
                Some((_, Item::Table(found))) => vec![source.line_or_section(found, &source.lines(&whole))],
                _ => return Err(Stuck),
            }
        }
        _ => return Err(Stuck),
    };
    ranges.sort_by_key(|range| std::cmp::Reverse(range.start));
    let mut after = text.to_owned();
    for range in ranges {
        after.replace_range(range, "");
    }
    checked(text, after, path, None)
}

/// Returns the line, from 1, where a path is written.
pub(super) fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let source = Source::read(text).ok()?;
    let (key, item) = source.find(path)?;
    let at = match item {
        Item::Table(table) if !table.is_dotted() => table.span()?.start,
        _ => key.span()?.start,
    };
    Some(text[..at].matches('\n').count() + 1)
}

/// Returns how a key or a text is written in TOML.
pub(super) fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

struct Source<'a> {
    text: &'a str,
    document: Document<&'a str>,
}

impl<'a> Source<'a> {
    fn read(text: &'a str) -> Result<Self, Stuck> {
        Ok(Self { text, document: Document::parse(text).map_err(|_| Stuck)? })
    }

    fn find(&self, path: &[&str]) -> Option<(&Key, &Item)> {
        let (first, rest) = path.split_first()?;
        let mut found = self.document.as_table().get_key_value(first)?;
        for name in rest {
            found = found.1.as_table_like()?.get_key_value(name)?;
        }
        Some(found)
    }

    /// Returns how much of a path is an inline table that the rest must go into, if any is.
    fn inline_above(&self, path: &[&str]) -> Result<Option<usize>, Stuck> {
        for depth in (1..path.len()).rev() {
            match self.find(&path[..depth]) {
                Some((_, Item::Value(Value::InlineTable(inline)))) if !inline.is_dotted() => return Ok(Some(depth)),
                Some((_, Item::Value(_))) => return Err(Stuck),
                Some(_) => return Ok(None),
                None => {}
            }
        }
        Ok(None)
    }

    /// Returns where the last value of an inline table ends.
    fn last_value(&self, path: &[&str]) -> Option<usize> {
        let (_, item) = self.find(path)?;
        item.as_table_like()?.iter().filter_map(|(_, item)| end_of(item.as_value()?)).max()
    }

    fn inside_inline(&self, around: Range<usize>, last: Option<usize>, entry: &str) -> Result<(usize, String), Stuck> {
        match last {
            Some(end) => Ok((end, format!(", {entry}"))),
            // Blanks and comments in an empty one stay where they are.
            None => self.text[around.clone()]
                .starts_with('{')
                .then(|| (around.start + 1, format!(" {entry} ")))
                .ok_or(Stuck),
        }
    }

    /// Returns what stands before the last key that is written in the table itself, and where its value ends.
    fn last_line(&self, table: &Table) -> Option<(&'a str, usize)> {
        let own = table.iter().filter_map(|(name, item)| {
            let key = table.get_key_value(name)?.0.span()?;
            let end = match item {
                Item::Value(value) => end_of(value)?,
                Item::Table(inner) if inner.is_dotted() => self.leaves(inner).iter().map(|leaf| leaf.end).max()?,
                _ => return None,
            };
            Some((&self.text[line_start(self.text, key.start)..key.start], end))
        });
        own.max_by_key(|(_, end)| *end)
    }

    /// Returns every key with its value that dotted keys put into a table.
    fn leaves(&self, table: &Table) -> Vec<Range<usize>> {
        let leaves = table.iter().flat_map(|(name, item)| match item {
            Item::Value(value) => {
                let key = table.get_key_value(name).and_then(|(key, _)| key.span());
                key.zip(end_of(value)).map(|(key, end)| key.start..end).into_iter().collect()
            }
            Item::Table(inner) if inner.is_dotted() => self.leaves(inner),
            _ => Vec::new(),
        });
        leaves.collect()
    }

    /// Returns the words that make a line of its own after the line of `end`.
    fn line(&self, end: usize, words: &str) -> (usize, String) {
        let (at, newline) = (line_end(self.text, end), newline(self.text));
        match self.text[..at].ends_with('\n') {
            true => (at, format!("{words}{newline}")),
            false => (at, format!("{newline}{words}")),
        }
    }

    /// Returns the whole lines of a key and its value.
    fn lines(&self, whole: &Range<usize>) -> Range<usize> {
        let (start, end) = (line_start(self.text, whole.start), line_end(self.text, whole.end));
        self.without_last_newline(start..end)
    }

    /// At the end of a text without a last newline, the one before goes with the lines.
    fn without_last_newline(&self, range: Range<usize>) -> Range<usize> {
        let open = range.end == self.text.len() && !self.text.ends_with('\n');
        let before = &self.text[..range.start];
        match (open, before.ends_with("\r\n"), before.ends_with('\n')) {
            (true, true, _) => range.start - 2..range.end,
            (true, false, true) => range.start - 1..range.end,
            _ => range,
        }
    }

    /// Returns the lines of a key, with its table's header if nothing else is below it.
    fn line_or_section(&self, table: &Table, lines: &Range<usize>) -> Range<usize> {
        let header = table.span().filter(|_| !table.is_implicit() && !table.is_dotted());
        let is_own = |item: &Item| item.is_value() || item.as_table().is_some_and(Table::is_dotted);
        let own = table.iter().filter(|(_, item)| is_own(item)).count();
        let Some(header) = header.filter(|_| own == 1) else { return lines.clone() };
        let whole = self.whole_section(header.start);
        let first = line_end(self.text, header.end);
        let is_alone = self.text[first..lines.start.max(first)].trim().is_empty()
            && self.text[lines.end.min(whole.end)..whole.end].trim().is_empty();
        if is_alone { whole } else { lines.clone() }
    }

    /// Returns a header and what is below it, with one blank line that set it apart.
    fn whole_section(&self, header: usize) -> Range<usize> {
        let start = line_start(self.text, header);
        let next = self.headers().into_iter().map(|(_, start)| start).find(|next| *next > header);
        let mut end = next.map_or(self.text.len(), |next| self.block(next));
        while end > start {
            let line = line_start(self.text, end - 1);
            if !self.text[line..end].trim().is_empty() || line <= start {
                break;
            }
            end = line;
        }
        if start > 0 {
            let before = line_start(self.text, start - 1);
            if self.text[before..start].trim().is_empty() {
                return self.without_last_newline(before..end);
            }
        }
        let after = line_end(self.text, end);
        let end = if self.text[end..after].trim().is_empty() { after } else { end };
        self.without_last_newline(start..end)
    }

    /// Returns a key of an inline table with the comma that is too much without it.
    fn out_of_inline(&self, table: &[&str], whole: &Range<usize>) -> Result<Range<usize>, Stuck> {
        let (_, item) = self.find(table).ok_or(Stuck)?;
        let inline = item.as_inline_table().filter(|inline| !inline.is_dotted()).ok_or(Stuck)?;
        let mut others = Vec::new();
        for (name, _) in inline.iter() {
            let (key, item) = inline.get_key_value(name).ok_or(Stuck)?;
            others.push(key.span().ok_or(Stuck)?.start..item.as_value().and_then(end_of).ok_or(Stuck)?);
        }
        others.sort_by_key(|range| range.start);
        let at = others.iter().position(|range| range == whole).ok_or(Stuck)?;
        let span = inline.span().ok_or(Stuck)?;
        Ok(match (at.checked_sub(1).and_then(|before| others.get(before)), others.get(at + 1)) {
            (Some(before), _) => before.end..whole.end,
            (None, Some(next)) => whole.start..next.start,
            (None, None) => {
                let blank = |from: usize, to: usize| self.text[from..to].trim().is_empty();
                if !blank(span.start + 1, whole.start) || !blank(whole.end, span.end - 1) {
                    return Err(Stuck);
                }
                // The two blanks that `insert` wrote, if they are there.
                let start = whole.start - usize::from(self.text[..whole.start].ends_with(' '));
                start..whole.end + usize::from(self.text[whole.end..].starts_with(' '))
            }
        })
    }
}

/// Returns where a value ends; an inline table that dotted keys made ends with its last key.
fn end_of(value: &Value) -> Option<usize> {
    match value {
        Value::InlineTable(inline) if inline.is_dotted() => inline.iter().filter_map(|(_, value)| end_of(value)).max(),
        _ => Some(value.span()?.end),
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |found| found + 1)
}

/// Returns where the line after the one of `at` begins.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |found| at + found + 1)
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Returns the text if it says what the one before said, but for one key.
fn checked(before: &str, after: String, path: &[&str], literal: Option<&str>) -> Spliced {
    let read = |text: &str| text.parse::<toml::Table>().map_err(|_| Stuck);
    let mut meant = read(before)?;
    let value = literal.map(|literal| read(&format!("v = {literal}"))).transpose()?.and_then(|mut t| t.remove("v"));
    put(&mut meant, path, value).ok_or(Stuck)?;
    let mut found = read(&after)?;
    prune(&mut meant, false);
    prune(&mut found, false);
    if meant == found { Ok(after) } else { Err(Stuck) }
}

fn put(table: &mut toml::Table, path: &[&str], value: Option<toml::Value>) -> Option<()> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        match value {
            Some(value) => drop(table.insert((*first).to_owned(), value)),
            None => drop(table.remove(*first)?),
        }
        return Some(());
    }
    let inner = table.entry(*first).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    put(inner.as_table_mut()?, rest, value)
}

/// A table with nothing in it says nothing, but for `NAME = {}`, which declares a secret.
fn prune(table: &mut toml::Table, declares: bool) {
    table.retain(|name, value| match value.as_table_mut() {
        Some(inner) => {
            prune(inner, name == "secrets");
            declares || !inner.is_empty()
        }
        None => true,
    });
}

#[cfg(test)]
mod tests;
