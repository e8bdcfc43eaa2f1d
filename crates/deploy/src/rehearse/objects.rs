//! Which call makes a found object, and what does it answer with?

use aws::{AUTOSCALING, CallError, Client, ECS, ELB, LOGS, items};
use ecs_model::Document;
use import::{FoundObject, Kind};
use serde_json::{Value, json};

use crate::observe::{object, text};

/// The order in which objects can be made: each kind names those before it only.
pub(super) const BEFORE_SERVICES: [Kind; 6] =
    [Kind::Cluster, Kind::LogGroup, Kind::LoadBalancer, Kind::TargetGroup, Kind::Listener, Kind::Rule];

/// Objects that name services.
pub(super) const AFTER_SERVICES: [Kind; 2] = [Kind::ScalableTarget, Kind::ScalingPolicy];

/// Makes an object whose references are resolved; returns its ARN, or nothing where no other object names one.
///
/// # Errors
/// See [`CallError`].
pub(super) async fn make(
    client: &Client,
    found: &FoundObject,
    mut input: Document,
) -> Result<Option<String>, CallError> {
    let attributes = input.shift_remove("Attributes");
    match found.kind {
        Kind::Cluster => {
            let answer = client.call(&ECS, "CreateCluster", input).await?;
            Ok(answer.get("cluster").and_then(Value::as_object).map(|cluster| text(cluster, "clusterArn").to_owned()))
        }
        Kind::LogGroup => {
            let days = input.shift_remove("retentionInDays");
            let name = text(&input, "logGroupName").to_owned();
            client.call(&LOGS, "CreateLogGroup", input).await?;
            if let Some(days) = days {
                let retention = object(json!({ "logGroupName": name, "retentionInDays": days }));
                client.call(&LOGS, "PutRetentionPolicy", retention).await?;
            }
            Ok(None)
        }
        Kind::LoadBalancer => {
            let arn = created(client, "CreateLoadBalancer", input, "LoadBalancers", "LoadBalancerArn").await?;
            set(client, "ModifyLoadBalancerAttributes", "LoadBalancerArn", &arn, attributes).await?;
            Ok(arn)
        }
        Kind::TargetGroup => {
            let arn = created(client, "CreateTargetGroup", input, "TargetGroups", "TargetGroupArn").await?;
            set(client, "ModifyTargetGroupAttributes", "TargetGroupArn", &arn, attributes).await?;
            Ok(arn)
        }
        Kind::Listener => {
            // CreateListener takes the default certificate alone.
            let more = match input.get_mut("Certificates") {
                Some(Value::Array(list)) if list.len() > 1 => list.split_off(1),
                _ => Vec::new(),
            };
            let arn = created(client, "CreateListener", input, "Listeners", "ListenerArn").await?;
            if !more.is_empty() {
                let input = object(json!({ "ListenerArn": arn, "Certificates": more }));
                client.call(&ELB, "AddListenerCertificates", input).await?;
            }
            set(client, "ModifyListenerAttributes", "ListenerArn", &arn, attributes).await?;
            Ok(arn)
        }
        Kind::Rule => created(client, "CreateRule", input, "Rules", "RuleArn").await,
        Kind::ScalableTarget => client.call(&AUTOSCALING, "RegisterScalableTarget", input).await.map(|_| None),
        Kind::ScalingPolicy => client.call(&AUTOSCALING, "PutScalingPolicy", input).await.map(|_| None),
    }
}

async fn created(
    client: &Client,
    operation: &str,
    input: Document,
    list: &str,
    arn: &str,
) -> Result<Option<String>, CallError> {
    let answer = client.call(&ELB, operation, input).await?;
    let made = items(&answer, list).first().and_then(Value::as_object);
    Ok(made.map(|made| text(made, arn).to_owned()))
}

async fn set(
    client: &Client,
    operation: &str,
    member: &str,
    arn: &Option<String>,
    attributes: Option<Value>,
) -> Result<(), CallError> {
    let Some(attributes) = attributes.filter(|list| list.as_array().is_some_and(|list| !list.is_empty())) else {
        return Ok(());
    };
    client.call(&ELB, operation, object(json!({ member: arn, "Attributes": attributes }))).await.map(drop)
}
