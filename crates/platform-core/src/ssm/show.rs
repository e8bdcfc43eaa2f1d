//! How is a document shown?

use std::collections::BTreeMap;

use aws_model::page::{Order, cut};
use aws_model::{AwsError, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::content;
use super::document::{Document, Version, Which, find};
use crate::operation::read;
use crate::{Cx, Input, World};

/// Returns what a version of a document is, without its content.
pub(super) fn description(cx: &Cx<'_>, document: &Document, version: &Version) -> Value {
    let said = content::read(&document.kind, &version.format, &version.content).unwrap_or_default();
    let mut out = identity(cx, document, version);
    out["Hash"] = json!(content::hash(&version.content));
    out["HashType"] = json!("Sha256");
    out["Status"] = json!("Active");
    out["Parameters"] = json!(content::parameters(&said));
    out["LatestVersion"] = json!(document.versions.last().map_or(1, |version| version.number).to_string());
    out["DefaultVersion"] = json!(document.default.to_string());
    if let Some(text) = said.get("description").and_then(Value::as_str) {
        out["Description"] = json!(text);
    }
    out
}

/// Returns what lists and descriptions have in common.
pub(super) fn identity(cx: &Cx<'_>, document: &Document, version: &Version) -> Value {
    let said = content::read(&document.kind, &version.format, &version.content).unwrap_or_default();
    let mut out = json!({
        "Name": document.name,
        "Owner": cx.account,
        "CreatedDate": seconds(version.created),
        "DocumentVersion": version.number.to_string(),
        "DocumentType": document.kind,
        "DocumentFormat": version.format,
        "PlatformTypes": content::platforms(&document.kind, &said),
        "Tags": document.tags,
    });
    let optional = [
        ("DisplayName", version.display.as_deref()),
        ("VersionName", version.name.as_deref()),
        ("TargetType", document.target.as_deref()),
        ("SchemaVersion", said.get("schemaVersion").and_then(Value::as_str)),
    ];
    for (name, text) in optional {
        if let Some(text) = text {
            out[name] = json!(text);
        }
    }
    if let Some(requires) = &document.requires {
        out["Requires"] = requires.clone();
    }
    out
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (document, version) = read::<Which>(input.clone())?.find(world, cx)?;
    Ok(json!({"Document": description(cx, &document, &version)}))
}

#[derive(Deserialize)]
struct Get {
    #[serde(flatten)]
    which: Which,
    #[serde(rename = "DocumentFormat")]
    format: Option<String>,
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Get { which, format } = read(input.clone())?;
    let (document, version) = which.find(world, cx)?;
    let asked = format.as_deref().filter(|_| version.format != "TEXT");
    let mut out = json!({
        "Name": document.name,
        "CreatedDate": seconds(version.created),
        "DocumentVersion": version.number.to_string(),
        "Status": "Active",
        "Content": content::converted(&version.content, &version.format, asked),
        "DocumentType": document.kind,
        "DocumentFormat": asked.unwrap_or(&version.format),
    });
    for (name, text) in [("DisplayName", &version.display), ("VersionName", &version.name)] {
        if let Some(text) = text {
            out[name] = json!(text);
        }
    }
    if let Some(requires) = document.requires {
        out["Requires"] = requires;
    }
    Ok(out)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Permission {
    name: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn permission(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Permission { name, max_results, next_token } = read(input.clone())?;
    let document = find(world, cx, &name)?;
    let shared: BTreeMap<&String, Value> = document.shared.iter().map(|account| (account, json!(account))).collect();
    let page = cut(shared, Order::Rising, next_token.as_deref(), max_results.unwrap_or(200));
    let mut answer = super::list::answer("AccountIds", page);
    let accounts = answer["AccountIds"].as_array().into_iter().flatten();
    let sharing: Vec<Value> =
        accounts.map(|id| json!({"AccountId": id, "SharedDocumentVersion": "$DEFAULT"})).collect();
    answer["AccountSharingInfoList"] = json!(sharing);
    Ok(answer)
}
