//! Are a stage's databases there, do its tasks get to them, and does their secret say so? Reads only.

use aws::{CallError, Client, EC2, items};
use aws_model::Document;
use deploy_core::desired::{DatabaseSpec, Desired};
use deploy_core::plan::database::{Address, unfit};
use deploy_core::plan::reach::{Reach, reach};
use deploy_core::plan::{ObservedDatabase, database};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::report::CheckOutcome;
use crate::databases;
use crate::observe::{self, object, text};
use crate::vars::Hidden;

/// What was found of a database.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseChecks {
    /// Name in the manifest.
    pub name: String,
    /// Checks by their names.
    pub checks: Vec<(String, CheckOutcome)>,
}

/// Looks at every database of a stage; what cannot be asked is a check that says why.
pub(super) async fn all(client: &Client, desired: &Desired, read_secrets: bool) -> Vec<DatabaseChecks> {
    let one = async |spec| {
        let checks = checks(client, desired, spec, read_secrets).await;
        DatabaseChecks { name: DatabaseSpec::clone(spec).name, checks }
    };
    join_all(desired.databases.iter().map(one)).await
}

async fn checks(
    client: &Client,
    desired: &Desired,
    spec: &DatabaseSpec,
    read_secrets: bool,
) -> Vec<(String, CheckOutcome)> {
    let name = format!("Instance[{}]", spec.instance);
    let can_make = databases::is_platform(client, desired);
    let instance = match databases::instance(client, &spec.instance).await {
        Ok(instance) => instance,
        Err(error) => return vec![(name, CheckOutcome::skipped(error.to_string()))],
    };
    let makes = can_make && !spec.exists;
    let secret = match secret(client, spec, instance.as_ref(), read_secrets).await {
        Ok(secret) => secret,
        Err(error) => (None, Err(error.to_string())),
    };
    let (secret_arn, parts) = secret;
    // The secret has a check of its own: here it counts as one that is there and fits.
    let there = Some("arn".to_owned());
    let seen = ObservedDatabase { instance, can_make, secret_arn: there, unfit: None };
    let mut found = Vec::new();
    let refused = database::refusals(spec, &seen, &desired.stage);
    match (&seen.instance, refused.is_empty()) {
        (None, true) => found.push((name, CheckOutcome::skipped("it is not there yet; this deploy makes it"))),
        (Some(live), true) => {
            let status = text(live, "DBInstanceStatus");
            found.push((name, match status {
                "available" | "backing-up" | "stopped" => CheckOutcome::Ok,
                status => CheckOutcome::skipped(format!("it is {status}")),
            }));
        }
        (_, false) => {
            let failed = |reason| (name.clone(), CheckOutcome::Failed { reason, hint: None });
            found.extend(refused.into_iter().map(failed));
        }
    }
    let name = format!("Secret[{}]", spec.secret);
    found.push((name, match (secret_arn, parts) {
        (None, Err(reason)) => CheckOutcome::skipped(reason),
        (None, Ok(_)) if makes && !spec.given_secret => {
            CheckOutcome::skipped("it is not there yet; this deploy makes it")
        }
        (None, Ok(_)) => CheckOutcome::failed(
            format!("there is no secret `{}`", spec.secret),
            format!("make it, a JSON object with {}, or name another with `secret`", spec.parts.join(", ")),
        ),
        (Some(_), Err(reason)) => CheckOutcome::skipped(reason),
        (Some(_), Ok(unfit)) if unfit.is_empty() => CheckOutcome::Ok,
        (Some(_), Ok(unfit)) if makes && !spec.given_secret => {
            CheckOutcome::skipped(format!("it {}; this deploy writes it", unfit.join(", ")))
        }
        (Some(_), Ok(unfit)) => {
            CheckOutcome::failed(format!("secret `{}` {}", spec.secret, unfit.join(", ")), "correct its JSON object")
        }
    }));
    // On a platform of ours the application's tasks are let in by the platform.
    if let Some(live) = seen.instance.as_ref().filter(|_| !can_make) {
        found.push(("Reachable".to_owned(), reachable(client, desired, live).await));
    }
    found
}

/// Returns a secret's ARN, and what does not fit in it or why that is not known.
async fn secret(
    client: &Client,
    spec: &DatabaseSpec,
    live: Option<&Document>,
    read: bool,
) -> Result<(Option<String>, Result<Vec<String>, String>), CallError> {
    let Some(found) = observe::secret(client, &spec.secret).await? else { return Ok((None, Ok(Vec::new()))) };
    let arn = Some(text(&found, "ARN").to_owned());
    if !read {
        return Ok((arn, Err("it is there; its parts were not read (use --read-secrets)".to_owned())));
    }
    let parts = match observe::secret_text(client, &spec.secret).await {
        Ok(kept) => Ok(unfit(spec, live, Hidden::new(kept.unwrap_or_default()).expose())),
        Err(error) => Err(error.to_string()),
    };
    Ok((arn, parts))
}

async fn reachable(client: &Client, desired: &Desired, live: &Document) -> CheckOutcome {
    let Some(Address { port, .. }) = Address::of(live) else {
        return CheckOutcome::skipped("the instance has no endpoint yet");
    };
    let own = items(live, "VpcSecurityGroups").iter().filter_map(Value::as_object);
    let groups: Vec<&str> = own.map(|group| text(group, "VpcSecurityGroupId")).collect();
    let of_tasks = |name: &str| {
        let found = desired.network.pointer(&format!("/awsvpcConfiguration/{name}")).and_then(Value::as_array);
        let found = found.into_iter().flatten().filter_map(Value::as_str);
        found.map(str::to_owned).collect::<Vec<String>>()
    };
    let (tasks, subnets) = (of_tasks("securityGroups"), of_tasks("subnets"));
    if groups.is_empty() {
        return CheckOutcome::skipped("the instance names no security groups");
    }
    let rules = client.call(&EC2, "DescribeSecurityGroups", object(json!({ "GroupId": groups }))).await;
    let ranges = async {
        match subnets.is_empty() {
            true => Ok(Vec::new()),
            false => client.call(&EC2, "DescribeSubnets", object(json!({ "SubnetId": subnets }))).await.map(|answer| {
                let found = items(&answer, "subnetSet").iter().filter_map(Value::as_object);
                found.map(|subnet| text(subnet, "cidrBlock").to_owned()).collect::<Vec<String>>()
            }),
        }
    };
    let (rules, ranges) = match (rules, ranges.await) {
        (Ok(rules), Ok(ranges)) => (rules, ranges),
        (Err(error), _) | (_, Err(error)) => return CheckOutcome::skipped(error.to_string()),
    };
    let rules: Vec<Document> =
        items(&rules, "securityGroupInfo").iter().filter_map(Value::as_object).cloned().collect();
    match reach(port, &rules, &tasks, &ranges) {
        Reach::Open => CheckOutcome::Ok,
        Reach::Unknown(why) => CheckOutcome::skipped(why),
        Reach::Closed => {
            let (groups, tasks) = (groups.join(", "), if tasks.is_empty() { "none".to_owned() } else { tasks.join(", ") });
            CheckOutcome::failed(
                format!("no rule of {groups} lets the stage's tasks (security groups {tasks}) in at port {port}"),
                format!(
                    "add one: `aws ec2 authorize-security-group-ingress --group-id {} --protocol tcp --port {port} --source-group GROUP-OF-THE-TASKS`",
                    groups.split(',').next().unwrap_or_default()
                ),
            )
        }
    }
}
