//! `managr preview`: the stages of pull requests, listed and removed. They are deployed as any other stage is.

use aws::Client;
use clap::Subcommand;
use deploy::lease::{self, Claim};
use deploy_core::desired::preview;
use deploy_core::previews::{Record, due};

use crate::actor::actor;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::table::Table;
use crate::ui::{history, progress};

/// List and remove previews, the stages of pull requests
///
/// `[previews]` in the manifest says which stage they copy. `managr deploy pr-12` makes one, and every other command
/// accepts it as a stage.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr deploy pr-12 --yes\n  managr preview list\n  managr preview down pr-12\n  \
    managr preview prune --closed pr-7,pr-9"
)]
pub(crate) struct PreviewArgs {
    #[command(subcommand)]
    command: PreviewCommand,
}

#[derive(Debug, Subcommand)]
enum PreviewCommand {
    /// Show the previews, and when they expire
    #[command(after_help = "Examples:\n  managr preview list\n  managr preview list --json | jq -r '.[].host'")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a preview and all that was made for it
    #[command(after_help = "Examples:\n  managr preview down pr-12")]
    Down {
        /// Name, such as pr-12
        name: String,
    },
    /// Remove expired previews
    #[command(after_help = "Examples:\n  managr preview prune\n  managr preview prune --closed pr-7,pr-9")]
    Prune {
        /// Previews to remove as well: those of closed pull requests
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        closed: Vec<String>,
    },
}

pub(crate) async fn run(cx: &Context, args: PreviewArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let Some(previews) = &project.manifest.previews else {
        let words = format!("{} has no previews", project.shown_path());
        return Err(Failure::new(words).hint("add [previews] with `from = \"staging\"`").exit(Exit::Usage));
    };
    let client = cx.client_of(&previews.from, &project.region(&previews.from))?;
    let app = &project.manifest.app;
    match args.command {
        PreviewCommand::List { json } => show(cx, &deploy::preview::list(&client, app).await?, json),
        PreviewCommand::Down { name } => {
            if preview(&project.manifest, &name).is_none() {
                let words = format!("`{name}` is not a preview: they are called {}", previews.name_of("NUMBER"));
                return Err(Failure::new(words).exit(Exit::Usage));
            }
            remove(cx, &project, &client, &name).await?;
        }
        PreviewCommand::Prune { closed } => {
            let records = deploy::preview::list(&client, app).await?;
            // Under an older name of previews it can no longer be told what was made.
            let (known, unknown): (Vec<&Record>, Vec<&Record>) = due(&records, client.now(), &closed)
                .into_iter()
                .partition(|record| preview(&project.manifest, &record.name).is_some());
            for record in unknown {
                cx.ui.say(&format!("{} stays: [previews] names none like it any more", record.name));
            }
            for record in &known {
                remove(cx, &project, &client, &record.name).await?;
            }
            if known.is_empty() {
                cx.ui.say("no preview is over");
            }
        }
    }
    Ok(Exit::Done)
}

fn show(cx: &Context, records: &[Record], json: bool) {
    if json {
        return cx.ui.json(&records);
    }
    if records.is_empty() {
        return cx.ui.say("there are no previews");
    }
    let mut table = Table::new(["PREVIEW", "OF", "HOST", "DEPLOYED", "STAYS UNTIL", "BY"], |text| cx.ui.out.dim(text));
    for record in records {
        table.row([
            record.name.as_str().into(),
            record.from.as_str().into(),
            record.host.as_deref().unwrap_or("-").into(),
            history::when(record.deployed_at).into(),
            history::when(record.expires_at).into(),
            record.by.as_str().into(),
        ]);
    }
    cx.ui.data(&table.render());
}

/// Removes one, while no deploy holds it.
async fn remove(cx: &Context, project: &Project, client: &Client, name: &str) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let desired = project.names(name)?;
    let claim = Claim {
        app: project.manifest.app.clone(),
        stage: name.to_owned(),
        by: actor(),
        purpose: "preview down".to_owned(),
        patience: None,
    };
    let work = progress::show(cx, |events| {
        let (claim, desired) = (&claim, &desired);
        async move {
            let held = lease::take_where_kept(client, claim, &events).await?;
            let done = deploy::preview::down(client, &project.manifest, desired, &events).await;
            let is_kept = held.is_some();
            if let Some(held) = held {
                held.give_back().await;
            }
            done?;
            if is_kept {
                deploy::preview::forget(client, &claim.app, &claim.stage).await?;
            }
            Ok(())
        }
    });
    tokio::select! {
        done = work => done?,
        () = interrupts.next() => {
            let words = format!("interrupted; some of {name} may be left");
            return Err(Failure::new(words).hint(format!("go on with `managr preview down {name}`")).exit(Exit::Interrupted));
        }
    }
    cx.ui.say(&format!("{name} is removed"));
    Ok(())
}
