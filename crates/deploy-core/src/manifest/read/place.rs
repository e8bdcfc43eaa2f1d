//! Where in a manifest's text is a thing that is known by its path? For findings that no parser made.

use toml::de::{DeTable, DeValue};

/// Returns line and column, both from 1, of the key at a path such as
/// `stages.staging.variables.DEBUG`, or of the nearest table around it that is written.
///
/// A variable's name may have dots in it: the parts of the path are matched against the keys that
/// there are. None when not even the first part is there.
pub fn place_of(text: &str, path: &str) -> Option<(usize, usize)> {
    let (table, _) = DeTable::parse_recoverable(text);
    let (start, _) = find(table.get_ref(), path)?;
    let before = text.get(..start)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((line, column))
}

/// A manifest's text, asked for its words.
pub struct Written<'t>(DeTable<'t>);

impl<'t> Written<'t> {
    /// Reads a text.
    pub fn of(text: &'t str) -> Self {
        Self(DeTable::parse_recoverable(text).0.into_inner())
    }

    /// Returns the word that really says what a manifest has at a path: the path itself, or what says it for several
    /// services (`defaults.exec`, `sidecars.agent.image`).
    pub fn word(&self, path: &str) -> String {
        let is_there = |path: &&str| find(&self.0, path).is_some_and(|(_, covered)| covered == path.len());
        if is_there(&path) {
            return path.to_owned();
        }
        let mut parts = path.splitn(3, '.');
        let once = match (parts.next(), parts.next(), parts.next()) {
            (Some("schedules"), Some(_), Some("name")) => Some("defaults.rule".to_owned()),
            (Some("services"), Some(_), Some(rest)) => match rest.strip_prefix("containers.") {
                Some(inner) if is_there(&format!("sidecars.{inner}").as_str()) => Some(format!("sidecars.{inner}")),
                Some(inner) => inner.split_once('.').map(|(_, rest)| format!("defaults.{rest}")),
                None => Some(format!("defaults.{rest}")),
            },
            _ => None,
        };
        once.filter(|once| is_there(&once.as_str())).unwrap_or_else(|| path.to_owned())
    }
}

/// Returns where the deepest key on the path starts, and how much of the path it covers.
fn find(table: &DeTable<'_>, path: &str) -> Option<(usize, usize)> {
    let one = |(key, node): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
        let name: &str = key.get_ref();
        let rest = path.strip_prefix(name)?;
        if rest.is_empty() {
            return Some((key.span().start, name.len()));
        }
        let rest = rest.strip_prefix('.')?;
        let inside = match node.get_ref() {
            DeValue::Table(table) => find(table, rest),
            DeValue::Array(items) => item(items, rest),
            _ => None,
        };
        Some(inside.map_or((key.span().start, name.len()), |(start, covered)| (start, name.len() + 1 + covered)))
    };
    table.iter().filter_map(one).max_by_key(|(_, covered)| *covered)
}

/// The same, of a list's item: `0` is the first.
fn item(items: &[toml::Spanned<DeValue<'_>>], path: &str) -> Option<(usize, usize)> {
    let (index, rest) = path.split_once('.').unwrap_or((path, ""));
    let item = items.get(index.parse::<usize>().ok()?)?;
    let inside = match item.get_ref() {
        DeValue::Table(table) if !rest.is_empty() => find(table, rest),
        _ => None,
    };
    Some(inside.map_or((item.span().start, index.len()), |(start, covered)| (start, index.len() + 1 + covered)))
}

#[cfg(test)]
mod tests {
    use super::{Written, place_of};

    const TEXT: &str = "app = \"a\"\n[variables]\nA = 1\n\"B.C\" = 2\n[stages.prod]\nvariables = { A = 2 }\n[stages.prod.services.web]\ncount = 1\n[[accepted]]\nname = \"A\"\n[[accepted]]\nname = \"B\"\n";

    #[test]
    fn a_word_is_where_it_is_written() {
        let text = "[defaults]\nexec = true\nrule = \"r\"\nlog = { prefix = \"p\" }\n[sidecars.agent]\nimage = \"a:1\"\n[services.web]\ncount = 1\n";
        let written = Written::of(text);
        for (path, word) in [
            ("services.web.count", "services.web.count"),
            ("services.web.exec", "defaults.exec"),
            ("services.web.log.prefix", "defaults.log.prefix"),
            ("services.web.containers.app.log.prefix", "defaults.log.prefix"),
            ("services.web.containers.agent.image", "sidecars.agent.image"),
            ("schedules.tick.name", "defaults.rule"),
            ("services.web.memory", "services.web.memory"),
            ("stages.prod.account", "stages.prod.account"),
        ] {
            assert_eq!(written.word(path), word);
        }
    }

    #[test]
    fn a_path_leads_to_its_line() {
        for (path, place) in [
            ("app", Some((1, 1))),
            ("variables.A", Some((3, 1))),
            ("variables.B.C", Some((4, 1))),
            ("stages.prod.variables.A", Some((6, 15))),
            ("stages.prod.services.web.containers.x.variables.A", Some((7, 23))),
            ("variables.B", Some((2, 2))),
            ("secrets.A", None),
            ("accepted.1", Some((11, 1))),
            ("accepted.1.name", Some((12, 1))),
            ("accepted.2", Some((9, 3))),
        ] {
            assert_eq!(place_of(TEXT, path), place, "{path}");
        }
    }
}
