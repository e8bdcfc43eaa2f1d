//! `managr schedules STAGE`.

use std::time::Duration;

use aws::{Client, EVENTS};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::schedules::{Told, millis, shown, table};

/// Show when each schedule runs next, and how it went last
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Stage
    #[arg(default_value = deploy_core::manifest::LOCAL)]
    stage: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(cx: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let desired = project.names(&args.stage)?;
    let client = cx.client_of(&args.stage, &desired.region)?;
    let mut found = deploy::schedules::show(&client, &desired).await?;
    let told = told(&client).await;
    // A simulated platform's clock may have been moved.
    let now = millis(&told["now"]).unwrap_or_else(|| client.now());
    let told: Vec<Option<Told>> =
        found.schedules.iter_mut().map(|one| Told::add(&told, client.region(), one)).collect();
    let here = TimeZone::system();
    if args.json {
        cx.ui.json(&shown(&found, &told, &here));
    } else if found.schedules.is_empty() {
        cx.ui.say(&format!("stage `{}` has no schedule", args.stage));
    } else {
        cx.ui.data(&table(&found, &told, now, &here, cx.ui.out));
    }
    Ok(Exit::Done)
}

/// Asks the embedded platform for what AWS does not tell: when a rate is due, what was missed, why nothing was started.
async fn told(client: &Client) -> Value {
    let endpoint = client.endpoint(&EVENTS);
    if !aws::endpoint::is_loopback(&endpoint) {
        return Value::Null;
    }
    let limit = Duration::from_secs(5);
    aws::local::request(http::Method::GET, &endpoint, "/_managr/schedules", limit).await.unwrap_or_default()
}
