//! A stage as it is and as it should be: looked at, and turned into a plan. Changes nothing, but
//! for images, which [`push_all`] puts in the registry.

mod follow;
pub(crate) mod gather;
mod images;
mod promote;
pub(crate) mod routes;
mod scale;
mod secret;
mod ways;

use std::collections::BTreeSet;
use std::path::PathBuf;

use aws::{Client, ECR, STS};
use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::desired::{Desired, Facts, Git, ServiceDoc, desired};
use deploy_core::plan::{self, Action, Force, Observed, Plan, token};
use deploy_core::release::Release;
use futures_util::future::{join_all, try_join_all};
use serde_json::Value;

use crate::build::Tool;
use crate::entry;
use crate::error::StageError;
use crate::observe::text;
use crate::schedules;
pub use follow::follow;
pub(crate) use gather::{create_log_group, services};
pub use images::{ImageChoice, Images, look, push_all, recipe, tag};
pub use promote::promote;
pub use scale::scale;
pub(crate) use secret::ensure as ensure_secret;

/// What to bring about, and how.
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
    /// Which images are used.
    pub images: ImageChoice,
    /// Why tasks are replaced although nothing that they run changes; none unless asked for.
    pub force: Option<Force>,
}

impl Wanted {
    /// Returns what is known before any server is asked. Images that were chosen need nothing from git.
    pub(crate) fn facts(&self, registry: &str) -> Facts {
        let (tag, images) = (self.images.tag.clone(), self.images.given.clone());
        Facts { git: self.git.clone(), tag, images, ..Facts::local(registry) }
    }
}

/// A plan, and what it was made from.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What should be.
    pub desired: Desired,
    /// What is.
    pub observed: Observed,
    /// What must be done.
    pub plan: Plan,
}

/// Finds out what would stop a release before anything is built: no such stage, the wrong account,
/// secrets without a value.
///
/// # Errors
/// See [`StageError`].
pub async fn preflight(client: &Client, wanted: &Wanted) -> Result<(), StageError> {
    let account = account(client, wanted).await?;
    let facts = Facts { account, ..wanted.facts("") };
    let outline = desired(&wanted.manifest, &wanted.stage, &facts)?;
    secret::look(client, wanted, &outline).await.map(drop)
}

/// Returns what must be done so that a stage is what the manifest says.
///
/// `images` is what [`push_all`] put in the registry, or what [`look`] found there.
///
/// # Errors
/// See [`StageError`].
pub async fn draft(client: &Client, wanted: &Wanted, images: &Images) -> Result<Draft, StageError> {
    let account = account(client, wanted).await?;
    let mut facts = Facts {
        git: wanted.git.clone(),
        registry: images.registry.clone().unwrap_or_else(|| registry(client, &account)),
        account: account.clone(),
        images: images.images.iter().map(|image| (image.name.clone(), image.reference.clone())).collect(),
        ..Facts::default()
    };
    let outline = desired(&wanted.manifest, &wanted.stage, &facts)?;
    let (observed, secret) =
        futures_util::join!(gather::gather(client, &outline), secret::look(client, wanted, &outline));
    let mut observed = observed?;
    observed.secret = secret?;
    observed.force = wanted.force;
    let will_have_secret = !observed.secret.changes.is_empty();
    facts.secret_arn = observed.secret.arn.clone().or_else(|| will_have_secret.then(token::secret));
    for (service, spec) in outline.services.iter().filter_map(|service| Some((service, service.ingress.as_ref()?))) {
        let found = observed.ingress.get(&service.service).and_then(|way| way.group_arn());
        let arn = spec.target_group_arn.as_deref().or(found).map(str::to_owned);
        facts
            .target_groups
            .insert(service.service.clone(), arn.unwrap_or_else(|| token::target_group(&service.service)));
    }
    plan::database::check(&outline, &observed.databases)?;
    for spec in &outline.databases {
        let known = observed.databases.get(&spec.name).and_then(|seen| seen.secret_arn.clone());
        let arn = known.unwrap_or_else(|| token::database_secret(&spec.name));
        facts.database_secrets.insert(spec.name.clone(), arn);
    }
    plan::discovery::check(&outline, &observed.discovery)?;
    facts.registries = plan::discovery::registries(&outline, &observed.discovery);
    let desired = desired(&wanted.manifest, &wanted.stage, &facts)?;
    let make = |observed: &Observed| plan::plan(&desired, observed, &account, &wanted.git, images.images.clone());
    let mut made = make(&observed);
    let learned =
        [add_pushed(client, &made, &mut observed).await?, add_entrypoints(client, &made, &mut observed).await];
    if learned.contains(&true) {
        made = make(&observed);
    }
    Ok(Draft { plan: made, desired, observed })
}

/// Returns what must be done so that a stage runs an earlier release again.
///
/// # Errors
/// See [`StageError`].
pub async fn draft_restore(client: &Client, wanted: &Wanted, release: &Release) -> Result<Draft, StageError> {
    let account = account(client, wanted).await?;
    let desired = outline(client, wanted, &account, release)?;
    let mut observed = gather::gather(client, &desired).await?;
    // The manifest may no longer know what was released under it.
    let unknown = release.services.keys().filter(|name| !desired.services.iter().any(|known| known.name == **name));
    let unknown: Vec<String> = unknown.cloned().collect();
    observed.services.extend(gather::services(client, &desired.cluster, &unknown).await?);
    let live = running(&observed).into_values();
    let revisions = release.services.values().chain(release.schedules.values()).cloned().chain(live).collect();
    gather::add_revisions(client, &mut observed, revisions).await?;
    // Where those that the manifest does not know any more were made is in no record: in the default group, if at all.
    for (name, revision) in &release.schedules {
        if desired.schedules.iter().any(|known| known.rule == *name) {
            continue;
        }
        if let Some(rules) = &mut observed.schedules {
            let family = plan::short(revision).split(':').next().unwrap_or_default();
            rules.extend(schedules::rule(client, name, family).await?.map(|found| (name.clone(), found)));
        }
        if let Some(known) = &mut observed.scheduler {
            match schedules::scheduled(client, name, "default").await {
                Err(error) if error.is_unserved() || error.is_denied() => {}
                found => known.extend(found?.map(|found| (name.clone(), found))),
            }
        }
    }
    let plan = plan::restore(&desired, &observed, &account, release);
    Ok(Draft { plan, desired, observed })
}

/// Returns the names of a stage's resources; its images are those of a release.
fn outline(client: &Client, wanted: &Wanted, account: &str, release: &Release) -> Result<Desired, StageError> {
    let facts = Facts {
        git: wanted.git.clone(),
        registry: registry(client, account),
        account: account.to_owned(),
        // Only names are asked for: a tag that git cannot make must not stand in the way.
        images: wanted
            .manifest
            .images
            .names()
            .map(|name| (name.to_owned(), release.images.get(name).cloned().unwrap_or_else(|| name.to_owned())))
            .collect(),
        ..Facts::default()
    };
    Ok(desired(&wanted.manifest, &wanted.stage, &facts)?)
}

/// Learns which ENTRYPOINTs stand in front of release commands; returns whether anything was learned.
async fn add_entrypoints(client: &Client, plan: &Plan, observed: &mut Observed) -> bool {
    let releases = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Release { document, release, .. } => Some((plan::released_image(document, release)?, document)),
        _ => None,
    });
    let asked = releases
        .map(async |(image, document)| Some((image.to_owned(), entry::of_image(client, image, document).await?)));
    observed.entrypoints = join_all(asked).await.into_iter().flatten().collect();
    !observed.entrypoints.is_empty()
}

/// Learns when the images that come and go were pushed; returns whether anything was learned.
async fn add_pushed(client: &Client, plan: &Plan, observed: &mut Observed) -> Result<bool, StageError> {
    let registers = plan.steps.iter().filter(|step| matches!(step.action, Action::Register { .. }));
    let images = registers.flat_map(|step| &step.difference.changes).filter(|change| {
        change.path.last().is_some_and(|last| last == "image") && change.before.is_some() && change.after.is_some()
    });
    let references: BTreeSet<&str> = images
        .flat_map(|change| [&change.before, &change.after])
        .filter_map(|value| value.as_ref()?.as_str())
        .collect();
    let asked = references.into_iter().map(async |reference| {
        Ok::<_, StageError>((reference.to_owned(), images::pushed_at(client, reference).await?))
    });
    let found = try_join_all(asked).await?;
    observed.pushed = found.into_iter().filter_map(|(reference, at)| Some((reference, at?))).collect();
    Ok(!observed.pushed.is_empty())
}

/// Returns the account of the credentials.
async fn account(client: &Client, wanted: &Wanted) -> Result<String, StageError> {
    let answer = client.call(&STS, "GetCallerIdentity", Document::new()).await?;
    let account = text(&answer, "Account").to_owned();
    let expected = deploy_core::desired::stage_of(&wanted.manifest, &wanted.stage)?.account;
    match expected {
        Some(expected) if expected != account => Err(StageError::OtherAccount { expected, account }),
        _ => Ok(account),
    }
}

/// Returns the registry's host where no repository tells it.
pub(crate) fn registry(client: &Client, account: &str) -> String {
    let endpoint = client.endpoint(&ECR);
    let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest);
    match host.strip_prefix("api.ecr.") {
        Some(rest) => format!("{account}.dkr.ecr.{rest}"),
        None => host.split('/').next().unwrap_or_default().to_owned(),
    }
}

/// Returns the revision that each service runs, by its name in ECS.
pub fn running(observed: &Observed) -> std::collections::BTreeMap<String, String> {
    let one = |(name, live): (&String, &Document)| (name.clone(), text(live, "taskDefinition").to_owned());
    observed.services.iter().map(one).collect()
}

/// Returns the task definition that each service runs, by its name in ECS.
pub fn running_documents(observed: &Observed) -> std::collections::BTreeMap<String, Document> {
    let found = running(observed).into_iter();
    found.filter_map(|(name, arn)| Some((name, observed.revisions.get(&arn)?.clone()))).collect()
}

/// A deployment under way that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Underway {
    /// Service in ECS.
    pub service: String,
    /// `ecs-svc/N`.
    pub deployment: String,
    /// `family:revision` that it brings.
    pub revision: String,
}

/// Returns the deployments that are under way.
pub fn underway(observed: &Observed) -> Vec<Underway> {
    let one = |(service, live): (&String, &Document)| {
        let deployments = live.get("deployments")?.as_array()?;
        let primary = deployments.iter().find(|deployment| deployment["status"] == "PRIMARY")?;
        let member = |name: &str| primary.get(name).and_then(Value::as_str).unwrap_or_default();
        (member("rolloutState") == "IN_PROGRESS").then(|| Underway {
            service: service.clone(),
            deployment: member("id").to_owned(),
            revision: member("taskDefinition").rsplit('/').next().unwrap_or_default().to_owned(),
        })
    };
    observed.services.iter().filter_map(one).collect()
}

/// Returns where requests reach a service of an endpoint on this machine.
pub fn url(service: &ServiceDoc) -> Option<String> {
    let ingress = service.ingress.as_ref()?;
    let path = ingress.paths.first().map_or("/", |path| path.trim_end_matches('*'));
    Some(format!("http://127.0.0.1:{}{path}", ingress.listener_port))
}
