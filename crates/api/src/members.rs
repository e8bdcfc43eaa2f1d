//! Takes members out of a JSON input, by the type that the model gives them. A refusal names the
//! member and never quotes the value: it may be a secret.

use aws_model::AwsError;
use platform_core::Input;
use serde_json::Value;

/// An input being read; what is taken is gone from it.
pub(crate) struct Members(pub(crate) Input);

impl Members {
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, AwsError> {
        self.0.remove(name).map(|value| string(name, value)).transpose()
    }

    /// # Errors
    /// Also when the member is not there: all services here model `InvalidParameterException`.
    pub(crate) fn needed(&mut self, name: &str) -> Result<String, AwsError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, AwsError> {
        self.0.remove(name).map(|value| value.as_bool().ok_or_else(|| wrong(name, "a boolean"))).transpose()
    }

    pub(crate) fn number(&mut self, name: &str) -> Result<Option<i64>, AwsError> {
        self.0.remove(name).map(|value| value.as_i64().ok_or_else(|| wrong(name, "an integer"))).transpose()
    }

    /// A number of things: not negative.
    pub(crate) fn count(&mut self, name: &str) -> Result<Option<usize>, AwsError> {
        let number = self.number(name)?;
        number.map(|n| usize::try_from(n).map_err(|_| invalid(name, "must not be negative"))).transpose()
    }

    pub(crate) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, AwsError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(wrong(name, "a list")),
        }
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, AwsError> {
        let list = self.list(name)?;
        list.map(|items| items.into_iter().map(|item| string(name, item)).collect()).transpose()
    }

    /// A list of structures.
    pub(crate) fn structures(&mut self, name: &str) -> Result<Option<Vec<Members>>, AwsError> {
        let one = |item| match item {
            Value::Object(members) => Ok(Members(members)),
            _ => Err(wrong(name, "a list of structures")),
        };
        self.list(name)?.map(|items| items.into_iter().map(one).collect()).transpose()
    }

    /// A map, or a structure.
    pub(crate) fn members(&mut self, name: &str) -> Result<Option<Input>, AwsError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(_) => Err(wrong(name, "a map")),
        }
    }

    /// Refuses what we know of and cannot do, rather than leave it out in silence.
    pub(crate) fn refuse(&self, names: &[&str]) -> Result<(), AwsError> {
        match names.iter().find(|name| self.0.contains_key(**name)) {
            Some(name) => Err(invalid(name, "is not supported by managr's platform yet")),
            None => Ok(()),
        }
    }
}

fn string(name: &str, value: Value) -> Result<String, AwsError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(name, "a string")),
    }
}

fn wrong(name: &str, kind: &str) -> AwsError {
    AwsError::new("SerializationException", format!("{name} must be {kind}"))
}

pub(crate) fn invalid(name: &str, words: &str) -> AwsError {
    AwsError::invalid_parameter(format!("{name} {words}"))
}

pub(crate) fn missing(name: &str) -> AwsError {
    AwsError::invalid_parameter(format!(
        "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_names_the_member_and_not_its_value() {
        let Value::Object(input) = json!({"SecretString": 1234, "Tags": "hunter2", "N": -1}) else { unreachable!() };
        let mut members = Members(input);
        for (error, name) in [
            (members.text("SecretString").unwrap_err(), "SecretString"),
            (members.list("Tags").unwrap_err(), "Tags"),
            (members.count("N").unwrap_err(), "N"),
            (members.needed("SecretId").unwrap_err(), "SecretId"),
        ] {
            assert!(error.message.contains(name), "{error}");
            assert!(!error.message.contains("1234") && !error.message.contains("hunter2"), "{error}");
        }
    }
}
