//! What does a CI file say, where is each word of it written, and how is a part of it written again?
//!
//! Anchors, aliases and merge keys are resolved by the parser; what comes from an anchor has the place of the anchor's
//! own text, so that everything that is written is counted once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::PipelineError;

/// Deepest nesting that is read: a CI file has ten levels or so, and reading is recursive. Each level takes some 40 KiB of
/// stack in a debug build: the library's own 64 overflow that of a thread.
const DEEPEST: usize = 24;

/// Where something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct At {
    /// Which of the files.
    pub(crate) file: usize,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: At,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    /// A number or a switch, as it is written.
    Plain(String),
    /// A text, and whether it is written without quotes.
    Text(String, bool),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A member of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Place of the key.
    pub(crate) at: At,
    pub(crate) node: Node,
}

/// Reads a file that holds one mapping; `number` is which of the files it is.
pub(crate) fn parse(file: &str, number: usize, text: &str) -> Result<Node, PipelineError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        // A snippet would put whatever stands in the line into the error.
        with_snippet: false,
        // The reader enters what is nested before anybody could count it.
        budget: serde_saphyr::budget! { max_depth: DEEPEST },
    };
    let wrong = |line: Option<usize>, why: String| PipelineError::Yaml { file: file.to_owned(), line, why };
    let mut root: Node = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map(|at| line_of(at).line).filter(|line| *line > 0);
        let words = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        wrong(line, words.lines().next().unwrap_or_default().trim_end_matches('.').to_owned())
    })?;
    if root.depth(0) > DEEPEST {
        return Err(wrong(None, format!("it is nested deeper than {DEEPEST} levels")));
    }
    let lines: Vec<&str> = text.lines().collect();
    root.place(number, &lines);
    match root.value {
        Value::Map(_) => Ok(root),
        Value::Null => Ok(Node { value: Value::Map(Vec::new()), at: root.at }),
        _ => Err(wrong(Some(root.at.line), "the file is not a mapping of keys".to_owned())),
    }
}

impl Node {
    pub(crate) fn text_node(text: &str, at: At) -> Self {
        Self { value: Value::Text(text.to_owned(), false), at }
    }

    /// Returns a scalar as text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text, _) | Value::Plain(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Returns one node or several.
    pub(crate) fn one_or_many(&self) -> Vec<&Self> {
        match &self.value {
            Value::Null => Vec::new(),
            Value::List(items) => items.iter().collect(),
            _ => vec![self],
        }
    }

    /// Returns all texts in it, lists in lists too.
    pub(crate) fn texts(&self) -> Vec<&Self> {
        match &self.value {
            Value::List(items) => items.iter().flat_map(Self::texts).collect(),
            Value::Text(..) | Value::Plain(_) => vec![self],
            _ => Vec::new(),
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// Returns the text of a member.
    pub(crate) fn word(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    fn depth(&self, here: usize) -> usize {
        if here > DEEPEST {
            return here;
        }
        match &self.value {
            Value::List(items) => items.iter().map(|item| item.depth(here + 1)).max().unwrap_or(here),
            Value::Map(entries) => entries.iter().map(|entry| entry.node.depth(here + 1)).max().unwrap_or(here),
            _ => here,
        }
    }

    /// Says which file it is of, and how scalars are written there.
    fn place(&mut self, file: usize, lines: &[&str]) {
        self.at.file = file;
        let rest = |at: At| -> Option<&str> {
            let line = lines.get(at.line.checked_sub(1)?)?;
            let (start, _) = line.char_indices().nth(at.column.checked_sub(1)?)?;
            line.get(start..)
        };
        let written = rest(self.at).unwrap_or_default();
        match &mut self.value {
            Value::Plain(text) => {
                let word: &str = written.split([' ', '\t', ',', ']', '}', '#']).next().unwrap_or_default();
                // What an anchor stands before is not there; then it is as the parser understood it.
                if word.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')) {
                    word.clone_into(text);
                }
            }
            Value::Text(text, is_plain) => {
                *is_plain = !text.is_empty() && !text.contains('\n') && written.starts_with(text.as_str());
            }
            Value::List(items) => items.iter_mut().for_each(|item| item.place(file, lines)),
            Value::Map(entries) => {
                for entry in entries {
                    entry.at.file = file;
                    entry.node.place(file, lines);
                }
            }
            Value::Null => {}
        }
    }
}

fn line_of(location: Location) -> At {
    let number = |n: u64| usize::try_from(n).unwrap_or(0);
    At { file: 0, line: number(location.line()), column: number(location.column()) }
}

/// Returns members as lines of a block, without indent.
pub(crate) fn members(entries: &[Entry]) -> String {
    let mut text = String::new();
    map(&mut text, entries, 0);
    text
}

/// Returns items as lines of a block, without indent.
pub(crate) fn items(nodes: &[Node]) -> String {
    let mut text = String::new();
    list(&mut text, nodes, 0);
    text
}

fn map(out: &mut String, entries: &[Entry], indent: usize) {
    for entry in entries {
        out.push_str(&" ".repeat(indent));
        out.push_str(&key(&entry.key));
        out.push(':');
        value(out, &entry.node, indent);
    }
}

/// What stands behind a key; a list of a mapping needs no indent, but reads better with one.
fn value(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            map(out, entries, indent + 2);
        }
        Value::List(nodes) if !nodes.is_empty() => {
            out.push('\n');
            list(out, nodes, indent + 2);
        }
        Value::Null => out.push('\n'),
        _ => {
            out.push(' ');
            scalar(out, node, indent);
        }
    }
}

fn list(out: &mut String, nodes: &[Node], indent: usize) {
    for node in nodes {
        out.push_str(&" ".repeat(indent));
        out.push('-');
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                let mut inner = String::new();
                map(&mut inner, entries, indent + 2);
                out.push(' ');
                out.push_str(inner.trim_start_matches(' '));
            }
            Value::List(nodes) if !nodes.is_empty() => {
                let mut inner = String::new();
                list(&mut inner, nodes, indent + 2);
                out.push(' ');
                out.push_str(inner.trim_start_matches(' '));
            }
            Value::Null => out.push('\n'),
            _ => {
                out.push(' ');
                scalar(out, node, indent);
            }
        }
    }
}

fn scalar(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Plain(text) => out.push_str(text),
        Value::Text(text, true) if is_plain(text) => out.push_str(text),
        Value::Text(text, _) if is_block(text) => {
            block(out, text, indent);
            return;
        }
        Value::Text(text, _) => out.push_str(&quoted(text)),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
        Value::Null => {}
    }
    out.push('\n');
}

/// Whether a text of several lines can be a literal block.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.chars().any(|c| {
            (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        })
        && text.lines().all(|line| !line.trim_start_matches(' ').starts_with('\t'))
}

fn block(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    out.push_str(match ends {
        0 => "|-\n",
        1 => "|\n",
        _ => "|+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent + 2));
            out.push_str(line);
        }
        out.push('\n');
    }
    for _ in 1..ends {
        out.push('\n');
    }
}

/// Whether a plain text means the same wherever we put it: never in a flow list, and in one line.
fn is_plain(text: &str) -> bool {
    !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !text.starts_with(['&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '#', ',', '[', ']', '{', '}', ' '])
        && !text.starts_with("- ")
        && !text.starts_with("? ")
        && !text.contains(char::is_control)
        && !matches!(text, "-" | "?" | "---" | "...")
}

fn quoted(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '$' | '.' | '_'))
        && is_plain(text)
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str())
        && !text.starts_with('.');
    if is_word {
        return text.to_owned();
    }
    if !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{85}')) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn key(text: &str) -> String {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '(' | ')');
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '.'))
        && text.chars().all(is_good)
        && !text.ends_with(' ');
    // `on` is a key of GitHub, and plain there; as a key it is a text in every reader that matters.
    if is_name { text.to_owned() } else { quoted_key(text) }
}

fn quoted_key(text: &str) -> String {
    let written = quoted(text);
    match written.starts_with(['\'', '"']) {
        true => written,
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { at: line_of(spanned.defined), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(match value {
            value if value.is_nan() => Value::Plain(".nan".to_owned()),
            value if value.is_infinite() => Value::Plain(if value > 0.0 { ".inf" } else { "-.inf" }.to_owned()),
            value => Value::Plain(value.to_string()),
        })
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned(), false))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = access.next_entry::<Spanned<String>, Node>()? {
            entries.push(Entry { at: line_of(key.defined), key: key.value, node });
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod depth {
    #[test]
    fn what_is_nested_without_end_is_refused_before_it_is_entered() {
        for text in ["- ".repeat(7000), "[".repeat(7000), "{a: ".repeat(7000)] {
            assert!(super::parse("x.yml", 0, &text).is_err());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Node {
        parse("ci.yml", 0, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// What it says, without places.
    fn plain(node: &Node) -> String {
        match &node.value {
            Value::Null => "~".to_owned(),
            Value::Plain(text) => format!("={text}"),
            Value::Text(text, _) => format!("{text:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(",")),
            Value::Map(entries) => {
                let all: Vec<String> = entries.iter().map(|e| format!("{:?}:{}", e.key, plain(&e.node))).collect();
                format!("{{{}}}", all.join(","))
            }
        }
    }

    #[test]
    fn what_is_written_again_says_the_same() {
        for text in [
            "a: 3.10\nb: 0644\nc: yes\nd: 'yes'\ne: on\nf: ~\ng: true\nh: \"1\"\n",
            "on:\n  push:\n    branches: [main, 'v*', \"a: b\"]\n",
            "s:\n  - |\n    a\n      b\n\n    c\n  - >-\n    x\n    y\n  - - 1\n    - k: v\n      l: []\n  - {}\n",
            "s: |+\n  a\n\n\nt: \"\\tx\\n y\"\nu: '#x'\nv: a #c\nw: \"\"\n",
            "x: &x\n  k: 1\ny:\n  <<: *x\n  z: &n 07\nq: *n\n",
        ] {
            let first = parsed(text);
            let again = members(first.entries());
            assert_eq!(plain(&parsed(&again)), plain(&first), "{again}");
        }
        let node = parsed("a: 3.10\nb: 0644 # mode\nc: [1_0, 2]\nd: yes\n");
        assert_eq!(members(node.entries()), "a: 3.10\nb: 0644\nc:\n  - 1_0\n  - 2\nd: yes\n");
    }

    #[test]
    fn an_alias_has_the_place_of_its_anchor() {
        let node = parsed("a: &a\n  k: v\nb:\n  - *a\n");
        let alias = &node.get("b").unwrap().items()[0].entries()[0];
        assert_eq!(alias.at, node.get("a").unwrap().entries()[0].at);
        assert_eq!((alias.at.line, alias.at.column), (2, 3));
    }

    fn any_node() -> impl Strategy<Value = Node> {
        let at = At::default();
        let leaf = prop_oneof![
            Just(Value::Null),
            "[0-9]{1,4}".prop_filter("a number", |n| !n.starts_with('0')).prop_map(Value::Plain),
            any::<String>()
                .prop_filter("YAML has no such", |t| !t.contains('\0'))
                .prop_map(|text| Value::Text(text, false)),
            "[ -~\n]{0,30}".prop_map(|text| Value::Text(text, false)),
        ]
        .prop_map(move |value| Node { value, at });
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4)
                    .prop_map(move |items| Node { value: Value::List(items), at }),
                proptest::collection::btree_map("[ -~]{0,8}", inner, 0..4).prop_map(move |map| {
                    let entries = map.into_iter().map(|(key, node)| Entry { key, at, node }).collect();
                    Node { value: Value::Map(entries), at }
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn anything_that_is_written_is_read_again(node in any_node()) {
            let root = Node { value: Value::Map(vec![Entry { key: "k".into(), at: At::default(), node }]), at: At::default() };
            let text = members(root.entries());
            let again = parse("ci.yml", 0, &text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(plain(&again), plain(&root), "{}", text);
        }
    }
}
