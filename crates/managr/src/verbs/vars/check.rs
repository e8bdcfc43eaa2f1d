//! `managr vars check`: are variables and secrets consistent?

use deploy::vars::{Look, LookError, Looked, Skipped};
use deploy_core::manifest::LOCAL;
use deploy_core::vars::check::{AcceptedFinding, Checked, Finding, Severity};
use serde::Serialize;

use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::vars;

/// Find what is inconsistent about variables and secrets
///
/// Without a stage it checks only the manifest and secrets-files, for all stages. With stages it also checks what runs
/// there and the names of keys in their secrets; values are neither kept nor shown. Exits with 5 if there are errors,
/// and with --strict for warnings too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr vars check\n  managr vars check prod --read-secrets\n  \
    managr vars check staging prod --read-secrets\n  managr vars check prod --offline --strict\n  \
    managr vars check --json | jq '.findings[].rule'")]
pub(super) struct CheckArgs {
    /// Stages to look at [default: the manifest alone, for all of them]
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Make no calls: check only the manifest and secrets-files
    #[arg(long)]
    offline: bool,
    /// Read secrets to see which keys they have; values are neither kept nor shown
    ///
    /// In the local stage, and if the stage's values are in a file here, they are read anyway, as in a deploy.
    #[arg(long, conflicts_with = "offline")]
    read_secrets: bool,
    /// Exit with 5 for warnings too
    #[arg(long)]
    strict: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    app: String,
    file: String,
    /// Stages that were looked at.
    stages: Vec<String>,
    errors: usize,
    warnings: usize,
    findings: Vec<Finding>,
    /// What the manifest accepts, with its reasons.
    accepted: Vec<AcceptedFinding>,
    skipped: Vec<Skipped>,
}

pub(super) async fn run(cx: &Context, args: CheckArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let (stages, looked) = look(cx, &project, &args).await?;
    let Checked { findings, accepted } = project.judge_variables(&args.stages, &looked.seen)?;
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let file = project.shown_path();
    if args.json {
        let app = project.manifest.app.clone();
        let skipped = looked.skipped;
        cx.ui.json(&Report { app, file, stages, errors, warnings, findings, accepted, skipped });
    } else {
        let told = findings.iter().filter(|finding| !cx.ui.quiet || finding.severity == Severity::Error);
        let told: String = told.map(|finding| vars::finding(finding, &file, cx.ui.out)).collect();
        if !told.is_empty() {
            cx.ui.data(&told);
        }
        for skipped in &looked.skipped {
            cx.ui.say(&vars::skipped(skipped, cx.ui.err));
        }
        if cx.global.verbose {
            accepted.iter().for_each(|accepted| cx.ui.say(&vars::accepted(accepted, &file, cx.ui.err)));
        }
        cx.ui.say(&vars::total(&stages, errors, warnings, accepted.len()));
    }
    let refused = errors > 0 || (args.strict && warnings > 0);
    Ok(if refused { Exit::Refused } else { Exit::Done })
}

/// Looks at what the rules depend on; returns the stages that were looked at.
async fn look(cx: &Context, project: &Project, args: &CheckArgs) -> Result<(Vec<String>, Looked), Failure> {
    let own = project.manifest.stages.names().filter(|name| *name != LOCAL);
    let all = || [LOCAL].into_iter().chain(own).map(str::to_owned).collect();
    let stages: Vec<String> = if args.stages.is_empty() { all() } else { args.stages.clone() };
    let look = Look { manifest: &project.manifest, directory: project.directory(), read_secrets: args.read_secrets };
    let mut looked = Looked::default();
    for stage in &stages {
        look.at_file(stage, &mut looked)?;
        if !args.stages.is_empty() && !args.offline {
            let client = cx.client_of(stage, &project.region(stage))?;
            look.at_stage(&client, stage, &mut looked).await.map_err(|error| match error {
                LookError::Desired(error) => error.into(),
                LookError::Call(error) => {
                    Failure::from(error).hint("--offline reads the manifest alone and makes no calls")
                }
            })?;
        }
    }
    Ok((stages, looked))
}
