//! Which values should a stage's secret have? From its dotenv file, else the value kept already,
//! else made up where the manifest allows. Pure, apart from the random numbers handed in.
//!
//! A value never leaves this module except in the document for Secrets Manager.

use std::collections::BTreeMap;
use std::fmt;

use deploy_core::vars::json::{self, NotAnObject};
use serde_json::{Map, Value};

/// One key of the stage's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Key in the JSON secret.
    pub name: String,
    /// Whether a random value may be made up.
    pub generate: bool,
}

/// The stage's secret as it should be.
#[derive(Clone, PartialEq, Eq)]
pub struct Settled {
    /// The JSON text to keep; byte for byte what is kept if no key differs.
    pub text: String,
    /// Keys whose value was made up now.
    pub generated: Vec<String>,
    /// Keys whose value differs from what is kept.
    pub keys: Vec<String>,
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled").field("keys", &self.keys).field("generated", &self.generated).finish_non_exhaustive()
    }
}

/// Why a secret cannot be as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsettled {
    /// Keys that have no value from anywhere: every one.
    Missing(Vec<String>),
    /// What is kept is no object, and would be lost.
    NotAnObject,
}

impl From<NotAnObject> for Unsettled {
    fn from(_: NotAnObject) -> Self {
        Self::NotAnObject
    }
}

/// Returns the secret as it should be.
///
/// `kept` is the text in Secrets Manager, or `{}`. Other keys there, and those that have the right value, keep
/// their bytes: other tools may have written them.
///
/// # Errors
/// See [`Unsettled`].
pub fn settle(
    keys: &[Key],
    given: &BTreeMap<String, String>,
    kept: &str,
    mut random: impl FnMut() -> String,
) -> Result<Settled, Unsettled> {
    let before: Map<String, Value> = serde_json::from_str(kept).map_err(|_| NotAnObject)?;
    let mut settled = Settled { text: kept.to_owned(), generated: Vec::new(), keys: Vec::new() };
    let mut missing = Vec::new();
    for Key { name, generate } in keys {
        let value = match (given.get(name), before.get(name)) {
            (Some(value), Some(Value::String(kept))) if value == kept => continue,
            (Some(value), _) => value.clone(),
            (None, Some(_)) => continue,
            (None, None) if *generate => {
                settled.generated.push(name.clone());
                random()
            }
            (None, None) => {
                missing.push(name.clone());
                continue;
            }
        };
        settled.text = json::set(&settled.text, name, &value)?;
        settled.keys.push(name.clone());
    }
    if missing.is_empty() { Ok(settled) } else { Err(Unsettled::Missing(missing)) }
}

/// Returns a random value: 48 characters that need no quoting anywhere.
///
/// # Errors
/// When the system has no randomness.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[(&str, &str)], kept: &str, expected: Result<&str, Unsettled>) {
        let keys = [Key { name: "A".into(), generate: false }, Key { name: "B".into(), generate: true }];
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let found = settle(&keys, &given, kept, || "random".into());
        let found = found.map(|s| format!("{} changed {}", s.text, s.keys.join(" ")));
        assert_eq!(found, expected.map(str::to_owned));
    }

    #[test]
    fn given_beats_kept_beats_generated() {
        check(&[("A", "1")], "{}", Ok(r#"{"A":"1","B":"random"} changed A B"#));
        check(&[("A", "2")], r#"{"A":"1","B":"x"}"#, Ok(r#"{"A":"2","B":"x"} changed A"#));
        check(&[], "{\n \"A\": \"1\", \"B\": \"x\" }", Ok("{\n \"A\": \"1\", \"B\": \"x\" } changed "));
        check(&[], r#"{"OTHER":1.50,"A":"1"}"#, Ok(r#"{"OTHER":1.50,"A":"1","B":"random"} changed B"#));
        check(&[], "{}", Err(Unsettled::Missing(vec!["A".to_owned()])));
    }

    #[test]
    fn what_is_no_object_is_not_written_over() {
        check(&[("A", "1")], "not json", Err(Unsettled::NotAnObject));
        check(&[("A", "1")], "", Err(Unsettled::NotAnObject));
    }

    #[test]
    fn a_settled_secret_does_not_show_its_value() {
        let settled = Settled { text: "hunter2".into(), generated: vec!["A".into()], keys: vec![] };
        assert!(!format!("{settled:?}").contains("hunter2"));
    }

    #[test]
    fn random_values_differ() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
