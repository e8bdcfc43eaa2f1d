//! What is everything called? What the defaults say is left out.

use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::desired::DEFAULT_REGION;
use deploy_core::manifest::Stage;
use serde_json::Value;

use super::{Draft, objects, text};
use crate::facts::{NO_ACCOUNT, account, most, region, rendering_account, secret};
use crate::{Found, FoundStage};

/// Longest name of an application.
const APP_MAX: usize = 32;

/// Returns a manifest with stages that name their things, and nothing else.
pub(super) fn manifest(found: &Found, drafts: &[Draft]) -> Manifest {
    let app = app(found);
    let common_region = most(found.stages.iter().map(region));
    let mut manifest = Manifest { app, region: common_region.clone(), ..Manifest::default() };
    if manifest.region.as_deref() == Some(DEFAULT_REGION) {
        manifest.region = None;
    }
    for (number, found) in found.stages.iter().enumerate() {
        let mut stage = stage(&manifest.app, number, found, drafts);
        stage.region = Some(region(found)).filter(|region| common_region.as_ref() != Some(region));
        manifest.stages.insert(found.name.as_str(), stage);
    }
    manifest
}

/// Returns the application's name, in letters that a manifest takes.
fn app(found: &Found) -> String {
    let first = found.stages.first();
    let of_cluster = || first?.cluster.clone().map(|cluster| cluster.trim_end_matches("-cluster").to_owned());
    let of_secret = || Some(first.and_then(secret)?.1.split('/').next()?.to_owned());
    let of_service = || Some(first?.services.first()?.key.clone());
    let name = found.app.clone().or_else(of_secret).or_else(of_cluster).or_else(of_service);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.unwrap_or_default().chars().map(plain).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name = name[..name.len().min(APP_MAX)].trim_end_matches('-');
    if name.is_empty() { "app".to_owned() } else { name.to_owned() }
}

fn stage(app: &str, number: usize, found: &FoundStage, drafts: &[Draft]) -> Stage {
    let name = &found.name;
    let account = account(found);
    let rendered = rendering_account(found);
    let role = |member: &str, purpose: &str| {
        let all = versions(drafts, number).map(|document| text(document, member).to_owned());
        let arn = most(all.filter(|arn| !arn.is_empty()))?;
        named_role(&arn, &rendered, app, name, purpose)
    };
    let unlike = |value: Option<String>, default: String| value.filter(|value| !value.is_empty() && *value != default);
    let secret = secret(found).map(|(_, name)| name);
    let only_secret = || match found.secrets.as_slice() {
        [only] => Some(only.name.clone()),
        _ => None,
    };
    Stage {
        cluster: unlike(found.cluster.clone().map(|cluster| last(&cluster)), format!("{app}-cluster")),
        account: account.clone(),
        execution_role: role("executionRoleArn", "execution"),
        task_role: role("taskRoleArn", "task"),
        load_balancer: unlike(found.load_balancer.clone(), format!("{app}-{name}")),
        listener_arn: found.listener_arn.clone(),
        log_group: unlike(log_group(drafts, number), format!("/{app}/{name}")),
        secret: unlike(secret.or_else(only_secret), format!("{app}/{name}")),
        ..Stage::default()
    }
}

/// Says the number that stands for an account where an ARN of the manifest still has it: a deploy with any account's
/// credentials is then refused, before it registers something that can never start.
pub(super) fn guard(manifest: &mut Manifest, found: &Found) {
    if !crate::write::text(manifest, &[]).contains(NO_ACCOUNT) {
        return;
    }
    for stage in found.stages.iter().filter(|stage| account(stage).is_none()) {
        if let Some(settings) = manifest.stages.get_mut(&stage.name) {
            settings.account = Some(NO_ACCOUNT.to_owned());
        }
    }
}

/// Returns a role as a stage names it; none if it is the default.
pub(super) fn named_role(arn: &str, account: &str, app: &str, stage: &str, purpose: &str) -> Option<String> {
    let prefix = format!("arn:aws:iam::{account}:role/");
    let name = arn.strip_prefix(&prefix).filter(|name| !name.is_empty());
    let name = name.unwrap_or(arn);
    (name != format!("{app}-{stage}-{purpose}")).then(|| name.to_owned())
}

fn versions(drafts: &[Draft], stage: usize) -> impl Iterator<Item = &Document> {
    drafts.iter().flat_map(|draft| &draft.versions).filter(move |v| v.stage == stage).map(|v| &v.normal)
}

/// Returns the group that most containers of a stage write to; none where each of several tasks has one of its own.
fn log_group(drafts: &[Draft], stage: usize) -> Option<String> {
    let group = |container: &Document| {
        let log = container.get("logConfiguration").filter(|log| log["logDriver"] == "awslogs")?;
        log.pointer("/options/awslogs-group").and_then(Value::as_str).map(str::to_owned)
    };
    let of_task = |document| -> Vec<String> {
        objects(document, "containerDefinitions").filter_map(group).filter(|group| !group.is_empty()).collect()
    };
    // Schedules that share a task are one user of its group.
    let mut tasks: BTreeMap<&str, Vec<String>> =
        versions(drafts, stage).map(|document| (text(document, "family"), of_task(document))).collect();
    tasks.retain(|_, groups| !groups.is_empty());
    let found = most(tasks.values().flatten().cloned())?;
    let users = tasks.values().filter(|groups| groups.contains(&found)).count();
    (users > 1 || tasks.len() == 1).then_some(found)
}

/// Returns the last name of an ARN or path.
pub(super) fn last(text: &str) -> String {
    text.rsplit('/').next().unwrap_or(text).to_owned()
}

/// Names families that are not called as the defaults say.
pub(super) fn families(draft: &mut Draft, manifest: &Manifest) {
    let families: Vec<(usize, String)> =
        draft.versions.iter().map(|v| (v.stage, text(&v.document, "family").to_owned())).collect();
    for (number, family) in families {
        let Some(stage) = manifest.stages.names().nth(number) else { continue };
        let default = format!("{}-{}-task-{stage}", manifest.app, draft.key);
        if is_ecs_name(&family) && family != default {
            draft.differs.entry(number).or_default().family = Some(family);
        }
    }
}

pub(super) fn is_ecs_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// ELBv2 API reference, CreateLoadBalancer and CreateTargetGroup, `Name`.
pub(super) fn is_elb_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.starts_with("internal-")
}
