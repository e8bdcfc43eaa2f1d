//! Resource policies and keys on the wire.

use aws_model::Call;
use aws_model::page::{Order, cut};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Done;
use crate::error::LogsError;
use crate::{Logs, ResourcePolicy};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Put {
    policy_name: Option<String>,
    policy_document: Option<String>,
    resource_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    limit: Option<usize>,
    next_token: Option<String>,
    policy_scope: Option<String>,
    resource_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    log_group_name: Option<String>,
    resource_identifier: Option<String>,
    kms_key_id: Option<String>,
}

impl Put {
    fn name(&mut self) -> Result<String, LogsError> {
        if self.resource_arn.is_some() {
            return Err(LogsError::invalid(
                "resourceArn: policies of one resource are not supported by managr's platform yet; leave it out for one of \
                 the account.",
            ));
        }
        self.policy_name.take().ok_or_else(|| LogsError::invalid("policyName must be given."))
    }
}

pub(super) async fn put(logs: &Logs, call: &Call, mut input: Put) -> Result<Value, LogsError> {
    let name = input.name()?;
    let document = input.policy_document.ok_or_else(|| LogsError::invalid("policyDocument must be given."))?;
    let policy = logs.put_resource_policy(&call.region, name, document).await?;
    Ok(json!({"resourcePolicy": described(policy)}))
}

pub(super) async fn delete(logs: &Logs, call: &Call, mut input: Put) -> Done {
    logs.delete_resource_policy(&call.region, &input.name()?).await
}

pub(super) async fn describe(logs: &Logs, call: &Call, input: Describe) -> Result<Value, LogsError> {
    let of_account = input.resource_arn.is_none() && input.policy_scope.is_none_or(|scope| scope == "ACCOUNT");
    let policies = logs.resource_policies(&call.region).into_iter().filter(|_| of_account);
    let page = cut(policies, Order::Rising, input.next_token.as_deref(), input.limit.unwrap_or(50));
    let policies: Vec<Value> = page.items.into_iter().map(described).collect();
    Ok(json!({"resourcePolicies": policies, "nextToken": page.next}))
}

/// The key is kept and answered; events are encrypted by none.
pub(super) async fn associate_key(logs: &Logs, call: &Call, input: Key) -> Done {
    let key = input.kms_key_id.clone();
    let (region, group) = input.group(logs, call)?;
    logs.set_key(&region, &group, key).await
}

pub(super) async fn disassociate_key(logs: &Logs, call: &Call, input: Key) -> Done {
    let (region, group) = input.group(logs, call)?;
    logs.set_key(&region, &group, None).await
}

impl Key {
    fn group(self, logs: &Logs, call: &Call) -> Result<(String, String), LogsError> {
        match (self.log_group_name, self.resource_identifier) {
            (Some(name), None) => Ok((call.region.clone(), name)),
            (None, Some(identifier)) => logs.resolve(&call.region, &identifier),
            _ => Err(LogsError::invalid("One of logGroupName and resourceIdentifier must be given.")),
        }
    }
}

fn described(policy: ResourcePolicy) -> Value {
    let mut document = json!(policy);
    document["policyScope"] = "ACCOUNT".into();
    document
}
