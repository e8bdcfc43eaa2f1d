//! What scales a stage's services: looked at, put, and taken away. What is wanted is decided by `deploy_core::plan::scaling`.

mod ask;
mod standing;

use std::collections::BTreeSet;

use aws::{AUTOSCALING, CallError, Client, ELB, items};
use aws_model::Document;
use deploy_core::desired::{Desired, PolicySpec, ServiceDoc};
use deploy_core::plan::ScalingCall;
use deploy_core::plan::scaling::{ObservedScaling, ScaledService, label, resource, with_label};
use futures_util::future::try_join_all;
use futures_util::try_join;
use serde_json::{Value, json};

pub use self::ask::history;
pub(crate) use self::ask::{activities, status};
pub use self::standing::{Direction, Measured, ScalingActivity, ScalingStatus};
use crate::down::remove;
use crate::error::StageError;
use crate::event::{Events, ResourceChange};
use crate::observe::{self, object, text};

/// DescribeScalableTargets takes, and answers, at most this many at once (API reference).
const AT_ONCE: usize = 50;

/// What is said where scaling is not served.
const NOT_SERVED: &str = "the endpoint does not serve Application Auto Scaling";

/// What is known of the numbers of services' tasks.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Services whose number of tasks belongs to an autoscaler, or may.
    pub(crate) scaled: BTreeSet<String>,
    /// What scales them.
    pub(crate) scaling: ObservedScaling,
}

/// Looks at what scales a stage's services. Who may not ask leaves counts alone.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn look(client: &Client, desired: &Desired) -> Result<Looked, CallError> {
    let names: Vec<String> = desired.services.iter().map(|service| service.name.clone()).collect();
    let (mut looked, labels) = try_join!(
        services(client, &desired.cluster, &names),
        try_join_all(counting(desired).map(async |(service, group)| {
            Ok::<_, CallError>((service.to_owned(), label_of(client, group).await?))
        }))
    )?;
    looked.scaling.labels = labels.into_iter().filter_map(|(service, label)| Some((service, label?))).collect();
    Ok(looked)
}

/// Looks at what scales services.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn services(client: &Client, cluster: &str, names: &[String]) -> Result<Looked, CallError> {
    let unseen = |why: String, scaled: BTreeSet<String>| Looked {
        scaled,
        scaling: ObservedScaling { unseen: Some(why), ..ObservedScaling::default() },
    };
    let targets = match targets(client, cluster, names).await {
        Ok(targets) => targets,
        Err(error) if error.is_unserved() => return Ok(unseen(NOT_SERVED.to_owned(), BTreeSet::new())),
        Err(error) if error.is_denied() => return Ok(unseen(error.to_string(), names.iter().cloned().collect())),
        Err(error) => return Err(error),
    };
    let scaled: BTreeSet<String> = targets.iter().map(|(name, _)| name.clone()).collect();
    let asked = targets.into_iter().map(async |(name, target)| {
        let (policies, actions) = try_join!(policies(client, &target), actions(client, &target))?;
        Ok::<_, CallError>((name, ScaledService { target, policies, actions }))
    });
    match try_join_all(asked).await {
        Ok(found) => {
            let scaling = ObservedScaling { services: found.into_iter().collect(), ..ObservedScaling::default() };
            Ok(Looked { scaled, scaling })
        }
        Err(error) if error.is_unserved() || error.is_denied() => Ok(unseen(error.to_string(), scaled)),
        Err(error) => Err(error),
    }
}

/// Returns the scalable targets of services, by their names.
async fn targets(client: &Client, cluster: &str, names: &[String]) -> Result<Vec<(String, Document)>, CallError> {
    let found = all_targets(client, cluster, names).await?.into_iter();
    let named = found.filter_map(|target| {
        let name = text(&target, "ResourceId").strip_prefix("service/")?.strip_prefix(cluster)?.strip_prefix('/')?;
        Some((name.to_owned(), target))
    });
    Ok(named.collect())
}

/// Returns what scales the number of services' tasks.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn all_targets(client: &Client, cluster: &str, names: &[String]) -> Result<Vec<Document>, CallError> {
    let mut found = Vec::new();
    for names in names.chunks(AT_ONCE) {
        let ids: Vec<String> = names.iter().map(|name| format!("service/{cluster}/{name}")).collect();
        let input = object(json!({
            "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceIds": ids,
        }));
        let answer = client.call(&AUTOSCALING, "DescribeScalableTargets", input).await?;
        found.extend(items(&answer, "ScalableTargets").iter().filter_map(Value::as_object).cloned());
    }
    Ok(found)
}

fn of(target: &Document) -> Document {
    object(json!({
        "ServiceNamespace": "ecs", "ResourceId": text(target, "ResourceId"),
        "ScalableDimension": text(target, "ScalableDimension"),
    }))
}

/// Returns the policies of a target.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn policies(client: &Client, target: &Document) -> Result<Vec<Document>, CallError> {
    client.pages(&AUTOSCALING, "DescribeScalingPolicies", of(target), "ScalingPolicies").await
}

/// Returns the scheduled actions of a target.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn actions(client: &Client, target: &Document) -> Result<Vec<Document>, CallError> {
    client.pages(&AUTOSCALING, "DescribeScheduledActions", of(target), "ScheduledActions").await
}

/// Returns the services whose requests are counted, each with its target group: a name or an ARN.
fn counting(desired: &Desired) -> impl Iterator<Item = (&str, &str)> {
    desired.services.iter().filter_map(|service| {
        let counts = service.scaling.as_ref()?.policies.iter().any(PolicySpec::counts_requests);
        let spec = service.ingress.as_ref().filter(|_| counts)?;
        Some((service.service.as_str(), spec.target_group_arn.as_ref().unwrap_or(&spec.target_group).as_str()))
    })
}

/// Returns what names the targets of a group behind its load balancer; none if there is none yet.
async fn label_of(client: &Client, group: &str) -> Result<Option<String>, CallError> {
    let found = match group.starts_with("arn:") {
        false => observe::target_group(client, group).await?,
        true => match client.call(&ELB, "DescribeTargetGroups", object(json!({ "TargetGroupArns": [group] }))).await {
            Ok(answer) => items(&answer, "TargetGroups").first().and_then(Value::as_object).cloned(),
            Err(error) if error.is("TargetGroupNotFound") || error.is("ValidationError") => None,
            Err(error) => return Err(error),
        },
    };
    let Some(found) = found else { return Ok(None) };
    let balancer = items(&found, "LoadBalancerArns").first().and_then(Value::as_str);
    Ok(balancer.and_then(|balancer| label(balancer, text(&found, "TargetGroupArn"))))
}

/// Asks for a change of what scales a service. `group` is the target group whose requests are counted, where the request
/// does not say yet which of whose load balancer. What is gone already is as it should be.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn change(
    client: &Client,
    call: ScalingCall,
    mut request: Document,
    group: Option<&str>,
) -> Result<(), StageError> {
    if let Some(group) = group {
        let label = label_of(client, group).await?;
        let missing = StageError::Incomplete { operation: "DescribeTargetGroups", member: "its load balancer" };
        request = with_label(request, &label.ok_or(missing)?);
    }
    let answer = client.call(&AUTOSCALING, call.operation(), request).await;
    match call {
        ScalingCall::DeleteScalingPolicy
        | ScalingCall::DeleteScheduledAction
        | ScalingCall::DeregisterScalableTarget => remove(answer, &["ObjectNotFoundException"]).map(drop)?,
        _ => drop(answer?),
    }
    Ok(())
}

/// Removes what scales a stage's services, where the manifest says it: what is left of it would scale the next service of
/// the name. Safe to repeat; where the endpoint does not serve scaling there is none.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn remove_all(client: &Client, desired: &Desired, events: &Events) -> Result<(), StageError> {
    let scales = |service: &&ServiceDoc| service.scaling.is_some();
    for service in desired.services.iter().filter(scales) {
        let input = resource(&desired.cluster, &service.name);
        let answer = client.call(&AUTOSCALING, ScalingCall::DeregisterScalableTarget.operation(), input).await;
        if matches!(&answer, Err(error) if error.is_unserved()) {
            return Ok(());
        }
        if remove(answer, &["ObjectNotFoundException"])? {
            events.resource(ResourceChange::Deleted, "scaling", &service.name);
        }
    }
    Ok(())
}
