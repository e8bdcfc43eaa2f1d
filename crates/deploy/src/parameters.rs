//! Parameter Store, as far as releases and leases need it: small texts by name, made once or
//! written over.
//!
//! Chosen as the place where releases are kept because it is there in every account without
//! being set up, costs nothing at this size, tells the time of every write by its own clock, and
//! makes a name exactly once (`Overwrite=false`): all that a lease needs. Secrets Manager costs
//! money for every secret, tags of task definitions hold 256 characters, and neither can refuse
//! the second of two writers.

use aws::{CallError, Client, SSM, items};
use aws_model::{Document, Millis};
use serde_json::{Value, json};

use crate::observe::{object, text};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    /// Its whole name.
    pub(crate) name: String,
    pub(crate) value: String,
    /// When it was written last, by the store's clock.
    pub(crate) modified_at: Millis,
}

/// Makes a parameter; false when it is there already.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn create(client: &Client, name: &str, value: &str) -> Result<bool, CallError> {
    match put(client, name, value, false).await {
        Ok(()) => Ok(true),
        Err(error) if error.is("ParameterAlreadyExists") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes a parameter over.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn overwrite(client: &Client, name: &str, value: &str) -> Result<(), CallError> {
    put(client, name, value, true).await
}

async fn put(client: &Client, name: &str, value: &str, overwrite: bool) -> Result<(), CallError> {
    let mut input = object(json!({
        "Name": name, "Value": value, "Type": "String", "Overwrite": overwrite,
        // 4 KB are free; a longer one is still kept (up to 8 KB).
        "Tier": "Intelligent-Tiering",
    }));
    if !overwrite {
        input.insert("Description".to_owned(), "kept by managr".into());
    }
    client.call(&SSM, "PutParameter", input).await.map(drop)
}

/// Returns the parameters directly below a path, by name.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn below(client: &Client, path: &str) -> Result<Vec<Parameter>, CallError> {
    // Ten is the most that one page holds (API reference, GetParametersByPath).
    let mut input = object(json!({ "Path": path, "MaxResults": 10 }));
    let mut found = Vec::new();
    loop {
        let answer = client.call(&SSM, "GetParametersByPath", input.clone()).await?;
        found.extend(items(&answer, "Parameters").iter().filter_map(Value::as_object).map(read));
        if !aws::go_on(&mut input, &answer) {
            break;
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn read(parameter: &Document) -> Parameter {
    let seconds = parameter.get("LastModifiedDate").and_then(Value::as_f64).unwrap_or_default();
    Parameter {
        name: text(parameter, "Name").to_owned(),
        value: text(parameter, "Value").to_owned(),
        modified_at: (seconds * 1000.0) as Millis,
    }
}

/// Deletes parameters; those that are not there are no fault.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn delete(client: &Client, names: &[String]) -> Result<(), CallError> {
    for chunk in names.chunks(10) {
        client.call(&SSM, "DeleteParameters", object(json!({ "Names": chunk }))).await?;
    }
    Ok(())
}

/// Returns where a stage keeps something.
pub(crate) fn path(app: &str, stage: &str, what: &str) -> String {
    format!("/managr/{app}/{stage}/{what}")
}
