//! If this manifest were deployed onto what was found, what would change? And what becomes of everything that was said?
//!
//! Closes the ledger of each stage. The manifest's text is read as `managr` would, the stage rendered with the facts that
//! were found there, and `plan` itself asked what a deploy would do to it (`observed` is what was found as AWS would
//! have made it). A member that a deploy touches and leaves as it is is carried (`words` says by which word), one that it
//! does not touch is its owner's, one that it would change is listed and marked. What differs without a line of its own (a
//! default of theirs that is not ours) gets one.

mod balance;
mod memo;
mod observed;
mod scaling;
mod service;
mod task;
mod words;

use std::cell::Cell;
use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::diff::{Change, plain};
use deploy_core::manifest::Written;
use deploy_core::plan::{Plan, plan};
use deploy_core::{Desired, Manifest, ManifestErrors, desired, parse};

use self::memo::Subject;
pub(crate) use self::observed::with_defaults;
use self::words::Words;
use crate::found::reference;
use crate::ledger::{self, Account, Entry, Line};
use crate::prove::{Proof, untold};
use crate::{Found, FoundObject, FoundStage, Kind, Place};

/// What a deploy would change, and what became of everything that was said.
#[derive(Debug, Default)]
pub struct Reckoning {
    /// Every service and every rule that was found: what a deploy would change of it, or of what stands between it and its
    /// requests. Their `family` is the service's or the rule's name.
    pub services: Vec<Proof>,
    /// What became of everything that the ledgers of the stages hold.
    pub entries: Vec<Entry>,
}

/// Asks for every stage what a deploy would change; `text` is the manifest's, `owner` is what keeps the things that a
/// deploy does not touch, such as `Terraform`.
///
/// # Errors
/// When the manifest's own reader refuses the text: then nothing can be said.
pub fn reckon(text: &str, found: &Found, owner: &str) -> Result<Reckoning, ManifestErrors> {
    let manifest = parse("managr.toml", text)?;
    let written = Written::of(text);
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut all = Reckoning::default();
    for stage in &found.stages {
        let asked = |asked: &Asked<'_>| {
            let changes = asked.changes();
            (
                proofs(stage, |of| changes.iter().filter(|told| told.of == of).map(Told::line).collect()),
                entries(asked, changes),
            )
        };
        let (services, mut entries) = with_asked(&manifest, found, stage, owner, asked).unwrap_or_else(|error| {
            let why = format!("the manifest cannot be rendered for this stage: {error}");
            let listed = stage.ledger.clone().close(&stage.name, |_, _| Some(Account::Listed(why.clone())));
            (proofs(stage, |_| vec![why.clone()]), listed)
        });
        // What is said once for several services has its word there.
        for entry in &mut entries {
            if let Account::Carried(word) = &mut entry.account {
                if !known.contains_key(word.as_str()) {
                    known.insert(word.clone(), written.word(word));
                }
                word.clone_from(&known[word.as_str()]);
            }
        }
        all.services.extend(services);
        all.entries.extend(entries);
    }
    Ok(all)
}

/// Returns a proof for every service and rule of a stage; `changes` tells what a deploy would change of one, as a ledger
/// names it.
fn proofs(stage: &FoundStage, changes: impl Fn(&str) -> Vec<String>) -> Vec<Proof> {
    let name = |document: &Document, member: &str, key: &str| {
        document.get(member).and_then(|name| name.as_str()).unwrap_or(key).to_owned()
    };
    let services = stage.services.iter().filter_map(|service| {
        let name = name(service.service.as_ref()?, "serviceName", &service.key);
        Some((ledger::service(&service.key), name, &service.untold.own))
    });
    let rules = stage
        .schedules
        .iter()
        .map(|one| (ledger::schedule(&one.key), name(&one.rule, "Name", &one.key), &one.untold.own));
    let proof = |(of, family, unknown): (String, String, &Vec<String>)| {
        let differences: Vec<String> = changes(&of).into_iter().chain(untold(unknown)).collect();
        Proof { stage: stage.name.clone(), family, equal: differences.is_empty(), differences }
    };
    services.chain(rules).map(proof).collect()
}

/// Renders a stage, asks for its plan, and hands both over.
fn with_asked<T>(
    manifest: &Manifest,
    found: &Found,
    stage: &FoundStage,
    owner: &str,
    ask: impl FnOnce(&Asked<'_>) -> T,
) -> Result<T, String> {
    let facts = observed::facts(manifest, stage);
    let mut desired = desired(manifest, &stage.name, &facts).map_err(|error| error.to_string())?;
    // Secrets are no part of what files describe: whether their values are there is asked of a stage that is.
    desired.secret = None;
    let seen = observed::observed(found, stage, &desired);
    let plan = plan(&desired, &seen, &facts.account, &facts.git, Vec::new());
    let words = Words::of(manifest, &stage.name);
    let memo = memo::Memo::default();
    Ok(ask(&Asked { manifest, found, stage, desired: &desired, plan: &plan, words, owner, memo }))
}

/// Closes one stage's ledger.
fn entries(asked: &Asked<'_>, changes: Vec<Told>) -> Vec<Entry> {
    let stage = asked.stage;
    let changes: Vec<(Told, Cell<bool>)> = changes.into_iter().map(|told| (told, Cell::new(false))).collect();
    let places: BTreeMap<(String, String), Line> = stage
        .ledger
        .places()
        .into_iter()
        .map(|((object, member), line)| ((object.to_owned(), member.to_owned()), line.clone()))
        .collect();
    let of = |object: &str, member: &str| {
        let of_it = changes.iter().filter(|(told, _)| told.object == object && told.is_of(member));
        let of_it: Vec<_> = of_it.collect();
        of_it.iter().for_each(|(_, is_told)| is_told.set(true));
        if let Some((told, _)) = of_it.first() {
            return Some(Account::Changed(told.why.clone()));
        }
        asked.unchanged(object, member)
    };
    let mut entries = stage.ledger.clone().close(&stage.name, of);
    for (told, is_told) in &changes {
        if !is_told.get() {
            let near = places.iter().find(|((object, _), _)| *object == told.object).map(|(_, line)| line);
            let subject = near.map_or_else(|| told.object.clone(), |line| line.subject.clone());
            let line = Line { subject, path: told.member.clone(), place: told.place.clone(), written: None };
            entries.push(Entry { stage: stage.name.clone(), line, account: Account::Changed(told.why.clone()) });
        }
    }
    entries
}

/// Something that a deploy would change.
#[derive(Debug)]
struct Told {
    /// Which service or schedule it is changed for, as a ledger names it; nothing if it is for all.
    of: String,
    /// Whose document it is in.
    object: String,
    /// The member; empty is the whole.
    member: String,
    /// Members beneath it that stay as they are all the same.
    kept: Vec<String>,
    place: Place,
    why: String,
}

impl Told {
    /// Returns it as a line about what it is changed for.
    fn line(&self) -> String {
        if self.member.is_empty() { self.why.clone() } else { format!("{}: {}", self.member, self.why) }
    }

    /// Returns whether a member lies in what changes, or has it beneath.
    fn is_of(&self, member: &str) -> bool {
        overlap(&self.member, member) && !self.kept.iter().any(|kept| is_beneath(member, kept))
    }
}

fn is_beneath(member: &str, above: &str) -> bool {
    above.is_empty() || member == above || member.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'))
}

fn overlap(one: &str, other: &str) -> bool {
    is_beneath(one, other) || is_beneath(other, one)
}

/// Says a change from what is there to what a deploy makes of it.
fn told(change: &Change) -> String {
    if change.path == ["loadBalancers"] && change.after.is_none() {
        return "a deploy would take the service off its load balancer: no request would reach it".to_owned();
    }
    // A reference to an object is shown as the object's own name.
    let show = |value: &Option<serde_json::Value>| {
        value.as_ref().map_or_else(|| "nothing".to_owned(), plain).replace(&reference(""), "")
    };
    format!("found {}, and a deploy would make it {}", show(&change.before), show(&change.after))
}

/// What an account is asked of.
struct Asked<'a> {
    manifest: &'a Manifest,
    found: &'a Found,
    stage: &'a FoundStage,
    desired: &'a Desired,
    plan: &'a Plan,
    words: Words<'a>,
    owner: &'a str,
    /// What several lines ask for.
    memo: memo::Memo<'a>,
}

impl Asked<'_> {
    /// Returns everything that a deploy would change.
    fn changes(&self) -> Vec<Told> {
        let mut told = Vec::new();
        self.task_changes(&mut told);
        self.service_changes(&mut told);
        self.schedule_changes(&mut told);
        self.way_changes(&mut told);
        self.scaling_changes(&mut told);
        told
    }

    /// Returns the account of a member that no change is of.
    fn unchanged(&self, object: &str, member: &str) -> Option<Account> {
        Some(match self.memo.subject(self, object)? {
            Subject::Object(found) => self.of_object(found, member),
            Subject::Task { is_schedule, key } => self.of_task(*is_schedule, key, object, member),
            Subject::Service(service) => self.of_service(service, member),
            Subject::Schedule(schedule) => self.of_schedule(schedule, member),
            Subject::Repositories => {
                let is_ours = self.desired.repositories.iter().any(|name| name == member);
                match self.words.repository(member).filter(|_| is_ours) {
                    Some(word) => Account::Carried(word),
                    None if is_ours => Account::Default("managr's own".to_owned()),
                    None => self.theirs("no image of the manifest is pushed to it"),
                }
            }
            Subject::OneOff => Account::Listed(
                "nothing runs this task definition by itself: start it with `aws ecs run-task`, or write it as a \
                 service with `standalone = true`, or what it does as `release` of a service"
                    .to_owned(),
            ),
        })
    }

    /// Leaves something to its owner.
    fn theirs(&self, why: &str) -> Account {
        Account::Owner(format!("{}: {why}", self.owner))
    }

    /// Says by which word a member is carried; without one the manifest says the same without saying it.
    fn said(&self, word: Option<String>) -> Account {
        word.map_or_else(|| Account::Default("managr's own".to_owned()), Account::Carried)
    }

    fn objects(&self, kind: Kind) -> impl Iterator<Item = &FoundObject> {
        self.stage.objects.iter().filter(move |object| object.kind == kind)
    }
}
