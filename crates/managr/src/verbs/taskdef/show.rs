//! `managr taskdef show` and `diff`: task definitions that are registered.

use aws::Client;
use aws_model::Document;
use deploy::observe;
use deploy_core::diff::task_definition_changes;

use super::RegionArgs;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{plan, report};
use crate::verbs::ship::ImageArgs;

/// Print a registered task definition
///
/// `STAGE SERVICE` shows the one that the service runs now; `FAMILY`, `FAMILY:REVISION` or an ARN needs no manifest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr taskdef show prod app\n  managr taskdef show managr-app-task-prod:41")]
pub(super) struct ShowArgs {
    /// Stage, family, `family:revision` or ARN
    #[arg(value_name = "STAGE|FAMILY")]
    name: String,
    /// Service of the manifest
    service: Option<String>,
    #[command(flatten)]
    region: RegionArgs,
}

/// Show what differs between two task definitions
///
/// `STAGE SERVICE` compares what the service runs with the manifest; two families or revisions are compared with each
/// other. Exits with 1 if they differ.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr taskdef diff prod app\n  managr taskdef diff prod app --tag prod-v1.4\n  managr taskdef diff app-task-prod:41 app-task-prod:42"
)]
pub(super) struct DiffArgs {
    /// Stage, family, `family:revision` or ARN
    #[arg(value_name = "STAGE|FAMILY")]
    before: String,
    /// Service of the manifest, family, `family:revision` or ARN
    #[arg(value_name = "SERVICE|FAMILY")]
    after: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    region: RegionArgs,
    #[command(flatten)]
    images: ImageArgs,
}

pub(super) async fn show(cx: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    let document = match &args.service {
        Some(service) => {
            let project = cx.project()?;
            let client = cx.client_of(&args.name, &project.region(&args.name))?;
            running(&client, &project, &args.name, service).await?
        }
        None => registered(&cx.client_of_aws(&args.region.settle())?, &args.name).await?,
    };
    cx.ui.json(&document);
    Ok(Exit::Done)
}

pub(super) async fn diff(cx: &Context, args: &DiffArgs) -> Result<Exit, Failure> {
    let stage = match cx.project() {
        Ok(project) if project.names(&args.before).is_ok() => Some(project),
        _ => None,
    };
    let (before, after) = match stage {
        Some(project) => of_stage(cx, &project, args).await?,
        None => {
            let client = cx.client_of_aws(&args.region.settle())?;
            (registered(&client, &args.before).await?, registered(&client, &args.after).await?)
        }
    };
    let difference = task_definition_changes(&before, &after);
    if args.json {
        cx.ui.json(&difference);
    } else {
        let mut out = String::new();
        plan::difference(&mut out, &difference, cx.ui.out);
        cx.ui.data(if difference.is_empty() { "no difference" } else { &out });
    }
    Ok(if difference.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Returns what a service runs and what the manifest says.
async fn of_stage(cx: &Context, project: &Project, args: &DiffArgs) -> Result<(Document, Document), Failure> {
    let (stage, service) = (args.before.as_str(), args.after.as_str());
    let client = cx.client_of(stage, &project.region(stage))?;
    let explain = |error| report::explain(error, cx.ui.err);
    let before = running(&client, project, stage, service).await?;
    let mut wanted = project.wanted(stage, args.images.builder.builder);
    wanted.images = args.images.choice(project)?;
    let images = deploy::stage::look(&client, &wanted).await.map_err(explain)?;
    let desired = deploy::stage::draft(&client, &wanted, &images).await.map_err(explain)?.desired;
    let task = desired.service_task(service).ok_or_else(|| project.no_such_service(stage, service))?;
    Ok((before, task.document.clone()))
}

/// Returns the revision that a service runs now; of one that stands alone, the newest.
async fn running(client: &Client, project: &Project, stage: &str, service: &str) -> Result<Document, Failure> {
    let desired = project.names(stage)?;
    if let Some((_, task)) = desired.standalone().find(|(name, _)| *name == service) {
        return registered(client, &task.family).await;
    }
    let found = desired.services.iter().find(|found| found.service == service);
    let name = &found.ok_or_else(|| project.no_such_service(stage, service))?.name;
    let live = observe::service(client, &desired.cluster, name).await?;
    let live = live.ok_or_else(|| {
        Failure::new(format!("there is no service `{name}` in cluster `{}`", desired.cluster))
            .hint(format!("`managr deploy {stage}` makes it"))
    })?;
    registered(client, observe::text(&live, "taskDefinition")).await
}

/// Returns a registered task definition.
async fn registered(client: &Client, name: &str) -> Result<Document, Failure> {
    observe::task_definition(client, name).await?.ok_or_else(|| no_such(client, name))
}

/// Returns the failure for a task definition that is not there.
pub(super) fn no_such(client: &Client, name: &str) -> Failure {
    Failure::new(format!("there is no task definition `{name}` in {}", client.region()))
        .hint("`aws ecs list-task-definition-families` shows those that there are")
}
