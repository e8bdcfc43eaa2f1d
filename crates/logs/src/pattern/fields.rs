//! Patterns for fields between spaces: `[ip, ..., request = *.html*, status = 4*, bytes > 1000]`.

use std::collections::BTreeMap;

use super::expr::{Expr, Reader, Test};

#[derive(Debug)]
pub(crate) struct Fields {
    items: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    Named(String, Option<Expr<String>>),
    /// `...`: any number of fields.
    Rest,
}

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or("a bracket is not closed")?;
        let mut reader = Reader::new(inner);
        let mut items = Vec::new();
        loop {
            if reader.eat("...") {
                items.push(Item::Rest);
            } else {
                let before = reader.rest;
                let name = name(&mut reader)?;
                let condition = if reader.rest.is_empty() || reader.rest.starts_with(',') {
                    None
                } else {
                    reader.rest = before;
                    Some(reader.expression(&self::name)?)
                };
                items.push(Item::Named(name, condition));
            }
            if reader.rest.is_empty() {
                break;
            }
            if !reader.eat(",") {
                return Err(format!("'{}' is not understood", reader.rest));
            }
        }
        if items.iter().filter(|item| matches!(item, Item::Rest)).count() > 1 {
            return Err("there is more than one '...'".to_owned());
        }
        Ok(Self { items })
    }

    /// Returns each field of a message that matches, by `$name`.
    pub(super) fn extract(&self, message: &str) -> Option<BTreeMap<String, String>> {
        let fields = split(message);
        let skipped = match self.items.iter().any(|item| matches!(item, Item::Rest)) {
            true => fields.len().checked_sub(self.items.len() - 1)?,
            false if fields.len() == self.items.len() => 0,
            false => return None,
        };
        let mut found: BTreeMap<&str, &str> = BTreeMap::new();
        let (mut at, mut unnamed) = (0, BTreeMap::new());
        for item in &self.items {
            match item {
                Item::Named(name, _) => {
                    found.insert(name, fields[at]);
                    at += 1;
                }
                Item::Rest => {
                    // AWS numbers the fields that a pattern does not name.
                    unnamed.extend((at..at + skipped).map(|n| (format!("${}", n + 1), fields[n].to_owned())));
                    at += skipped;
                }
            }
        }
        let mut is = |name: &String, test: &Test| found.get(name.as_str()).is_some_and(|field| is(field, test));
        let conditions = self.items.iter().filter_map(|item| match item {
            Item::Named(_, condition) => condition.as_ref(),
            Item::Rest => None,
        });
        if !conditions.into_iter().all(|condition| condition.holds(&mut is)) {
            return None;
        }
        unnamed.extend(found.into_iter().map(|(name, field)| (format!("${name}"), field.to_owned())));
        Some(unnamed)
    }
}

fn is(field: &str, test: &Test) -> bool {
    match test {
        Test::Equals(operand, wanted) => operand.matches(field) == *wanted,
        Test::Orders(order, bound) => field.parse().is_ok_and(|value: f64| order.holds(value, *bound)),
        Test::Absent | Test::Null | Test::True | Test::False => false,
    }
}

fn name(reader: &mut Reader<'_>) -> Result<String, String> {
    let end = reader.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(reader.rest.len());
    let (name, rest) = reader.rest.split_at(end);
    if name.is_empty() {
        return Err(format!("a field's name is missing at '{}'", reader.rest));
    }
    reader.rest = rest.trim_start();
    Ok(name.to_owned())
}

/// Fields are between spaces; what is in square brackets or quotation marks is one field.
fn split(message: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim_start();
    while let Some(first) = rest.chars().next() {
        let closing = match first {
            '[' => Some(']'),
            '"' => Some('"'),
            _ => None,
        };
        let grouped = closing.and_then(|closing| rest[1..].split_once(closing));
        let (field, after) = grouped.unwrap_or_else(|| {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            rest.split_at(end)
        });
        fields.push(field);
        rest = after.trim_start();
    }
    fields
}
