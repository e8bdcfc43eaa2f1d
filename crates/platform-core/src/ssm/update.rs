//! What changes a document, and its end.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::content;
use super::create::unsupported;
use super::document::{Document, Version, find, no_version};
use super::show;
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Most versions of a document (Systems Manager's quotas).
const MOST: usize = 1_000;
/// Most accounts that a document is shared with (Systems Manager's quotas).
const SHARED: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    name: String,
    content: String,
    document_version: Option<String>,
    document_format: Option<String>,
    display_name: Option<String>,
    version_name: Option<String>,
    target_type: Option<String>,
}

pub(super) fn update(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    unsupported(&input)?;
    let update: Update = read(input)?;
    let mut document = find(world, cx, &update.name)?;
    let named = update.document_version.as_deref();
    let before = document.version(named, None).ok_or_else(no_version)?.clone();
    let format = update.document_format.unwrap_or_else(|| before.format.clone());
    content::read(&document.kind, &format, &update.content)?;
    if document.versions.iter().any(|version| content::hash(&version.content) == content::hash(&update.content)) {
        let words = "The content of the association document matches another document. Change the content of the \
                     document and try again.";
        return Err(AwsError::new("DuplicateDocumentContent", words));
    }
    if let Some(name) = &update.version_name
        && document.versions.iter().any(|version| version.name.as_ref() == Some(name))
    {
        let words = "The version name has already been used in this document. Specify a different version name, and \
                     then try again.";
        return Err(AwsError::new("DuplicateDocumentVersionName", words));
    }
    if document.versions.len() >= MOST {
        let words = "The document has too many versions. Delete one or more document versions and try again.";
        return Err(AwsError::new("DocumentVersionLimitExceeded", words));
    }
    document.last += 1;
    document.target = update.target_type.or(document.target);
    let version = Version {
        number: document.last,
        name: update.version_name,
        display: update.display_name.or(before.display),
        content: update.content,
        format,
        created: cx.now,
    };
    document.versions.push(version.clone());
    let reply = json!({"DocumentDescription": show::description(cx, &document, &version)});
    Ok(Outcome { reply, changes: vec![Change::put(&document)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Default {
    name: String,
    document_version: String,
}

pub(super) fn default_version(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Default { name, document_version } = read(input)?;
    let mut document = find(world, cx, &name)?;
    let version = document.version(Some(&document_version), None).ok_or_else(no_version)?.clone();
    document.default = version.number;
    let mut description = json!({"Name": document.name, "DefaultVersion": document_version});
    if let Some(name) = version.name {
        description["DefaultVersionName"] = json!(name);
    }
    Ok(Outcome { reply: json!({"Description": description}), changes: vec![Change::put(&document)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    name: String,
    document_version: Option<String>,
    version_name: Option<String>,
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Delete { name, document_version, version_name } = read(input)?;
    let mut document = find(world, cx, &name)?;
    if !document.shared.is_empty() {
        let words = "You must first unshare the document before you can delete it.";
        return Err(AwsError::new("InvalidDocumentOperation", words));
    }
    let done = |changes| Ok(Outcome { reply: json!({}), changes });
    if document_version.is_none() && version_name.is_none() {
        return done(vec![Change::remove::<Document>(cx.region, &document.name)]);
    }
    let version = document.version(document_version.as_deref(), version_name.as_deref()).ok_or_else(no_version)?;
    let number = version.number;
    if number == document.default {
        let words = "Default version of the document can't be deleted.";
        return Err(AwsError::new("InvalidDocumentOperation", words));
    }
    document.versions.retain(|version| version.number != number);
    done(vec![Change::put(&document)])
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Permission {
    name: String,
    #[serde(default)]
    account_ids_to_add: Vec<String>,
    #[serde(default)]
    account_ids_to_remove: Vec<String>,
}

/// Who a document is shared with is kept: the platform has one account, and no other reader.
pub(super) fn permission(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Permission { name, account_ids_to_add, account_ids_to_remove } = read(input)?;
    let mut document = find(world, cx, &name)?;
    let is_all = |id: &String| id.eq_ignore_ascii_case("all");
    if account_ids_to_add.iter().any(is_all) && account_ids_to_add.len() > 1 {
        return Err(AwsError::new("InvalidPermissionType", "A document is shared with all, or with accounts."));
    }
    document.shared.retain(|id| !account_ids_to_remove.contains(id));
    for id in account_ids_to_add {
        let id = if is_all(&id) { "all".to_owned() } else { id };
        if !document.shared.contains(&id) {
            document.shared.push(id);
        }
    }
    if document.shared.len() > SHARED {
        return Err(AwsError::new("DocumentPermissionLimit", "The document can't be shared with more AWS accounts."));
    }
    Ok(Outcome { reply: Value::Object(serde_json::Map::new()), changes: vec![Change::put(&document)] })
}
