//! What a deploy and a rollback share: the lease, the plan shown and agreed to, the release watched
//! to its end, and a clean way out of all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws::Client;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use deploy::apply::Progress;
use deploy::journal::Journal;
use deploy::lease::{self, Claim, Held};
use deploy::release::{self, Job, Terms};
use deploy::routes;
use deploy::stage::{self, Draft, ImageChoice, Images, Wanted};
use deploy::verify::{Expected, VerifyOptions};
use deploy_core::lint::spelt;
use deploy_core::plan::RiskKind;
use deploy_core::release::Release;

use crate::actor::actor;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::progress::{self, Form};
use crate::ui::{plan, report, verify};
use crate::verbs::build::BuilderArgs;

/// How long `--wait` waits for the lock, unless it says.
const WAIT: &str = "1800";

/// How a release is carried out.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ShipArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Start it, and do not wait for its end
    #[arg(long)]
    no_wait: bool,
    /// Seconds that services may take to become steady
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    timeout: u64,
    /// Seconds to go on watching after everything runs; tasks that keep stopping in that time are rolled back too
    #[arg(long, default_value_t = 0, value_name = "SECONDS", conflicts_with = "no_wait")]
    bake: u64,
    /// Wait while another deploy holds the lock, at most this many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = WAIT)]
    wait: Option<u64>,
    /// Print events as JSON, one per line
    #[arg(long)]
    json: bool,
}

impl ShipArgs {
    /// Refuses to begin what could not ask.
    ///
    /// # Errors
    /// When there is no terminal to ask on, and no `--yes`.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if self.yes || (can_ask && !self.json) {
            return Ok(());
        }
        let failure = Failure::new("there is no terminal to ask on");
        Err(failure.hint("say --yes, or look first with `managr plan STAGE`").exit(Exit::Usage))
    }
}

/// Which images are released.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ImageArgs {
    /// Tag of every image, which must be in the registry: nothing is built
    #[arg(long, value_name = "TAG", value_parser = tag)]
    pub(crate) tag: Option<String>,
    /// Another reference for an image of the manifest; may be repeated
    #[arg(long, value_name = "NAME=REF", value_parser = pair)]
    pub(crate) image: Vec<(String, String)>,
    /// Never build: an image that the registry lacks is an error
    #[arg(long)]
    pub(crate) no_build: bool,
    #[command(flatten)]
    pub(crate) builder: BuilderArgs,
}

/// Reads the name of a risk that a deploy refuses unless it is named.
pub(crate) fn risk() -> impl TypedValueParser<Value = RiskKind> {
    let names = PossibleValuesParser::new(RiskKind::NAMED.map(RiskKind::name));
    names.map(|name| RiskKind::named(&name).expect("only names of risks are possible"))
}

/// Reads `NAME=REF`. A reference with a hole in it, as a shell leaves it where a variable is not set, is refused here:
/// before anything is built or registered.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, reference)) if !name.is_empty() => match spelt::reference(reference) {
            Some(fault) => Err(fault.to_string()),
            None => Ok((name.into(), reference.into())),
        },
        _ => Err("write NAME=REF".to_owned()),
    }
}

/// Reads a tag.
fn tag(text: &str) -> Result<String, String> {
    spelt::tag(text).map_or_else(|| Ok(text.to_owned()), |fault| Err(fault.to_string()))
}

impl ImageArgs {
    /// Returns the choice, if the manifest knows every name.
    ///
    /// # Errors
    /// Names the image that it does not know.
    pub(crate) fn choice(&self, project: &Project) -> Result<ImageChoice, Failure> {
        let given: BTreeMap<String, String> = self.image.iter().cloned().collect();
        crate::verbs::build::check_names(project, given.keys())?;
        Ok(ImageChoice { tag: self.tag.clone(), given, never_build: self.no_build })
    }
}

/// A release on its way.
pub(crate) struct Ship<'a> {
    cx: &'a Context,
    pub(crate) client: Client,
    pub(crate) wanted: Wanted,
    args: &'a ShipArgs,
    interrupts: Interrupts,
    claim: Claim,
    begun: Instant,
    /// How it is carried out.
    pub(crate) terms: Terms,
    /// Whether a deployment that is under way is put aside.
    pub(crate) interrupts_others: bool,
    /// Whether the plan is verified first.
    pub(crate) verifies: bool,
}

impl<'a> Ship<'a> {
    pub(crate) fn new(
        cx: &'a Context,
        client: Client,
        wanted: Wanted,
        args: &'a ShipArgs,
        purpose: &str,
        interrupts: Interrupts,
    ) -> Self {
        let by = actor();
        let limit = Duration::from_secs(args.timeout);
        let claim = Claim {
            app: wanted.manifest.app.clone(),
            stage: wanted.stage.clone(),
            by: by.clone(),
            purpose: purpose.to_owned(),
            patience: args.wait.map(Duration::from_secs),
        };
        let bake = Duration::from_secs(args.bake);
        let terms =
            Terms { by, tag: None, waits: !args.no_wait, watches_all: false, limit, bake, named: BTreeSet::new() };
        let begun = Instant::now();
        Self { cx, client, wanted, args, interrupts, claim, begun, terms, interrupts_others: false, verifies: false }
    }

    fn form(&self) -> Form {
        if self.args.json { Form::Json } else { Form::Words }
    }

    /// Whether the user is asked before anything is done.
    fn asks(&self) -> bool {
        !self.args.yes
    }

    /// Refuses what would need a question that cannot be asked, before anything is built or written down for it.
    ///
    /// # Errors
    /// When the plan would lose traffic or protection, and that was not allowed by name.
    pub(crate) async fn foresee(&self) -> Result<(), Failure> {
        if self.asks() {
            return Ok(());
        }
        let foreseen = routes::foresee(&self.client, &self.wanted, &self.terms.named).await;
        foreseen.map_err(|error| report::explain(error, self.cx.ui.err))
    }

    /// Puts the images in the registry.
    pub(crate) async fn push(&mut self) -> Result<Images, Failure> {
        let (client, wanted, form) = (&self.client, &self.wanted, self.form());
        let work = progress::show_as(self.cx, form, |events| async move {
            stage::preflight(client, wanted).await?;
            stage::push_all(client, wanted, &events).await
        });
        tokio::select! {
            images = work => images,
            // A build tool is killed with us; what was pushed is of no harm.
            () = self.interrupts.next() => Err(untouched()),
        }
    }

    /// Takes the lease, makes the plan, shows it, asks, and carries it out.
    pub(crate) async fn run<F>(mut self, draft: F) -> Result<Exit, Failure>
    where
        F: AsyncFnOnce(&Ship<'a>, Option<&Journal>) -> Result<Draft, Failure>,
    {
        let (client, claim, form) = (self.client.clone(), self.claim.clone(), self.form());
        let take = progress::show_as(self.cx, form, |events| {
            let (client, claim) = (&client, &claim);
            async move { lease::take_where_kept(client, claim, &events).await }
        });
        let lease = tokio::select! {
            lease = take => lease,
            () = self.interrupts.next() => Err(untouched()),
        };
        let lease = match lease {
            Ok(lease) => lease,
            Err(failure) => return self.finished(Err(failure)),
        };
        let progress = Progress::default();
        let mut interrupts = std::mem::replace(&mut self.interrupts, Interrupts::listen()?);
        let ended = tokio::select! {
            ended = self.under(lease.as_ref(), &progress, draft) => ended,
            // What was begun is tidied up below.
            () = interrupts.next() => Err(self.interrupted(&progress).await),
        };
        let ended = ended.map_err(|failure| failure.in_stage(&self.wanted.stage));
        if let Some(lease) = lease {
            lease.give_back().await;
        }
        self.finished(ended)
    }

    /// Programs learn how it ended as the last of the events.
    fn finished(&self, ended: Result<Exit, Failure>) -> Result<Exit, Failure> {
        if self.args.json {
            let exit = ended.as_ref().map_or_else(|failure| failure.exit, |exit| *exit);
            self.cx.ui.json_line(&serde_json::json!({ "event": "finished", "exit": exit.code() }));
        }
        ended
    }

    async fn under<F>(&self, lease: Option<&Held>, progress: &Progress, draft: F) -> Result<Exit, Failure>
    where
        F: AsyncFnOnce(&Ship<'a>, Option<&Journal>) -> Result<Draft, Failure>,
    {
        let journal = lease.map(|_| Journal::new(&self.client, &self.claim.app, &self.claim.stage));
        let draft = draft(self, journal.as_ref()).await?;
        // Before "nothing to do" is said: what is under way may be what is wanted, and may yet be lost.
        self.refuse_others(&draft)?;
        if self.args.json {
            self.cx.ui.json_line(&serde_json::json!({ "event": "plan", "plan": draft.plan }));
        } else {
            self.cx.ui.say(plan::plan(&draft.plan, self.cx.ui.err).trim_end());
        }
        if draft.plan.is_empty() {
            return Ok(Exit::Done);
        }
        refuse_replacement(&draft)?;
        if !self.asks() {
            routes::refuse_risks(&draft.plan, &self.terms.named)
                .map_err(|error| report::explain(error, self.cx.ui.err))?;
        }
        if self.verifies {
            self.verify(&draft).await?;
        }
        if !self.args.yes && !self.agree(&draft).await? {
            return Err(Failure::new("declined; nothing was changed").exit(Exit::Declined));
        }
        let released = progress::show_as(self.cx, self.form(), |events| {
            let directory: PathBuf = self.wanted.directory.clone();
            let (plan, desired, terms, client) = (&draft.plan, &draft.desired, &self.terms, &self.client);
            async move {
                let job = Job { client, plan, directory: &directory, lease, terms, progress, events: &events };
                let released = job.carry_out().await?;
                if terms.waits {
                    release::check_routes(client, desired, &terms.named, &events).await?;
                    stage::follow(client, desired, &plan.images, &events).await?;
                }
                Ok(released)
            }
        })
        .await?;
        self.done(released.as_ref(), &draft);
        Ok(Exit::Done)
    }

    /// A deployment that is under way is not put aside unasked.
    fn refuse_others(&self, draft: &Draft) -> Result<(), Failure> {
        let underway = stage::underway(&draft.observed);
        let Some(first) = underway.first().filter(|_| !self.interrupts_others) else { return Ok(()) };
        let words = format!(
            "service {} has a deployment under way: {} brings {}",
            first.service, first.deployment, first.revision
        );
        Err(Failure::new(words)
            .hint(format!("wait for it with `managr wait {}`, or put it aside with --interrupt", self.wanted.stage))
            .exit(Exit::Declined))
    }

    /// Refuses what would fail.
    async fn verify(&self, draft: &Draft) -> Result<(), Failure> {
        let options = VerifyOptions {
            expected: Expected::of_plan(&draft.plan),
            running: stage::running_documents(&draft.observed),
            ..VerifyOptions::default()
        };
        let report = deploy::verify(&self.client, &draft.desired, &options).await;
        if self.args.json {
            self.cx.ui.json_line(&serde_json::json!({ "event": "verified", "report": report }));
        }
        if report.is_ok() {
            return Ok(());
        }
        let mut failure = Failure::new("verification found what would make the deploy fail; nothing was changed");
        if !self.args.json {
            failure.details.push(verify::failures(&report, self.cx.ui.err));
        }
        Err(failure
            .hint(format!("`managr verify {}` shows everything that was looked at", self.wanted.stage))
            .exit(Exit::Refused))
    }

    /// Asks whether to go on. Ctrl-C answers too.
    async fn agree(&self, draft: &Draft) -> Result<bool, Failure> {
        let mut words = std::io::stderr();
        let risks: BTreeSet<&str> = draft.plan.unnamed(&self.terms.named).map(|(_, risk)| risk.kind.name()).collect();
        let spite = match risks.is_empty() {
            true => String::new(),
            false => format!(" and take the risk ({})", risks.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let question = format!("{} to {}{spite}? [y/N] ", self.claim.purpose, self.cx.ui.err.bold(&self.wanted.stage));
        let _ = write!(words, "{question}").and_then(|()| words.flush());
        let (tell, told) = tokio::sync::oneshot::channel();
        // A thread of its own: reading cannot be called off, and must not hold up the end.
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = std::io::stdin().read_line(&mut line);
            let _ = tell.send(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"));
        });
        Ok(told.await.unwrap_or(false))
    }

    fn done(&self, release: Option<&Release>, draft: &Draft) {
        let took = self.begun.elapsed().as_secs_f64();
        let number = release.map(|release| format!("release {}", release.number));
        let number = number.unwrap_or_else(|| "the release".to_owned());
        let words = match (self.terms.waits, draft.plan.restores) {
            (false, _) => format!("{number} was started; `managr wait {}` tells how it ends", self.wanted.stage),
            (true, Some(old)) => format!("{} runs release {old} again, as {number} ({took:.1} s)", self.wanted.stage),
            (true, None) => format!("{} runs {number} ({took:.1} s)", self.wanted.stage),
        };
        self.cx.ui.say(&words);
    }

    /// Stops what must not go on without us, and says what does.
    async fn interrupted(&self, progress: &Progress) -> Failure {
        let phase = progress.phase();
        release::tidy(&self.client, &self.claim.app, &self.claim.stage, progress).await;
        let stage = &self.wanted.stage;
        if phase.services.is_empty() && phase.release.is_some() {
            let words = "interrupted; the release command was told to stop, and no service was changed";
            return Failure::new(words).exit(Exit::Interrupted);
        }
        if phase.services.is_empty() {
            return untouched();
        }
        Failure::new(format!("interrupted; the deployment of {} goes on without us", phase.services.join(", ")))
            .hint(format!("follow it with `managr wait {stage}`, or undo it with `managr rollback {stage}`"))
            .exit(Exit::Interrupted)
    }
}

/// What ECS cannot change in place is not tried.
fn refuse_replacement(draft: &Draft) -> Result<(), Failure> {
    let found = draft.plan.risks().find(|(_, risk)| risk.kind == RiskKind::Replacement);
    let Some((step, risk)) = found else { return Ok(()) };
    let failure = Failure::new(format!("{} {}: {}", step.kind, step.name, risk.words)).exit(Exit::Refused);
    Err(if risk.remedy.is_empty() { failure } else { failure.hint(risk.remedy.as_str()) })
}

fn untouched() -> Failure {
    Failure::new("interrupted; no service was changed").exit(Exit::Interrupted)
}
