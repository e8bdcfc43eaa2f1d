//! CreateDocument.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::content;
use super::document::{Document, Tag, Version};
use super::show;
use super::tags;
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Most documents of an account in a region (Systems Manager's quotas).
const MOST: usize = 500;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    content: String,
    document_type: Option<String>,
    document_format: Option<String>,
    display_name: Option<String>,
    version_name: Option<String>,
    target_type: Option<String>,
    requires: Option<Value>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    unsupported(&input)?;
    let create: Create = read(input)?;
    let name = create.name;
    // API reference, `Name`: prefixes that AWS reserves.
    let lower = name.to_ascii_lowercase();
    if ["aws", "amazon", "amzn"].iter().any(|prefix| lower.starts_with(prefix)) {
        let words = format!("Document name {name} has a prefix that is reserved: aws, amazon, amzn.");
        return Err(AwsError::new("ValidationException", words));
    }
    if world.records.get::<Document>(cx.region, &name).is_some() {
        let words = format!("Document with same name {name} already exists");
        return Err(AwsError::new("DocumentAlreadyExists", words));
    }
    if world.records.all::<Document>(cx.region).count() >= MOST {
        return Err(AwsError::new(
            "DocumentLimitExceeded",
            "You can have at most 500 active Systems Manager documents.",
        ));
    }
    let kind = create.document_type.unwrap_or_else(|| "Command".to_owned());
    let format = create.document_format.unwrap_or_else(|| "JSON".to_owned());
    content::read(&kind, &format, &create.content)?;
    let mut tags = Vec::new();
    tags::lay_over(&mut tags, create.tags)?;
    let document = Document {
        region: cx.region.to_owned(),
        name,
        kind,
        target: create.target_type,
        requires: create.requires,
        created: cx.now,
        default: 1,
        last: 1,
        versions: vec![Version {
            number: 1,
            name: create.version_name,
            display: create.display_name,
            content: create.content,
            format,
            created: cx.now,
        }],
        shared: Vec::new(),
        tags,
    };
    let reply = json!({"DocumentDescription": show::description(cx, &document, &document.versions[0])});
    Ok(Outcome { reply, changes: vec![Change::put(&document)] })
}

/// Attachments are files in buckets; who may run a document elsewhere is said of machines that are not here.
pub(super) fn unsupported(input: &Input) -> Result<(), AwsError> {
    match ["Attachments", "CloudProviders"].iter().find(|name| input.contains_key(**name)) {
        Some(name) => {
            let words = format!("{name} is not supported by managr's platform yet");
            Err(AwsError::new("ValidationException", words))
        }
        None => Ok(()),
    }
}
