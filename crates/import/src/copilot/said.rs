//! What does a manifest of Copilot say, what becomes of each key, and what does an environment make of it?
//!
//! Every scalar, every list of scalars and everything that is empty is a leaf with an account of its own. A tree keeps
//! the leaves that its values come from, also after what an environment says was merged over it.

use std::collections::{BTreeMap, BTreeSet};

use crate::Place;
use crate::ledger::{Account, Claim as Claimed, Entry, Ledger};
use crate::pipeline::yaml;

/// Stands for the stage in the account of what holds for all of them.
pub(super) const EVERY_STAGE: &str = "*";

/// A value, and the leaf that it is written in.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) value: Value,
    /// None where leaves lie below.
    leaf: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    /// A scalar as it is written: Copilot reads texts where it wants texts.
    Text(String),
    List(Vec<Said>),
    Map(Vec<(String, Said)>),
}

/// A leaf's place in its file.
#[derive(Debug)]
struct Leaf {
    file: String,
    path: String,
    line: usize,
    stage: String,
    /// Whether the environment's name is a part of what it says.
    is_of_stage: bool,
}

/// What a reader says of a leaf.
#[derive(Debug, Clone)]
enum Claim {
    /// It became a word of a service or schedule.
    Word {
        workload: String,
        word: String,
    },
    /// It became a place of the manifest, with `{stage}` for each stage.
    Place(String),
    /// It says whether tasks have public addresses.
    Public(bool),
    Default(String),
    Owner(String),
    Listed(String),
}

/// All leaves of a folder, and what was said of them.
#[derive(Debug, Default)]
pub(super) struct Book {
    leaves: Vec<Leaf>,
    claims: BTreeMap<usize, Claim>,
    /// Words of a workload that a stage says otherwise and that a stage has no word for.
    lost: BTreeSet<(String, String, String)>,
}

impl Said {
    pub(super) fn empty() -> Self {
        Self { value: Value::Map(Vec::new()), leaf: None }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let found = self.entries().iter().find(|(name, _)| name == key).map(|(_, said)| said);
        found.filter(|said| !matches!(said.value, Value::Null))
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Takes a key out.
    pub(super) fn without(&mut self, key: &str) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|(name, _)| name != key);
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns one text or several.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match &self.value {
            Value::Text(text) => Some(vec![text]),
            Value::List(items) => items.iter().map(Self::text).collect(),
            _ => None,
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    pub(super) fn number<T: std::str::FromStr>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.text() == Some(word)
    }

    fn leaves(&self, all: &mut Vec<usize>) {
        all.extend(self.leaf);
        match &self.value {
            Value::Map(entries) => entries.iter().for_each(|(_, said)| said.leaves(all)),
            Value::List(items) if self.leaf.is_none() => items.iter().for_each(|said| said.leaves(all)),
            _ => {}
        }
    }

    /// Returns this with what an environment says over it: tables key by key, everything else as a whole (copilot-cli,
    /// `manifest/transform.go`).
    pub(super) fn with(&self, over: &Self, path: &str) -> Self {
        match (&self.value, &over.value) {
            (_, Value::Null) => self.clone(),
            // Where a secret comes from is one of several ways; a variable is one value.
            (Value::Map(below), Value::Map(above)) if !is_whole(path) => {
                let mut all = below.clone();
                for (key, said) in above {
                    match all.iter_mut().find(|(name, _)| name == key) {
                        Some((_, known)) => *known = known.with(said, &format!("{path}.{key}")),
                        None => all.push((key.clone(), said.clone())),
                    }
                }
                let says =
                    |key: &str| above.iter().any(|(name, said)| name == key && !matches!(said.value, Value::Null));
                // Of ways that exclude each other the environment's own counts.
                for [one, other] in EXCLUSIVE {
                    let dropped = if says(one) { other } else { one };
                    if says(one) || says(other) {
                        all.retain(|(name, _)| name != dropped || says(dropped));
                    }
                }
                Self { value: Value::Map(all), leaf: None }
            }
            _ => over.clone(),
        }
    }
}

/// Keys that Copilot takes one of.
const EXCLUSIVE: [[&str; 2]; 2] = [["build", "location"], ["range", "spot"]];

fn is_whole(path: &str) -> bool {
    let above = path.rsplit_once('.').map_or("", |(above, _)| above);
    above.ends_with(".variables") || above.ends_with(".secrets")
}

impl Book {
    /// Opens an account for each leaf of a file. `of` tells the stage of a leaf by its path.
    pub(super) fn open(&mut self, file: &str, node: &yaml::Node, of: &dyn Fn(&str) -> String) -> Said {
        self.said(file, node, String::new(), node.at.line, of)
    }

    /// Opens an account for a whole file.
    pub(super) fn open_file(&mut self, file: &str) -> Said {
        self.leaves.push(Leaf {
            file: file.to_owned(),
            path: String::new(),
            line: 0,
            stage: EVERY_STAGE.to_owned(),
            is_of_stage: false,
        });
        Said { value: Value::Null, leaf: Some(self.leaves.len() - 1) }
    }

    fn said(&mut self, file: &str, node: &yaml::Node, path: String, line: usize, of: &dyn Fn(&str) -> String) -> Said {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match &node.value {
            yaml::Value::Map(entries) if !entries.is_empty() => {
                let entry = |entry: &yaml::Member| {
                    let said = self.said(file, &entry.node, below(&entry.key), entry.at.line, of);
                    (entry.key.clone(), said)
                };
                return Said { value: Value::Map(entries.iter().map(entry).collect()), leaf: None };
            }
            yaml::Value::List(items) if items.iter().any(|item| item.text().is_none()) => {
                let items = items.iter().enumerate();
                let said =
                    items.map(|(at, item)| self.said(file, item, below(&at.to_string()), item.at.line, of)).collect();
                return Said { value: Value::List(said), leaf: None };
            }
            _ => {}
        }
        let stage = of(&path);
        let is_of_stage = node.texts().iter().any(|text| text.text().is_some_and(super::words::names_the_stage));
        self.leaves.push(Leaf { file: file.to_owned(), path, line, stage, is_of_stage });
        let leaf = Some(self.leaves.len() - 1);
        let value = match &node.value {
            yaml::Value::Null => Value::Null,
            yaml::Value::Plain(text) | yaml::Value::Text(text, _) => Value::Text(text.clone()),
            yaml::Value::Map(_) => Value::Map(Vec::new()),
            yaml::Value::List(items) => {
                let text =
                    |item: &yaml::Node| Said { value: Value::Text(item.text().unwrap_or_default().to_owned()), leaf };
                Value::List(items.iter().map(text).collect())
            }
        };
        Said { value, leaf }
    }

    fn claim(&mut self, said: &Said, claim: &Claim) {
        let mut leaves = Vec::new();
        said.leaves(&mut leaves);
        for leaf in leaves {
            // What is lost in one place is lost.
            if !matches!(self.claims.get(&leaf), Some(Claim::Listed(_))) {
                self.claims.insert(leaf, claim.clone());
            }
        }
    }

    /// Claims one leaf: what lies below a table may have unknown keys.
    fn claim_leaf(&mut self, said: &Said, claim: &Claim) {
        if said.leaf.is_some() {
            self.claim(said, claim);
        }
    }

    /// Says that a leaf became a word of a service or schedule.
    pub(super) fn word(&mut self, said: &Said, workload: &str, word: impl Into<String>) {
        self.claim_leaf(said, &Claim::Word { workload: workload.to_owned(), word: word.into() });
    }

    /// Says that a leaf became a place of the manifest; `{stage}` is any stage.
    pub(super) fn place(&mut self, said: &Said, place: impl Into<String>) {
        self.claim_leaf(said, &Claim::Place(place.into()));
    }

    /// Says that it decides whether tasks have public addresses.
    pub(super) fn public(&mut self, said: &Said, is_public: bool) {
        self.claim_leaf(said, &Claim::Public(is_public));
    }

    /// Says that a leaf is what is so without it.
    pub(super) fn usual(&mut self, said: &Said, whose: &str) {
        self.claim_leaf(said, &Claim::Default(whose.to_owned()));
    }

    /// Leaves all of it to its owner.
    pub(super) fn owner(&mut self, said: &Said, who: &str) {
        self.claim(said, &Claim::Owner(who.to_owned()));
    }

    /// Lists all of it.
    pub(super) fn list(&mut self, said: &Said, why: impl Into<String>) {
        self.claim(said, &Claim::Listed(why.into()));
    }

    /// Says that a stage has another value of a word, and that the manifest has no place for it.
    pub(super) fn lose(&mut self, stage: &str, workload: &str, word: &str) {
        self.lost.insert((stage.to_owned(), workload.to_owned(), word.to_owned()));
    }

    /// Closes the account: what is carried is looked up in the manifest itself.
    pub(super) fn close(self, manifest: &serde_json::Value) -> Vec<Entry> {
        let mut by_stage: BTreeMap<&str, Ledger> = BTreeMap::new();
        for (number, leaf) in self.leaves.iter().enumerate() {
            let ledger = by_stage.entry(&leaf.stage).or_default();
            let place = Place { source: leaf.file.clone(), line: Some(leaf.line).filter(|line| *line > 0) };
            ledger.open(&leaf.file, &leaf.path, place);
            if let Some(claim) = self.claims.get(&number) {
                ledger.claim(&leaf.file, &leaf.path, Claimed::Is(self.account(manifest, leaf, claim)));
            }
        }
        by_stage.into_iter().flat_map(|(stage, ledger)| ledger.close(stage, |_, _| None)).collect()
    }

    fn account(&self, manifest: &serde_json::Value, leaf: &Leaf, claim: &Claim) -> Account {
        let stage = leaf.stage.as_str();
        match claim {
            Claim::Public(is_public) => match (is_public, found(manifest, "stages.{stage}.public-ip", stage)) {
                (true, Some(place)) => Account::Carried(place),
                (false, None) => Account::Default("managr's own: no public address".to_owned()),
                _ => Account::Listed(
                    "tasks of others in the stage have public addresses, and a stage of ours has one answer: write \
                         private subnets and take `public-ip` away, for all of them"
                        .to_owned(),
                ),
            },
            Claim::Default(whose) => Account::Default(whose.clone()),
            Claim::Owner(who) => Account::Owner(who.clone()),
            Claim::Listed(why) => Account::Listed(why.clone()),
            Claim::Place(place) => found(manifest, place, stage).map_or_else(
                || Account::Listed("it is not in the manifest: write it there".to_owned()),
                Account::Carried,
            ),
            Claim::Word { workload, word } => self.of_word(manifest, leaf, workload, word),
        }
    }

    fn of_word(&self, manifest: &serde_json::Value, leaf: &Leaf, workload: &str, word: &str) -> Account {
        let stage = leaf.stage.as_str();
        let is_lost = self.lost.iter().any(|(of, owner, lost)| {
            (of == stage || leaf.is_of_stage)
                && owner == workload
                && (lost == word || word.starts_with(&format!("{lost}.")))
        });
        if is_lost {
            return Account::Listed(format!(
                "the manifest has no word for `{word}` that differs by stage: the other stages' is carried; decide for \
                 one, or write it into an `aws` table of the stage"
            ));
        }
        let own = word.strip_prefix(&format!("containers.{workload}.")).unwrap_or(word);
        let mut places = Vec::new();
        for kind in ["services", "schedules"] {
            for word in [word, own] {
                let end = if word.is_empty() { String::new() } else { format!(".{word}") };
                let mut both = [format!("stages.{{stage}}.{kind}.{workload}{end}"), format!("{kind}.{workload}{end}")];
                if stage == EVERY_STAGE {
                    both.reverse();
                }
                places.extend(both);
            }
        }
        let mut all = places.iter().filter_map(|place| found(manifest, place, stage));
        all.next().map_or_else(
            || {
                Account::Listed(format!(
                    "it would be `{word}` of `{workload}`, which the manifest has not: write it there"
                ))
            },
            Account::Carried,
        )
    }
}

/// Returns a place that the manifest has.
fn found(manifest: &serde_json::Value, place: &str, stage: &str) -> Option<String> {
    let stages: Vec<String> = match place.contains("{stage}") {
        false => vec![String::new()],
        true if stage != EVERY_STAGE => vec![stage.to_owned()],
        true => manifest.get("stages")?.as_object()?.keys().cloned().collect(),
    };
    stages.into_iter().map(|stage| place.replace("{stage}", &stage)).find(|place| has(manifest, place))
}

/// Names may have dots in them.
fn has(value: &serde_json::Value, place: &str) -> bool {
    if place.is_empty() {
        return !value.is_null();
    }
    let Some(members) = value.as_object() else { return false };
    members.iter().any(|(name, value)| {
        place.strip_prefix(name.as_str()).is_some_and(|rest| match rest.strip_prefix('.') {
            Some(rest) => has(value, rest),
            None => rest.is_empty() && !value.is_null(),
        })
    })
}
