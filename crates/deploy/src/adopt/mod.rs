//! What runs in a cluster that no manifest knows yet? Asked through the API, answered as a stage that
//! `import` makes a manifest of. Changes nothing, and never reads the value of a secret.

mod route;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallError, Client, items};
use aws_model::Document;
use futures_util::future::try_join_all;
use futures_util::try_join;
use import::ledger;
use import::names::{app_of, key_of, origin};
use import::{Found, FoundSecret, FoundService, FoundStage, Left, Place};
use serde_json::Value;

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
    let seen = try_join_all(asked.iter().map(|asked| services(client, asked))).await?;
    let names: Vec<&str> = seen.iter().flatten().map(|service| text(service, "serviceName")).collect();
    let app = app.map(str::to_owned).or_else(|| app_of(names)).unwrap_or_default();
    let mut found = Found { app: Some(app.clone()), ..Found::default() };
    for (asked, services) in asked.iter().zip(seen) {
        let stage = stage(client, asked, services, &app, &mut found.left).await?;
        let registry = registry(client, stage.account.as_deref().unwrap_or_default());
        add_repositories(&stage, &registry, &mut found.repositories);
        found.stages.push(stage);
    }
    Ok(found)
}

/// Returns the services that are asked for, as DescribeServices tells of them.
async fn services(client: &Client, asked: &Asked) -> Result<Vec<Document>, AdoptError> {
    if observe::cluster(client, &asked.cluster).await?.is_none() {
        return Err(AdoptError::NoCluster { cluster: asked.cluster.clone() });
    }
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
    Ok(gather::services(client, &asked.cluster, &wanted).await?.into_values().collect())
}

async fn stage(
    client: &Client,
    asked: &Asked,
    services: Vec<Document>,
    app: &str,
    left: &mut Vec<Left>,
) -> Result<FoundStage, CallError> {
    let names: Vec<String> = services.iter().map(|service| text(service, "serviceName").to_owned()).collect();
    let (scaled, schedules) = try_join!(
        scaled(client, &asked.cluster, &names),
        rules::schedules(client, &asked.cluster, app, &asked.stage, left),
    )?;
    let mut stage =
        FoundStage { name: asked.stage.clone(), cluster: Some(asked.cluster.clone()), ..Default::default() };
    for mut service in services {
        let arn = text(&service, "serviceArn").to_owned();
        let place = Place { source: arn.clone(), line: None };
        let Some(definition) = observe::task_definition_with_tags(client, text(&service, "taskDefinition")).await?
        else {
            left.push(Left::new(text(&service, "serviceName"), place, "its task definition is not there any more"));
            continue;
        };
        if let Some((region, account)) = origin(&arn) {
            stage.region.get_or_insert(region);
            stage.account.get_or_insert(account);
        }
        let way = route::route(client, &service, left).await?;
        if let Some(route) = &way {
            stage.load_balancer = stage.load_balancer.take().or_else(|| route.load_balancer.clone());
            stage.listener_arn = stage.listener_arn.take().or_else(|| route.listener_arn.clone());
        }
        if let Some(limits) = scaled.get(text(&service, "serviceName")) {
            // Whoever scales it owns its count.
            service.remove("desiredCount");
            let why = format!("the autoscaler keeps it at {limits} tasks and stays; its count is not in the manifest");
            left.push(Left::new(format!("autoscaling of {}", text(&service, "serviceName")), place.clone(), why));
        }
        let key = key_of(text(&service, "serviceName"), app, &asked.stage);
        import::lines::task_definition(&mut stage.ledger, &ledger::service_task(&key), &definition, &place);
        stage.services.push(FoundService {
            key,
            task_definition: definition,
            service: Some(service),
            ingress: way.map(|route| route.ingress),
            place,
        });
    }
    match schedules {
        Some(found) => {
            for one in &found {
                let object = ledger::schedule_task(&one.key);
                import::lines::task_definition(&mut stage.ledger, &object, &one.task_definition, &one.place);
            }
            stage.schedules = found;
        }
        None => {
            let place = Place { source: asked.cluster.clone(), line: None };
            left.push(Left::new("schedules", place, "EventBridge could not be asked for rules that start tasks"));
        }
    }
    stage.secrets = secrets(client, &stage).await?;
    Ok(stage)
}

/// Returns services that an autoscaler scales, with its limits in words.
async fn scaled(client: &Client, cluster: &str, names: &[String]) -> Result<BTreeMap<String, String>, CallError> {
    let targets = match gather::scalable_targets(client, cluster, names).await {
        Err(error) if error.is_unserved() || error.is_denied() => return Ok(BTreeMap::new()),
        targets => targets?,
    };
    let one = |target: &Document| {
        let name = text(target, "ResourceId").rsplit('/').next()?.to_owned();
        let number = |key: &str| target.get(key).and_then(Value::as_i64).unwrap_or_default();
        Some((name, format!("{} to {}", number("MinCapacity"), number("MaxCapacity"))))
    };
    Ok(targets.iter().filter_map(one).collect())
}

/// Returns the secrets of Secrets Manager that task definitions name a key of, by their ARNs.
async fn secrets(client: &Client, stage: &FoundStage) -> Result<Vec<FoundSecret>, CallError> {
    let services = stage.services.iter().map(|service| &service.task_definition);
    let definitions = services.chain(stage.schedules.iter().map(|schedule| &schedule.task_definition));
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for container in definitions.flat_map(|task| items(task, "containerDefinitions")) {
        for secret in container.get("secrets").and_then(Value::as_array).into_iter().flatten() {
            let from = secret.get("valueFrom").and_then(Value::as_str).unwrap_or_default();
            let parts: Vec<&str> = from.split(':').collect();
            if let (Some("secretsmanager"), [arn @ .., key, _, _]) = (parts.get(2).copied(), parts.as_slice())
                && arn.len() == 7
            {
                keys.entry(arn.join(":")).or_default().insert((*key).to_owned());
            }
        }
    }
    let mut found = Vec::with_capacity(keys.len());
    for (arn, keys) in keys {
        // Who may not ask takes the name from the ARN, whose last seven characters are Secrets Manager's own.
        let described = match observe::secret(client, &arn).await {
            Err(error) if error.is_denied() => None,
            answer => answer?,
        };
        let last = arn.rsplit(':').next().unwrap_or_default();
        let cut = last.len().checked_sub(7).filter(|at| last.is_char_boundary(*at)).unwrap_or(last.len());
        let name = described.map_or_else(|| last[..cut].to_owned(), |secret| text(&secret, "Name").to_owned());
        found.push(FoundSecret { name, arn: Some(arn), keys: keys.into_iter().collect() });
    }
    Ok(found)
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
