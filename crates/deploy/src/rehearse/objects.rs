//! Which call makes a found object, and what does it answer with?

use aws::{AUTOSCALING, CallError, Client, ECS, ELB, LOGS, items};
use aws_model::Document;
use import::{FoundObject, Kind};
use serde_json::{Value, json};

use crate::observe::{object, text};

/// The order in which objects can be made: each kind names those before it only.
pub(super) const BEFORE_SERVICES: [Kind; 6] =
    [Kind::Cluster, Kind::LogGroup, Kind::LoadBalancer, Kind::TargetGroup, Kind::Listener, Kind::Rule];

/// Objects that name services.
pub(super) const AFTER_SERVICES: [Kind; 3] = [Kind::ScalableTarget, Kind::ScalingPolicy, Kind::ScheduledAction];

/// What became of an object.
pub(super) struct Made {
    /// Its ARN; none where no other object names one.
    pub(super) arn: Option<String>,
    /// Attributes that could not be set, and why. A deploy leaves them alone, whatever they are.
    pub(super) unset: Vec<(String, CallError)>,
}

/// Makes an object whose references are resolved.
///
/// # Errors
/// See [`CallError`].
pub(super) async fn make(client: &Client, found: &FoundObject, mut input: Document) -> Result<Made, CallError> {
    let attributes = input.shift_remove("Attributes");
    let arn = create(client, found, input).await?;
    let unset = match (found.kind, &arn) {
        (Kind::LoadBalancer, Some(arn)) => {
            set(client, "ModifyLoadBalancerAttributes", "LoadBalancerArn", arn, attributes).await
        }
        (Kind::TargetGroup, Some(arn)) => {
            set(client, "ModifyTargetGroupAttributes", "TargetGroupArn", arn, attributes).await
        }
        (Kind::Listener, Some(arn)) => set(client, "ModifyListenerAttributes", "ListenerArn", arn, attributes).await,
        _ => Vec::new(),
    };
    Ok(Made { arn, unset })
}

async fn create(client: &Client, found: &FoundObject, mut input: Document) -> Result<Option<String>, CallError> {
    match found.kind {
        Kind::Cluster => {
            let answer = client.call(&ECS, "CreateCluster", input).await?;
            Ok(answer.get("cluster").and_then(Value::as_object).map(|cluster| text(cluster, "clusterArn").to_owned()))
        }
        Kind::LogGroup => {
            let days = input.shift_remove("retentionInDays");
            let name = text(&input, "logGroupName").to_owned();
            client.call(&LOGS, "CreateLogGroup", input).await?;
            // The provider's 0 is for ever, which is what a new group has.
            if let Some(days) = days.filter(|days| *days != 0) {
                let retention = object(json!({ "logGroupName": name, "retentionInDays": days }));
                client.call(&LOGS, "PutRetentionPolicy", retention).await?;
            }
            Ok(None)
        }
        Kind::LoadBalancer => created(client, "CreateLoadBalancer", input, "LoadBalancers", "LoadBalancerArn").await,
        Kind::TargetGroup => created(client, "CreateTargetGroup", input, "TargetGroups", "TargetGroupArn").await,
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
            Ok(arn)
        }
        Kind::Rule => created(client, "CreateRule", input, "Rules", "RuleArn").await,
        Kind::ScalableTarget => client.call(&AUTOSCALING, "RegisterScalableTarget", input).await.map(|_| None),
        Kind::ScheduledAction => client.call(&AUTOSCALING, "PutScheduledAction", input).await.map(|_| None),
        Kind::ScalingPolicy => client.call(&AUTOSCALING, "PutScalingPolicy", input).await.map(|_| None),
    }
}

pub(super) async fn created(
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

/// Sets attributes one by one: of a list with an unknown one none would be set.
async fn set(
    client: &Client,
    operation: &str,
    member: &str,
    arn: &str,
    attributes: Option<Value>,
) -> Vec<(String, CallError)> {
    let mut unset = Vec::new();
    for attribute in attributes.as_ref().and_then(Value::as_array).into_iter().flatten() {
        let input = object(json!({ member: arn, "Attributes": [attribute] }));
        if let Err(error) = client.call(&ELB, operation, input).await {
            unset.push((attribute["Key"].as_str().unwrap_or_default().to_owned(), error));
        }
    }
    unset
}
