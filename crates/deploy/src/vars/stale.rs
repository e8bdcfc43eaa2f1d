//! Which tasks run with an older value of a secret than it has now? Asks when, never what.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallError, Client, SECRETS, items};
use aws_model::{Document, Millis};
use deploy_core::desired::Desired;
use deploy_core::lint::secret::SecretRef;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Value, json};

use crate::observe::{self, object};
use crate::status::ServiceStatus;
use crate::tasks::millis;
use crate::watch::TaskView;

/// Tasks that read a secret before it got the value that it has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    /// Name of the secret.
    pub secret: String,
    /// When it got its value, in milliseconds since the epoch.
    pub changed_at: Millis,
    /// Ids of the tasks.
    pub tasks: Vec<String>,
}

/// Adds to each service the tasks that are older than the secrets they use; returns what could not be told.
pub(crate) async fn add(client: &Client, desired: &Desired, services: &mut [ServiceStatus]) -> Vec<String> {
    // Who has no secrets is asked nothing more.
    if !desired.task_definitions.iter().any(|task| !secrets_of(&task.document).is_empty()) {
        return Vec::new();
    }
    let mut notes = Vec::new();
    let running = services.iter().flat_map(|service| &service.tasks);
    let revisions: BTreeSet<String> = running.map(|task| task.task_definition.clone()).collect();
    let looks = revisions.into_iter().map(async |arn| {
        let found = observe::task_definition(client, &arn).await;
        (arn, found.map(|found| found.map(|found| secrets_of(&found)).unwrap_or_default()))
    });
    let mut uses = BTreeMap::new();
    for (arn, found) in join_all(looks).await {
        match found {
            Ok(secrets) => drop(uses.insert(arn, secrets)),
            Err(error) => notes.push(format!("which secrets {} uses could not be told: {error}", short(&arn))),
        }
    }
    let secrets: BTreeSet<String> = uses.values().flatten().cloned().collect();
    let looks = secrets.into_iter().map(async |arn| {
        let found = changed_at(client, &arn).await;
        (arn, found)
    });
    let mut changed = BTreeMap::new();
    for (arn, found) in join_all(looks).await {
        match found {
            Ok(at) => changed.extend(at.map(|at| (arn, at))),
            Err(error) => notes.push(format!("when {} changed could not be told: {error}", name_of(&arn))),
        }
    }
    for service in services {
        service.stale = judge(&service.tasks, &uses, &changed);
    }
    notes
}

/// Returns the secrets that changed after tasks had read them. Pure.
fn judge(
    tasks: &[TaskView],
    uses: &BTreeMap<String, BTreeSet<String>>,
    changed: &BTreeMap<String, Millis>,
) -> Vec<Stale> {
    let stale = changed.iter().map(|(arn, at)| {
        let is_stale = |task: &&TaskView| {
            let reads = uses.get(&task.task_definition).is_some_and(|secrets| secrets.contains(arn));
            reads && task.began.is_some_and(|began| began < *at)
        };
        let tasks = tasks.iter().filter(is_stale).map(|task| task.id.clone()).collect();
        Stale { secret: name_of(arn).to_owned(), changed_at: *at, tasks }
    });
    stale.filter(|stale| !stale.tasks.is_empty()).collect()
}

/// Returns the ARNs of the secrets whose current value a task definition asks for.
fn secrets_of(document: &Document) -> BTreeSet<String> {
    let containers = items(document, "containerDefinitions").iter();
    let secrets = containers.filter_map(|container| container.get("secrets")?.as_array()).flatten();
    let arns = secrets.filter_map(|secret| match SecretRef::parse(secret.get("valueFrom")?.as_str()?)? {
        SecretRef::Secret { arn, is_current: true, .. } => Some(arn),
        _ => None,
    });
    arns.collect()
}

/// Returns when a secret got the value that it has now.
///
/// That is when its current version was made, not when the secret was last touched, which a tag does too. Only
/// when an older version was made current again does nothing but `LastChangedDate` tell.
async fn changed_at(client: &Client, arn: &str) -> Result<Option<Millis>, CallError> {
    let input = object(json!({ "SecretId": arn }));
    let versions = client.call(&SECRETS, "ListSecretVersionIds", input).await;
    if let Some(at) = versions.ok().and_then(|answer| current_since(&answer)) {
        return Ok(Some(at));
    }
    let secret = observe::secret(client, arn).await?;
    Ok(secret.and_then(|secret| millis(secret.get("LastChangedDate")?)))
}

fn current_since(answer: &Document) -> Option<Millis> {
    let of = |label: &str| {
        let has = |version: &&Value| {
            version
                .get("VersionStages")
                .and_then(Value::as_array)
                .is_some_and(|labels| labels.iter().any(|l| l == label))
        };
        millis(items(answer, "Versions").iter().find(has)?.get("CreatedDate")?)
    };
    let current = of("AWSCURRENT")?;
    (of("AWSPREVIOUS").is_none_or(|previous| previous <= current)).then_some(current)
}

/// Returns a secret's name: that of its ARN, without the six characters that Secrets Manager adds.
fn name_of(arn: &str) -> &str {
    let name = arn.split(":secret:").nth(1).unwrap_or(arn);
    name.rsplit_once('-').filter(|(_, end)| end.len() == 6).map_or(name, |(name, _)| name)
}

fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:1:secret:demo/prod-AbCdEf";

    fn task(id: &str, revision: &str, began: Option<Millis>) -> TaskView {
        TaskView { id: id.to_owned(), task_definition: revision.to_owned(), began, ..TaskView::default() }
    }

    #[test]
    fn a_task_is_stale_if_it_began_before_a_secret_that_it_reads_changed() {
        let uses = BTreeMap::from([("web:1".to_owned(), BTreeSet::from([ARN.to_owned()]))]);
        let changed = BTreeMap::from([(ARN.to_owned(), 100)]);
        let check = |tasks: &[TaskView], expected: &[&str]| {
            let found: Vec<String> = judge(tasks, &uses, &changed).into_iter().flat_map(|stale| stale.tasks).collect();
            assert_eq!(found, expected);
        };
        check(&[task("old", "web:1", Some(99)), task("new", "web:1", Some(100))], &["old"]);
        check(&[task("reads nothing", "web:2", Some(1)), task("not yet there", "web:1", None)], &[]);
        let tasks = [task("old", "web:1", Some(1))];
        assert_eq!(judge(&tasks, &uses, &changed)[0].secret, "demo/prod");
    }

    #[test]
    fn the_current_version_tells_since_when_unless_it_came_back() {
        let answer = |current: f64, previous: f64| {
            object(json!({"Versions": [
                {"VersionStages": ["AWSPREVIOUS"], "CreatedDate": previous},
                {"VersionStages": ["x", "AWSCURRENT"], "CreatedDate": current}]}))
        };
        assert_eq!(current_since(&answer(20.5, 10.0)), Some(20_500));
        assert_eq!(current_since(&answer(10.0, 20.0)), None);
        assert_eq!(current_since(&object(json!({"Versions": []}))), None);
    }

    #[test]
    fn only_current_values_of_secrets_count() {
        let document = object(json!({"containerDefinitions": [
            {"secrets": [{"valueFrom": format!("{ARN}:KEY::")}, {"valueFrom": format!("{ARN}:OTHER::")}]},
            {"secrets": [{"valueFrom": format!("{ARN}-2:KEY:AWSPREVIOUS:")}, {"valueFrom": "/a/parameter"}]}, {}]}));
        assert_eq!(secrets_of(&document), BTreeSet::from([ARN.to_owned()]));
    }
}
