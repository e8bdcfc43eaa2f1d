//! What there is in a stage, asked all at once.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallError, Client, ECS, LOGS, items};
use aws_model::Document;
use deploy_core::desired::Desired;
use deploy_core::plan::Observed;
use futures_util::future::try_join_all;
use futures_util::try_join;
use serde_json::json;

use super::routes::{self, Around};
use super::ways::ways;
use crate::observe::{self, object, text};
use crate::{databases, discovery, scaling, schedules};

/// DescribeServices takes at most this many at once (API reference).
const SERVICES_AT_ONCE: usize = 10;

/// Asks for everything that a plan depends on, but for the stage's secret.
///
/// # Errors
/// See [`CallError`].
pub(super) async fn gather(client: &Client, desired: &Desired) -> Result<Observed, CallError> {
    let families: BTreeSet<&str> = desired.task_definitions.iter().map(|task| task.family.as_str()).collect();
    let names: Vec<String> = desired.services.iter().map(|service| service.name.clone()).collect();
    let (cluster, log_groups, newest, services, looked, strangers, schedules, ingress) = try_join!(
        observe::cluster(client, &desired.cluster),
        log_groups(client, &desired.log_groups),
        try_join_all(families.into_iter().map(async |family| {
            Ok::<_, CallError>((family.to_owned(), observe::task_definition(client, family).await?))
        })),
        services(client, &desired.cluster, &names),
        scaling::look(client, desired),
        strangers(client, desired),
        schedules::look(client, &desired.schedules),
        ways(client, desired),
    )?;
    let mut observed = Observed {
        has_cluster: cluster.is_some(),
        log_groups,
        newest: newest.into_iter().filter_map(|(family, found)| Some((family, found?))).collect(),
        services,
        scaled: looked.scaled,
        scaling: looked.scaling,
        strangers,
        schedules: schedules.rules,
        scheduler: schedules.scheduler,
        ingress,
        ..Observed::default()
    };
    let running = running(&observed);
    let (revisions, databases, discovery, routes) = futures_util::join!(
        revisions(client, &observed, running),
        databases::look(client, desired),
        discovery::look(client, desired, &observed.services),
        routes::routes(client, desired, Around { services: &observed.services, ways: &observed.ingress }, true)
    );
    observed.revisions.extend(revisions?);
    observed.databases = databases?;
    observed.discovery = discovery?;
    observed.routes = routes?;
    Ok(observed)
}

/// Returns the revisions that services and schedules run.
fn running(observed: &Observed) -> BTreeSet<String> {
    let services = observed.services.values().map(|service| text(service, "taskDefinition").to_owned());
    let rules = observed.schedules.iter().flatten().filter_map(|(_, schedule)| schedule.target.as_ref());
    let scheduled = observed.scheduler.iter().flatten().filter_map(|(_, found)| found.get("Target")?.as_object());
    let started = |target: &Document| Some(target.get("EcsParameters")?.get("TaskDefinitionArn")?.as_str()?.to_owned());
    services.chain(rules.chain(scheduled).filter_map(started)).filter(|arn| !arn.is_empty()).collect()
}

/// Adds revisions by their ARNs.
pub(crate) async fn add_revisions(
    client: &Client,
    observed: &mut Observed,
    arns: BTreeSet<String>,
) -> Result<(), CallError> {
    let found = revisions(client, observed, arns).await?;
    observed.revisions.extend(found);
    Ok(())
}

/// Returns those revisions of which nothing is known yet.
async fn revisions(
    client: &Client,
    observed: &Observed,
    arns: BTreeSet<String>,
) -> Result<BTreeMap<String, Document>, CallError> {
    let known: BTreeMap<&str, &Document> =
        observed.newest.values().map(|document| (text(document, "taskDefinitionArn"), document)).collect();
    let wanted = arns.into_iter().filter(|arn| !observed.revisions.contains_key(arn));
    let found = try_join_all(wanted.map(async |arn| {
        let mut document = match known.get(arn.as_str()) {
            Some(document) => Some((*document).clone()),
            None => observe::task_definition(client, &arn).await?,
        };
        // It can only be registered again, and must not lose its tags in that.
        if document.as_ref().is_some_and(|document| text(document, "status") == "INACTIVE") {
            document = observe::task_definition_with_tags(client, &arn).await?;
        }
        Ok::<_, CallError>((arn, document))
    }))
    .await?;
    Ok(found.into_iter().filter_map(|(arn, document)| Some((arn, document?))).collect())
}

async fn log_groups(client: &Client, wanted: &[String]) -> Result<BTreeSet<String>, CallError> {
    let found = try_join_all(wanted.iter().map(|name| observe::has_log_group(client, name))).await?;
    Ok(wanted.iter().zip(found).filter(|(_, is_there)| *is_there).map(|(name, _)| name.clone()).collect())
}

/// Returns those services that there are, by name.
pub(crate) async fn services(
    client: &Client,
    cluster: &str,
    names: &[String],
) -> Result<BTreeMap<String, Document>, CallError> {
    let found = all_services(client, cluster, names).await?.into_iter();
    // One that is draining was deleted: it is made anew once it is gone.
    let found = found.filter(|service| text(service, "status") != "DRAINING");
    Ok(found.map(|service| (text(&service, "serviceName").to_owned(), service)).collect())
}

/// Returns those services that there are, those that are being deleted too.
pub(crate) async fn all_services(client: &Client, cluster: &str, names: &[String]) -> Result<Vec<Document>, CallError> {
    let chunks = names.chunks(SERVICES_AT_ONCE).map(|chunk| observe::services(client, cluster, chunk));
    Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
}

/// Returns the services whose name has this stage's shape and that the manifest does not know:
/// it named them once.
async fn strangers(client: &Client, desired: &Desired) -> Result<Vec<String>, CallError> {
    let (prefix, suffix) = (format!("{}-", desired.app), format!("-{}", desired.stage));
    let known = |name: &str| desired.services.iter().any(|service| service.name == name);
    let names = service_names(client, &desired.cluster).await?.into_iter();
    Ok(names.filter(|name| name.starts_with(&prefix) && name.ends_with(&suffix) && !known(name)).collect())
}

/// Returns the names of a cluster's services, sorted; none if there is no such cluster.
pub(crate) async fn service_names(client: &Client, cluster: &str) -> Result<Vec<String>, CallError> {
    let mut input = object(json!({ "cluster": cluster, "maxResults": 100 }));
    let mut found = Vec::new();
    loop {
        let answer = match client.call(&ECS, "ListServices", input.clone()).await {
            Err(error) if error.is("ClusterNotFoundException") => return Ok(found),
            answer => answer?,
        };
        let arns = items(&answer, "serviceArns").iter();
        found.extend(arns.filter_map(|arn| arn.as_str()?.rsplit('/').next()).map(str::to_owned));
        if !aws::go_on(&mut input, &answer) {
            break;
        }
    }
    found.sort();
    Ok(found)
}

/// Creates a log group unless it is there.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn create_log_group(client: &Client, name: &str) -> Result<(), CallError> {
    match client.call(&LOGS, "CreateLogGroup", object(json!({ "logGroupName": name }))).await {
        Err(error) if !error.is("ResourceAlreadyExistsException") => Err(error),
        _ => Ok(()),
    }
}
