//! Answers that are the same for everybody: limits and TLS policies.

use std::collections::BTreeSet;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::describe::quoted;
use super::input::{self, required, texts};
use super::page;
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
    const TLS13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
    const TLS12: [&str; 4] = [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ];
    let policies: [(&str, &[&str], Vec<&str>); 2] = [
        ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", &["TLSv1.2", "TLSv1.3"], [&TLS13[..], &TLS12[..]].concat()),
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", &["TLSv1.3"], TLS13.to_vec()),
    ];
    let asked = texts(input, "Names");
    let mut missing: BTreeSet<&String> = asked.iter().collect();
    missing.retain(|name| policies.iter().all(|(known, _, _)| known != name));
    if !missing.is_empty() {
        return Err(AwsError::new("SSLPolicyNotFound", format!("SSL policies '[{}]' not found", quoted(&missing))));
    }
    let items = policies.into_iter().filter(|(name, _, _)| asked.is_empty() || asked.iter().any(|a| a == name)).map(
        |(name, protocols, ciphers)| {
            let ciphers: Vec<Value> =
                ciphers.iter().enumerate().map(|(i, c)| json!({"Name": c, "Priority": i + 1})).collect();
            let policy = json!({
                "SslProtocols": protocols,
                "Ciphers": ciphers,
                "Name": name,
                "SupportedLoadBalancerTypes": ["application", "network"],
            });
            (name.to_owned(), policy)
        },
    );
    page::answer(input, "SslPolicies", items)
}

pub(super) fn capacity_reservation(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    input::load_balancer(world, &required(input, "LoadBalancerArn")?)?;
    // None can be made here, so none is ever reserved.
    Ok(json!({"DecreaseRequestsRemaining": 0, "CapacityReservationState": []}))
}
