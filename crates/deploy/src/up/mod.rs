//! Brings a stage up: images, secret, log groups, cluster, load balancer, task definitions,
//! services; then watches until all is steady. Safe to repeat: what is as it should be is
//! left alone.

mod facts;
mod foundation;
mod images;
mod ingress;
mod release;
mod services;

use std::path::PathBuf;
use std::time::Duration;

use aws::{Client, STS};
use deploy_core::Manifest;
use deploy_core::desired::{Desired, Facts, Git, ServiceDoc, desired};
use ecs_model::Document;
use futures_util::future::try_join_all;

use crate::build::Tool;
use crate::error::UpError;
use crate::event::Events;
use crate::observe::text;
use crate::watch::{self, Goal, Loss, Patience, ServiceView, Verdict};
pub use facts::facts;
pub use images::{Ready, push_all, recipe, tag};

/// What to bring up, and how.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The manifest.
    pub manifest: Manifest,
    /// Directory that its paths start from.
    pub directory: PathBuf,
    /// Stage whose settings are used.
    pub stage: String,
    /// What git says about the working copy.
    pub git: Git,
    /// Build tool; none means the first that works.
    pub tool: Option<Tool>,
    /// How long services may take to become steady.
    pub limit: Duration,
}

/// An application that is up.
#[derive(Debug, Clone)]
pub struct Up {
    /// What should be, and is.
    pub desired: Desired,
    /// Services as they were seen last.
    pub services: Vec<ServiceView>,
}

/// Brings a stage up and watches until it is steady.
///
/// # Errors
/// See [`UpError`].
pub async fn up(client: &Client, wanted: &Wanted, events: &Events) -> Result<Up, UpError> {
    let mut facts = Facts { git: wanted.git.clone(), ..Facts::local("") };
    facts.account = account(client).await?;
    let outline = desired(&wanted.manifest, &wanted.stage, &facts)?;

    facts.registry = foundation::ensure_repositories(client, &outline, events).await?;
    for ready in images::ensure(client, wanted, &outline, &facts.registry, events).await? {
        facts.images.insert(ready.image, ready.reference);
    }
    let secret = foundation::ensure_secret(client, wanted, &outline, events).await?;
    facts.secret_arn = secret.arn;
    foundation::ensure_log_groups(client, &outline, events).await?;
    foundation::ensure_cluster(client, &outline, events).await?;
    facts.target_groups = ingress::ensure(client, &outline, events).await?;

    let desired = desired(&wanted.manifest, &wanted.stage, &facts)?;
    let plans = services::plan_all(client, &desired, secret.changed).await?;
    for plan in &plans {
        release::run_if_new(client, &desired, plan, events).await?;
    }
    let mut started = Vec::with_capacity(plans.len());
    for plan in plans {
        started.push(services::apply(client, plan, events).await?);
    }
    let patience = Patience::local(wanted.limit);
    let watched =
        started.into_iter().map(|(goal, before)| settle(client, &desired.cluster, goal, before, patience, events));
    let ends = try_join_all(watched).await?;
    let (services, losses): (Vec<_>, Vec<_>) = ends.into_iter().partition(Result::is_ok);
    let losses: Vec<Loss> = losses.into_iter().filter_map(Result::err).collect();
    if !losses.is_empty() {
        return Err(UpError::Lost { losses });
    }
    ingress::check(client, &desired).await?;
    Ok(Up { desired, services: services.into_iter().filter_map(Result::ok).collect() })
}

/// Follows one service; the inner error is a loss, with its causes.
async fn settle(
    client: &Client,
    cluster: &str,
    goal: Goal,
    before: ServiceView,
    patience: Patience,
    events: &Events,
) -> Result<Result<ServiceView, Loss>, UpError> {
    let (verdict, view) = watch::follow(client, cluster, &goal, before, patience, events).await?;
    match verdict {
        Verdict::Lost { end, causes } => {
            Ok(Err(watch::report::collect(client, end, causes, &view, &goal.task_definition).await?))
        }
        Verdict::Done | Verdict::Going => Ok(Ok(view)),
    }
}

async fn account(client: &Client) -> Result<String, UpError> {
    let answer = client.call(&STS, "GetCallerIdentity", Document::new()).await?;
    Ok(text(&answer, "Account").to_owned())
}

/// Returns where requests reach a service of an endpoint on this machine.
pub fn url(service: &ServiceDoc) -> Option<String> {
    let ingress = service.ingress.as_ref()?;
    let path = ingress.paths.first().map_or("/", |path| path.trim_end_matches('*'));
    Some(format!("http://127.0.0.1:{}{path}", ingress.listener_port))
}
