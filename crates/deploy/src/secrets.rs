//! Values of the local stage's secrets: from its dotenv file, else the value kept already,
//! else made up where the manifest allows. Pure, apart from the random numbers handed in.
//!
//! A value never leaves this module except in the document for Secrets Manager.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

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
    /// The JSON text to keep.
    pub text: String,
    /// Whether it differs from what is kept.
    pub changed: bool,
    /// Keys whose value was made up now.
    pub generated: Vec<String>,
    /// Keys whose value differs from what is kept.
    pub keys: Vec<String>,
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled").field("changed", &self.changed).field("generated", &self.generated).finish()
    }
}

/// Returns the secret as it should be, or the keys that have no value from anywhere.
///
/// `kept` is the text in Secrets Manager; keys there that the manifest does not know are
/// left alone.
///
/// # Errors
/// Every key without a value.
pub fn settle(
    keys: &[Key],
    given: &BTreeMap<String, String>,
    kept: Option<&str>,
    mut random: impl FnMut() -> String,
) -> Result<Settled, Vec<String>> {
    let before = kept.and_then(|text| serde_json::from_str::<serde_json::Map<String, Value>>(text).ok());
    let mut after = before.clone().unwrap_or_default();
    let (mut generated, mut missing) = (Vec::new(), Vec::new());
    for key in keys {
        let value = match (given.get(&key.name), after.get(&key.name)) {
            (Some(value), _) => Value::String(value.clone()),
            (None, Some(value)) => value.clone(),
            (None, None) if key.generate => {
                generated.push(key.name.clone());
                Value::String(random())
            }
            (None, None) => {
                missing.push(key.name.clone());
                continue;
            }
        };
        after.insert(key.name.clone(), value);
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    let kept = |name: &str| before.as_ref().and_then(|before| before.get(name));
    let differs = |key: &&Key| kept(&key.name) != after.get(&key.name);
    let changed_keys = keys.iter().filter(differs).map(|key| key.name.clone()).collect();
    let changed = before.as_ref() != Some(&after);
    Ok(Settled { changed, keys: changed_keys, text: Value::Object(after).to_string(), generated })
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

    fn check(given: &[(&str, &str)], kept: Option<&str>, expected: Result<&str, &str>) {
        let keys = [Key { name: "A".into(), generate: false }, Key { name: "B".into(), generate: true }];
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let found = settle(&keys, &given, kept, || "random".into());
        let found = found.map(|s| format!("{} {}", s.text, if s.changed { "changed" } else { "same" }));
        assert_eq!(found, expected.map(str::to_owned).map_err(|missing| vec![missing.to_owned()]));
    }

    #[test]
    fn given_beats_kept_beats_generated() {
        check(&[("A", "1")], None, Ok(r#"{"A":"1","B":"random"} changed"#));
        check(&[("A", "2")], Some(r#"{"A":"1","B":"x"}"#), Ok(r#"{"A":"2","B":"x"} changed"#));
        check(&[], Some(r#"{"A":"1","B":"x"}"#), Ok(r#"{"A":"1","B":"x"} same"#));
        check(&[], Some(r#"{"OTHER":"kept","A":"1"}"#), Ok(r#"{"OTHER":"kept","A":"1","B":"random"} changed"#));
        check(&[], None, Err("A"));
        check(&[], Some("not json"), Err("A"));
    }

    #[test]
    fn a_settled_secret_does_not_show_its_value() {
        let settled = Settled { text: "hunter2".into(), changed: true, generated: vec!["A".into()], keys: vec![] };
        assert!(!format!("{settled:?}").contains("hunter2"));
    }

    #[test]
    fn random_values_differ() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
