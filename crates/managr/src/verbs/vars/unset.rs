//! `managr vars unset`: a variable or a secret goes.

use deploy_core::manifest::LOCAL;
use deploy_core::vars::edit::{Scope, Wanted};
use deploy_core::vars::listing::{self, Secrecy};

use super::home::{Changes, Home};
use super::manifest::{self, VariableEdit};
use super::{ask, set};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Remove a variable or a secret
///
/// For one stage: removes its own value in `[stages.STAGE.variables]`, or the key in its secret. For `all`: removes the
/// declaration, and the stages' own values; values in secrets stay until they are unset one by one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr vars unset staging LOG_LEVEL\n  managr vars unset all LOG_LEVEL\n  \
    managr vars unset staging STRIPE_KEY --yes\n  managr vars unset all WORKERS --container worker")]
pub(super) struct UnsetArgs {
    /// Stage, or `all`
    stage: String,
    /// Name
    name: String,
    /// Container or schedule whose own value is removed; may be repeated
    #[arg(long, value_name = "CONTAINER")]
    container: Vec<String>,
    /// Do not ask before the value of a secret is lost
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(cx: &Context, args: &UnsetArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let (stage, name) = (args.stage.as_str(), args.name.as_str());
    let wanted = Wanted { scope: Scope::read(stage), name, containers: &args.container };
    let text = manifest::text(&project)?;
    let edit = VariableEdit::Gone.make(&project, &text, wanted);
    let listed = listing::list(&project.manifest, &text, if stage == "all" { LOCAL } else { stage }, None)?;
    let given = listed.iter().find(|listed| listed.name == name).and_then(|listed| listed.settings.first());
    let is_plain = given.is_some_and(|given| given.kind == Secrecy::Plain);
    let mut lost = false;
    // What no manifest declares may still be a key of the secret.
    if stage != "all" && args.container.is_empty() && !is_plain {
        let key = given.and_then(|given| given.key.clone()).unwrap_or_else(|| name.to_owned());
        let home = Home::of(cx, &project, stage)?;
        if home.values().await?.iter().any(|(known, _)| *known == key) {
            ask::agree(&format!("take the value of {key} out of {}?", home.shown()), args.yes)?;
            home.change(cx, &Changes { set: Vec::new(), unset: vec![key.clone()] }).await?;
            cx.ui.say(&format!("{name}: {key} is gone from {}", home.shown()));
            lost = true;
        }
    }
    match edit {
        Ok(_) => {
            let edited = manifest::write(&project, [(wanted, VariableEdit::Gone)])?;
            let file = project.shown_path();
            for place in edited.iter().flat_map(|edited| &edited.places) {
                cx.ui.say(&format!("{name}: gone from {} ({place})", manifest::shown(&file, &text, place)));
            }
            if stage == "all" && given.is_some_and(|given| given.kind == Secrecy::Secret) {
                cx.ui.say(&format!("its values stay: `managr vars unset STAGE {name}` takes them away"));
            }
        }
        Err(failure) if !lost => return Err(failure),
        Err(_) if given.is_some() => cx.ui.say(&format!(
            "{name} is still declared, and {stage} needs a value before its next deploy: `managr vars set {stage} {name} --secret`, or `managr vars unset all {name}`"
        )),
        Err(_) => {}
    }
    cx.ui.say(&format!("next: {}", set::next(stage)));
    Ok(Exit::Done)
}
