//! What does a YAML file say, and in which line?
//!
//! A tree whose every node knows its line. Anchors, aliases and merge keys (`<<`) are resolved by the
//! parser; a node that comes from an anchor has the line of the anchor's own text.

use super::ComposeError;
use super::interpolate::Filled;
use super::scalars::{self, Written};
use crate::yaml::{self, Raw, Tree};

/// A value and its line.
#[derive(Clone, PartialEq, Default)]
pub(super) struct Node {
    pub(super) value: Value,
    /// From 1.
    pub(super) line: usize,
    /// Where it begins in the file's text, as long as that is at hand.
    pub(super) start: Option<usize>,
    /// What interpolation made of it, where that is not the whole story: values of secrets, or none at all.
    pub(super) filled: Option<Box<Filled>>,
    /// What stands in the file, where Compose makes another text of it for want of quotes.
    pub(super) written: Option<Box<Written>>,
    /// Which line of the account it is: the subject, and the path in it.
    pub(super) at: Option<Box<(String, String)>>,
}

/// A value as Compose reads it.
#[derive(Clone, PartialEq, Default)]
pub(super) enum Value {
    #[default]
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A member of a mapping.
#[derive(Clone, PartialEq)]
pub(super) struct Member {
    pub(super) key: String,
    /// Line of the key.
    pub(super) line: usize,
    pub(super) node: Node,
}

/// Reads a file that holds one mapping; an empty one is an empty mapping.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Member>, ComposeError> {
    let wrong = |line: Option<usize>, why: String| ComposeError::Yaml { file: file.to_owned(), line, why };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let tree = yaml::read(text).map_err(|yaml::Wrong { line, why }| wrong(line, why))?;
    let mut root = Node::from(tree);
    root.as_compose_reads(text);
    match root.value {
        Value::Map(entries) => Ok(entries),
        Value::Null => Ok(Vec::new()),
        _ => Err(wrong(Some(root.line), "the file is not a mapping of keys".to_owned())),
    }
}

impl Node {
    /// Returns a scalar as Compose makes text of it; none for null, a list or a mapping.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Float(number) => Some(scalars::sprint(*number)),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Reads words without quotes again, as Compose does: the parser's numbers are YAML 1.2's.
    fn as_compose_reads(&mut self, text: &str) {
        let start = self.start.take();
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().for_each(|entry| entry.node.as_compose_reads(text)),
            Value::List(items) => items.iter_mut().for_each(|item| item.as_compose_reads(text)),
            Value::Null => {}
            value => {
                let Some(word) = start.and_then(|start| word_at(text.get(start..)?, value)) else { return };
                self.value = scalars::v2(word);
                let v1 = scalars::v1(word);
                let is_same = self.text().is_some_and(|text| text == word) && v1 == word;
                self.written = (!is_same).then(|| Box::new(Written { text: word.to_owned(), v1 }));
            }
        }
    }

    /// Returns the members of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[Member] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Returns one text or several.
    pub(super) fn one_or_many(&self) -> Vec<&Self> {
        match &self.value {
            Value::Null => Vec::new(),
            Value::List(items) => items.iter().collect(),
            _ => vec![self],
        }
    }

    /// Returns whether the value of a secret is in the text.
    pub(super) fn is_secret(&self) -> bool {
        self.filled.as_ref().is_some_and(|filled| !filled.secrets.is_empty())
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        get(self.entries(), key)
    }

    /// Returns what this says as a switch; Compose takes `"true"` for `true`.
    pub(super) fn is_true(&self) -> bool {
        matches!(&self.value, Value::Bool(true)) || self.text().is_some_and(|text| text == "true")
    }
}

/// Returns the member of this name.
pub(super) fn get<'a>(entries: &'a [Member], key: &str) -> Option<&'a Node> {
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
}

/// Returns the word without quotes that a scalar is; none if it has quotes, a tag, or several lines.
fn word_at<'t>(written: &'t str, value: &Value) -> Option<&'t str> {
    let written = match written.strip_prefix('&') {
        Some(anchored) => anchored.split_once([' ', '\n'])?.1.trim_start(),
        None => written,
    };
    if written.starts_with(['"', '\'', '|', '>', '!', '*']) {
        return None;
    }
    match value {
        Value::Text(text) => written.starts_with(text.as_str()).then(|| &written[..text.len()]),
        _ => written.split([' ', '\t', '\r', '\n', ',', ']', '}']).next(),
    }
}

impl From<Tree> for Node {
    fn from(Tree { value, spot }: Tree) -> Self {
        let value = match value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Integer(number) => Value::Integer(number),
            Raw::Large(number) => Value::Text(number.to_string()),
            Raw::Float(number) => Value::Float(number),
            Raw::Text(text) => Value::Text(text),
            Raw::List(items) => Value::List(items.into_iter().map(Self::from).collect()),
            Raw::Map(entries) => {
                let entry =
                    |(key, at, node): (String, yaml::Spot, Tree)| Member { line: at.line, key, node: node.into() };
                Value::Map(entries.into_iter().map(entry).collect())
            }
        };
        Self { value, line: spot.line, start: spot.byte, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<Member> {
        parse("compose.yml", text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_is_nested_without_end_is_refused_before_it_is_entered() {
        for text in ["- ".repeat(7000), "[".repeat(7000), "{a: ".repeat(7000)] {
            assert!(parse("compose.yml", &text).is_err());
        }
    }

    #[test]
    fn every_node_knows_its_line() {
        let root = parsed("a: 1\nb:\n  - x\n  - y: [2,\n     3]\n");
        assert_eq!((root[0].line, root[0].node.line), (1, 1));
        assert_eq!(root[1].line, 2);
        assert_eq!(root[1].node.items()[0].line, 3);
        let inner = root[1].node.items()[1].get("y").unwrap();
        assert_eq!((inner.items()[0].line, inner.items()[1].line), (4, 5));
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved_to_the_text_that_they_stand_for() {
        let root = parsed("x-a: &a\n  one: 1\n  two: 2\nb:\n  <<: *a\n  two: 3\nc: *a\n");
        let b = &root[1].node;
        let mut keys: Vec<&str> = b.entries().iter().map(|entry| entry.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["one", "two"]);
        assert_eq!(b.get("two").unwrap().text().unwrap(), "3");
        assert_eq!(b.get("one").unwrap().line, 2);
        assert_eq!(root[2].node.get("two").unwrap().line, 3);
    }

    #[test]
    fn what_is_nested_deeper_than_anybody_writes_is_refused() {
        let text = |levels: usize| format!("a: {}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse("compose.yml", &text(20)).is_ok());
        let error = parse("compose.yml", &text(3000)).err().unwrap().to_string();
        assert!(error.starts_with("compose.yml:1: "), "{error}");
    }

    #[test]
    fn a_fault_is_told_in_words_for_people() {
        let error = parse("compose.yml", "a: 1\nb: 2\na: 3\n").err().unwrap().to_string();
        assert!(error.starts_with("compose.yml:3: ") && error.contains("duplicate"), "{error}");
        assert!(!error.contains("Policy"), "{error}");
    }

    #[test]
    fn scalars_are_read_as_compose_reads_them() {
        let root = parsed("a: True\nb: yes\nc: 0x10\nd: '1'\ne: 1.10\nf: ~\ng: 22:22\n80: x\n");
        let texts: Vec<Option<String>> = root.iter().map(|entry| entry.node.text()).collect();
        let expected = [Some("true"), Some("yes"), Some("16"), Some("1"), Some("1.1"), None, Some("22:22"), Some("x")];
        assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));
        assert_eq!(root[7].key, "80");
    }

    #[test]
    fn an_error_names_the_line_and_not_its_text() {
        for text in ["a: 1\nPASSWORD: \"hunter2\n", "a: hunter2\na: hunter2\n", "- hunter2\n"] {
            let error = parse("compose.yml", text).err().unwrap().to_string();
            assert!(error.starts_with("compose.yml:"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(parsed("").is_empty());
    }
}
