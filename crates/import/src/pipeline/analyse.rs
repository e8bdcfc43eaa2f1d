//! What does a job do? Its commands one after the other, with what each hands to the next.

use super::ledger::{Fate, Ledger};
use super::model::{Action, Build, Deploy, Job, Part, What};
use super::recognise;
use super::shell::{self, Variables, commands};
use super::uses;
use super::yaml::At;

/// What a job was seen to do.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) builds: Vec<Build>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) pushes: Vec<(String, bool)>,
    pub(super) deploys: Vec<Deploy>,
    /// What became of each part.
    pub(super) parts: Vec<SeenPart>,
    /// Regions that were named.
    pub(super) regions: Vec<String>,
    /// Accounts that were named.
    pub(super) accounts: Vec<String>,
    /// Whether what it builds goes nowhere: a test.
    pub(super) is_test: bool,
    /// Whether it signs in by tokens of its own, or by keys.
    pub(super) by_tokens: bool,
}

impl Seen {
    /// Whether managr does what the job does.
    pub(super) fn is_ours(&self) -> bool {
        let does = !self.builds.is_empty() || !self.pushes.is_empty() || !self.deploys.is_empty();
        does && !self.is_test
    }
}

/// What a part was seen to do.
#[derive(Debug)]
pub(super) struct SeenPart {
    pub(super) id: At,
    pub(super) builds: bool,
    pub(super) deploys: bool,
    /// Whether it is of the kind that managr does: none of it is the user's own.
    pub(super) is_ours: bool,
    /// Whether nothing in it is managr's.
    pub(super) is_own: bool,
    /// What is to be said of its lines.
    pub(super) notes: Vec<(usize, String)>,
}

/// Reads what the jobs of a flow hand to each other, and what each does.
pub(super) fn analyse(job: &Job, handed: &mut Variables) -> Seen {
    let mut seen = Seen::default();
    let mut variables = handed.clone();
    variables.extend(job.variables.clone());
    variables.remove(shell::HERE);
    for part in &job.parts {
        let mut own = part.variables.clone();
        for value in own.values_mut() {
            *value = shell::fill(value, &variables);
        }
        let before: Variables =
            own.keys().filter_map(|name| Some((name.clone(), variables.get(name)?.clone()))).collect();
        let names: Vec<String> = own.keys().cloned().collect();
        variables.extend(own);
        if let Some(directory) = &part.directory {
            variables.insert(shell::HERE.to_owned(), shell::fill(directory, &variables));
        }
        let seen_part = match &part.what {
            What::Script(text) => script(&mut seen, part, text, &mut variables),
            What::Uses(name, with) => using(&mut seen, part, name, with, &mut variables),
        };
        seen.parts.push(seen_part);
        // What only this part had is gone after it.
        for name in names {
            match before.get(&name) {
                Some(value) => variables.insert(name, value.clone()),
                None => variables.remove(&name),
            };
        }
    }
    for (name, value) in &job.outputs {
        handed.insert(format!("needs.{}.outputs.{name}", job.key), shell::fill(value, &variables));
    }
    for name in ["AWS_DEFAULT_REGION", "AWS_REGION"] {
        seen.regions.extend(variables.get(name).filter(|region| is_region(region)).cloned());
    }
    seen
}

/// `eu-central-1`.
pub(super) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && text.len() <= 20
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && parts.last().is_some_and(|last| last.len() == 1 && last.bytes().all(|b| b.is_ascii_digit()))
}

fn script(seen: &mut Seen, part: &Part, text: &str, variables: &mut Variables) -> SeenPart {
    let mut this =
        SeenPart { id: part.id, builds: false, deploys: false, is_ours: true, is_own: true, notes: Vec::new() };
    let mut has_own = false;
    for command in commands(text, variables) {
        hand_on(&command, part.step.as_deref(), variables);
        let line = part.line + command.line;
        let said = label(&command.words);
        if !command.conditions.is_empty() && !matches!(recognise::action(&command), Action::Ours(_)) {
            this.notes.push((line, format!("`{said}` runs under a condition of the script, which was not carried")));
        }
        match recognise::action(&command) {
            Action::Own => {
                has_own = true;
                this.is_ours = false;
                this.notes.push((line, format!("`{said}` is nothing that managr does: it is lost, unless you write it between the marks of the new file")));
            }
            Action::Instead(why) => {
                this.is_ours = false;
                this.is_own = false;
                this.notes.push((line, format!("`{said}`: {why}")));
            }
            Action::Ours(_) => {}
            action => {
                this.is_own = false;
                note(seen, &mut this, action, line);
            }
        }
    }
    this.is_own &= has_own;
    this
}

fn note(seen: &mut Seen, this: &mut SeenPart, action: Action, line: usize) {
    match action {
        Action::Build(mut build) => {
            build.at = At { line, ..this.id };
            for lost in &build.lost {
                this.notes.push((line, format!("the option {lost} of the build has no word in [images]")));
            }
            this.builds = true;
            seen.builds.push(build);
        }
        Action::Tag { from, to } => seen.tags.push((from, to)),
        Action::Push { reference, is_every_tag } => seen.pushes.push((reference, is_every_tag)),
        Action::Deploy(deploy) => {
            this.deploys = true;
            seen.deploys.push(deploy);
        }
        Action::Ours(_) | Action::Instead(_) | Action::Own => {}
    }
}

fn using(
    seen: &mut Seen,
    part: &Part,
    name: &str,
    with: &[super::yaml::Member],
    variables: &mut Variables,
) -> SeenPart {
    let mut this =
        SeenPart { id: part.id, builds: false, deploys: false, is_ours: true, is_own: false, notes: Vec::new() };
    let used = uses::action(name, with, part.step.as_deref(), variables);
    seen.by_tokens |= used.by_tokens;
    seen.regions.extend(used.region.filter(|region| is_region(region)));
    seen.accounts.extend(used.account);
    match used.action {
        Action::Own => {
            this.is_ours = false;
            this.is_own = true;
            this.notes.push((part.line, format!("`{}` is nothing that managr does: it is lost, unless you write it between the marks of the new file", label(&[name.to_owned()]))));
        }
        Action::Instead(why) => {
            this.is_ours = false;
            this.notes.push((part.line, format!("`{}`: {why}", label(&[name.to_owned()]))));
        }
        action => note(seen, &mut this, action, part.line),
    }
    for reference in used.pushes {
        seen.pushes.push((reference, false));
    }
    this
}

/// `echo name=value >> $GITHUB_OUTPUT` hands a value to later steps.
fn hand_on(command: &shell::Command, step: Option<&str>, variables: &mut Variables) {
    let [echo, pair] = command.words.as_slice() else { return };
    if echo != "echo" && echo != "printf" {
        return;
    }
    let to = command.to.as_deref().unwrap_or_default();
    let pair =
        pair.strip_prefix("::set-output name=").map(|pair| pair.replacen("::", "=", 1)).unwrap_or_else(|| pair.clone());
    let Some((name, value)) = pair.split_once('=') else { return };
    if to.contains("GITHUB_ENV") {
        variables.insert(name.to_owned(), value.to_owned());
        variables.insert(format!("env.{name}"), value.to_owned());
    } else if let Some(step) = step {
        variables.insert(format!("steps.{step}.outputs.{name}"), value.to_owned());
    }
}

/// Returns what a command is called where people read it: never more than its name, for values may follow.
pub(super) fn label(words: &[String]) -> String {
    let first = words.first().map(String::as_str).unwrap_or_default();
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@');
    let is_safe = !first.is_empty()
        && first.len() <= 60
        && first.chars().all(is_good)
        && deploy_core::lint::credentials::looks_like("", first).is_none();
    if is_safe { first.to_owned() } else { "a command".to_owned() }
}

/// Says what became of the parts of a job that managr's steps replace. `moved` are those that stay as the user's own.
pub(super) fn account(ledger: &mut Ledger, seen: &Seen, moved: &[(At, String)]) {
    for part in &seen.parts {
        if let Some((_, place)) = moved.iter().find(|(id, _)| *id == part.id) {
            ledger.fate_of(part.id, &Fate::Kept(place.clone()));
            continue;
        }
        let fate = match (part.builds, part.deploys) {
            (true, _) => Fate::Carried("images, and `managr push` builds them".to_owned()),
            (_, true) => Fate::Carried("stages, and `managr deploy` does it".to_owned()),
            _ => Fate::Equal("managr's own steps do what is needed of it".to_owned()),
        };
        ledger.fate_of(part.id, &fate);
        for (line, why) in &part.notes {
            ledger.note(part.id, *line, why.clone());
        }
    }
}
