//! What a stage would be if it were deployed now, as far as the world tells.

use std::collections::{BTreeMap, BTreeSet};

use aws::{Client, STS};
use aws_model::Document;
use deploy_core::desired::{Desired, DesiredError, Facts, UNKNOWN_ACCOUNT, desired};
use deploy_core::diff::{Change, plain};
use deploy_core::manifest::LOCAL;
use deploy_core::plan::{self, Action, Mark, Observed, Plan, live_findings};
use futures_util::future::join_all;
use serde_json::Value;

use super::{Expected, Routes, ScalingFinding};
use crate::observe::{self, text};
use crate::stage::{self, Wanted};
use deploy_core::vars::dotenv;

/// What a stage would be, and what its deploy makes itself.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// What should be.
    pub desired: Desired,
    /// What is not there yet and will be.
    pub expected: Expected,
    /// Whether the deploy reads and writes the stage's secret.
    pub keeps_secret: bool,
    /// Task definitions that services run so far, as far as they could be looked at.
    pub running: BTreeMap<String, Document>,
}

/// Looks a stage up without an early end: what cannot be asked stays as the manifest has it, and why
/// is for the checks to say.
///
/// # Errors
/// The manifest has no answer for this stage.
pub async fn outlook(client: &Client, wanted: &Wanted) -> Result<Outlook, DesiredError> {
    let account = client.call(&STS, "GetCallerIdentity", Document::new()).await.ok();
    let account = account.map(|answer| text(&answer, "Account").to_owned());
    let insisted = deploy_core::desired::stage_of(&wanted.manifest, &wanted.stage)?.account;
    let unknown = || if wanted.stage == LOCAL { Facts::local("").account } else { UNKNOWN_ACCOUNT.to_owned() };
    let account = account.or(insisted).unwrap_or_else(unknown);

    let images = stage::look(client, wanted).await.unwrap_or_default();
    let mut facts = Facts {
        registry: images.registry.clone().unwrap_or_else(|| stage::registry(client, &account)),
        account,
        ..wanted.facts("")
    };
    facts.images.extend(images.images.into_iter().filter(|i| !i.missing).map(|i| (i.name, i.reference)));
    let outline = desired(&wanted.manifest, &wanted.stage, &facts)?;
    if let Some(secret) = &outline.secret {
        let found = observe::secret(client, &secret.name).await.ok().flatten();
        facts.secret_arn = found.map(|secret| text(&secret, "ARN").to_owned());
    }
    for spec in &outline.databases {
        let found = observe::secret(client, &spec.secret).await.ok().flatten();
        facts.database_secrets.extend(found.map(|secret| (spec.name.clone(), text(&secret, "ARN").to_owned())));
    }
    let desired = desired(&wanted.manifest, &wanted.stage, &facts)?;
    let keeps_secret = wanted.stage == LOCAL || desired.secrets_file.is_some();
    // Those that were chosen must be there: only what is built here is pushed.
    let is_built = |name: &str| wanted.images.tag.is_none() && !wanted.images.given.contains_key(name);
    let builds = |name: &str| is_built(name) && !wanted.images.never_build;
    let unpinned = desired.images.iter().filter(|image| !image.reference.contains('@') && builds(&image.name));
    let gate = desired.gate.iter().filter(|gate| !gate.reference.contains('@'));
    let expected = Expected {
        images: unpinned.map(|image| image.reference.clone()).chain(gate.map(|gate| gate.reference.clone())).collect(),
        secret_keys: if keeps_secret { secret_keys(wanted, &desired) } else { BTreeSet::new() },
        ..Expected::of(&desired)
    };
    let running = running(client, &desired).await;
    Ok(Outlook { desired, expected, keeps_secret, running })
}

/// Returns the task definitions that services run, by the services' names. Who may not look knows of none.
async fn running(client: &Client, desired: &Desired) -> BTreeMap<String, Document> {
    let names: Vec<String> = desired.services.iter().map(|service| service.name.clone()).collect();
    let services = stage::services(client, &desired.cluster, &names).await.unwrap_or_default();
    let asked = services.into_iter().map(async |(name, service)| {
        let arn = text(&service, "taskDefinition");
        Some((name, observe::task_definition(client, arn).await.ok().flatten()?))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Returns what a deploy would do to the ways to a stage's services, and what is wrong with them.
pub async fn routes(client: &Client, wanted: &Wanted) -> Routes {
    let images = stage::look(client, wanted).await.unwrap_or_default();
    match stage::draft(client, wanted, &images).await {
        Ok(draft) => Routes {
            live: live_findings(&draft.desired, &draft.observed),
            risks: draft.plan.risks().map(|(_, risk)| risk).filter(|risk| !risk.place.is_empty()).cloned().collect(),
            scaling: scaling(&draft.desired, &draft.observed, &draft.plan),
            after: draft.plan.findings,
            unknown: draft.observed.routes.unseen.first().cloned(),
        },
        Err(error) => Routes { unknown: Some(error.to_string()), ..Routes::default() },
    }
}

/// Returns what a deploy would change of what scales services, and what it leaves alone.
fn scaling(desired: &Desired, observed: &Observed, plan: &Plan) -> Vec<ScalingFinding> {
    let steps = plan.steps.iter().filter(|step| matches!(step.action, Action::Scaling { .. })).map(|step| {
        let change = |change: &Change| {
            let show = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), plain);
            format!(
                "{} is {}, and the manifest says {}",
                change.path.join("."),
                show(&change.before),
                show(&change.after)
            )
        };
        let changes: Vec<String> = step.difference.changes.iter().map(change).collect();
        let name = step.name.clone();
        match step.mark {
            Mark::Create | Mark::Run => ScalingFinding::Missing { name, what: step.kind.clone() },
            Mark::Update => ScalingFinding::Differs { name, what: format!("{}: {}", step.kind, changes.join("; ")) },
            Mark::Delete => {
                ScalingFinding::Differs { name, what: format!("{}: the manifest does not say it", step.kind) }
            }
        }
    });
    let foreign = plan::scaling::foreign(desired, observed).into_iter();
    let foreign = foreign.map(|one| ScalingFinding::Foreign { name: one.service, what: one.what, remedy: one.remedy });
    let scales = desired.services.iter().any(|service| service.scaling.is_some());
    let unseen = observed.scaling.unseen.clone().filter(|_| scales).map(|why| ScalingFinding::Unseen { why });
    steps.chain(foreign).chain(unseen).collect()
}

/// Returns the keys for which there is a value here, or one may be made up.
fn secret_keys(wanted: &Wanted, desired: &Desired) -> BTreeSet<String> {
    let made_up = desired.secret.iter().flat_map(|secret| &secret.keys).filter(|key| key.generate);
    let file = desired.secrets_file.as_ref().map(|file| wanted.directory.join(file));
    let text = file.and_then(|file| std::fs::read_to_string(file).ok());
    let given = text.and_then(|text| dotenv::read(&text).ok()).unwrap_or_default();
    made_up.map(|key| key.key.clone()).chain(given.into_iter().map(|entry| entry.name)).collect()
}

impl Expected {
    /// Returns what `up` makes of a stage: everything but images and secrets, for which it needs
    /// more than the manifest.
    pub fn of(desired: &Desired) -> Self {
        let ingresses = desired.services.iter().filter_map(|service| service.ingress.as_ref());
        let own = ingresses.filter(|ingress| ingress.target_group_arn.is_none());
        Self {
            clusters: BTreeSet::from([desired.cluster.clone()]),
            log_groups: desired.log_groups.iter().cloned().collect(),
            target_groups: own.map(|ingress| ingress.target_group.clone()).collect(),
            ..Self::default()
        }
    }

    /// Returns what a plan makes.
    pub fn of_plan(plan: &Plan) -> Self {
        let missing = plan.images.iter().filter(|image| image.missing);
        let mut expected = Self { images: missing.map(|image| image.reference.clone()).collect(), ..Self::default() };
        for step in &plan.steps {
            match &step.action {
                Action::CreateCluster { .. } => {
                    expected.clusters.insert(plan.cluster.clone());
                }
                Action::CreateLogGroup => {
                    expected.log_groups.insert(step.name.clone());
                }
                Action::SetSecret { keys, .. } => {
                    expected.secret_keys.extend(keys.iter().map(|key| key.key.clone()));
                }
                Action::Route { spec, .. } if spec.target_group_arn.is_none() => {
                    expected.target_groups.insert(spec.target_group.clone());
                }
                _ => {}
            }
        }
        expected
    }
}
