//! Answers that are the same for every caller: limits and TLS policies.

use std::collections::BTreeSet;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::describe::quoted;
use super::input::{self, required, texts};
use super::{page, policies};
use crate::{Cx, Input, World};

/// ALB quotas that the platform holds to, or that AWS answers by default.
const LIMITS: [(&str, u32); 9] = [
    ("application-load-balancers", 50),
    ("certificates-per-application-load-balancer", 25),
    ("condition-values-per-alb-rule", 5),
    ("condition-wildcards-per-alb-rule", 5),
    ("listeners-per-application-load-balancer", 50),
    ("rules-per-application-load-balancer", 100),
    ("target-groups", 3000),
    ("target-groups-per-action-on-application-load-balancer", 5),
    ("targets-per-target-group", 1000),
];

pub(super) fn account_limits(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let items = LIMITS.iter().map(|(name, max)| ((*name).to_owned(), json!({"Name": name, "Max": max.to_string()})));
    page::answer(input, "Limits", items)
}

pub(super) fn ssl_policies(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked = texts(input, "Names");
    let missing: BTreeSet<&String> = asked.iter().filter(|name| policies::find(name).is_none()).collect();
    if !missing.is_empty() {
        return Err(AwsError::new("SSLPolicyNotFound", format!("SSL policies '[{}]' not found", quoted(&missing))));
    }
    let items = policies::all().filter(|policy| asked.is_empty() || asked.iter().any(|a| a == policy.name));
    let mut items: Vec<_> = items.map(|policy| (policy.name.to_owned(), policy.describe())).collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    page::answer(input, "SslPolicies", items.into_iter())
}

pub(super) fn capacity_reservation(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    input::load_balancer(world, &required(input, "LoadBalancerArn")?)?;
    // None can be made here, so none is ever reserved.
    Ok(json!({"DecreaseRequestsRemaining": 0, "CapacityReservationState": []}))
}
