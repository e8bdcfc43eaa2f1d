//! What a service's settings must be, and our reading of them. CreateService and UpdateService share it.

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::input::{items, number, text, texts};
use crate::routing::Action;
use crate::world::{AlarmRule, BreakerRule, BreakerThreshold, Revision, Service, TargetBinding, World};

fn refuse<T>(message: impl Into<String>) -> Result<T, AwsError> {
    Err(AwsError::invalid_parameter(message))
}

/// Returns a count of tasks.
pub(super) fn count(input: &Document, name: &str) -> Result<Option<u32>, AwsError> {
    match number(input, name) {
        None => Ok(None),
        Some(n) => match u32::try_from(n) {
            // 5,000 tasks per service is ECS's quota.
            Ok(count) if count <= 5000 => Ok(Some(count)),
            Ok(_) => refuse(format!("{name} cannot be above 5000.")),
            Err(_) => refuse(format!("{name} cannot be negative.")),
        },
    }
}

/// Fills in what ECS answers for a deployment configuration.
pub(super) fn fill_deployment_configuration(document: &mut Document) {
    let config = document.entry("deploymentConfiguration").or_insert_with(|| json!({}));
    if let Some(config) = config.as_object_mut() {
        config.entry("deploymentCircuitBreaker").or_insert_with(|| json!({"enable": false, "rollback": false}));
        config.entry("maximumPercent").or_insert_with(|| json!(200));
        config.entry("minimumHealthyPercent").or_insert_with(|| json!(100));
        config.entry("strategy").or_insert_with(|| json!("ROLLING"));
        config.entry("bakeTimeInMinutes").or_insert_with(|| json!(0));
    }
}

/// Reads the settings that the scheduler acts on out of a service's document into the service.
pub(super) fn read(world: &World, revision: &Revision, service: &mut Service) -> Result<(), AwsError> {
    let config =
        service.document.get("deploymentConfiguration").and_then(Value::as_object).cloned().unwrap_or_default();
    let minimum = count(&config, "minimumHealthyPercent")?.unwrap_or(100);
    let maximum = count(&config, "maximumPercent")?.unwrap_or(200);
    if minimum == 100 && maximum == 100 {
        return refuse("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.");
    }
    if maximum < minimum || maximum < 100 {
        return refuse(format!(
            "maximumPercent {maximum} must be at least 100 and not below minimumHealthyPercent {minimum}."
        ));
    }
    let breaker = config.get("deploymentCircuitBreaker").and_then(Value::as_object).cloned().unwrap_or_default();
    service.minimum_healthy_percent = minimum;
    service.maximum_percent = maximum;
    service.circuit_breaker = super::input::flag(&breaker, "enable");
    service.circuit_breaker_rollback = super::input::flag(&breaker, "rollback");
    service.breaker_rule = breaker_rule(&breaker)?;
    service.alarms = alarm_rule(&config)?;
    service.health_check_grace_period = count_of_seconds(&service.document)?;
    crate::measure::check_monitoring(&service.document)?;
    service.load_balancers = load_balancers(world, revision, &service.document)?;
    if service.load_balancers.is_empty() && service.health_check_grace_period.unwrap_or(0) > 0 {
        return refuse("Health check grace period is only valid for services configured to use load balancers");
    }
    Ok(())
}

/// Reads `alarms`. An alarm that is not there is not refused: it may be made after the service whose metrics it watches
/// (CDK passes names for that, aws-cdk's README of aws-ecs, "Deployment alarms").
fn alarm_rule(config: &Document) -> Result<AlarmRule, AwsError> {
    let Some(alarms) = config.get("alarms").and_then(Value::as_object) else { return Ok(AlarmRule::default()) };
    let names: Vec<String> = texts(alarms, "alarmNames").map(str::to_owned).collect();
    let enabled = super::input::flag(alarms, "enable");
    if enabled && names.is_empty() {
        return refuse("deploymentConfiguration.alarms.alarmNames cannot be empty when alarms are enabled.");
    }
    Ok(AlarmRule { enabled, rollback: super::input::flag(alarms, "rollback"), names })
}

/// Reads `resetOnHealthyTask` and `thresholdConfiguration`.
fn breaker_rule(breaker: &Document) -> Result<BreakerRule, AwsError> {
    let mut rule = BreakerRule::default();
    if let Some(resets) = breaker.get("resetOnHealthyTask").and_then(Value::as_bool) {
        rule.resets = resets;
    }
    let Some(threshold) = breaker.get("thresholdConfiguration").and_then(Value::as_object) else { return Ok(rule) };
    let Some(kind) = text(threshold, "type") else { return refuse("thresholdConfiguration.type cannot be empty.") };
    let value = number(threshold, "value").and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    let Some(value) = value else { return refuse("thresholdConfiguration.value must be a number above 0.") };
    rule.threshold = match kind {
        "COUNT" => BreakerThreshold::Count(value),
        "UNBOUNDED_PERCENT" => BreakerThreshold::Unbounded(value),
        _ => BreakerThreshold::Bounded(value),
    };
    Ok(rule)
}

fn count_of_seconds(document: &Document) -> Result<Option<u32>, AwsError> {
    match number(document, "healthCheckGracePeriodSeconds") {
        None => Ok(None),
        // "maximum … is 2,147,483,647" (API reference).
        Some(n) => match i32::try_from(n).ok().and_then(|n| u32::try_from(n).ok()) {
            Some(seconds) => Ok(Some(seconds)),
            None => refuse("healthCheckGracePeriodSeconds must be between 0 and 2147483647."),
        },
    }
}

/// Refuses load balancers that tasks could not register with. Messages as seen from CreateService.
fn load_balancers(world: &World, revision: &Revision, document: &Document) -> Result<Vec<TargetBinding>, AwsError> {
    let mut bindings = Vec::new();
    for balancer in items(document, "loadBalancers").filter_map(Value::as_object) {
        let Some(arn) = text(balancer, "targetGroupArn") else {
            return refuse("A load balancer needs a targetGroupArn.");
        };
        let Some(name) = text(balancer, "containerName") else {
            return refuse("A load balancer needs a containerName.");
        };
        let Some(container) = revision.spec.container(name) else {
            return refuse(format!("The container {name} does not exist in the task definition."));
        };
        let port = number(balancer, "containerPort").unwrap_or(0);
        let mapped = |p: &&aws_model::task_definition::PortMapping| p.container_port.map(i64::from) == Some(port);
        let Some(mapping) = container.port_mappings.iter().find(mapped) else {
            return refuse(format!("The container {name} did not have a container port {port} defined."));
        };
        let Some(group) = world.target_groups.get(arn) else {
            return refuse(format!("The target group with targetGroupArn {arn} does not exist."));
        };
        // Tasks without addresses of their own are registered by the machine that they are on.
        if group.target_type != "ip" && revision.spec.network_mode.as_deref() == Some("awsvpc") {
            return refuse(format!(
                "The provided target group {arn} has target type {}, which is incompatible with the awsvpc network \
                 mode specified in the task definition.",
                group.target_type
            ));
        }
        if !is_routed(world, arn) {
            return refuse(format!(
                "The target group with targetGroupArn {arn} does not have an associated load balancer."
            ));
        }
        let binding = TargetBinding {
            group_arn: arn.to_owned(),
            container: name.to_owned(),
            port: mapping.container_port.unwrap_or_default(),
        };
        if bindings.contains(&binding) {
            return refuse(format!("The container {name} and port {port} are registered with {arn} more than once."));
        }
        bindings.push(binding);
    }
    Ok(bindings)
}

/// Whether a rule of some listener forwards to a group.
fn is_routed(world: &World, group: &str) -> bool {
    let forwards =
        |action: &Action| matches!(action, Action::Forward(groups) if groups.iter().any(|(arn, _)| arn == group));
    world.rules.values().any(|rule| rule.actions.iter().any(forwards))
}
