//! What an import tells and leaves: the manifest, the proof, and what could not be carried.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use deploy::rehearse::Rehearsal;
use deploy_core::Manifest;
use deploy_core::vars::check::{Finding, Rule, Seen, Subject, check};
use import::account::{Reckoning, reckon};
use import::ledger::{self, Account, Entry, Summary};
use import::prove::Proof;
use import::{Found, Left, Place, fold, prove, write};
use serde_json::json;

use super::{IntoArgs, rehearse};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{Paint, vars};

/// What a manifest was made from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// Task definitions.
    Documents,
    /// A cluster.
    Live,
    /// A folder of Terraform.
    Terraform,
}

impl Source {
    fn words(self) -> &'static str {
        match self {
            Self::Documents => "managr import taskdef, from task definitions",
            Self::Live => "managr import service, from what ran",
            Self::Terraform => "managr import terraform, from a folder of Terraform",
        }
    }

    /// The owner of what a deploy does not touch.
    fn owner(self) -> &'static str {
        match self {
            Self::Documents => "the one who registered it",
            Self::Live => import::live::OWNER,
            Self::Terraform => "Terraform",
        }
    }
}

/// What was held against its original.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    /// Task definitions: each is to be equal.
    definitions: Vec<Proof>,
    /// Services and rules, with what they stand on: what a deploy would change of them.
    services: Vec<Proof>,
    /// What became of everything that the source says.
    account: Vec<Entry>,
    /// What a deploy would change, stage by stage, on what a folder makes.
    rehearsals: Vec<Rehearsal>,
}

impl Proofs {
    /// Returns what a source has that keeps an account, and has no documents of AWS to be equal to.
    pub(crate) fn of_account(account: Vec<Entry>) -> Self {
        Self { account, ..Self::default() }
    }
}

/// Refuses before anything is read what could not be written.
///
/// # Errors
/// When a file is there already.
pub(crate) fn check_free<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<(), Failure> {
    let there: Vec<String> = files.into_iter().filter(|f| f.exists()).map(|f| f.display().to_string()).collect();
    if there.is_empty() {
        return Ok(());
    }
    let (is, all) = (if there.len() == 1 { "is" } else { "are" }, there.join(", "));
    Err(Failure::new(format!("{all} {is} there already; nothing was written"))
        .hint("choose another file with --output, or look first with --stdout")
        .exit(Exit::Usage))
}

/// Makes the manifest, proves it, leaves it where it should go, and tells.
///
/// # Errors
/// When it could not be written, or says something that the manifest's own reader refuses.
pub(crate) fn finish(cx: &Context, into: &IntoArgs, found: &Found, source: Source) -> Result<Exit, Failure> {
    let folded = fold::fold(found);
    let text = write::text(&folded.manifest, &[format!("Made by `{}`.", source.words())]);
    let judge = || (reckon(&text, found, source.owner()), prove::prove(&text, found), near_misses(&text));
    let (rehearsals, (reckoned, proved, names)) = match source {
        Source::Terraform => rehearse::all(&text, found, judge)?,
        Source::Documents | Source::Live => (Vec::new(), judge()),
    };
    let Reckoning { services, entries: account } = reckoned?;
    let proofs = Proofs { definitions: proved?, services, account, rehearsals };
    leave(cx, into, &Made { text: &text, manifest: &folded.manifest, names: names? }, &proofs, &folded.left)
}

/// A manifest that an import made.
pub(crate) struct Made<'a> {
    text: &'a str,
    manifest: &'a Manifest,
    /// Names in it that are probably one, written in two ways.
    names: Vec<Finding>,
}

impl<'a> Made<'a> {
    /// Returns a manifest and its text, with the names that look alike in it.
    ///
    /// # Errors
    /// When the manifest's own reader refuses the text.
    pub(crate) fn new(text: &'a str, manifest: &'a Manifest) -> Result<Self, Failure> {
        Ok(Self { text, manifest, names: near_misses(text)? })
    }
}

/// Leaves a manifest where it should go, and tells.
///
/// # Errors
/// When it could not be written.
pub(crate) fn leave(
    cx: &Context,
    into: &IntoArgs,
    made: &Made<'_>,
    proofs: &Proofs,
    left: &[Left],
) -> Result<Exit, Failure> {
    let Made { text, manifest, names } = made;
    let left = &ledger::with_listed(left, &proofs.account);
    let left = &[left, &import::here::left(manifest)[..]].concat()[..];
    if into.json {
        let Proofs { definitions, services, account, rehearsals } = proofs;
        cx.ui.json(&json!({
            "manifest": text, "proofs": definitions, "services": services, "rehearsals": rehearsals, "left": left,
            "account": account, "summary": ledger::summary(account), "names": names,
        }));
    } else if into.stdout {
        cx.ui.exact(text);
    }
    if let Some(file) = into.file() {
        create(&file, text, 0o666)?;
    }
    if !into.json {
        cx.ui.say(told(cx.ui.err, manifest, proofs, left).trim_end());
        let file = into.file().map_or_else(|| "managr.toml".to_owned(), |file| file.display().to_string());
        names.iter().for_each(|finding| cx.ui.say(&vars::line(finding, &file, cx.ui.err)));
    }
    if let Some(file) = into.file() {
        cx.ui.say(&format!("wrote {}; look at it, then `managr check` and `managr plan STAGE`", file.display()));
    }
    let is_equal = proofs.definitions.iter().chain(&proofs.services).all(|proof| proof.equal);
    let is_quiet = proofs.rehearsals.iter().all(rehearse::changes_nothing);
    Ok(if is_equal && is_quiet { Exit::Done } else { Exit::Refused })
}

/// Returns the names that are probably one, written in two ways: what was carried with the slip in it still works as
/// badly as it did.
fn near_misses(text: &str) -> Result<Vec<Finding>, Failure> {
    let manifest = deploy_core::parse("managr.toml", text)?;
    let findings = check(Subject { manifest: &manifest, text, stages: &[] }, &Seen::default())?;
    Ok(findings.into_iter().filter(|finding| matches!(finding.rule, Rule::NearMiss | Rule::Alike)).collect())
}

/// Writes a file that must not be there yet; `mode` is what the process's mask leaves of it.
///
/// # Errors
/// When it is there, or could not be written.
pub(crate) fn create(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::new(format!("could not write {}: {error}", path.display())))
}

fn told(paint: Paint, manifest: &Manifest, proofs: &Proofs, left: &[Left]) -> String {
    let mut out = String::new();
    let standalone = manifest.services.iter().filter(|(_, service)| service.is_standalone()).count();
    let counted = [
        (manifest.stages.len(), "stage"),
        (manifest.services.len() - standalone, "service"),
        (standalone, "standalone task"),
        (manifest.schedules.len(), "schedule"),
        (manifest.images.len(), "image"),
        (manifest.variables.len(), "variable"),
        (manifest.secrets.len(), "secret"),
    ];
    let counted = counted.iter().filter(|(count, _)| *count > 0);
    let counted = counted.map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }));
    out += &format!("{}: {}\n", paint.bold(&manifest.app), counted.collect::<Vec<_>>().join(", "));
    let definitions = proofs.definitions.iter().map(|proof| ("task definition", proof));
    for (kind, proof) in definitions.chain(proofs.services.iter().map(|proof| ("service or rule", proof))) {
        let verdict = match (proof.equal, kind) {
            (true, _) => paint.green("equal"),
            (false, "task definition") => paint.red("NOT EQUAL"),
            (false, _) => paint.yellow("differs"),
        };
        out += &format!("  {verdict}  {kind} {} in {}\n", proof.family, proof.stage);
        for difference in &proof.differences {
            out += &format!("      {difference}\n");
        }
    }
    for rehearsal in &proofs.rehearsals {
        let mut all = proofs.definitions.iter().chain(&proofs.services);
        let is_whole = all.all(|proof| proof.equal || proof.stage != rehearsal.stage);
        out += &rehearse::told(paint, rehearsal, is_whole);
    }
    out += &accounted(paint, &proofs.account);
    if !left.is_empty() {
        out += &format!("{} not carried, or to be decided by you:\n", left.len());
    }
    for one in left {
        out += &format!("  {} {}: {}\n", paint.dim(&one.place.to_string()), paint.yellow(&one.what), one.why);
    }
    out
}

/// Says in a line what became of everything, and names what stays with its owner of what requests go through.
fn accounted(paint: Paint, account: &[Entry]) -> String {
    if account.is_empty() {
        return String::new();
    }
    let Summary { carried, defaults, owner, state, listed, changed } = ledger::summary(account);
    let state = if state > 0 { format!("{state} that AWS found out, ") } else { String::new() };
    let mut out = format!(
        "account of all {} things that it says: {carried} carried, {defaults} equal to defaults, {owner} left to their \
         owner, {state}{listed} listed\n",
        account.len()
    );
    if changed > 0 {
        let words = if changed == 1 {
            "1 would change with a deploy".to_owned()
        } else {
            format!("{changed} would change with a deploy")
        };
        out += &format!("  {}: it is listed below\n", paint.red(&words));
    }
    let kept = kept(account);
    if !kept.is_empty() {
        out += "a deploy leaves these as they are; their owner keeps them:\n";
    }
    for (place, subject, paths) in kept {
        out += &format!("  {} {}: {}\n", paint.dim(&place.to_string()), subject, paths.join(", "));
    }
    out
}

/// Returns what is left to its owner of load balancers and what belongs to them: place, subject, and attributes with their
/// lines. All else that is left is counted alone.
fn kept(account: &[Entry]) -> Vec<(&Place, &str, Vec<String>)> {
    let mut all: Vec<(&Place, &str, Vec<String>)> = Vec::new();
    let is_of_requests = |subject: &str| {
        let kind =
            subject.rsplit_once("module.").map_or(subject, |(_, rest)| rest.split_once('.').map_or(rest, |(_, r)| r));
        kind.starts_with("aws_lb") || kind.starts_with("aws_alb")
    };
    for Entry { line, account, .. } in account {
        if !matches!(account, Account::Owner(_)) || !is_of_requests(&line.subject) || line.path.starts_with("tags") {
            continue;
        }
        let at = line.place.line.map(|line| format!(" :{line}")).unwrap_or_default();
        let path = format!("{}{at}", line.path);
        match all.iter_mut().find(|(_, subject, _)| *subject == line.subject) {
            Some((_, _, paths)) if paths.contains(&path) => {}
            Some((_, _, paths)) => paths.push(path),
            None => all.push((&line.place, &line.subject, vec![path])),
        }
    }
    all
}
