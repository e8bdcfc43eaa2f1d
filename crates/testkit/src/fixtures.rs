//! One cluster, its task definitions, a service, a target group: as small as they may be.

use std::net::Ipv4Addr;
use std::sync::Arc;

use platform_core::routing::{Action, HealthCheck};
use platform_core::world::{Cluster, Network, Revision, RevisionStatus, Rule, Service, ServiceStatus, TargetGroup};
use platform_core::{Cx, Ids};
use serde_json::Value;

/// The region of everything here.
pub const REGION: &str = "us-east-1";
/// The account of everything here.
pub const ACCOUNT: &str = "123456789012";
/// The cluster `c`.
pub const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/c";
/// The service `web` of that cluster.
pub const SERVICE: &str = "arn:aws:ecs:us-east-1:123456789012:service/c/web";
/// A target group.
pub const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef";

/// Returns a health check of `/health` that decides within two seconds: what a test waits for.
pub fn quick_check() -> HealthCheck {
    HealthCheck {
        enabled: true,
        path: "/health".to_owned(),
        port: None,
        interval: 1,
        timeout: 1,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
        matcher: "200".to_owned(),
    }
}

/// Returns the one active cluster of the tests.
pub fn cluster() -> Cluster {
    Cluster { arn: CLUSTER.to_owned(), name: "c".to_owned(), active: true, document: Default::default(), created_at: 0 }
}

/// Returns the ARN of a revision of the family `web`.
pub fn revision_arn(number: u32) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:{number}")
}

/// Returns a revision of the family `web` with these containers.
pub fn revision(number: u32, containers: Value) -> Revision {
    let document = serde_json::json!({"family": "web", "containerDefinitions": containers});
    Revision {
        arn: revision_arn(number),
        family: "web".to_owned(),
        revision: number,
        status: RevisionStatus::Active,
        spec: Arc::new(serde_json::from_value(document.clone()).expect("a test's containers are containers")),
        document: document.as_object().expect("built as an object").clone(),
        tags: Vec::new(),
        registered_at: 0,
        registered_by: String::new(),
        deregistered_at: None,
    }
}

/// Returns the service with a first deployment of revision 1.
pub fn service(desired: u32) -> Service {
    let mut ids = Ids::new(7);
    let mut cx =
        Cx { now: 0, region: REGION, account: ACCOUNT, access_key: "", architecture: Some("X86_64"), ids: &mut ids };
    let first = platform_core::ecs::new_deployment(&mut cx, SERVICE, &revision_arn(1), &Default::default());
    Service {
        arn: SERVICE.to_owned(),
        name: "web".to_owned(),
        cluster_arn: CLUSTER.to_owned(),
        status: ServiceStatus::Active,
        document: Default::default(),
        desired_count: desired,
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        health_check_grace_period: None,
        circuit_breaker: false,
        circuit_breaker_rollback: false,
        breaker_rule: Default::default(),
        alarms: Default::default(),
        load_balancers: Vec::new(),
        deployments: vec![first],
        events: Vec::new(),
        created_at: 0,
        created_by: String::new(),
        steady: false,
        failures_in_a_row: 0,
        last_failure_at: None,
        inactive_since: None,
        tags: Vec::new(),
    }
}

/// Returns a task's network; another address for each number.
pub fn network(number: u16) -> Network {
    let [high, low] = number.to_be_bytes();
    Network {
        address: Ipv4Addr::new(10, 0, high, low),
        mac: String::new(),
        interface_id: String::new(),
        attachment_id: String::new(),
        subnet_id: String::new(),
    }
}

/// Returns the target group, with this deregistration delay in seconds.
pub fn target_group(delay: u32) -> TargetGroup {
    let delay = ("deregistration_delay.timeout_seconds".to_owned(), delay.to_string());
    TargetGroup {
        arn: GROUP.to_owned(),
        name: "web".to_owned(),
        protocol: "HTTP".to_owned(),
        port: 80,
        target_type: "ip".to_owned(),
        document: Default::default(),
        health_check: HealthCheck {
            enabled: true,
            path: "/".to_owned(),
            port: None,
            interval: 5,
            timeout: 2,
            healthy_threshold: 2,
            unhealthy_threshold: 2,
            matcher: "200".to_owned(),
        },
        attributes: [delay].into_iter().collect(),
        tags: Default::default(),
    }
}

/// Returns a rule that forwards everything to the target group.
pub fn rule() -> Rule {
    Rule {
        arn: "arn:rule".to_owned(),
        listener_arn: "arn:listener".to_owned(),
        priority: None,
        conditions: Vec::new(),
        actions: vec![Action::Forward(vec![(GROUP.to_owned(), 1)])],
        document: Default::default(),
        tags: Default::default(),
    }
}
