//! What runs in a cluster that no manifest knows yet? Asked through the API, answered as a stage that
//! `import` makes a manifest of. Changes nothing, and never reads the value of a secret.

mod balancer;
mod rules;
mod scaling;
mod scheduler;

use std::collections::BTreeSet;

use aws::{CallError, Client, items};
use aws_model::Document;
use deploy_core::plan::discovery::registries_of;
use futures_util::future::try_join_all;
use import::live::{self, Seen};
use import::names::app_of;
use import::{Found, FoundStage, Kind, Left, Place};
use serde_json::Value;

use crate::discovery;
use crate::observe::{self, text};
use crate::stage::{gather, registry};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the stage is called in the manifest.
    pub stage: String,
    /// Cluster.
    pub cluster: String,
    /// One of its services; none is all of them.
    pub service: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no such cluster, or none that is active.
    #[error("there is no cluster `{cluster}`")]
    NoCluster {
        /// Cluster.
        cluster: String,
    },
    /// There is no such service in the cluster.
    #[error("cluster `{cluster}` has no service `{service}`")]
    NoService {
        /// Cluster.
        cluster: String,
        /// Service.
        service: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// One stage was given two clusters, or two services of one.
    #[error("stage `{stage}` was asked for twice")]
    Twice {
        /// The stage.
        stage: String,
    },
    /// There is nothing to import.
    #[error("cluster `{cluster}` has no services")]
    Empty {
        /// Cluster.
        cluster: String,
    },
}

/// Looks at every stage that was asked for; the application is called `app`, or what its services' names share.
///
/// # Errors
/// See [`AdoptError`].
pub async fn look(client: &Client, asked: &[Asked], app: Option<&str>) -> Result<Found, AdoptError> {
    if let Some(twice) = asked
        .iter()
        .enumerate()
        .find_map(|(at, one)| asked[..at].iter().any(|other| other.stage == one.stage).then(|| one.stage.clone()))
    {
        return Err(AdoptError::Twice { stage: twice });
    }
    let mut found = Found::default();
    let seen = try_join_all(asked.iter().map(|asked| seen(client, asked))).await?;
    let names = seen.iter().flat_map(|(seen, _)| &seen.services).map(|(service, _)| text(service, "serviceName"));
    let app = app.map(str::to_owned).or_else(|| app_of(names)).unwrap_or_default();
    found.app = Some(app.clone());
    for (seen, left) in seen {
        found.left.extend(left);
        let stage = live::stage(&seen, &app, &mut found.left);
        let registry = registry(client, stage.account.as_deref().unwrap_or_default());
        add_repositories(&stage, &registry, &mut found.repositories);
        found.stages.push(stage);
    }
    Ok(found)
}

/// Asks for everything of a stage, and returns it with what could not be had.
async fn seen(client: &Client, asked: &Asked) -> Result<(Seen, Vec<Left>), AdoptError> {
    let mut left = Vec::new();
    let Some(cluster) = observe::cluster_whole(client, &asked.cluster).await? else {
        return Err(AdoptError::NoCluster { cluster: asked.cluster.clone() });
    };
    let cluster_name = text(&cluster, "clusterName").to_owned();
    let mut seen = Seen { stage: asked.stage.clone(), cluster_name, cluster, ..Seen::default() };
    for service in services(client, asked).await? {
        let name = text(&service, "serviceName");
        if text(&service, "status") == "DRAINING" {
            let place = Place { source: text(&service, "serviceArn").to_owned(), line: None };
            left.push(Left::new(name, place, "it is being deleted: not carried"));
            continue;
        }
        let definition = observe::task_definition_with_tags(client, text(&service, "taskDefinition")).await?;
        seen.services.push((service, definition));
    }
    balancer::look(client, &mut seen, &mut left).await?;
    rules::look(client, &mut seen, &mut left).await?;
    scheduler::look(client, &mut seen, &mut left).await?;
    scaling::look(client, &mut seen, &mut left).await?;
    names(client, &mut seen, &mut left).await?;
    log_groups(client, &mut seen, &mut left).await?;
    secrets(client, &mut seen, &mut left).await?;
    Ok((seen, left))
}

/// Returns the services that are asked for, as DescribeServices tells of them.
async fn services(client: &Client, asked: &Asked) -> Result<Vec<Document>, AdoptError> {
    let names = gather::service_names(client, &asked.cluster).await?;
    let wanted = match &asked.service {
        Some(service) if !names.contains(service) => {
            let (cluster, service) = (asked.cluster.clone(), service.clone());
            return Err(AdoptError::NoService { cluster, service, known: names });
        }
        Some(service) => vec![service.clone()],
        None if names.is_empty() => return Err(AdoptError::Empty { cluster: asked.cluster.clone() }),
        None => names,
    };
    Ok(gather::all_services(client, &asked.cluster, &wanted).await?)
}

/// Looks at the registries that services are in: a name with addresses in a private namespace has a word.
async fn names(client: &Client, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    let services = seen.services.iter().flat_map(|(service, _)| registries_of(service));
    let arns: BTreeSet<String> = services.map(str::to_owned).collect();
    for arn in arns {
        match discovery::name_of(client, &arn).await {
            Ok(name) => seen.names.extend(name.map(|name| (arn, name))),
            Err(error) if error.is_unserved() || error.is_denied() => {
                let why = format!("its name could not be looked at, so its ARN stands in `aws-service`: {error}");
                left.push(Left::new("a registry", Place { source: arn, line: None }, why));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Looks at the log groups that containers write to.
async fn log_groups(client: &Client, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    let services = seen.services.iter().filter_map(|(_, definition)| definition.as_ref());
    let definitions = services.chain(seen.schedules.iter().map(|schedule| &schedule.task_definition));
    let containers = definitions.flat_map(|task| items(task, "containerDefinitions"));
    let named = containers.filter_map(|one| one.pointer("/logConfiguration/options/awslogs-group")?.as_str());
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    match try_join_all(named.iter().map(|name| observe::log_group(client, name))).await {
        Ok(found) => seen.log_groups = found.into_iter().flatten().collect(),
        Err(error) if error.is_unserved() || error.is_denied() => {
            seen.unseen.insert(Kind::LogGroup);
            let place = Place { source: seen.cluster_name.clone(), line: None };
            left.push(Left::new("log groups", place, format!("they could not be looked at: {error}")));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Looks at the secrets of Secrets Manager that task definitions name a key of: described, never read.
async fn secrets(client: &Client, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    for arn in live::named_secrets(seen).into_keys() {
        match observe::secret(client, &arn).await {
            Ok(secret) => seen.secrets.extend(secret),
            Err(error) if error.is_denied() => {
                let why = format!("its name is taken from the ARN, since it may not be described: {error}");
                left.push(Left::new("a secret", Place { source: arn, line: None }, why));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Adds the repositories of images in the account's registry.
fn add_repositories(stage: &FoundStage, registry: &str, repositories: &mut Vec<String>) {
    let services = stage.services.iter().map(|service| &service.task_definition);
    let definitions = services.chain(stage.schedules.iter().map(|schedule| &schedule.task_definition));
    for container in definitions.flat_map(|task| items(task, "containerDefinitions")) {
        let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
        if let Some(repository) = import::names::own_repository(image, stage.account.as_deref(), Some(registry))
            && !repositories.iter().any(|known| known == repository)
        {
            repositories.push(repository.to_owned());
        }
    }
}
