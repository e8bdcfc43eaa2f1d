//! Parameter Store: reads the input, asks [`parameters::Parameters`], writes the answer.
//!
//! Parameter policies and data types other than `text` are refused.

mod answers;
mod input;

use aws_model::AwsError;
use parameters::{ByPath, Parameters};
use serde_json::{Value, json};

use super::with_token;
use crate::members::{Members, invalid, missing};
use crate::state::State;

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &[
    "AddTagsToResource",
    "DeleteParameter",
    "DeleteParameters",
    "DescribeParameters",
    "GetParameter",
    "GetParameterHistory",
    "GetParameters",
    "GetParametersByPath",
    "LabelParameterVersion",
    "ListTagsForResource",
    "PutParameter",
    "RemoveTagsFromResource",
    "UnlabelParameterVersion",
];

/// Answers one of [`OPERATIONS`].
pub(super) async fn answer(
    state: &State,
    region: &str,
    operation: &str,
    input: &mut Members,
) -> Result<Value, AwsError> {
    let parameters = &state.parameters;
    match operation {
        "GetParameter" => {
            let got = parameters.get(region, &input.needed("Name")?, input::decrypt(input)?)?;
            Ok(json!({"Parameter": answers::value(&got, &state.account)}))
        }
        "GetParameters" => {
            let names = input::names(input)?;
            let found = parameters.get_all(region, &names, input::decrypt(input)?)?;
            let values: Vec<Value> = found.values.iter().map(|got| answers::value(got, &state.account)).collect();
            Ok(json!({"Parameters": values, "InvalidParameters": found.invalid}))
        }
        "GetParametersByPath" => by_path(state, region, input),
        "GetParameterHistory" => history(state, region, input),
        "DescribeParameters" => describe(state, region, input),
        "ListTagsForResource" => {
            let name = input::tagged(input)?;
            let parameter =
                parameters.describe(region, &name).map_err(|_| parameters::ParameterError::ResourceId(name))?;
            Ok(json!({"TagList": answers::tags(&parameter)}))
        }
        _ => write(parameters, region, operation, input).await,
    }
}

/// Answers the operations that change something.
async fn write(parameters: &Parameters, region: &str, operation: &str, input: &mut Members) -> Result<Value, AwsError> {
    match operation {
        "PutParameter" => {
            let put = parameters.put(region, input::new_version(input)?).await?;
            Ok(json!({"Version": put.version, "Tier": put.tier.as_str()}))
        }
        "DeleteParameter" => {
            parameters.delete(region, &input.needed("Name")?).await?;
            Ok(json!({}))
        }
        "DeleteParameters" => {
            let names = input::names(input)?;
            let deleted = parameters.delete_all(region, names.clone()).await?;
            let invalid: Vec<String> = names.into_iter().filter(|name| !deleted.contains(name)).collect();
            Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
        }
        "LabelParameterVersion" => {
            let (name, version) = (input.needed("Name")?, input.number("ParameterVersion")?);
            let done = parameters.label(region, &name, version, input::labels(input)?).await?;
            Ok(json!({"InvalidLabels": done.invalid, "ParameterVersion": done.version}))
        }
        "UnlabelParameterVersion" => {
            let name = input.needed("Name")?;
            let version = input.number("ParameterVersion")?.ok_or_else(|| missing("parameterVersion"))?;
            let done = parameters.unlabel(region, &name, version, input::labels(input)?).await?;
            Ok(json!({"RemovedLabels": done.done, "InvalidLabels": done.invalid}))
        }
        "AddTagsToResource" => {
            let name = input::tagged(input)?;
            let tags = input::tags(input)?.ok_or_else(|| missing("tags"))?;
            parameters.tag(region, &name, tags).await?;
            Ok(json!({}))
        }
        "RemoveTagsFromResource" => {
            let name = input::tagged(input)?;
            let keys = input.texts("TagKeys")?.ok_or_else(|| missing("tagKeys"))?;
            parameters.untag(region, &name, keys).await?;
            Ok(json!({}))
        }
        _ => Err(AwsError::server(format!("{operation} is offered and has no answer"))),
    }
}

fn by_path(state: &State, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let query = ByPath {
        path: input.needed("Path")?,
        recursive: input.flag("Recursive")?.unwrap_or(false),
        filters: input::filters(input)?,
        decrypt: input::decrypt(input)?,
        max: input.count("MaxResults")?,
        token: input.text("NextToken")?,
    };
    let page = state.parameters.by_path(region, query)?;
    let values: Vec<Value> = page.items.iter().map(|got| answers::value(got, &state.account)).collect();
    Ok(with_token(json!({"Parameters": values}), page.next))
}

fn history(state: &State, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let (name, decrypt) = (input.needed("Name")?, input::decrypt(input)?);
    let (max, token) = (input.count("MaxResults")?, input.text("NextToken")?);
    let page = state.parameters.history(region, &name, decrypt, max, token.as_deref())?;
    let versions: Vec<Value> = page.items.iter().map(|got| answers::past(got, &state.account)).collect();
    Ok(with_token(json!({"Parameters": versions}), page.next))
}

fn describe(state: &State, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let (filters, older) = (input::filters(input)?, input::older_filters(input)?);
    let filters = match (filters.is_empty(), older.is_empty()) {
        (false, false) => return Err(invalid("Filters", "and ParameterFilters can't be used in a single request")),
        (false, true) => filters,
        (true, _) => older,
    };
    let (max, token) = (input.count("MaxResults")?, input.text("NextToken")?);
    let page = state.parameters.list(region, filters, max, token.as_deref())?;
    // Nobody shares a parameter with a platform that has one account.
    let shared = input.flag("Shared")?.unwrap_or(false);
    let items = page.items.iter().filter(|_| !shared).map(|p| answers::description(p, &state.account));
    let items: Vec<Value> = items.collect();
    Ok(with_token(json!({"Parameters": items}), page.next.filter(|_| !shared)))
}
