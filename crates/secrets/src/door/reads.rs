//! The operations of Secrets Manager that only look.

use std::sync::Arc;

use aws_model::{AwsError, Call};
use serde_json::{Value, json};

use super::answers::{Described, Failed, Named, Past, ValueOf};
use super::input::{Batch, Get, List, Password, Versions, Which};
use super::{Answered, unsupported, with_token, written};
use crate::{ListQuery, Secret, Secrets, password};

pub(super) async fn describe(secrets: &Secrets, call: &Call, input: Which) -> Answered {
    let secret = secrets.describe(&call.region, &input.secret_id)?;
    written(&Described::of(&secret, "VersionIdsToStages"))
}

pub(super) async fn random_password(_: &Secrets, _: &Call, input: Password) -> Answered {
    Ok(json!({"RandomPassword": password(&input.rules())?.expose()}))
}

pub(super) async fn policy(secrets: &Secrets, call: &Call, input: Which) -> Answered {
    let secret = secrets.describe(&call.region, &input.secret_id)?;
    let mut answer = written(&Named::of(&secret))?;
    if let Some(policy) = &secret.policy {
        answer["ResourcePolicy"] = json!(policy);
    }
    Ok(answer)
}

pub(super) async fn value(secrets: &Secrets, call: &Call, input: Get) -> Answered {
    let (version, stage) = (input.version_id.as_deref(), input.version_stage.as_deref());
    written(&ValueOf::of(&secrets.get(&call.region, &input.secret_id, version, stage)?))
}

pub(super) async fn versions(secrets: &Secrets, call: &Call, input: Versions) -> Answered {
    let secret = secrets.describe(&call.region, &input.secret_id)?;
    let page = secret.versions_page(input.include_deprecated, input.max_results, input.next_token.as_deref());
    let mut answer = written(&Named::of(&secret))?;
    answer["Versions"] = page.items.iter().map(|version| json!(Past::of(version))).collect();
    Ok(with_token(answer, page.next))
}

pub(super) async fn list(secrets: &Secrets, call: &Call, input: List) -> Answered {
    let page = secrets.list(&call.region, &input.query()?)?;
    let entry = |secret: &Arc<Secret>| json!(Described::of(secret, "SecretVersionsToStages"));
    let items: Vec<Value> = page.items.iter().map(entry).collect();
    Ok(with_token(json!({"SecretList": items}), page.next))
}

pub(super) async fn batch(secrets: &Secrets, call: &Call, input: Batch) -> Answered {
    let Batch { secret_id_list, filters, max_results, next_token } = input;
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
            let query =
                ListQuery { filters, max: Some(max_results.unwrap_or(20)), token: next_token, ..ListQuery::default() };
            let page = secrets.list(&call.region, &query)?;
            (page.items.iter().map(|secret| secret.arn.clone()).collect(), page.next)
        }
    };
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        match secrets.get(&call.region, &id, None, None) {
            Ok(got) => values.push(written(&ValueOf::of(&got))?),
            Err(error) => errors.push(json!(Failed::of(&id, &error))),
        }
    }
    Ok(with_token(json!({"SecretValues": values, "Errors": errors}), next))
}

impl List {
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
