//! The release command: runs once, with the new image, before any task is replaced.
//!
//! It runs as a task of its own family (`{family}-release`) that holds nothing but the
//! container, so that neither a proxy nor a worker starts with it.

use std::time::{Duration, Instant};

use aws::{Client, ECS, items};
use aws_model::Document;
use deploy_core::desired::ReleaseSpec;
use deploy_core::{entry, oneoff};
use serde_json::{Value, json};

use super::register;
use crate::error::StageError;
use crate::event::{Event, Events, ResourceChange};
use crate::logs::{self, Reader};
use crate::observe::{self, object, text};
use crate::watch::{End, Loss, TaskView, verdict};

/// What a release command runs from.
pub(super) struct Release<'a> {
    pub(super) cluster: &'a str,
    /// RegisterTaskDefinition of the service.
    pub(super) document: &'a Document,
    /// The command.
    pub(super) spec: &'a ReleaseSpec,
    /// `networkConfiguration` of the service.
    pub(super) network: Option<&'a Value>,
}

/// Runs a release command to its end. `started` learns the task's ARN, so that a caller that is
/// interrupted can stop it.
pub(super) async fn run(
    client: &Client,
    release: &Release<'_>,
    started: impl FnOnce(&str),
    events: &Events,
) -> Result<(), StageError> {
    let Release { cluster, document, spec, network } = *release;
    let name = format!("{}-release", text(document, "family"));
    let container = &spec.container;
    let missing = || StageError::NoReleaseContainer { container: container.clone() };
    let definition = register(client, alone(document, spec, &name).ok_or_else(missing)?).await?;
    let mut input = object(json!({
        "cluster": cluster, "taskDefinition": definition, "count": 1, "launchType": "FARGATE",
        "startedBy": "managr-release",
    }));
    if let Some(network) = network {
        input.insert("networkConfiguration".to_owned(), network.clone());
    }
    let answer = client.call(&ECS, "RunTask", input).await?;
    let arn = items(&answer, "tasks").first().and_then(|task| task.get("taskArn")?.as_str()).map(str::to_owned);
    let arn = arn.ok_or_else(|| StageError::NotPlaced { reason: observe::first_failure(&answer) })?;
    started(&arn);
    wait(client, cluster, &arn, &name, &definition, spec, events).await?;
    events.resource(ResourceChange::Created, "release", &name);
    Ok(())
}

/// Returns the task definition with nothing but the release's container, told the command.
fn alone(document: &Document, release: &ReleaseSpec, family: &str) -> Option<Document> {
    let mut document = oneoff::alone(document, &release.container, family)?;
    let containers = document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        let command = match &release.entrypoint {
            Some(entrypoint) => entry::replace(container, entrypoint, &release.command),
            None => &release.command,
        };
        if release.entrypoint.is_none() || !command.is_empty() {
            container.insert("command".to_owned(), json!(command));
        }
    }
    Some(document)
}

async fn wait(
    client: &Client,
    cluster: &str,
    arn: &str,
    name: &str,
    definition: &str,
    release: &ReleaseSpec,
    events: &Events,
) -> Result<(), StageError> {
    let since = Instant::now();
    let mut told = None;
    let mut output = output(client, definition, &release.container).await?;
    let id = arn.rsplit('/').next().unwrap_or(arn);
    loop {
        let input = object(json!({ "cluster": cluster, "tasks": [arn] }));
        let answer = client.call(&ECS, "DescribeTasks", input).await?;
        let found = items(&answer, "tasks").first().and_then(Value::as_object);
        let task =
            TaskView::read(found.ok_or(StageError::Incomplete { operation: "DescribeTasks", member: "the task" })?);
        let state = task.containers.first().map(|container| container.state.clone());
        if let Some(state) = state.clone().filter(|state| told.as_ref() != Some(state)) {
            events.emit(Event::Container {
                service: name.to_owned(),
                task: task.id.clone(),
                container: release.container.clone(),
                state,
            });
        }
        told = state;
        if let Some(reader) = &mut output {
            for line in reader.next(client).await?.into_iter().filter(|line| line.task == id) {
                events.emit(Event::Output { container: line.container, task: line.task, line: line.message });
            }
        }
        let succeeded = matches!(told, Some(crate::ContainerState::Exited { code: Some(0), .. }));
        if task.is_stopped() && succeeded {
            return Ok(());
        }
        // One that has ended by itself was not too late.
        let late = !task.is_stopped() && since.elapsed() > Duration::from_secs(release.timeout.into());
        if task.is_stopped() || late {
            if late {
                let input = object(json!({ "cluster": cluster, "task": arn, "reason": "release timed out" }));
                client.call(&ECS, "StopTask", input).await?;
            }
            let end = if late { End::TimedOut } else { End::Failed };
            let loss = Box::new(loss(client, cluster, name, &task, definition, end).await?);
            return Err(StageError::ReleaseCommand { loss });
        }
        tokio::time::sleep(crate::watch::Patience::of(client, Duration::ZERO).interval).await;
    }
}

/// Returns a reader of what the release command prints; none if that goes elsewhere.
async fn output(client: &Client, definition: &str, container: &str) -> Result<Option<Reader>, StageError> {
    let document = observe::task_definition(client, definition).await?.unwrap_or_default();
    let containers = items(&document, "containerDefinitions").iter().filter_map(Value::as_object);
    let source = containers.filter_map(logs::source).find(|source| source.container == container);
    Ok(source.map(|source| Reader::new(vec![source], client.now() - 5_000)))
}

async fn loss(
    client: &Client,
    cluster: &str,
    name: &str,
    task: &TaskView,
    definition: &str,
    end: End,
) -> Result<Loss, StageError> {
    let view = crate::watch::ServiceView { name: name.to_owned(), ..Default::default() };
    let causes = verdict::causes(std::iter::once(task));
    Ok(crate::watch::report::collect(client, cluster, end, causes, &view, definition).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_runs_alone() {
        let document = object(json!({"family": "f", "cpu": "256", "containerDefinitions": [
            {"name": "web", "image": "i", "dependsOn": [{"containerName": "db"}], "essential": false,
             "environment": [{"name": "A", "value": "1"}]},
            {"name": "db", "image": "j"}]}));
        let release =
            ReleaseSpec { container: "web".into(), command: vec!["migrate".into()], entrypoint: None, timeout: 1 };
        let found = alone(&document, &release, "f-release").unwrap();
        assert_eq!(
            Value::Object(found),
            json!({"family": "f-release", "cpu": "256", "containerDefinitions": [
                {"name": "web", "image": "i", "essential": true, "environment": [{"name": "A", "value": "1"}],
                 "command": ["migrate"]}]})
        );
    }

    #[test]
    fn another_entry_point_is_in_the_definition_that_only_the_release_has() {
        let document = object(json!({"family": "f", "containerDefinitions": [
            {"name": "web", "image": "i", "command": ["serve"], "entryPoint": ["/start"]}]}));
        let container = |entrypoint: Option<Vec<String>>, command: &[&str]| {
            let command = command.iter().map(|word| (*word).to_owned()).collect();
            let release = ReleaseSpec { container: "web".into(), command, entrypoint, timeout: 1 };
            let mut found = alone(&document, &release, "f-release").unwrap();
            assert_eq!(found["family"], "f-release", "never a revision that the service could run");
            let container = found["containerDefinitions"][0].take();
            (container["entryPoint"].clone(), container["command"].clone())
        };
        assert_eq!(container(None, &["migrate"]), (json!(["/start"]), json!(["migrate"])));
        assert_eq!(container(Some(vec![]), &["manage.py", "migrate"]), (json!(["manage.py"]), json!(["migrate"])));
        assert_eq!(container(Some(vec![]), &["migrate"]), (json!(["migrate"]), Value::Null));
        assert_eq!(container(Some(vec!["sh".into()]), &["migrate"]), (json!(["sh"]), json!(["migrate"])));
    }
}
