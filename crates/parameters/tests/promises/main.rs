//! What Parameter Store promises, against a real store.
#![allow(clippy::unwrap_used)]

mod at_rest;
mod crash;
mod names;
mod rules;
mod versions;

use std::path::Path;
use std::sync::Arc;

use parameters::{Got, NewVersion, ParameterError, ParameterType, Parameters, Value};
use secrets::{SecretText, Secrets};
use store::Store;

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const NEEDLE: &str = "correct-horse-battery-staple";

pub(crate) fn new(name: &str, value: &str) -> NewVersion {
    NewVersion {
        name: name.into(),
        value: SecretText::new(value),
        kind: Some(ParameterType::String),
        overwrite: false,
        description: None,
        allowed_pattern: None,
        key_id: None,
        tier: None,
        tags: Vec::new(),
        data_type: None,
    }
}

pub(crate) fn again(name: &str, value: &str) -> NewVersion {
    NewVersion { kind: None, overwrite: true, ..new(name, value) }
}

pub(crate) fn secure(name: &str, value: &str) -> NewVersion {
    NewVersion { kind: Some(ParameterType::SecureString), ..new(name, value) }
}

pub(crate) fn now() -> parameters::Now {
    Arc::new(|| 1_700_000_000_000)
}

pub(crate) fn over(store: Store, dir: Option<&Path>) -> Parameters {
    let secrets = Secrets::open(store.clone(), dir, ACCOUNT, now()).unwrap();
    Parameters::open(store, &secrets, ACCOUNT, now()).unwrap()
}

pub(crate) fn fresh() -> Parameters {
    over(Store::ephemeral().unwrap(), None)
}

pub(crate) fn open(dir: &Path) -> Parameters {
    over(Store::open(dir).unwrap(), Some(dir))
}

pub(crate) fn text(got: &Got) -> String {
    match &got.value {
        Value::Clear(text) => text.expose().to_owned(),
        Value::Sealed(_) => "sealed".to_owned(),
    }
}

pub(crate) fn read(parameters: &Parameters, id: &str) -> String {
    match parameters.get(REGION, id, true) {
        Ok(got) => format!("{}={}", got.version.number, text(&got)),
        Err(error) => error.code().to_owned(),
    }
}

pub(crate) fn code<T>(result: Result<T, ParameterError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "accepted")
}
