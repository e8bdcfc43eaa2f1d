//! Which rules wait for events on a bus? Followed with every rule that changes, so that an event costs nothing where
//! no rule waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_model::Document;
use serde_json::Value;

use super::pattern::Pattern;

/// The enabled rules with a pattern, by region and bus.
#[derive(Debug, Clone, Default)]
pub struct Listening {
    buses: BTreeMap<(String, String), Rules>,
}

/// Rules of a bus by id: the pattern's text, and what it means.
type Rules = BTreeMap<String, (String, Arc<Pattern>)>;

impl Listening {
    /// Whether no rule waits for anything.
    pub fn is_empty(&self) -> bool {
        self.buses.is_empty()
    }

    /// Returns the ids of the rules that wait for an event.
    pub fn of<'l>(&'l self, region: &str, bus: &str, event: &'l Document) -> impl Iterator<Item = &'l str> + use<'l> {
        let rules = self.buses.get(&(region.to_owned(), bus.to_owned()));
        let rules = rules.into_iter().flatten();
        rules.filter(|(_, (_, pattern))| pattern.matches(event)).map(|(id, _)| id.as_str())
    }

    /// Follows a rule's row; none if it is gone.
    pub(crate) fn follow(&mut self, region: &str, id: &str, row: Option<&Value>) {
        let bus = id.rsplit_once('/').map_or(id, |(bus, _)| bus);
        let key = (region.to_owned(), bus.to_owned());
        let is_on = |row: &&Value| row["state"] != "DISABLED";
        let text = row.filter(is_on).and_then(|row| row["pattern"].as_str());
        let Some(text) = text else {
            if let Some(rules) = self.buses.get_mut(&key) {
                rules.remove(id);
                if rules.is_empty() {
                    self.buses.remove(&key);
                }
            }
            return;
        };
        let rules = self.buses.entry(key).or_default();
        if rules.get(id).is_some_and(|(known, _)| known == text) {
            return;
        }
        // It was read when it was put.
        if let Ok(pattern) = Pattern::parse(text) {
            rules.insert(id.to_owned(), (text.to_owned(), Arc::new(pattern)));
        }
    }
}
