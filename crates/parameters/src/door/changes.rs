//! The operations of Parameter Store that change something.

use aws_model::{AwsError, Call};
use serde_json::json;

use super::Answered;
use super::input::{Label, Names, Put, Unlabel, Which};
use crate::Parameters;

pub(super) async fn delete(parameters: &Parameters, call: &Call, input: Which) -> Result<(), AwsError> {
    Ok(parameters.delete(&call.region, &input.name).await.map(drop)?)
}

pub(super) async fn delete_all(parameters: &Parameters, call: &Call, input: Names) -> Answered {
    let deleted = parameters.delete_all(&call.region, input.names.clone()).await?;
    let invalid: Vec<String> = input.names.into_iter().filter(|name| !deleted.contains(name)).collect();
    Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
}

pub(super) async fn put(parameters: &Parameters, call: &Call, input: Put) -> Answered {
    let put = parameters.put(&call.region, input.read()?).await?;
    Ok(json!({"Version": put.version, "Tier": put.tier}))
}

pub(super) async fn label(parameters: &Parameters, call: &Call, input: Label) -> Answered {
    let done = parameters.label(&call.region, &input.name, input.parameter_version, input.labels).await?;
    Ok(json!({"InvalidLabels": done.invalid, "ParameterVersion": done.version}))
}

pub(super) async fn unlabel(parameters: &Parameters, call: &Call, input: Unlabel) -> Answered {
    let done = parameters.unlabel(&call.region, &input.name, input.parameter_version, input.labels).await?;
    Ok(json!({"RemovedLabels": done.done, "InvalidLabels": done.invalid}))
}
