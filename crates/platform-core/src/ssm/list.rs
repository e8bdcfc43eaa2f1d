//! Lists of documents and of versions.

use aws_model::page::{Cut, Order, cut};
use aws_model::{AwsError, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::document::{Document, find};
use super::show;
use crate::operation::read;
use crate::{Cx, Input, World};

/// How many a page has by default.
const USUAL: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    document_filter_list: Vec<Older>,
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// A filter as there were before `Filters`; its members are written small.
#[derive(Deserialize)]
struct Older {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

impl Filter {
    /// API reference, DocumentKeyValuesFilter: names by their beginning, owners by word, tags by key.
    fn takes(&self, shown: &Value) -> Result<bool, AwsError> {
        let any = |test: &dyn Fn(&str) -> bool| self.values.iter().any(|value| test(value));
        let is = |member: &str| any(&|value| shown[member] == value);
        Ok(match self.key.as_str() {
            "Name" => any(&|value| shown["Name"].as_str().is_some_and(|name| name.starts_with(value))),
            "Owner" => any(&|value| matches!(value, "Self" | "Private" | "All") || shown["Owner"] == value),
            "DocumentType" => is("DocumentType"),
            "TargetType" => is("TargetType"),
            "PlatformTypes" => {
                let platforms = shown["PlatformTypes"].as_array().into_iter().flatten();
                platforms.into_iter().any(|platform| any(&|value| platform == value))
            }
            key => match key.strip_prefix("tag:") {
                Some(tag) => {
                    let tags = shown["Tags"].as_array().into_iter().flatten();
                    tags.into_iter()
                        .any(|own| own["Key"] == tag && (self.values.is_empty() || any(&|value| own["Value"] == value)))
                }
                None => {
                    let words = format!("The filter key {key} is not valid.");
                    return Err(AwsError::new("InvalidFilterKey", words));
                }
            },
        })
    }
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { document_filter_list, filters, max_results, next_token } = read(input.clone())?;
    let older = document_filter_list.into_iter().map(|Older { key, value }| Filter { key, values: vec![value] });
    let filters: Vec<Filter> = older.chain(filters).collect();
    let mut items = Vec::new();
    for document in world.records.all::<Document>(cx.region) {
        let Some(version) = document.version(None, None) else { continue };
        let shown = show::identity(cx, &document, version);
        let taken: Vec<bool> = filters.iter().map(|filter| filter.takes(&shown)).collect::<Result<_, _>>()?;
        if taken.into_iter().all(|taken| taken) {
            items.push((document.name.clone(), shown));
        }
    }
    let page = cut(items, Order::Rising, next_token.as_deref(), max_results.unwrap_or(USUAL));
    Ok(answer("DocumentIdentifiers", page))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    name: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn versions(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Versions { name, max_results, next_token } = read(input.clone())?;
    let document = find(world, cx, &name)?;
    // The newest comes first.
    let shown = document.versions.iter().rev().map(|version| {
        let mut out = json!({
            "Name": document.name,
            "DocumentVersion": version.number.to_string(),
            "CreatedDate": seconds(version.created),
            "IsDefaultVersion": version.number == document.default,
            "DocumentFormat": version.format,
            "Status": "Active",
        });
        for (member, text) in [("DisplayName", &version.display), ("VersionName", &version.name)] {
            if let Some(text) = text {
                out[member] = json!(text);
            }
        }
        (format!("{:010}", version.number), out)
    });
    let page = cut(shown, Order::Falling, next_token.as_deref(), max_results.unwrap_or(USUAL));
    Ok(answer("DocumentVersions", page))
}

/// Answers a page.
pub(super) fn answer(member: &str, page: Cut<Value>) -> Value {
    let mut answer = json!({member: page.items});
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    answer
}
