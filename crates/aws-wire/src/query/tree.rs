//! Grows the tree of a Query request's names: `A.member.1.B=x` is `x` below `B` below `1` below `member` below `A`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::bounds;

/// The deepest nesting that any AWS input has is well under this.
const DEPTH: usize = 24;

/// A name of a request: it has a value, or names below it.
pub(super) enum Node {
    Leaf(String),
    Branch(Vec<(String, Node)>),
}

/// While it grows: where a name stands among its siblings.
#[derive(Default)]
struct Growing {
    names: Vec<(String, Twig)>,
    places: HashMap<String, usize>,
}

enum Twig {
    Leaf(String),
    Branch(Growing),
}

/// Builds the tree of `pairs`, without the envelope (`Action`, `Version`, signature).
///
/// # Errors
/// Words for the caller when a name is both a value and a parent, nests too deep, or there are too many.
pub(super) fn grow(pairs: Vec<(String, String)>) -> Result<Vec<(String, Node)>, String> {
    let names: usize = pairs.iter().map(|(key, _)| 1 + key.matches('.').count()).sum();
    if names > bounds::VALUES {
        return Err(format!("the request has more than {} names", bounds::VALUES));
    }
    let mut root = Growing::default();
    for (key, value) in pairs {
        if key == "Action" || key == "Version" || key.starts_with("X-Amz-") {
            continue;
        }
        root.insert(&key, value)
            .ok_or_else(|| format!("The parameter {} is malformed.", key.chars().take(200).collect::<String>()))?;
    }
    Ok(root.done())
}

impl Growing {
    /// None if the name contradicts another one.
    fn insert(&mut self, path: &str, value: String) -> Option<()> {
        let mut place = self;
        let mut segments = path.split('.').peekable();
        for _ in 0..DEPTH {
            let segment = segments.next().filter(|segment| !segment.is_empty())?;
            let is_last = segments.peek().is_none();
            let at = match place.places.entry(segment.to_owned()) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(free) => {
                    let twig = if is_last { Twig::Leaf(String::new()) } else { Twig::Branch(Growing::default()) };
                    place.names.push((segment.to_owned(), twig));
                    *free.insert(place.names.len() - 1)
                }
            };
            match &mut place.names[at].1 {
                // Said twice: the last one counts.
                Twig::Leaf(known) if is_last => {
                    *known = value;
                    return Some(());
                }
                Twig::Branch(inner) if !is_last => place = inner,
                _ => return None,
            }
        }
        None
    }

    fn done(self) -> Vec<(String, Node)> {
        let node = |twig| match twig {
            Twig::Leaf(value) => Node::Leaf(value),
            Twig::Branch(inner) => Node::Branch(inner.done()),
        };
        self.names.into_iter().map(|(name, twig)| (name, node(twig))).collect()
    }
}
