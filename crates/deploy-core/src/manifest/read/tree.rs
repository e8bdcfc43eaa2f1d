//! Where in the text is a key, and was it written at all?

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The manifest as written, with the place of everything.
pub(super) struct Tree<'a> {
    root: &'a Spanned<DeTable<'a>>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: &'a Spanned<DeTable<'a>>) -> Self {
        Self { root }
    }

    /// What a service has of others (`sidecars`) is written there.
    fn entry(&self, path: &[&str]) -> Option<(Range<usize>, &'a Spanned<DeValue<'a>>)> {
        self.written(path).or_else(|| match path {
            ["services", service, "containers", name, ..]
                if self.written(&path[..4]).is_none() && self.sidecars(service).contains(name) =>
            {
                self.written(&[&["sidecars"], &path[3..]].concat())
            }
            _ => None,
        })
    }

    /// Returns the containers of `[sidecars]` that a service names, in its order.
    pub(super) fn sidecars(&self, service: &str) -> Vec<&'a str> {
        let named = self.written(&["services", service, "sidecars"]);
        let items = named.and_then(|(_, value)| value.get_ref().as_array());
        items.into_iter().flatten().filter_map(|item| item.get_ref().as_str()).collect()
    }

    fn written(&self, path: &[&str]) -> Option<(Range<usize>, &'a Spanned<DeValue<'a>>)> {
        let (first, rest) = path.split_first()?;
        let (key, value) = self.root.get_ref().get_key_value(*first)?;
        let mut found = (key.span(), value);
        for name in rest {
            found = match found.1.get_ref() {
                DeValue::Table(table) => {
                    let (key, value) = table.get_key_value(*name)?;
                    (key.span(), value)
                }
                DeValue::Array(items) => {
                    let item = items.get(name.parse::<usize>().ok()?)?;
                    (item.span(), item)
                }
                _ => return None,
            };
        }
        Some(found)
    }

    /// Returns whether something is written at this path, sound or not.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        self.entry(path).is_some()
    }

    /// Returns the place of the key, or of the nearest table around it that is written.
    pub(super) fn key(&self, path: &[&str]) -> Range<usize> {
        (1..=path.len()).rev().find_map(|n| self.entry(&path[..n])).map_or(0..0, |(span, _)| span)
    }

    /// Returns the place of the value, or of the nearest key around it that is written.
    pub(super) fn value(&self, path: &[&str]) -> Range<usize> {
        match self.entry(path) {
            // A table's own span is its header or, for a dotted key, nothing useful: the key is better.
            Some((span, value)) if matches!(value.get_ref(), DeValue::Table(_)) => span,
            Some((_, value)) => value.span(),
            None => self.key(path),
        }
    }

    /// Returns the keys of the table at this path, in the order written.
    pub(super) fn keys(&self, path: &[&str]) -> Vec<&'a str> {
        let mut keys: Vec<&str> = match self.entry(path) {
            Some((_, value)) => match value.get_ref() {
                DeValue::Table(table) => table.keys().map(|key| key.get_ref().as_ref()).collect(),
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        if let ["services", service, "containers"] = path {
            keys.extend(self.sidecars(service).into_iter().filter(|name| self.has(&["sidecars", name])));
        }
        keys
    }
}
