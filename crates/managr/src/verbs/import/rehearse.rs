//! A platform of its own for each stage, in this process, that runs nothing and is gone afterwards: what would a deploy
//! of the manifest change on what the files make?

use std::net::{Ipv4Addr, SocketAddr};

use aws::{Client, Options};
use deploy::rehearse::{Rehearsal, rehearse};
use deploy_core::Manifest;
use import::{Found, FoundStage};
use platform::{EngineKind, ServeOptions};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::ui::{Paint, plan};

/// Rehearses a deploy of every stage; `text` is the manifest's.
///
/// # Errors
/// When a platform could not be started, or the manifest could not be planned against it.
pub(super) async fn all(text: &str, found: &Found) -> Result<Vec<Rehearsal>, Failure> {
    let manifest = deploy_core::parse("managr.toml", text)?;
    let mut rehearsals = Vec::new();
    for stage in found.stages.iter().filter(|stage| stage.services.iter().all(|service| service.service.is_some())) {
        rehearsals.push(one(&manifest, stage).await?);
    }
    Ok(rehearsals)
}

async fn one(manifest: &Manifest, stage: &FoundStage) -> Result<Rehearsal, Failure> {
    let facts = import::facts(manifest, stage);
    let mut options = ServeOptions::new(EngineKind::Simulated, None);
    options.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    options.account = facts.account.clone();
    let (ready, address) = oneshot::channel();
    let (end, ended) = oneshot::channel::<()>();
    let platform = platform::serve(
        options,
        |address| {
            let _ = ready.send(address);
        },
        async move {
            let _ = ended.await;
        },
    );
    let rehearsal = async move {
        // Nobody answers where the platform did not start; it says why.
        let Ok(address) = address.await else { return Ok(None) };
        let region = facts.region.clone().unwrap_or_default();
        let client = Client::new(Options::local(format!("http://{address}"), region))?;
        let rehearsal = rehearse(&client, manifest, stage).await.map_err(Failure::from_error)?;
        drop(end);
        Ok::<_, Failure>(Some(rehearsal))
    };
    let (served, rehearsal) = tokio::join!(platform, rehearsal);
    served.map_err(Failure::from_error)?;
    rehearsal?.ok_or_else(|| Failure::new("the platform that a deploy is rehearsed on did not start"))
}

/// Says what a deploy would change.
pub(super) fn told(paint: Paint, rehearsal: &Rehearsal) -> String {
    let Rehearsal { stage, plan, unmade } = rehearsal;
    let mut out = String::new();
    if plan.is_empty() {
        let words = "a deploy of this manifest onto what these files make changes nothing";
        out += &format!("  {}  {words} in {stage}\n", paint.green("no change"));
    } else {
        let words = "a deploy of this manifest onto what these files make would change";
        out += &format!("  {}  {words} in {stage}:\n", paint.red("CHANGES"));
        for line in plan::plan(plan, paint).lines() {
            out += &format!("      {line}\n");
        }
    }
    for one in unmade {
        out += &format!("      {} {}: {}\n", paint.dim(&one.place.to_string()), paint.yellow(&one.what), one.why);
    }
    out
}
