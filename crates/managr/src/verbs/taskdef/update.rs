//! `managr taskdef update`: other images in a task definition that no manifest describes. What a
//! shell script with `jq` did, but whatever else the task definition has stays in it.

use std::time::Duration;

use aws_model::Document;
use aws_model::register::COMPUTED;
use deploy::observe;
use deploy::taskdef::{self, Service};
use serde_json::Value;

use super::{RegionArgs, show::no_such};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::{plan, progress, report};
use crate::verbs::ship::pair;

/// Put new images into a task definition, register it, and let a service run it
///
/// Needs no manifest. Every field of the task definition is kept, including those that AWS will add in future. Without
/// --register and --service the JSON is printed and nothing is changed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr taskdef update app-task --image web=REGISTRY/web:v2 > task-definition.json\n  \
    managr taskdef update app-task --image web=REGISTRY/web:v2 --register\n  \
    managr taskdef update app-task --image web=REGISTRY/web:v2 --cluster c --service app"
)]
pub(super) struct UpdateArgs {
    /// Family, `family:revision` or ARN
    family: String,
    /// Container and its new image; may be repeated
    #[arg(long, value_name = "CONTAINER=REF", value_parser = pair, required = true)]
    image: Vec<(String, String)>,
    /// Register it, and print the new revision's ARN
    #[arg(long)]
    register: bool,
    /// Service to run it; it is registered, and watched until it runs
    #[arg(long, requires = "cluster")]
    service: Option<String>,
    /// Cluster of the service
    #[arg(long, requires = "service", env = "AWS_ECS_CLUSTER_NAME", hide_env_values = true)]
    cluster: Option<String>,
    /// Do not wait for its end
    #[arg(long, requires = "service")]
    no_wait: bool,
    /// Seconds that the service may take to become steady
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    timeout: u64,
    #[command(flatten)]
    region: RegionArgs,
}

pub(super) async fn run(cx: &Context, args: UpdateArgs) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let client = cx.client_of_aws(&args.region.settle())?;
    let before = observe::task_definition_with_tags(&client, &args.family).await?;
    let before = before.ok_or_else(|| no_such(&client, &args.family))?;
    let after = with_images(&before, &args.image)?;
    let difference = deploy_core::diff::task_definition_changes(&before, &after);
    let mut shown = String::new();
    plan::difference(&mut shown, &difference, cx.ui.err);
    cx.ui.say(if difference.is_empty() { "no difference" } else { shown.trim_end() });
    if !args.register && args.service.is_none() {
        cx.ui.json(&after);
        return Ok(Exit::Done);
    }
    // A revision that nothing will run is not registered: it would be the family's newest one.
    let service = match args.service.as_deref().zip(args.cluster.as_deref()) {
        Some((name, cluster)) => {
            let service = Service { cluster, name };
            let seen = taskdef::look(&client, &service).await.map_err(|error| report::explain(error, cx.ui.err))?;
            tell_family(cx, &seen.task_definition, &before);
            Some((service, seen))
        }
        None => None,
    };
    let limit = Duration::from_secs(args.timeout);
    let wait = (!args.no_wait).then_some(limit);
    let work = progress::show(cx, |events| {
        let client = client.clone();
        async move {
            let revision = match difference.is_empty() {
                true => deploy::observe::text(&before, "taskDefinitionArn").to_owned(),
                false => taskdef::register(&client, after, &events).await?,
            };
            if let Some((service, seen)) = service {
                taskdef::run(&client, (&service, seen), &revision, wait, &events).await?;
            }
            Ok(revision)
        }
    });
    tokio::select! {
        revision = work => cx.ui.data(&revision?),
        () = interrupts.next() => {
            return Err(Failure::new("interrupted; what ECS was asked for goes on").exit(Exit::Interrupted));
        }
    }
    Ok(Exit::Done)
}

/// Says when a service runs something else so far: the wrong one of two names is a slip that ECS carries out.
fn tell_family(cx: &Context, running: &str, document: &Document) {
    let runs = running.rsplit('/').next().unwrap_or(running);
    let (runs, _) = runs.rsplit_once(':').unwrap_or((runs, ""));
    let family = observe::text(document, "family");
    if runs != family {
        cx.ui.say(&format!("the service runs task definition {runs} so far, and {family} is another one"));
    }
}

/// Returns what would be registered: everything that is registered, with other images.
fn with_images(registered: &Document, images: &[(String, String)]) -> Result<Document, Failure> {
    let mut document = registered.clone();
    for key in COMPUTED {
        document.shift_remove(key);
    }
    let containers = document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    let containers = containers.map(Vec::as_mut_slice).unwrap_or_default();
    for (name, reference) in images {
        let found = containers.iter_mut().find(|container| container["name"] == name.as_str());
        match found.and_then(Value::as_object_mut) {
            Some(container) => drop(container.insert("image".to_owned(), reference.as_str().into())),
            None => {
                let known: Vec<&str> = containers.iter().filter_map(|container| container["name"].as_str()).collect();
                return Err(Failure::new(format!("the task definition has no container `{name}`"))
                    .hint(format!("there are {}", known.join(", ")))
                    .exit(Exit::Usage));
            }
        }
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_image_of_the_container_named_changes() {
        let registered = json!({"taskDefinitionArn": "arn", "revision": 3, "status": "ACTIVE", "family": "f", "new": {"field": [1]},
            "containerDefinitions": [{"name": "agent", "image": "a", "x": 1}, {"name": "web", "image": "w:1"}]});
        let registered = registered.as_object().cloned().unwrap();
        let found = with_images(&registered, &[("web".into(), "w:2".into())]).unwrap();
        let expected = json!({"family": "f", "new": {"field": [1]},
            "containerDefinitions": [{"name": "agent", "image": "a", "x": 1}, {"name": "web", "image": "w:2"}]});
        assert_eq!(Value::Object(found), expected);
        let error = with_images(&registered, &[("wbe".into(), "w:2".into())]).unwrap_err();
        assert_eq!(error.hints, ["there are agent, web"]);
    }
}
