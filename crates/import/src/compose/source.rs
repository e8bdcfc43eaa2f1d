//! What is known while a compose file is read: its folder, `.env`, and what could not be carried.

use std::collections::{BTreeMap, BTreeSet};

use deploy_core::lint::credentials;

use super::account::{Accounts, Word};
use super::interpolate::{Known, fill};
use super::yaml::{Member, Node, Value};
use super::{ComposeError, dotenv};
use crate::{Folder, Left, Place};

/// A folder as one of its compose files sees it.
pub(super) struct Source<'a> {
    pub(super) folder: &'a Folder,
    /// Path of the compose file from the folder's root.
    pub(super) file: &'a str,
    /// Variables of `.env`.
    pub(super) known: BTreeMap<String, Known>,
    pub(super) left: Vec<Left>,
    /// Paths of files that were asked for, there or not.
    pub(super) asked: Vec<String>,
    /// What is in `left`: it is looked up for each.
    said: BTreeSet<(String, String, Option<usize>, String)>,
    told: Vec<String>,
    secrets: BTreeMap<String, Option<String>>,
    /// Lines of the file, and what became of them.
    pub(super) account: Accounts,
    /// Secrets of the file that are secrets of the manifest, and which.
    pub(super) used: BTreeMap<String, Vec<Word>>,
    /// Paths of the folder that are bound into containers.
    pub(super) bound: BTreeSet<String>,
    /// Those of them that exist, if the caller looked.
    pub(super) there: Option<&'a BTreeSet<String>>,
}

/// Returns whether a variable of this name and value must not be shown.
pub(super) fn is_sensitive(name: &str, value: &str) -> bool {
    credentials::looks_like(name, value).is_some() || name == "AWS_SECRET_ACCESS_KEY"
}

impl<'a> Source<'a> {
    pub(super) fn new(folder: &'a Folder, file: &'a str) -> Self {
        let (known, left, asked, told) = (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
        let (account, used, bound, there) = (Accounts::default(), BTreeMap::new(), BTreeSet::new(), None);
        let mut source = Self {
            said: BTreeSet::new(),
            folder,
            file,
            known,
            left,
            asked,
            told,
            secrets: BTreeMap::new(),
            account,
            used,
            bound,
            there,
        };
        if let Some(path) = source.path(".env")
            && let Some(text) = source.text_of(&path)
        {
            let (lines, wrong) = dotenv::read(text, false, &source.known, is_sensitive);
            for line in lines {
                let Some(filled) = line.value else { continue };
                let is_secret = !filled.secrets.is_empty() || is_sensitive(&line.name, &filled.text);
                source.known.insert(line.name, Known { value: filled.text, is_secret });
            }
            for (line, why) in wrong {
                source.leave_at(".env", Place { source: path.clone(), line: Some(line) }, why);
            }
        }
        source
    }

    /// Reads the secrets that the file declares, where their values are in this folder.
    pub(super) fn read_secrets(&mut self, secrets: Option<&Node>) {
        for entry in secrets.map(Node::entries).unwrap_or_default() {
            let file = entry.node.get("file").and_then(Node::text).and_then(|file| self.path(&file));
            let of_file = file.and_then(|file| self.text_of(&file)).map(|text| text.trim_end_matches('\n').to_owned());
            let variable = entry.node.get("environment").and_then(Node::text);
            let value = of_file.or_else(|| Some(self.known.get(&variable?)?.value.clone()));
            self.secrets.insert(entry.key.clone(), value);
        }
    }

    /// Returns the value of a secret that the file declares, if it is known.
    pub(super) fn secret(&self, name: &str) -> Option<String> {
        self.secrets.get(name).cloned().flatten()
    }

    pub(super) fn place(&self, line: usize) -> Place {
        Place { source: self.file.to_owned(), line: Some(line) }
    }

    pub(super) fn leave(&mut self, what: impl Into<String>, line: usize, why: impl Into<String>) {
        let place = self.place(line);
        self.leave_at(what, place, why);
    }

    pub(super) fn leave_at(&mut self, what: impl Into<String>, place: Place, why: impl Into<String>) {
        let left = Left::new(what, place, why);
        let Place { source, line } = left.place.clone();
        if self.said.insert((left.what.clone(), source, line, left.why.clone())) {
            self.left.push(left);
        }
    }

    /// Returns what was left, line by line; what is the same of several services is said once.
    pub(super) fn in_order(self) -> Vec<Left> {
        let split =
            |what: &str| what.strip_prefix("services.")?.split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned()));
        let mut merged: Vec<Left> = Vec::new();
        let mut at: BTreeMap<(Place, String, String), usize> = BTreeMap::new();
        for left in self.left {
            let Some((service, rest)) = split(&left.what) else {
                merged.push(left);
                continue;
            };
            let key = (left.place.clone(), left.why.clone(), rest.clone());
            match at.get(&key).and_then(|index| merged.get_mut(*index)) {
                Some(known) => {
                    let services = split(&known.what).map_or_else(String::new, |(services, _)| services);
                    known.what = format!("services.{services}|{service}.{rest}");
                }
                None => {
                    at.insert(key, merged.len());
                    merged.push(left);
                }
            }
        }
        merged.sort_by_key(|left| (left.place.source != self.file, left.place.clone()));
        merged
    }

    /// Returns a path of the compose file from the folder's root; none if it is outside of the folder.
    pub(super) fn path(&self, relative: &str) -> Option<String> {
        if relative.starts_with(['/', '~']) {
            return None;
        }
        let mut parts: Vec<&str> = self.file.split('/').collect();
        parts.pop();
        for part in relative.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        Some(parts.join("/"))
    }

    /// Returns the text of a file of the folder, and remembers that it was asked for.
    pub(super) fn text_of(&mut self, path: &str) -> Option<&'a str> {
        if !self.asked.iter().any(|asked| asked == path) {
            self.asked.push(path.to_owned());
        }
        self.folder.get(path).map(String::as_str)
    }

    /// Replaces variables in every text below; `path` says where that is.
    pub(super) fn fill_all(&mut self, entries: &mut [Member], path: &str) -> Result<(), ComposeError> {
        for entry in entries {
            if path.is_empty() && entry.key.starts_with("x-") {
                continue;
            }
            let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            self.fill_node(&mut entry.node, &path)?;
        }
        Ok(())
    }

    fn fill_node(&mut self, node: &mut Node, path: &str) -> Result<(), ComposeError> {
        match &mut node.value {
            Value::Text(text) if text.contains('$') => {
                let filled = fill(text, &self.known, is_sensitive);
                if let Some(why) = filled.wrong {
                    let (file, line) = (self.file.to_owned(), node.line);
                    return Err(ComposeError::Interpolation { file, line, key: path.to_owned(), why });
                }
                for name in &filled.unset {
                    if !self.told.contains(name) {
                        self.told.push(name.clone());
                        let place = Place { source: self.file.to_owned(), line: Some(node.line) };
                        let why = format!(
                            "it has no value in `.env` and no default, so `{path}` was read as if it were empty"
                        );
                        self.left.push(Left::new(format!("${{{name}}}"), place, why));
                    }
                }
                text.clone_from(&filled.text);
                if !(filled.secrets.is_empty() && filled.unset.is_empty()) {
                    node.filled = Some(Box::new(filled));
                }
                Ok(())
            }
            Value::List(items) => items.iter_mut().try_for_each(|item| self.fill_node(item, path)),
            Value::Map(entries) => self.fill_all(entries, path),
            _ => Ok(()),
        }
    }

    /// Takes out what holds the value of a secret where a manifest would show it.
    ///
    /// `environment`, `command`, `entrypoint` and `healthcheck` look for themselves.
    pub(super) fn hide(&mut self, service: &mut Vec<Member>, path: &str) {
        for entry in service.iter_mut() {
            if !matches!(entry.key.as_str(), "environment" | "command" | "entrypoint" | "healthcheck") {
                self.hide_below(&mut entry.node, &format!("{path}.{}", entry.key));
            }
        }
        service.retain(|entry| {
            let own = matches!(entry.key.as_str(), "environment" | "command" | "entrypoint" | "healthcheck");
            own || !entry.node.is_secret() || {
                self.told_hidden(&entry.node, &format!("{path}.{}", entry.key));
                false
            }
        });
    }

    fn hide_below(&mut self, node: &mut Node, path: &str) {
        match &mut node.value {
            Value::Map(entries) => entries.retain_mut(|entry| {
                let path = format!("{path}.{}", entry.key);
                self.hide_below(&mut entry.node, &path);
                !entry.node.is_secret() || self.told_hidden(&entry.node, &path)
            }),
            Value::List(items) => items.retain_mut(|item| {
                self.hide_below(item, path);
                !item.is_secret() || self.told_hidden(item, path)
            }),
            _ => {}
        }
    }

    fn told_hidden(&mut self, node: &Node, path: &str) -> bool {
        let names = node.filled.as_ref().map(|filled| filled.secrets.join(", ")).unwrap_or_default();
        self.leave(path, node.line, format!("it holds the value of {names}, which a manifest must not show"));
        false
    }
}

/// A name and its value, of a mapping or of a list of `NAME=VALUE`.
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) is_secret: bool,
    /// Whether the value is empty because a variable had none.
    pub(super) is_unset: bool,
    pub(super) line: usize,
    /// The node that it stands in.
    pub(super) node: Node,
}

/// Reads what the schema calls `list_or_dict`.
pub(super) fn pairs(node: &Node) -> Vec<Pair> {
    let is_unset = |node: &Node| node.filled.as_ref().is_some_and(|filled| !filled.unset.is_empty());
    let of_map = |entry: &Member| {
        let (is_secret, is_unset) = (entry.node.is_secret(), is_unset(&entry.node));
        Pair {
            name: entry.key.clone(),
            value: entry.node.text(),
            is_secret,
            is_unset,
            line: entry.line,
            node: entry.node.clone(),
        }
    };
    let of_list = |item: &Node| {
        let text = item.text()?;
        let split = |text: &str| match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (text.to_owned(), None),
        };
        let (name, value) = split(&text);
        // A name is shown to users: if it contains the value of a secret, it stays as it was written.
        let name = match &item.filled {
            Some(filled) if item.is_secret() => split(&filled.shell).0,
            _ => name,
        };
        Some(Pair {
            name,
            value,
            is_secret: item.is_secret(),
            is_unset: is_unset(item),
            line: item.line,
            node: item.clone(),
        })
    };
    match &node.value {
        Value::Map(entries) => entries.iter().map(of_map).collect(),
        _ => node.one_or_many().into_iter().filter_map(of_list).collect(),
    }
}
