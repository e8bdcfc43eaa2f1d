//! `managr taskdef render`: what would be registered.

use deploy_core::desired::{Desired, Facts, UNKNOWN_ACCOUNT};
use deploy_core::manifest::LOCAL;
use deploy_core::plan::token;

use crate::context::{Context, Project, registry_of};
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::report;

/// Print the JSON that would be registered
///
/// Calls only the local platform. While that runs, the local stage's images are pinned as `up` would pin them;
/// otherwise digests and the secret's full ARN are unknown and left out. The account of another stage is its `account`
/// in the manifest, or `ACCOUNT_ID` if it has none.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr taskdef render local app\n  \
    managr taskdef render staging app > task-definition.json")]
pub(super) struct RenderArgs {
    /// Stage whose settings are used
    stage: String,
    /// Service or schedule of the manifest
    service: String,
}

pub(super) async fn run(cx: &Context, args: &RenderArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let mut desired = outline(cx, &project, &args.stage)?;
    if args.stage == LOCAL && daemon::is_healthy(cx.endpoint()).await {
        let client = cx.client(&desired.region)?;
        let wanted = project.wanted(&args.stage, None);
        let explain = |error| report::explain(error, cx.ui.err);
        let images = deploy::stage::look(&client, &wanted).await.map_err(explain)?;
        let known = desired.secret.as_ref().map(|secret| (token::secret(), secret.name.clone()));
        desired = deploy::stage::draft(&client, &wanted, &images).await.map_err(explain)?.desired;
        // What is not there yet is shown by its name.
        for task in &mut desired.task_definitions {
            let mut document = serde_json::Value::Object(std::mem::take(&mut task.document));
            let filled = token::fill(&mut document, &known.iter().cloned().collect());
            task.document = document.as_object().filter(|_| filled.is_ok()).cloned().unwrap_or_default();
        }
    }
    let wanted = desired.task_definitions.iter().find(|task| owner(task) == args.service);
    let Some(task) = wanted else {
        let known: Vec<&str> = desired.task_definitions.iter().map(owner).collect();
        let meant = deploy_core::suggest::nearest(&args.service, known.iter().copied());
        let failure = Failure::new(format!("the manifest has no service or schedule `{}`", args.service));
        let hint = match meant {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        return Err(failure.hint(hint).exit(Exit::Usage));
    };
    if serde_json::to_string(&task.document).is_ok_and(|text| text.contains(UNKNOWN_ACCOUNT)) {
        cx.ui.say(&format!(
            "the account of {} is not known here, and {UNKNOWN_ACCOUNT} stands for it: `account = \"...\"` under [stages.{0}] says it",
            args.stage
        ));
    }
    cx.ui.json(&task.document);
    Ok(Exit::Done)
}

/// Returns what is wanted, as far as it is known without a call.
fn outline(cx: &Context, project: &Project, stage: &str) -> Result<Desired, Failure> {
    if stage == LOCAL {
        return project.outline(stage, &registry_of(cx.endpoint()));
    }
    let region = project.region(stage);
    let account = deploy_core::desired::stage_of(&project.manifest, stage)?.account;
    let account = account.unwrap_or_else(|| UNKNOWN_ACCOUNT.to_owned());
    // AWS's own name for the registry of an account (ECR user guide, "Private registry").
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let registry = format!("{account}.dkr.ecr.{region}.amazonaws.com{suffix}");
    project.with_facts(stage, Facts { account, registry, ..Facts::default() })
}

fn owner(task: &deploy_core::desired::TaskDefinitionDoc) -> &str {
    match &task.owner {
        deploy_core::desired::Owner::Service(name) | deploy_core::desired::Owner::Schedule(name) => name,
    }
}
