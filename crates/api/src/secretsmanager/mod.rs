//! Secrets Manager: reads the input, asks [`secrets::Secrets`], writes the answer.
//!
//! Replication and rotation are refused; resource policies are kept and not enforced.

mod answers;
mod input;

use aws_model::{AwsError, seconds};
use secrets::{ListQuery, Removal, Secrets, password};
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::members::{Members, invalid, missing};
use crate::state::State;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &[
    "BatchGetSecretValue",
    "CreateSecret",
    "DeleteResourcePolicy",
    "DeleteSecret",
    "DescribeSecret",
    "GetRandomPassword",
    "GetResourcePolicy",
    "GetSecretValue",
    "ListSecretVersionIds",
    "ListSecrets",
    "PutResourcePolicy",
    "PutSecretValue",
    "RestoreSecret",
    "TagResource",
    "UntagResource",
    "UpdateSecret",
    "UpdateSecretVersionStage",
];

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    let secrets = &state.secrets;
    let (region, mut input) = (call.region.as_str(), Members(call.input));
    let answer = match call.operation.as_str() {
        "GetSecretValue" => value(secrets, region, &mut input)?,
        "DescribeSecret" => answers::description(&*secrets.describe(region, &input.needed("SecretId")?)?),
        "ListSecrets" => list(secrets, region, &mut input)?,
        "ListSecretVersionIds" => versions(secrets, region, &mut input)?,
        "BatchGetSecretValue" => batch(secrets, region, &mut input)?,
        "GetRandomPassword" => json!({"RandomPassword": password(&input::password_rules(&mut input)?)?.expose()}),
        "GetResourcePolicy" => {
            let secret = secrets.describe(region, &input.needed("SecretId")?)?;
            let mut answer = answers::identity(&secret);
            if let Some(policy) = &secret.policy {
                answer["ResourcePolicy"] = json!(policy);
            }
            answer
        }
        operation => write(secrets, region, operation, &mut input).await?,
    };
    Ok(Reply::Json(answer))
}

/// Answers the operations that change something.
async fn write(secrets: &Secrets, region: &str, operation: &str, input: &mut Members) -> Result<Value, AwsError> {
    if operation == "CreateSecret" {
        return Ok(answers::created(&secrets.create(region, input::new_secret(input)?).await?));
    }
    let id = input.needed("SecretId")?;
    Ok(match operation {
        "PutSecretValue" => {
            let created = secrets.put(region, &id, input::new_version(input)?).await?;
            let mut answer = answers::created(&created);
            answer["VersionStages"] = json!(created.version.map(|v| v.stages));
            answer
        }
        "UpdateSecret" => answers::created(&secrets.update(region, &id, input::revised(input)?).await?),
        "UpdateSecretVersionStage" => {
            let stage = input.needed("VersionStage")?;
            let (from, to) = (input.text("RemoveFromVersionId")?, input.text("MoveToVersionId")?);
            answers::identity(&*secrets.move_stage(region, &id, stage, from, to).await?)
        }
        "DeleteSecret" => {
            let removal = input::removal(input)?;
            match secrets.delete(region, &id, removal).await {
                Ok((secret, gone)) => {
                    let mut answer = answers::identity(&secret);
                    answer["DeletionDate"] = seconds(gone);
                    answer
                }
                // botocore, `DeleteSecret`: forcing the deletion of what is not there is no error.
                Err(secrets::SecretError::NotFound(_)) if matches!(removal, Removal::Now) => json!({"Name": id}),
                Err(error) => return Err(error.into()),
            }
        }
        "RestoreSecret" => answers::identity(&*secrets.restore(region, &id).await?),
        "TagResource" => {
            let tags = input::tags(input)?.ok_or_else(|| missing("Tags"))?;
            secrets.tag(region, &id, tags).await?;
            json!({})
        }
        "UntagResource" => {
            let keys = input.texts("TagKeys")?.ok_or_else(|| missing("TagKeys"))?;
            secrets.untag(region, &id, keys).await?;
            json!({})
        }
        "PutResourcePolicy" => {
            let policy = input.needed("ResourcePolicy")?;
            if !serde_json::from_str::<Value>(&policy).is_ok_and(|policy| policy.is_object()) {
                let words = "This resource policy contains invalid Json";
                return Err(AwsError::new("MalformedPolicyDocumentException", words));
            }
            answers::identity(&*secrets.set_policy(region, &id, Some(policy)).await?)
        }
        "DeleteResourcePolicy" => answers::identity(&*secrets.set_policy(region, &id, None).await?),
        _ => return Err(AwsError::server(format!("{operation} is offered and has no answer"))),
    })
}

fn value(secrets: &Secrets, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let id = input.needed("SecretId")?;
    let (version, stage) = (input.text("VersionId")?, input.text("VersionStage")?);
    Ok(answers::value(&secrets.get(region, &id, version.as_deref(), stage.as_deref())?))
}

fn list(secrets: &Secrets, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    if input.text("SortBy")?.is_some_and(|by| by != "created-date") {
        return Err(invalid("SortBy", "can only be created-date on managr's platform yet"));
    }
    let query = ListQuery {
        filters: input::filters(input)?,
        planned_deletion: input.flag("IncludePlannedDeletion")?.unwrap_or(false),
        descending: input.text("SortOrder")?.as_deref() == Some("desc"),
        max: input.count("MaxResults")?,
        token: input.text("NextToken")?,
    };
    let page = secrets.list(region, &query)?;
    let items: Vec<Value> = page.items.iter().map(|secret| answers::entry(secret)).collect();
    Ok(with_token(json!({"SecretList": items}), page.next))
}

fn versions(secrets: &Secrets, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let secret = secrets.describe(region, &input.needed("SecretId")?)?;
    let all = input.flag("IncludeDeprecated")?.unwrap_or(false);
    let page = secret.versions_page(all, input.count("MaxResults")?, input.text("NextToken")?.as_deref())?;
    let mut answer = answers::identity(&secret);
    answer["Versions"] = page.items.iter().map(answers::version).collect();
    Ok(with_token(answer, page.next))
}

fn batch(secrets: &Secrets, region: &str, input: &mut Members) -> Result<Value, AwsError> {
    let (ids, filters) = (input.texts("SecretIdList")?, input::filters(input)?);
    let (max, token) = (input.count("MaxResults")?, input.text("NextToken")?);
    let (ids, next) = match ids {
        Some(_) if !filters.is_empty() => {
            return Err(AwsError::invalid_parameter(
                "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
            ));
        }
        Some(ids) if ids.len() > 20 => return Err(invalid("SecretIdList", "can have at most 20 members")),
        Some(ids) => (ids, None),
        None if filters.is_empty() => {
            return Err(AwsError::invalid_parameter(
                "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
            ));
        }
        None => {
            let query = ListQuery { filters, max: Some(max.unwrap_or(20).min(20)), token, ..ListQuery::default() };
            let page = secrets.list(region, &query)?;
            (page.items.iter().map(|secret| secret.arn.clone()).collect(), page.next)
        }
    };
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        match secrets.get(region, &id, None, None) {
            Ok(got) => values.push(answers::value(&got)),
            Err(error) => {
                errors.push(json!({"SecretId": id, "ErrorCode": error.code(), "Message": error.to_string()}));
            }
        }
    }
    Ok(with_token(json!({"SecretValues": values, "Errors": errors}), next))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = Value::String(next);
    }
    answer
}
