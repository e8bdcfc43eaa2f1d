//! What does a CI file say, and where is each word of it written? How a part of it is written again says `write`.
//!
//! Anchors, aliases and merge keys are resolved by the parser; what comes from an anchor has the place of the anchor's
//! own text, so that everything that is written is counted once.

mod write;

use super::PipelineError;
use crate::yaml::{self, Raw, Spot, Tree};

pub(crate) use self::write::{in_brackets, items, members};

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
    Map(Vec<Member>),
}

/// A member of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) key: String,
    /// Place of the key.
    pub(crate) at: At,
    pub(crate) node: Node,
}

/// Reads a file that holds one mapping; `number` is which of the files it is.
pub(crate) fn parse(file: &str, number: usize, text: &str) -> Result<Node, PipelineError> {
    let wrong = |line: Option<usize>, why: String| PipelineError::Yaml { file: file.to_owned(), line, why };
    let tree = yaml::read(text).map_err(|yaml::Wrong { line, why }| wrong(line, why))?;
    let mut root = Node::from(tree);
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

    pub(crate) fn entries(&self) -> &[Member] {
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

    pub(crate) fn entry(&self, key: &str) -> Option<&Member> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// Returns the text of a member.
    pub(crate) fn word(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
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

impl From<Spot> for At {
    fn from(Spot { line, column, .. }: Spot) -> Self {
        Self { file: 0, line, column }
    }
}

impl From<Tree> for Node {
    fn from(Tree { value, spot }: Tree) -> Self {
        let plain = |value: &dyn std::fmt::Display| Value::Plain(value.to_string());
        let value = match value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => plain(&value),
            Raw::Integer(number) => plain(&number),
            Raw::Large(number) => plain(&number),
            Raw::Float(number) if number.is_nan() => plain(&".nan"),
            Raw::Float(number) if number.is_infinite() => plain(if number > 0.0 { &".inf" } else { &"-.inf" }),
            Raw::Float(number) => plain(&number),
            Raw::Text(text) => Value::Text(text, false),
            Raw::List(items) => Value::List(items.into_iter().map(Self::from).collect()),
            Raw::Map(entries) => {
                let entry = |(key, at, node): (String, Spot, Tree)| Member { at: at.into(), key, node: node.into() };
                Value::Map(entries.into_iter().map(entry).collect())
            }
        };
        Self { value, at: spot.into() }
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
                    let entries = map.into_iter().map(|(key, node)| Member { key, at, node }).collect();
                    Node { value: Value::Map(entries), at }
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn anything_that_is_written_is_read_again(node in any_node()) {
            let root = Node { value: Value::Map(vec![Member { key: "k".into(), at: At::default(), node }]), at: At::default() };
            let text = members(root.entries());
            let again = parse("ci.yml", 0, &text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(plain(&again), plain(&root), "{}", text);
        }
    }
}
