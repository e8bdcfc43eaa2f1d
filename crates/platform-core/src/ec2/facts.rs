//! What an account can do, and what it has none of.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::defaults::AccountRegion;
use super::filter;
use super::thing::texts;
use crate::{Cx, Input, World};

pub(super) fn account_attributes(_: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let place = AccountRegion { region: cx.region, account: cx.account };
    let vpc = place.vpc();
    // EC2 user guide, "Account attributes", with the quotas of a new account.
    let known: [(&str, &str); 6] = [
        ("supported-platforms", "VPC"),
        ("default-vpc", &vpc),
        ("max-instances", "20"),
        ("vpc-max-security-groups-per-interface", "5"),
        ("max-elastic-ips", "254"),
        ("vpc-max-elastic-ips", "254"),
    ];
    let names = texts(input, "AttributeNames");
    let found = known.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    let found: Value = found
        .map(|(name, value)| json!({"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]}))
        .collect();
    Ok(json!({"AccountAttributes": found}))
}

/// There are no instances: tasks run on the machine that the platform runs on.
pub(super) fn instances(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    // Whatever is filtered by: none passes.
    let _ = filter::read(input, &[]);
    match texts(input, "InstanceIds").first() {
        Some(id) => Err(AwsError::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))),
        None => Ok(json!({"Reservations": []})),
    }
}
