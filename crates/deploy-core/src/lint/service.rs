//! Services whose tasks could never be placed, reached or replaced.

use aws_model::Document;
use aws_model::task_definition::TaskDefinition;
use serde_json::Value;

use super::{Finding, Severity};

pub(super) fn check(task: &TaskDefinition, service: &Document, is_local: bool, findings: &mut Vec<Finding>) {
    load_balancers(task, service, findings);
    replacement(service, findings);
    exec(task, service, findings);
    if !is_local && task.network_mode.as_deref() == Some("awsvpc") {
        findings.extend(network(service.get("networkConfiguration")));
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// API reference, CreateService: the container must map the port, in its task definition.
fn load_balancers(task: &TaskDefinition, service: &Document, findings: &mut Vec<Finding>) {
    for balancer in list(service.get("loadBalancers")) {
        let name = balancer.get("containerName").and_then(Value::as_str).unwrap_or_default();
        let port = balancer.get("containerPort").and_then(Value::as_u64).unwrap_or_default();
        let mut fail = |reason: String| findings.push(Finding::new("loadBalancers", Severity::Failed, reason));
        match task.container(name) {
            None => fail(format!("the load balancer's container `{name}` is not in the task definition")),
            Some(container) => {
                let mapped =
                    |m: &&aws_model::task_definition::PortMapping| m.container_port.map(u64::from) == Some(port);
                if !container.port_mappings.iter().any(|m| mapped(&m)) {
                    fail(format!("container `{name}` does not map port {port}, which the load balancer sends to"));
                }
            }
        }
    }
}

/// With room for no task more and for no task less, no task is ever replaced.
fn replacement(service: &Document, findings: &mut Vec<Finding>) {
    if service.get("schedulingStrategy").and_then(Value::as_str) == Some("DAEMON") {
        return;
    }
    let number = |path: &str| service.get("deploymentConfiguration").and_then(|d| d.get(path)?.as_u64());
    let count = service.get("desiredCount").and_then(Value::as_u64).unwrap_or(1);
    let (least, most) = (number("minimumHealthyPercent").unwrap_or(100), number("maximumPercent").unwrap_or(200));
    let (must_run, may_run) = ((count * least).div_ceil(100), count * most / 100);
    if count > 0 && may_run <= count && must_run >= count {
        let reason = format!(
            "no task can ever be replaced: of {count}, at least {must_run} must run ({least}%) and at most {may_run} may ({most}%)"
        );
        let hint = "raise `max` or lower `min-healthy` in its [deployment]";
        findings.push(Finding::new("deploymentConfiguration", Severity::Failed, reason).hint(hint));
    }
}

/// Developer guide, ECS Exec: it needs a task role, and a root file system that can be written.
fn exec(task: &TaskDefinition, service: &Document, findings: &mut Vec<Finding>) {
    if service.get("enableExecuteCommand") != Some(&Value::Bool(true)) {
        return;
    }
    if task.task_role_arn.as_deref().unwrap_or_default().is_empty() {
        let reason = "ECS Exec is on, and there is no task role that would let it connect";
        findings.push(Finding::new("taskRoleArn", Severity::Failed, reason));
    }
    for container in task.container_definitions.iter().filter(|c| c.readonly_root_filesystem) {
        let reason = "ECS Exec cannot enter it: its root file system is read-only";
        findings.push(Finding::new("readonlyRootFilesystem", Severity::Warning, reason).of(&container.name));
    }
}

/// Returns what is wrong with a `networkConfiguration`: only whether anything is said, for which
/// subnets there are is EC2's to know.
pub fn network(configuration: Option<&Value>) -> Option<Finding> {
    let network = configuration.and_then(|network| network.get("awsvpcConfiguration"));
    let has = |member: &str| list(network.and_then(|network| network.get(member))).next().is_some();
    let (severity, reason, hint) = match (has("subnets"), has("securityGroups")) {
        (true, true) => return None,
        (false, _) => {
            (Severity::Failed, "no subnets for its tasks", "name them under the stage: `subnets = [\"subnet-...\"]`")
        }
        (true, false) => (
            Severity::Warning,
            "no security groups: its tasks get the default one of the VPC",
            "name them under the stage: `security-groups = [\"sg-...\"]`",
        ),
    };
    Some(Finding::new("networkConfiguration", severity, reason).hint(hint))
}
