//! Which values must never be shown?
//!
//! Those of variables that say `sensitive = true`, those whose name says what they are, and those that flow into a
//! secret (found by evaluating with everything hidden).

use std::collections::BTreeSet;

use super::value::Value;

/// Words of a name that say that its value is a credential.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "secrets",
    "token",
    "apikey",
    "credential",
    "credentials",
    "pw",
    "passcode",
    "privatekey",
];
/// Words before `key` that make it one.
const KEYS: [&str; 10] =
    ["api", "access", "secret", "private", "signing", "encryption", "auth", "license", "app", "master"];
/// Last words that say that the value is about a credential and not one itself.
const ABOUT: [&str; 31] = [
    "arn",
    "arns",
    "name",
    "names",
    "path",
    "file",
    "length",
    "expiry",
    "expiration",
    "ttl",
    "lifetime",
    "minutes",
    "seconds",
    "hours",
    "days",
    "enabled",
    "host",
    "header",
    "prefix",
    "rotation",
    "policy",
    "version",
    "timeout",
    "count",
    "limit",
    "type",
    "age",
    "url",
    "uri",
    "endpoint",
    "from",
];

/// Returns whether a name says that its value is a credential, such as `DB_PASSWORD` or `stripeApiKey`.
pub(super) fn looks_sensitive(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else { return false };
    if ABOUT.contains(&last.as_str()) {
        return false;
    }
    // `secret_id` says which secret; `access_key_id` is a part of one.
    let word = last != "id" && words.iter().any(|word| WORDS.contains(&word.as_str()));
    word || words.windows(2).any(|pair| KEYS.contains(&pair[0].as_str()) && pair[1] == "key")
}

/// What is known about the sensitivity of variables.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Everything is hidden: the run that finds out what flows where.
    pub(super) everything: bool,
    /// Leaves that flow into a secret, such as `var.environments.staging.db_password`.
    pub(super) leaves: BTreeSet<String>,
}

impl Rules {
    /// Returns a variable's value with what is sensitive in it hidden.
    pub(super) fn applied(&self, path: &str, declared: bool, value: Value) -> Value {
        let name = path.rsplit('.').next().unwrap_or(path);
        match value {
            Value::Map(values) => {
                let inner = declared || looks_sensitive(name);
                let pair = values.contains_key("valueFrom") || values.contains_key("value_from");
                let applied = |(key, value): (String, Value)| {
                    let path = format!("{path}.{key}");
                    let scalar = !matches!(value, Value::Map(_) | Value::List(_));
                    let value = if inner && scalar && !pair && is_worth_hiding(&value) {
                        self.leaf(&path, true, value)
                    } else {
                        self.applied(&path, declared, value)
                    };
                    (key, value)
                };
                Value::Map(values.into_iter().map(applied).collect())
            }
            Value::List(values) => {
                let applied = |(index, value)| match value {
                    value @ (Value::Map(_) | Value::List(_)) => {
                        self.applied(&format!("{path}.{index}"), declared, value)
                    }
                    value => {
                        // `secrets = ["DB_PASSWORD"]` lists names of secrets.
                        let named = words(name).last().is_some_and(|word| word == "secrets") && is_name(&value);
                        let sensitive = looks_sensitive(name) && is_worth_hiding(&value) && !named;
                        self.leaf(&format!("{path}.{index}"), declared || sensitive, value)
                    }
                };
                Value::List(values.into_iter().enumerate().map(applied).collect())
            }
            value => {
                let named = looks_sensitive(name) && is_worth_hiding(&value);
                self.leaf(path, declared || named, value)
            }
        }
    }

    fn leaf(&self, path: &str, sensitive: bool, value: Value) -> Value {
        let flows = self.leaves.contains(path) && !is_setting(path, &value);
        // A value that comes from another module is marked already, by the name of its first variable.
        if (sensitive || self.everything || flows) && value.any_secret().is_none() {
            return value.hidden(path);
        }
        value
    }
}

/// A port or a truth in a whole configuration that is kept as a secret is a setting of it, and used elsewhere as one; to hide
/// it would take ports away from containers. What is called like a credential is none, whatever it is.
fn is_setting(path: &str, value: &Value) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    let is_named = looks_sensitive(path) || words(name).iter().any(|word| word == "pin" || word == "code");
    let is_small = match value {
        Value::Bool(_) => true,
        Value::Number(number) => number.as_u64().is_some_and(|number| number <= u64::from(u16::MAX)),
        _ => false,
    };
    is_small && !is_named
}

/// Numbers, truths, empty texts and ARNs under a name that sounds sensitive are settings.
fn is_worth_hiding(value: &Value) -> bool {
    match value {
        Value::Text(text) => {
            let known = text.known().unwrap_or_default();
            !known.is_empty() && !known.starts_with("arn:") && known.parse::<bool>().is_err()
        }
        _ => false,
    }
}

/// A name of a variable, such as `DB_PASSWORD`.
fn is_name(value: &Value) -> bool {
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    matches!(value, Value::Text(text) if text.known().is_some_and(|text| text.chars().all(upper)))
}

/// Returns the words of a name in lower case: `stripeApiKey` and `STRIPE_API_KEY` are the same three.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let starts = c.is_uppercase() && before.is_lowercase();
        if !c.is_alphanumeric() || starts {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("never empty").extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::looks_sensitive;

    #[test]
    fn a_name_tells_a_credential_from_a_setting_about_one() {
        for name in ["DB_PASSWORD", "stripeApiKey", "SECRET_KEY", "github_token", "AWS_ACCESS_KEY_ID", "db_pass"] {
            assert!(looks_sensitive(name), "{name}");
        }
        for name in [
            "PASSWORD_MIN_LENGTH",
            "TOKEN_URL",
            "secret_arn",
            "secret_id",
            "PUBLIC_KEY",
            "COMPASS",
            "KEYBOARD",
            "tokens",
        ] {
            assert!(!looks_sensitive(name), "{name}");
        }
    }
}
