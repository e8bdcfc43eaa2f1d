//! What became of everything that is written? An account of every leaf of every file.
//!
//! A leaf is a scalar, or a list or mapping with nothing in it, at the place where it is written. Its reader says what
//! became of it; what was not read is listed, because it is in the ledger.

use std::collections::BTreeMap;

use super::yaml::{At, Member, Node, Value};
use crate::{Left, Place};

/// What became of a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The manifest says it: the word.
    Carried(String),
    /// What `managr pipeline` writes does it anyway.
    Equal(String),
    /// It is the user's own, and stands between a mark of the new file, or in a file that stays.
    Kept(String),
    /// It is lost, or the user has to decide: why, and what to do.
    Listed(String),
}

/// A leaf and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its path, such as `pipelines.branches.main[0].step.size`.
    pub path: String,
    /// Where it is.
    pub place: Place,
    /// What became of it.
    pub fate: Fate,
}

/// What keys a vendor has, level by level. Lists are seen through.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Anything: names and values of the user's own.
    Any,
    /// These keys.
    Keys(&'static [(&'static str, &'static Shape)]),
    /// Any name, and this behind each.
    Named(&'static Shape),
    /// These keys, and this behind every other.
    Open(&'static [(&'static str, &'static Shape)], &'static Shape),
}

#[derive(Debug)]
struct Leaf {
    path: String,
    is_known: bool,
    fate: Option<Fate>,
    /// What is to be said of parts of it: a line, and why.
    notes: Vec<(usize, String)>,
}

/// The accounts while they are made up.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    leaves: BTreeMap<At, Leaf>,
    /// What is to be listed and is no leaf.
    told: Vec<Left>,
}

impl Ledger {
    /// Opens an account for every leaf of a file.
    pub(super) fn open(&mut self, root: &Node, shape: &Shape) {
        self.open_below(root.at, root, Some(shape), "");
    }

    fn open_below(&mut self, id: At, node: &Node, shape: Option<&Shape>, path: &str) {
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                for entry in entries {
                    let mut below = shape.and_then(|shape| below(shape, &entry.key));
                    if let Some(Shape::Open(keys, _)) = shape
                        && keys.iter().all(|(name, _)| *name != entry.key)
                        && entry.node.entries().is_empty()
                    {
                        // What is named by its anchor only is no job, and has what it has; anything else is unknown.
                        below = entry.key.starts_with('.').then_some(&Shape::Any);
                    }
                    let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                    self.open_below(entry.at, &entry.node, below, &path);
                }
            }
            Value::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    self.open_below(item.at, item, shape, &format!("{path}[{index}]"));
                }
            }
            _ => {
                let leaf = Leaf { path: path.to_owned(), is_known: shape.is_some(), fate: None, notes: Vec::new() };
                // What an anchor stands for must be known wherever it is named.
                self.leaves.entry(id).and_modify(|known| known.is_known &= shape.is_some()).or_insert(leaf);
            }
        }
    }

    /// Says what became of a member and everything below it.
    pub(super) fn settle(&mut self, entry: &Member, fate: &Fate) {
        self.settle_at(entry.at, &entry.node, fate);
    }

    /// Says what became of a node that is an item, or a leaf by itself, and everything below it.
    pub(super) fn settle_node(&mut self, node: &Node, fate: &Fate) {
        self.settle_at(node.at, node, fate);
    }

    fn settle_at(&mut self, id: At, node: &Node, fate: &Fate) {
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => entries.iter().for_each(|entry| self.settle(entry, fate)),
            Value::List(items) if !items.is_empty() => {
                items.iter().for_each(|item| self.settle_at(item.at, item, fate))
            }
            _ => self.fate(id, fate),
        }
    }

    fn fate(&mut self, id: At, fate: &Fate) {
        let Some(leaf) = self.leaves.get_mut(&id) else { return };
        match (&leaf.fate, fate) {
            // What is said in two places is lost if it is lost in one.
            (Some(Fate::Listed(_)), _) => {}
            (Some(Fate::Carried(_) | Fate::Kept(_)), Fate::Equal(_)) => {}
            _ => leaf.fate = Some(fate.clone()),
        }
    }

    /// Says what became of one leaf.
    pub(super) fn fate_of(&mut self, id: At, fate: &Fate) {
        self.fate(id, fate);
    }

    /// Says something of a part of a leaf: it is listed then.
    pub(super) fn note(&mut self, id: At, line: usize, why: String) {
        let Some(leaf) = self.leaves.get_mut(&id) else { return };
        if !leaf.notes.iter().any(|(_, known)| *known == why) {
            leaf.notes.push((line, why));
        }
    }

    /// Tells something that belongs to no leaf.
    pub(super) fn tell(&mut self, left: Left) {
        if !self.told.contains(&left) {
            self.told.push(left);
        }
    }

    /// Closes the accounts.
    pub(super) fn close(self, files: &[String]) -> (Vec<Account>, Vec<Left>) {
        let place = |at: At, line: usize| Place {
            source: files.get(at.file).cloned().unwrap_or_default(),
            line: (line > 0).then_some(line),
        };
        let (mut accounts, mut left) = (Vec::new(), Vec::new());
        for (at, leaf) in self.leaves {
            let here = place(at, at.line);
            let fate = match (leaf.is_known, leaf.fate) {
                (false, fate) => {
                    let stays = matches!(fate, Some(Fate::Kept(_)));
                    let more = if stays { "; it stands in the new file as it is" } else { "" };
                    Fate::Listed(format!("nobody here knows this key{more}"))
                }
                (true, Some(fate)) => fate,
                (true, None) => Fate::Listed("nothing that was read uses it, and it was not carried".to_owned()),
            };
            for (line, why) in &leaf.notes {
                left.push(Left::new(leaf.path.clone(), place(at, *line), why.clone()));
            }
            if let (Fate::Listed(why), true) = (&fate, leaf.notes.is_empty()) {
                left.push(Left::new(leaf.path.clone(), here.clone(), why.clone()));
            }
            let fate = match leaf.notes.first() {
                Some((_, why)) => Fate::Listed(why.clone()),
                None => fate,
            };
            accounts.push(Account { path: leaf.path, place: here, fate });
        }
        left.extend(self.told);
        (accounts, left)
    }
}

fn below<'a>(shape: &'a Shape, key: &str) -> Option<&'a Shape> {
    let of = |keys: &'a [(&'static str, &'static Shape)]| keys.iter().find(|(name, _)| *name == key).map(|(_, s)| *s);
    match shape {
        Shape::Any => Some(shape),
        Shape::Keys(keys) => of(keys),
        Shape::Named(inner) => Some(inner),
        Shape::Open(keys, other) => of(keys).or(Some(other)),
    }
}
