//! Where a value stands in a document.

use std::fmt;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To a member of a structure, or to an entry of a map.
    Name(String),
    /// To an item of a list, from 0.
    Item(usize),
}

/// The steps from the document to a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Returns the path as the services that are made with AWS's own framework say it: `tags.1.member.key`.
    pub fn of_service(&self) -> String {
        self.numbered(|name| {
            let mut letters = name.chars();
            letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
        })
    }

    /// Returns the path as a Query parameter is called: `Tags.member.1.Key`.
    pub fn of_query(&self) -> String {
        let mut words = Vec::new();
        for step in &self.0 {
            match step {
                Step::Name(name) => words.push(name.clone()),
                Step::Item(index) => words.extend(["member".to_owned(), (index + 1).to_string()]),
            }
        }
        words.join(".")
    }

    fn numbered(&self, spelt: impl Fn(&str) -> String) -> String {
        let mut words = Vec::new();
        for step in &self.0 {
            match step {
                Step::Name(name) => words.push(spelt(name)),
                Step::Item(index) => words.extend([(index + 1).to_string(), "member".to_owned()]),
            }
        }
        words.join(".")
    }
}

/// As people write it: `tags[0].key`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if place == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
