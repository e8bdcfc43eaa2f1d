//! `managr import service`: from what runs.

use deploy::adopt::{self, AdoptError, Asked};
use import::names::stage_of;
use import::taskdef::DEFAULT_STAGE;

use super::outcome::{self, Source};
use super::{IntoArgs, OfStage, of_stage};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::verbs::taskdef::RegionArgs;

/// From a cluster and its services, as they run now
///
/// Reads services, task definitions, target groups, rules and schedules; changes nothing, and reads no value of a
/// secret. Works with any endpoint: AWS, the platform of this machine, or another with --endpoint.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr import service staging=my-cluster/web-staging prod=my-cluster/web-prod\n  managr import service my-cluster --region eu-central-1 --stdout"
)]
pub(crate) struct ServiceArgs {
    /// Clusters or services of them. Without STAGE= their names give the stage
    #[arg(required = true, value_name = "[STAGE=]CLUSTER[/SERVICE]", value_parser = of_stage)]
    services: Vec<OfStage>,
    /// Name of the application [default: what the services share]
    #[arg(long)]
    app: Option<String>,
    #[command(flatten)]
    region: RegionArgs,
    #[command(flatten)]
    into: IntoArgs,
}

pub(crate) async fn run(cx: &Context, args: &ServiceArgs) -> Result<Exit, Failure> {
    outcome::check_free(args.into.file().as_deref())?;
    let client = cx.client_of_aws(&args.region.settle())?;
    let asked: Vec<Asked> = args.services.iter().map(asked).collect();
    let found = adopt::look(&client, &asked, args.app.as_deref()).await.map_err(explain)?;
    outcome::finish(cx, &args.into, &found, Source::Live)
}

fn asked(given: &OfStage) -> Asked {
    let (cluster, service) = given.what.split_once('/').map_or((given.what.as_str(), None), |(c, s)| (c, Some(s)));
    let named = service.and_then(stage_of).or_else(|| stage_of(cluster)).map(str::to_lowercase);
    Asked {
        stage: given.stage.clone().or(named).unwrap_or_else(|| DEFAULT_STAGE.to_owned()),
        cluster: cluster.to_owned(),
        service: service.map(str::to_owned),
    }
}

fn explain(error: AdoptError) -> Failure {
    match error {
        AdoptError::Call(error) => error.into(),
        AdoptError::NoService { ref service, ref known, .. } => {
            let hint = match deploy_core::suggest::nearest(service, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are {}", known.join(", ")),
            };
            Failure::from_error(error).hint(hint)
        }
        AdoptError::Twice { .. } => Failure::from_error(error)
            .hint("give each stage one cluster, or one service of it; without /SERVICE all of a cluster's are read")
            .exit(Exit::Usage),
        error => Failure::from_error(error).hint("check --region, the credentials and --endpoint"),
    }
}
