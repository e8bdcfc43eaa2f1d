//! `managr db STAGE url`: where the database is, as seen from here.

use serde::Serialize;

use super::Which;
use super::place::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print the database's URL
///
/// Of one that a platform of this machine runs: a URL that works from here. Without the password, unless you ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr db local url\n  DATABASE_URL=$(managr db local url --password) ./manage.py migrate"
)]
pub(super) struct UrlArgs {
    /// With the password
    #[arg(long)]
    password: bool,
    /// Print its parts as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    url: String,
    host: &'a str,
    port: u16,
    name: &'a str,
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

pub(super) async fn run(cx: &Context, stage: &str, which: &Which, args: &UrlArgs) -> Result<Exit, Failure> {
    let place = Place::of(cx, stage, which)?;
    let mut parts = place.parts().await?;
    match place.here(&parts).await {
        Some(port) if parts.host.ends_with(".rds.localhost") => {
            parts.host = "127.0.0.1".to_owned();
            parts.port = port;
        }
        Some(_) => {}
        None => cx.ui.say(&format!("it is reached from inside of the network; from here: `managr db {stage} shell`")),
    }
    let url = if args.password { parts.whole_url() } else { parts.url() };
    if args.json {
        let password = args.password.then(|| parts.password.expose());
        cx.ui.json(&Shown { url, host: &parts.host, port: parts.port, name: &parts.name, user: &parts.user, password });
    } else {
        cx.ui.data(&url);
    }
    Ok(Exit::Done)
}
