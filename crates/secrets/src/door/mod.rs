//! Secrets Manager's operations, answered by [`Secrets`]. The front has held every input against the model before.
//!
//! Replication, rotation and secrets that AWS manages for others are refused by name; resource policies are kept and
//! not enforced.

mod answers;
mod input;

use std::sync::Arc;

use aws_model::call::document;
use aws_model::{Answer, Answering, AwsError, Call, Document, Door, seconds};
use serde::Serialize;
use serde_json::{Value, json};

use self::answers::{Described, Failed, Named, Past, ValueOf};
use crate::{ListQuery, Removal, Secret, SecretError, Secrets, password};

const OPERATIONS: [&str; 17] = [
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

impl Door for Secrets {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(async { document(self.answer(call).await?).map(Answer::Document) })
    }
}

impl Secrets {
    async fn answer(&self, mut call: Call) -> Result<Value, AwsError> {
        let region = call.region.clone();
        match call.operation.name() {
            "BatchGetSecretValue" => self.batch(&region, call.read()?),
            "CreateSecret" => {
                refuse(&call.input, &["AddReplicaRegions", "Type", "CrossAccountPrimaryARN"])?;
                let new: input::Create = call.read()?;
                written(&answers::Made::from(self.create(&region, new.read()?).await?))
            }
            "DescribeSecret" => {
                let secret = self.describe(&region, &call.read::<input::Which>()?.secret_id)?;
                written(&Described::of(&secret, "VersionIdsToStages"))
            }
            "GetRandomPassword" => {
                let rules = call.read::<input::Password>()?.rules();
                Ok(json!({"RandomPassword": password(&rules)?.expose()}))
            }
            "GetResourcePolicy" => {
                let secret = self.describe(&region, &call.read::<input::Which>()?.secret_id)?;
                let mut answer = written(&Named::of(&secret))?;
                if let Some(policy) = &secret.policy {
                    answer["ResourcePolicy"] = json!(policy);
                }
                Ok(answer)
            }
            "GetSecretValue" => {
                let get: input::Get = call.read()?;
                let (version, stage) = (get.version_id.as_deref(), get.version_stage.as_deref());
                written(&ValueOf::of(&self.get(&region, &get.secret_id, version, stage)?))
            }
            "ListSecretVersionIds" => {
                let list: input::Versions = call.read()?;
                let secret = self.describe(&region, &list.secret_id)?;
                let page =
                    secret.versions_page(list.include_deprecated, list.max_results, list.next_token.as_deref())?;
                let mut answer = written(&Named::of(&secret))?;
                answer["Versions"] = page.items.iter().map(|v| json!(Past::of(v))).collect();
                Ok(with_token(answer, page.next))
            }
            "ListSecrets" => {
                let page = self.list(&region, &call.read::<input::List>()?.query()?)?;
                let entry = |secret: &Arc<Secret>| json!(Described::of(secret, "SecretVersionsToStages"));
                let items: Vec<Value> = page.items.iter().map(entry).collect();
                Ok(with_token(json!({"SecretList": items}), page.next))
            }
            operation => self.write(operation, &region, &mut call).await,
        }
    }

    /// Answers the operations that change a secret which is there.
    async fn write(&self, operation: &str, region: &str, call: &mut Call) -> Result<Value, AwsError> {
        let named = |secret: &_| written(&Named::of(secret));
        match operation {
            "DeleteResourcePolicy" => {
                named(&*self.set_policy(region, &call.read::<input::Which>()?.secret_id, None).await?)
            }
            "DeleteSecret" => {
                let delete: input::Delete = call.read()?;
                let removal = delete.removal()?;
                match self.delete(region, &delete.secret_id, removal).await {
                    Ok((secret, gone)) => {
                        let mut answer = named(&secret)?;
                        answer["DeletionDate"] = seconds(gone);
                        Ok(answer)
                    }
                    // API reference, `DeleteSecret`: forcing the deletion of what is not there is no error.
                    Err(SecretError::NotFound(_)) if matches!(removal, Removal::Now) => {
                        Ok(json!({"Name": delete.secret_id}))
                    }
                    Err(error) => Err(error.into()),
                }
            }
            "PutResourcePolicy" => {
                let put: input::Policy = call.read()?;
                if !serde_json::from_str::<Value>(&put.resource_policy).is_ok_and(|policy| policy.is_object()) {
                    let words = "This resource policy contains invalid Json";
                    return Err(AwsError::new("MalformedPolicyDocumentException", words));
                }
                named(&*self.set_policy(region, &put.secret_id, Some(put.resource_policy)).await?)
            }
            "PutSecretValue" => {
                refuse(&call.input, &["RotationToken"])?;
                let put: input::Put = call.read()?;
                let made = self.put(region, &put.secret_id.clone(), put.read()?).await?;
                let stages = made.version.as_ref().map(|version| version.stages.clone());
                let mut answer = written(&answers::Made::from(made))?;
                answer["VersionStages"] = json!(stages);
                Ok(answer)
            }
            "RestoreSecret" => named(&*self.restore(region, &call.read::<input::Which>()?.secret_id).await?),
            "TagResource" => {
                let (id, tags) = call.read::<input::Tags>()?.read();
                self.tag(region, &id, tags).await?;
                Ok(json!({}))
            }
            "UntagResource" => {
                let untag: input::Untag = call.read()?;
                self.untag(region, &untag.secret_id, untag.tag_keys).await?;
                Ok(json!({}))
            }
            "UpdateSecret" => {
                refuse(&call.input, &["Type"])?;
                let update: input::Update = call.read()?;
                let made = self.update(region, &update.secret_id.clone(), update.read()?).await?;
                written(&answers::Made::from(made))
            }
            "UpdateSecretVersionStage" => {
                let input::Stage { secret_id, version_stage, remove_from_version_id, move_to_version_id } =
                    call.read()?;
                let (from, to) = (remove_from_version_id, move_to_version_id);
                named(&*self.move_stage(region, &secret_id, version_stage, from, to).await?)
            }
            _ => Err(AwsError::server(format!("{operation} is offered and has no answer"))),
        }
    }

    fn batch(&self, region: &str, batch: input::Batch) -> Result<Value, AwsError> {
        let input::Batch { secret_id_list, filters, max_results, next_token } = batch;
        let (ids, next) = match (secret_id_list, filters) {
            (Some(_), Some(_)) | (None, None) => {
                return Err(AwsError::invalid_parameter(
                    "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
                ));
            }
            // API reference, `MaxResults`: "If you use this parameter, you must also use Filters".
            (Some(_), None) if max_results.is_some() => {
                return Err(AwsError::invalid_parameter("'Filters' must be specified when 'MaxResults' is provided."));
            }
            (Some(ids), None) => (ids, None),
            (None, Some(filters)) => {
                let max = Some(max_results.unwrap_or(20));
                let page = self.list(region, &ListQuery { filters, max, token: next_token, ..ListQuery::default() })?;
                (page.items.iter().map(|secret| secret.arn.clone()).collect(), page.next)
            }
        };
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for id in ids {
            match self.get(region, &id, None, None) {
                Ok(got) => values.push(written(&ValueOf::of(&got))?),
                Err(error) => errors.push(json!(Failed::of(&id, &error))),
            }
        }
        Ok(with_token(json!({"SecretValues": values, "Errors": errors}), next))
    }
}

impl input::List {
    fn query(self) -> Result<ListQuery, AwsError> {
        if self.sort_by.is_some_and(|by| by != "created-date") {
            return Err(unsupported("SortBy", "other than created-date"));
        }
        Ok(ListQuery {
            filters: self.filters,
            planned_deletion: self.include_planned_deletion,
            descending: self.sort_order.as_deref() == Some("desc"),
            max: self.max_results,
            token: self.next_token,
        })
    }
}

/// Refuses what is known of and cannot be done, rather than leave it out in silence.
fn refuse(input: &Document, names: &[&str]) -> Result<(), AwsError> {
    match names.iter().find(|name| input.contains_key(**name)) {
        Some(name) => Err(unsupported(name, "at all")),
        None => Ok(()),
    }
}

fn unsupported(name: &str, which: &str) -> AwsError {
    AwsError::invalid_parameter(format!("{name} {which} is not supported by managr's platform yet."))
}

fn written(answer: &impl Serialize) -> Result<Value, AwsError> {
    serde_json::to_value(answer).map_err(|_| AwsError::server("an answer could not be written"))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    answer
}
