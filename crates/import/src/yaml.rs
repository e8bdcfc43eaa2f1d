//! What does a text of YAML hold, and where in it?
//!
//! The one place that reads YAML: compose files, CI files and manifests of Copilot make their own trees of this one. Anchors,
//! aliases and merge keys (`<<`) are resolved by the parser; what comes from an anchor has the place of the anchor's own
//! text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// Deepest nesting that is read: people's files have ten levels or so, and reading is recursive. Each level takes some
/// 40 KiB of stack in a debug build: the library's own 64 overflow that of a thread.
const DEEPEST: usize = 24;

/// A value and its place.
pub(crate) struct Tree {
    pub(crate) value: Raw,
    pub(crate) spot: Spot,
}

/// A place in a text; numbers from 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// Bytes from the beginning, where the parser tells.
    pub(crate) byte: Option<usize>,
}

/// A value as YAML 1.2 has it, but for `yes` and `on`, which are texts.
pub(crate) enum Raw {
    Null,
    Bool(bool),
    Integer(i64),
    /// A whole number that is larger.
    Large(u64),
    Float(f64),
    Text(String),
    List(Vec<Tree>),
    /// Keys with their places.
    Map(Vec<(String, Spot, Tree)>),
}

/// Why a text is no YAML: never what stands in it.
pub(crate) struct Wrong {
    pub(crate) line: Option<usize>,
    pub(crate) why: String,
}

/// Reads a text.
pub(crate) fn read(text: &str) -> Result<Tree, Wrong> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        // A snippet would put whatever stands in the line, a password too, into the error.
        with_snippet: false,
        // The parser enters what is nested before we could count it.
        budget: serde_saphyr::budget! { max_depth: DEEPEST },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let words = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        Wrong {
            line: error.location().map(|at| spot(at).line).filter(|line| *line > 0),
            why: words.lines().next().unwrap_or_default().trim_end_matches('.').to_owned(),
        }
    })
}

/// Reads a text as Terraform's `yamldecode` does: a document, in which `yes` is true. None is no YAML.
pub(crate) fn document(text: &str) -> Option<serde_json::Value> {
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: DEEPEST } };
    serde_saphyr::from_str_with_options(text, options).ok()
}

fn spot(location: Location) -> Spot {
    let number = |n: u64| usize::try_from(n).unwrap_or(0);
    let byte = location.span().byte_offset().and_then(|start| usize::try_from(start).ok());
    Spot { line: number(location.line()), column: number(location.column()), byte }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Raw>::deserialize(deserializer)?;
        Ok(Self { spot: spot(spanned.defined), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::Large(value), Raw::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = access.next_entry::<Spanned<String>, Tree>()? {
            entries.push((key.value, spot(key.defined), node));
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_nested_without_end_is_refused_before_it_is_entered() {
        for text in ["- ".repeat(7000), "[".repeat(7000), "{a: ".repeat(7000)] {
            assert!(super::read(&text).is_err() && super::document(&text).is_none());
        }
    }
}
