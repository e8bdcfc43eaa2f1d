//! `managr verify`: would a deployment succeed?

use std::collections::BTreeMap;

use aws_model::Document;
use deploy::VerifyOptions;
use deploy::verify::{Outlook, outlook, routes};
use deploy_core::manifest::LOCAL;
use deploy_core::vars::check::Seen;
use import::terraform::Deploy;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{self, verify};
use crate::verbs::beside::{BesideArgs, with_terraform};
use crate::verbs::ship::ImageArgs;

/// Find everything that would make a deployment fail, before it starts
///
/// Checks credentials, cluster, images and their architecture, secrets, roles, log groups and target groups, all at the
/// same time. Follows requests from the listeners to the services, and checks the documents that would be sent and what
/// `managr vars check --offline` finds. Changes nothing. Exits with 5 if something failed; warnings, and what could not
/// be checked, are not failures. With --state it also shows what of a deploy belongs to Terraform.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr verify\n  managr verify staging --read-secrets\n  managr verify prod --tag prod-v1.4\n  \
    managr verify prod --json | jq '.counts'\n  managr verify prod --state infra/terraform.tfstate --terraform infra/"
)]
pub(crate) struct VerifyArgs {
    /// Stage whose settings are used
    #[arg(default_value = LOCAL)]
    stage: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Read secrets to see whether they have the keys; values are neither kept nor shown
    ///
    /// If the stage's values are in a file here, they are read anyway, as in a deploy.
    #[arg(long)]
    read_secrets: bool,
    #[command(flatten)]
    beside: BesideArgs,
    #[command(flatten)]
    images: ImageArgs,
}

pub(crate) async fn run(cx: &Context, args: VerifyArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let beside = args.beside.read()?;
    let client = cx.client_of(&args.stage, &project.region(&args.stage))?;
    let mut wanted = project.wanted(&args.stage, args.images.builder.builder);
    wanted.images = args.images.choice(&project)?;
    let (outlook, routes) = tokio::join!(outlook(&client, &wanted), routes(&client, &wanted));
    let Outlook { desired, expected, keeps_secret, running } = outlook?;
    let variables = project.check_variables(std::slice::from_ref(&args.stage), &Seen::default())?;
    let runs = runs(&running);
    let deploy = Deploy { desired: &desired, services: &runs, schedules: &BTreeMap::new() };
    let seam = beside.as_ref().map(|beside| beside.seam(&deploy)).transpose()?;
    let read_secret_values = args.read_secrets || keeps_secret;
    let options = VerifyOptions { read_secret_values, expected, variables, running, routes, ..VerifyOptions::default() };
    let report = deploy::verify(&client, &desired, &options).await;
    if args.json {
        match &seam {
            Some(seam) => cx.ui.json(&with_terraform(&report, seam)),
            None => cx.ui.json(&report),
        }
    } else if !cx.ui.quiet {
        cx.ui.data(&verify::tree(&report, cx.global.verbose, cx.ui.out));
    } else if !report.is_ok() {
        cx.ui.data(&verify::failures(&report, cx.ui.out));
    }
    if let (Some(seam), Some(beside), false) = (&seam, &beside, args.json || cx.ui.quiet) {
        cx.ui.data(&ui::seam::seam(seam, beside.has_blocks(), cx.ui.out));
    }
    Ok(if report.is_ok() { Exit::Done } else { Exit::Refused })
}

/// Returns which revisions services run, by their names in ECS.
fn runs(running: &BTreeMap<String, Document>) -> BTreeMap<String, String> {
    let arn = |definition: &Document| definition.get("taskDefinitionArn")?.as_str().map(str::to_owned);
    running.iter().filter_map(|(name, definition)| Some((name.clone(), arn(definition)?))).collect()
}
