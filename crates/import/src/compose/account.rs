//! What became of every key of a compose file?
//!
//! Every word of the file is a line, opened before it is read; in a service, after what it extends is in it. A reader
//! that takes a word says which word of the manifest it is, and that is believed only if the manifest, once it is made,
//! has it. What was not claimed is listed: with the reason that a reader gave when it left it, or without one.

use std::collections::BTreeMap;

use deploy_core::Manifest;
use deploy_core::manifest::LOCAL;
use serde_json::Value as Json;

use super::reasons;
use super::scalars::Written;
use super::source::{Source, is_sensitive};
use super::yaml::{Member, Node, Value};
use crate::ledger::{self, Account, Claim, Ledger};
use crate::{Left, Place};

/// Where a word of the manifest is. A last segment `=X` asks for X in a list.
#[derive(Debug, Clone)]
pub(super) enum Word {
    /// In the container of the service whose line it is.
    Container(Vec<String>),
    /// In the image that is built for that container.
    Image(Vec<String>),
    /// From the top.
    Manifest(Vec<String>),
}

/// What is open and claimed while a compose file is read.
#[derive(Default)]
pub(super) struct Accounts {
    lines: Vec<Open>,
    claims: BTreeMap<(String, String), (Vec<Word>, Option<Account>)>,
    /// Services that are not carried: why not.
    dropped: BTreeMap<String, String>,
}

struct Open {
    subject: String,
    path: String,
    /// The whole path without the numbers of items, as readers call it.
    called: String,
    line: usize,
    /// Lines of what it stands in, and its own: a reason that was given in one of them is its reason.
    around: Vec<usize>,
}

pub(super) fn segments(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Mappings whose keys are the user's own names: `x-` begins one like any other.
const OWN_NAMES: [&str; 11] = [
    "environment",
    "labels",
    "args",
    "annotations",
    "sysctls",
    "driver_opts",
    "options",
    "extra_hosts",
    "ulimits",
    "depends_on",
    "networks",
];

impl Source<'_> {
    /// Opens the lines of one thing, such as a service, and gives each node its own. What is said of the thing in a line
    /// of `around` is said of all that is in it.
    pub(super) fn open(&mut self, subject: &str, entries: &mut [Member], around: &[usize]) {
        let at = Opened { subject, path: "", called: subject, around };
        self.open_entries(&at, entries, "");
    }

    /// Opens a thing that has no members.
    pub(super) fn open_alone(&mut self, subject: &str, node: &mut Node, line: usize) {
        let at = Opened { subject, path: "", called: subject, around: &[line] };
        self.open_node(&at, node, line, "");
    }

    fn open_entries(&mut self, at: &Opened<'_>, entries: &mut [Member], key: &str) {
        for entry in entries {
            let path = joined(at.path, &entry.key);
            // A list begins in the line of its first item, and what is said of that is not said of the others.
            let own = (!matches!(entry.node.value, Value::List(_))).then_some(entry.node.line);
            let around: Vec<usize> = at.around.iter().copied().chain([entry.line]).chain(own).collect();
            let called = joined(at.called, &entry.key);
            let inner = Opened { path: &path, called: &called, around: &around, ..*at };
            if entry.key.starts_with("x-") && !OWN_NAMES.contains(&key) {
                let why = "an `x-` key says nothing to Compose".to_owned();
                self.account.open(&inner, entry.line);
                self.account.claims.insert((at.subject.to_owned(), path), (Vec::new(), Some(Account::Default(why))));
                continue;
            }
            let name = entry.key.clone();
            self.open_node(&inner, &mut entry.node, entry.line, &name);
        }
    }

    fn open_node(&mut self, at: &Opened<'_>, node: &mut Node, line: usize, key: &str) {
        node.at = Some(Box::new((at.subject.to_owned(), at.path.to_owned())));
        if let Some(written) = &node.written {
            self.tell_of_number(at, node, written, key);
        }
        match &mut node.value {
            Value::Map(entries) if !entries.is_empty() => self.open_entries(at, entries, key),
            Value::List(items) if !items.is_empty() => {
                for (index, item) in items.iter_mut().enumerate() {
                    let path = joined(at.path, &index.to_string());
                    let around: Vec<usize> = at.around.iter().copied().chain([item.line]).collect();
                    // `NAME=VALUE` is called by its name.
                    let name = item.text().filter(|_| OWN_NAMES.contains(&key) && !item.is_secret());
                    let name = name.map(|text| text.split('=').next().unwrap_or_default().to_owned());
                    let called = name.map_or_else(|| at.called.to_owned(), |name| joined(at.called, &name));
                    let (inner, line) = (Opened { path: &path, called: &called, around: &around, ..*at }, item.line);
                    self.open_node(&inner, item, line, key);
                }
            }
            _ => self.account.open(at, line),
        }
    }

    /// A word without quotes of which Compose makes another one, where a text is meant.
    fn tell_of_number(&mut self, at: &Opened<'_>, node: &Node, written: &Written, key: &str) {
        let Some(read) = node.text().filter(|_| is_text(at.subject, at.path)) else { return };
        let Written { text, v1 } = written;
        let why = if is_sensitive(key, text) || is_sensitive(key, &read) {
            "without quotes it is a number to Compose, and another text than what is written: put it into quotes"
                .to_owned()
        } else if read == *v1 {
            format!("without quotes Compose reads `{text}` as `{read}`: put it into quotes if `{text}` is meant")
        } else {
            format!(
                "without quotes Compose v2 reads `{text}` as `{read}`, and Compose v1 as `{v1}`: `{read}` was taken; \
                 put what is meant into quotes"
            )
        };
        self.leave(at.called, node.line, why);
    }

    /// Says that a node is a word of the service's container, such as `health-check.interval`.
    pub(super) fn carry(&mut self, node: &Node, word: &str) {
        self.claim(node, vec![Word::Container(word.split('.').map(str::to_owned).collect())], None);
    }

    /// As [`Self::carry`], for a name of the user's own, which may have dots.
    pub(super) fn carry_named(&mut self, node: &Node, word: &str, name: &str) {
        self.claim(node, vec![Word::Container(segments(&[word, name]))], None);
    }

    /// Says that a node is a word of the service's image; `default` is what it says if the image has no such word.
    pub(super) fn carry_image(&mut self, node: &Node, word: &[&str], default: Option<&str>) {
        let default = default.map(|default| Account::Default(default.to_owned()));
        self.claim(node, vec![Word::Image(segments(word))], default);
    }

    /// Says that a node says no more than what is so without it.
    pub(super) fn is_default(&mut self, node: &Node, whose: &str) {
        self.claim(node, Vec::new(), Some(Account::Default(whose.to_owned())));
    }

    /// Says what a node's words are: the first of them that the manifest has, else `otherwise`. What is in a list is
    /// meant with it; members of a mapping are not.
    pub(super) fn claim(&mut self, node: &Node, words: Vec<Word>, otherwise: Option<Account>) {
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {}
            Value::List(items) if !items.is_empty() => {
                for item in items {
                    self.claim(item, words.clone(), otherwise.clone());
                }
            }
            _ => {
                if let Some(at) = &node.at {
                    self.account.claims.insert((**at).clone(), (words, otherwise));
                }
            }
        }
    }

    /// Says what became of a key of a service that another reader knows better than its own.
    pub(super) fn settle_key(&mut self, service: &str, key: &str, account: Account) {
        self.account.claims.insert((format!("services.{service}"), key.to_owned()), (Vec::new(), Some(account)));
    }

    /// Says that nothing of a service is in the manifest.
    pub(super) fn drop_service(&mut self, service: &str, line: usize, why: impl Into<String>) {
        let (what, why) = (format!("services.{service}"), why.into());
        self.account.dropped.insert(what.clone(), why.clone());
        // One that has said so of its key has said it.
        if !self
            .left
            .iter()
            .any(|left| left.why == why && left.what.strip_prefix(&what).is_some_and(|rest| rest.starts_with('.')))
        {
            self.leave(what, line, why);
        }
    }

    /// Closes the account. `names` are the containers by their services.
    pub(super) fn close(&mut self, manifest: &Manifest, names: &BTreeMap<String, String>) -> Vec<ledger::Entry> {
        let Accounts { lines, claims, dropped } = std::mem::take(&mut self.account);
        let made = serde_json::to_value(manifest).unwrap_or_default();
        let mut left: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
        for Left { what, place: Place { source, line }, why } in &self.left {
            if let Some(line) = line.filter(|_| source == self.file) {
                left.entry(what).or_default().push((line, why));
            }
        }
        let mut ledger = Ledger::default();
        for line in &lines {
            let key = (line.subject.clone(), line.path.clone());
            ledger.open(line.subject.clone(), line.path.clone(), self.place(line.line));
            let account = match (dropped.get(&line.subject), claims.get(&key)) {
                (Some(why), _) => Some(Account::Listed(why.clone())),
                (None, Some((words, otherwise))) => {
                    let container = line.subject.strip_prefix("services.").and_then(|service| names.get(service));
                    let is_there = |word: &Word| found(&made, word, container.map(String::as_str));
                    words.iter().find_map(is_there).map(Account::Carried).or_else(|| otherwise.clone())
                }
                (None, None) => None,
            };
            let given = || why(&left, line).map(|why| Account::Listed(why.to_owned()));
            if let Some(account) = account.or_else(given) {
                ledger.claim(key.0, key.1, Claim::Is(account));
            } else if claims.contains_key(&key) {
                let lost = "it did not get into the manifest: see what else is said of it".to_owned();
                ledger.claim(key.0, key.1, Claim::Is(Account::Listed(lost)));
            } else {
                ledger.claim(key.0, key.1, Claim::Is(Account::Listed(reasons::UNREAD.to_owned())));
            }
        }
        ledger.close(LOCAL, |_, _| None)
    }
}

/// Where lines are opened.
#[derive(Clone, Copy)]
struct Opened<'a> {
    subject: &'a str,
    path: &'a str,
    called: &'a str,
    around: &'a [usize],
}

impl Accounts {
    fn open(&mut self, at: &Opened<'_>, line: usize) {
        let Opened { subject, path, called, around } = at;
        let (subject, path, called) = ((*subject).to_owned(), (*path).to_owned(), (*called).to_owned());
        self.lines.push(Open { subject, path, called, line, around: around.to_vec() });
    }
}

fn joined(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

/// Returns whether Compose takes a text there, so that a number is not what it was written as. (Numbers of things that
/// are numbers, such as `cpus`, are those numbers.)
fn is_text(subject: &str, path: &str) -> bool {
    const KEYS: [&str; 17] = [
        "annotations",
        "command",
        "container_name",
        "domainname",
        "entrypoint",
        "env_file",
        "environment",
        "expose",
        "extra_hosts",
        "group_add",
        "hostname",
        "image",
        "labels",
        "ports",
        "sysctls",
        "user",
        "working_dir",
    ];
    let mut parts = path.split('.');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_pair = |key: &str| matches!(key, "driver_opts" | "labels");
    match subject.split_once('.') {
        Some(("services", _)) => {
            let is_long_port = first == "ports" && parts.next().is_some_and(|key| key != "published");
            (KEYS.contains(&first) && !is_long_port)
                || matches!((first, second), ("build", "args" | "labels" | "target" | "dockerfile"))
                || matches!((first, second), ("healthcheck", "test") | ("logging", "options") | ("deploy", "labels"))
        }
        Some(_) => is_pair(first) || first == "name",
        None => subject == "name",
    }
}

/// Returns the word as the manifest spells it, if it is there.
fn found(made: &Json, word: &Word, container: Option<&str>) -> Option<String> {
    let of_container = |container: &str| segments(&["services", "app", "containers", container]);
    let (above, rest) = match word {
        Word::Manifest(rest) => (Vec::new(), rest),
        Word::Container(rest) => (of_container(container?), rest),
        Word::Image(rest) => {
            let image = at(made, &of_container(container?))?.get("image")?.as_str()?.to_owned();
            (segments(&["images", &image]), rest)
        }
    };
    let mut path: Vec<String> = above.into_iter().chain(rest.iter().cloned()).collect();
    let item = path.last().and_then(|last| last.strip_prefix('=')).map(str::to_owned);
    if item.is_some() {
        path.pop();
    }
    let there = at(made, &path)?;
    if let Some(item) = item {
        let is_it = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned) == item;
        there.as_array()?.iter().find(|value| is_it(value))?;
    }
    Some(path.join("."))
}

fn at<'j>(made: &'j Json, path: &[String]) -> Option<&'j Json> {
    path.iter().try_fold(made, |here, name| here.get(name)).filter(|value| !value.is_null())
}

/// Returns the reason that a reader gave for a line or for what it stands in: the nearest one.
fn why<'l>(left: &BTreeMap<&str, Vec<(usize, &'l str)>>, open: &Open) -> Option<&'l str> {
    let mut what = open.called.as_str();
    loop {
        // What is said of a whole service is a remark: one that is not carried is known for it.
        let is_remark = what.starts_with("services.") && what == open.subject;
        let given = left.get(what).filter(|_| !is_remark).into_iter().flatten();
        let here = given.filter(|(line, _)| open.line == *line || open.around.contains(line));
        // Its own line tells more than that of what it stands in.
        if let Some((_, why)) = here.max_by_key(|(line, _)| *line == open.line) {
            return Some(why);
        }
        what = what.rsplit_once('.')?.0;
    }
}
