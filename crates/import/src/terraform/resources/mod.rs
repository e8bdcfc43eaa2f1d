//! Which of a folder's resources does managr have words for, and what are they in AWS's own?
//!
//! Each evaluation is made twice: once with everything hidden, to learn which variables flow into a secret, and once
//! with those hidden.

mod accounts;
mod book;
mod defaults;
mod discover;
mod document;
mod ingress;
mod kept;
mod leftover;
mod objects;
pub(super) mod owned;
mod schedule;
mod scheduler;
mod seam;
mod secret;
mod service;
mod sources;
mod table;
mod tables;
mod task_definition;
mod told;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::files::{Files, Module, parent};
use super::scope::{Instance, Run, Scope};
use super::sensitive::Rules;
use super::stages::{Evaluation, asked_by_workspace, evaluations, informed, stage_of};
use super::truth::Truth;
use super::value::{Piece, Text, Value};
use super::{NO_ACCOUNT, Options, TerraformError};
use crate::{Folder, Found, FoundStage, Left, Place};
use book::Book;
use document::Notes;

/// What decides which stages there are.
const OF_A_STAGE: [&str; 4] =
    ["aws_ecs_task_definition", "aws_ecs_service", "aws_cloudwatch_event_rule", "aws_scheduler_schedule"];

/// Everything of one stage.
#[derive(Debug)]
pub(super) struct Estate<'a> {
    pub(super) stage: String,
    pub(super) app: Option<String>,
    pub(super) run: Rc<Run<'a>>,
    /// The root module: what it calls asks it for arguments.
    root: Rc<Scope<'a>>,
    pub(super) instances: Vec<Instance<'a>>,
    /// Names in AWS that the user gave, by address.
    pub(super) names: &'a BTreeMap<String, String>,
    /// Which resource a text of these types refers to, by its number: rules of dozens of services ask the same.
    known: RefCell<BTreeMap<(String, &'static str), Option<usize>>>,
    /// What the folder says alone, where Terraform was asked as well.
    alone: Option<Rc<sources::Alone>>,
}

impl<'a> Estate<'a> {
    /// Returns the resources of these types, in the order of their files.
    pub(super) fn of(&self, kinds: &[&str]) -> impl Iterator<Item = &Instance<'a>> {
        self.instances.iter().filter(move |instance| kinds.contains(&instance.kind()))
    }

    /// Returns the resource of these types that a value refers to: by its address, or by what it is called.
    pub(super) fn referred(&self, value: &Value, kinds: &[&'static str]) -> Option<&Instance<'a>> {
        let text = value.as_text()?;
        // The first type identifies a list of types.
        let key = (format!("{text:?}"), *kinds.first()?);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.and_then(|at| self.instances.get(at));
        }
        let found = self.looked_up(&text, kinds);
        let at = found.and_then(|found| self.instances.iter().position(|one| std::ptr::eq(one, found)));
        self.known.borrow_mut().insert(key, at);
        found
    }

    fn looked_up(&self, text: &Text, kinds: &[&str]) -> Option<&Instance<'a>> {
        let unknown = text.unknowns().next();
        let shown = text.shown();
        self.of(kinds).find(|instance| match (unknown, &shown) {
            (Some(unknown), _) => {
                // `FAMILY:${max(...revision, ...)}` names the family, whatever the revision.
                let family = matches!(text.0.first(), Some(Piece::Plain(start))
                    if start.strip_suffix(':').is_some_and(|start| instance.attribute("family").shown().as_deref() == Some(start)));
                family
                    || unknown.strip_prefix(&instance.address()).is_some_and(|rest| rest.starts_with('.'))
                    || ["arn", "id"].into_iter().any(|name| instance.attribute(name).as_text().as_ref() == Some(text))
            }
            (None, Some(shown)) => ["arn", "name", "id", "family"]
                .into_iter()
                .filter_map(|name| instance.attribute(name).shown())
                .any(|own| own == *shown || shown.strip_prefix(&own).is_some_and(|rest| rest.starts_with(':'))),
            (None, None) => false,
        })
    }
}

impl<'a> Estate<'a> {
    /// Returns the resource that an instance refers to: of several that share what they are called, the one that it names.
    pub(super) fn meant(&self, by: &Instance<'_>, value: &Value, kinds: &[&'static str]) -> Option<&Instance<'a>> {
        let first = self.referred(value, kinds)?;
        let family = first.attribute("family").shown();
        let of_family = |one: &&Instance<'_>| one.attribute("family").shown() == family && family.is_some();
        let all: Vec<&Instance<'a>> = self.of(kinds).filter(of_family).collect();
        if all.len() < 2 {
            return Some(first);
        }
        // Their ARNs differ by the revision alone, which is unknown here: the written reference tells them apart.
        let text = by.item.block.body.to_string();
        let is_word = |text: &str, name: &str| {
            text.match_indices(name).any(|(at, _)| {
                let after = text[at + name.len()..].chars().next();
                !after.is_some_and(|next| next.is_alphanumeric() || next == '_' || next == '-')
            })
        };
        let named = |one: &&&Instance<'a>| {
            is_word(&text, &format!("{}.{}", one.kind(), one.item.label(1))) && one.scope.prefix == by.scope.prefix
        };
        let same_key = all.iter().filter(named).find(|one| one.key == by.key);
        same_key.or_else(|| all.iter().find(named)).copied().or(Some(first))
    }
}

/// Returns what the folder holds.
pub(super) fn found(folder: &Folder, files: &Files, options: &Options) -> Result<Found, TerraformError> {
    let mut found = Found::default();
    let evaluations = evaluations(files, options, &mut found.left)?;
    let mut estates = Vec::new();
    let mut evaluations: Vec<Evaluation> =
        evaluations.into_iter().flat_map(|one| workspaces(folder, files, options, one)).collect();
    let alone: Vec<Evaluation> = match options.states.is_empty() {
        true => Vec::new(),
        false => evaluations.iter().map(Evaluation::alone).collect(),
    };
    informed(&mut evaluations, options)?;
    for (number, evaluation) in evaluations.iter().enumerate() {
        let alone = match alone.get(number) {
            Some(alone) => sources::Alone::of(folder, options, alone)?.map(Rc::new),
            None => None,
        };
        let estates_of_it = self::estates(folder, files, options, evaluation, &mut found.left);
        estates.extend(estates_of_it.into_iter().map(|estate| Estate { alone: alone.clone(), ..estate }));
    }
    if !estates.iter().any(|estate| estate.of(&["aws_ecs_task_definition"]).next().is_some()) {
        return Err(TerraformError::NoTaskDefinition);
    }
    let app = options.app.clone().or_else(|| told::app(&estates));
    for estate in &mut estates {
        estate.app.clone_from(&app);
        let notes = &mut Notes::default();
        let mut book = Book::open(estate);
        for repository in objects::repositories(estate, &mut book) {
            if !found.repositories.contains(&repository) {
                found.repositories.push(repository);
            }
        }
        found.stages.push(stage(estate, book, notes));
        leftover::note(estate, notes);
        seam::tell(estate, notes);
        found.left.append(&mut notes.finish(estate));
        found.left.append(&mut estate.run.left.borrow_mut());
        if estate.run.region_assumed.get() {
            found.left.push(super::region::question(folder, &estate.run.root, &estate.stage));
        }
        if estate.run.account_assumed.get() {
            found.left.push(Left::new(
                format!("the AWS account of stage {}", estate.stage),
                Place {
                    source: if estate.run.root.is_empty() { ".".to_owned() } else { estate.run.root.clone() },
                    line: None,
                },
                account_question(estate, folder),
            ));
        }
    }
    if found.repositories.is_empty() {
        found.repositories = told::hosted(&found.stages);
    }
    found.app = app;
    let mut seen: Vec<Left> = Vec::new();
    found.left.retain(|left| {
        !seen.contains(left) && {
            seen.push(left.clone());
            true
        }
    });
    Ok(found)
}

fn stage(estate: &Estate<'_>, mut book: Book, notes: &mut Notes) -> FoundStage {
    let secrets = secret::secrets(estate, notes);
    let objects = objects::objects(estate, &mut book);
    let schedules = schedule::schedules(estate, &secrets, &mut book, notes);
    let service::Services { services, one_offs } = service::services(estate, &secrets, &objects, &mut book, notes);
    FoundStage {
        name: estate.stage.clone(),
        region: estate.run.region.get().cloned().flatten(),
        account: estate.run.account.get().cloned().flatten(),
        cluster: service::cluster(estate, &services),
        load_balancer: ingress::load_balancer(&objects, &services),
        listener_arn: ingress::listener_arn(estate),
        secrets,
        services,
        schedules,
        one_offs,
        objects,
        unseen: Default::default(),
        ledger: book.ledger,
    }
}

/// Asks for the account of a stage; where several are named, which they are.
fn account_question(estate: &Estate<'_>, folder: &Folder) -> String {
    let root = &estate.root;
    let values = accounts::in_values(root);
    let named = if values.is_empty() { accounts::in_files(folder, &root.module.dir) } else { values };
    let seen = match named.len() {
        0 => "nothing in the folder tells it".to_owned(),
        _ => format!(
            "its files name {}, and nobody tells which is its own",
            named.into_iter().collect::<Vec<_>>().join(", ")
        ),
    };
    format!("{seen}: {NO_ACCOUNT} stands for it in ARNs; say it with --account and import again")
}

/// Returns every attribute of every resource: its stage, its address and its leaves.
#[cfg(test)]
pub(super) fn leaves_of(
    folder: &Folder,
    options: &Options,
) -> Result<Vec<(String, String, Vec<super::leaves::Leaf>)>, TerraformError> {
    let files = super::files::parse(folder)?;
    let mut left = Vec::new();
    let evaluations = evaluations(&files, options, &mut left)?;
    let evaluations: Vec<Evaluation> =
        evaluations.into_iter().flat_map(|one| workspaces(folder, &files, options, one)).collect();
    let mut found = Vec::new();
    for evaluation in &evaluations {
        for estate in estates(folder, &files, options, evaluation, &mut left) {
            let leaves = |one: &Instance<'_>| (estate.stage.clone(), one.address(), one.leaves());
            found.extend(estate.instances.iter().map(leaves));
        }
    }
    Ok(found)
}

/// Returns an evaluation for each workspace, where a map is asked by the workspace's name.
fn workspaces(folder: &Folder, files: &Files, options: &Options, evaluation: Evaluation) -> Vec<Evaluation> {
    let Some(module) = files.modules.get(&evaluation.root).filter(|_| evaluation.stage.is_none()) else {
        return vec![evaluation];
    };
    let stages = asked(folder, files, options, &evaluation, module);
    match stages {
        None => vec![evaluation],
        Some(stages) => {
            let of = |stage| Evaluation {
                root: evaluation.root.clone(),
                stage: Some(stage),
                values: evaluation.values.clone(),
                truth: Truth::default(),
            };
            stages.into_iter().map(of).collect()
        }
    }
}

/// Returns the keys of a map that is asked by the workspace's name.
fn asked(
    folder: &Folder,
    files: &Files,
    options: &Options,
    evaluation: &Evaluation,
    module: &Module,
) -> Option<Vec<String>> {
    let scope = begin(folder, files, options, evaluation, module, Rules::default());
    let inside = |path: &&String| parent(path) == evaluation.root && path.ends_with(".tf");
    let texts = folder.keys().filter(inside).filter_map(|path| folder.get(path));
    texts.flat_map(|text| asked_by_workspace(text)).find_map(|name| {
        let value = match name.split_once('.')? {
            ("local", name) => scope.local(name).ok()?,
            ("var", name) => scope.variable(name).ok()?,
            _ => return None,
        };
        let Value::Map(values) = value else { return None };
        let stages: Vec<String> = values.into_keys().filter(|key| key != "default").collect();
        (!stages.is_empty()).then_some(stages)
    })
}

/// Returns the stages that one evaluation holds.
fn estates<'a>(
    folder: &'a Folder,
    files: &'a Files,
    options: &'a Options,
    evaluation: &'a Evaluation,
    left: &mut Vec<Left>,
) -> Vec<Estate<'a>> {
    let Some(module) = files.modules.get(&evaluation.root) else { return Vec::new() };
    let everything = Rules { everything: true, ..Rules::default() };
    let scope = begin(folder, files, options, evaluation, module, everything);
    let mut hidden = Vec::new();
    collect(&scope, &mut hidden, &mut Vec::new());
    Scope::add_known(&scope, &mut hidden);
    let rules = Rules { everything: false, leaves: secret::flowing(&hidden) };
    let scope = begin(folder, files, options, evaluation, module, rules);
    let mut instances = Vec::new();
    collect(&scope, &mut instances, left);
    Scope::add_known(&scope, &mut instances);
    let run = Rc::clone(&scope.run);
    let estate = |stage: String, instances| {
        let (run, root) = (Rc::clone(&run), Rc::clone(&scope));
        let stage = super::names::as_stage(&stage);
        Estate { stage, app: None, run, root, instances, names: &options.names, known: RefCell::default(), alone: None }
    };
    if let Some(stage) = &evaluation.stage {
        return vec![estate(stage.clone(), instances)];
    }
    let told: Vec<Option<String>> = instances.iter().map(stage_of).collect();
    let mut stages: Vec<String> = Vec::new();
    for (instance, stage) in instances.iter().zip(&told) {
        if let (true, Some(stage)) = (OF_A_STAGE.contains(&instance.kind()), stage)
            && !stages.contains(stage)
        {
            stages.push(stage.clone());
        }
    }
    if stages.len() < 2 {
        // `environment = "dev"` of the root, which its modules may call otherwise; then what its services are called.
        let of_root = || {
            let names = ["environment", "env", "stage", "environment_name", "env_name", "deployment_environment"];
            let value = |name: &str| {
                let declared = Module::named(&module.variables, &[name]).is_some();
                let text = if declared { scope.variable(name).ok()? } else { scope.local(name).ok()? }.shown()?;
                Some(text).filter(|text| !text.is_empty() && text.len() <= 24)
            };
            names.into_iter().find_map(value)
        };
        let of_names = || {
            let kinds = ["aws_ecs_service", "aws_ecs_cluster", "aws_ecs_task_definition"];
            let named = instances.iter().filter(|one| kinds.contains(&one.kind()));
            let names =
                named.flat_map(|one| ["name", "family"].map(|name| one.given(name).and_then(|name| name.shown())));
            let mut stages: Vec<String> = Vec::new();
            for stage in names.flatten().filter_map(|name| super::names::only_stage_in(&name).map(str::to_owned)) {
                if !stages.contains(&stage) {
                    stages.push(stage);
                }
            }
            <[String; 1]>::try_from(stages).ok().map(|[only]| only)
        };
        let of_folder = || options.folder.clone().filter(|name| super::names::is_stage(name));
        let stage = options
            .stage
            .clone()
            .or(stages.pop())
            .or_else(of_root)
            .or_else(of_names)
            .or_else(of_folder)
            .unwrap_or_else(|| {
                left.push(Left::new(
                "the name of the stage",
                Place { source: if run.root.is_empty() { ".".to_owned() } else { run.root.clone() }, line: None },
                "nothing in the folder tells it: `prod` is a guess; put STAGE.tfvars beside the files, or rename it",
            ));
                "prod".to_owned()
            });
        return vec![estate(stage, instances)];
    }
    for (instance, stage) in instances.iter().zip(&told) {
        if stage.is_none() && OF_A_STAGE.contains(&instance.kind()) {
            let why = format!("its stage cannot be told (there are {}): not carried", stages.join(", "));
            left.push(Left::new(instance.address(), instance.item.place.clone(), why));
        }
    }
    let of = |stage: &String| {
        let pairs = instances.iter().zip(&told);
        let ours = pairs.filter(|(instance, told)| match told {
            Some(told) => told == stage,
            None => !OF_A_STAGE.contains(&instance.kind()),
        });
        ours.map(|(instance, _)| instance.clone()).collect()
    };
    stages.iter().map(|stage| estate(stage.clone(), of(stage))).collect()
}

/// Returns a root module with its variables, account and region.
fn begin<'a>(
    folder: &'a Folder,
    files: &'a Files,
    options: &'a Options,
    evaluation: &'a Evaluation,
    module: &'a Module,
    rules: Rules,
) -> Rc<Scope<'a>> {
    let begun = |rules| {
        let workspace = evaluation.stage.clone().or_else(|| options.stage.clone());
        let run = Rc::new(Run {
            folder,
            files,
            root: evaluation.root.clone(),
            workspace: workspace.unwrap_or_else(|| "default".to_owned()),
            rules,
            truth: &evaluation.truth,
            region: OnceCell::new(),
            account: OnceCell::new(),
            account_assumed: Cell::new(false),
            region_assumed: Cell::new(false),
            strict: Cell::new(0),
            left: RefCell::new(Vec::new()),
        });
        Scope::root(run, module, evaluation.values.clone())
    };
    let scope = begun(rules);
    let known =
        |value: Value| value.as_text().and_then(|text| text.known()).filter(|text| super::region::is_region(text));
    let region = options.region.clone().or_else(|| {
        let provider = module.providers.iter().find(|item| item.label(0) == "aws" && item.attribute("alias").is_none());
        let given =
            provider.and_then(|item| item.attribute("region")).map(|one| scope.lenient(one, &Default::default()));
        given
            .and_then(known)
            .or_else(|| ["region", "aws_region"].into_iter().find_map(|name| known(scope.variable(name).ok()?)))
            .or_else(|| evaluation.truth.region())
    });
    let _ = scope.run.region.set(region);
    // What is looked at to find the account is evaluated without it, and not kept.
    let told = || told::account(&begun(Rules::default()), folder);
    let account = options.account.clone().or_else(|| evaluation.truth.account()).or_else(told);
    let _ = scope.run.account.set(account);
    scope
}

/// Collects the instances of a module and of those that it calls.
fn collect<'a>(scope: &Rc<Scope<'a>>, instances: &mut Vec<Instance<'a>>, left: &mut Vec<Left>) {
    for item in &scope.module.resources {
        match scope.keys(item) {
            Ok(keys) => instances.extend(keys.into_iter().map(|(key, each)| Instance {
                scope: Rc::clone(scope),
                item,
                key,
                each,
            })),
            Err(unknown) => left.push(Left::new(
                format!("{}{}.{}", scope.prefix, item.label(0), item.label(1)),
                item.place.clone(),
                format!("how many there are cannot be told: {unknown}"),
            )),
        }
    }
    for item in &scope.module.modules {
        let address = format!("{}module.{}", scope.prefix, item.label(0));
        let keys = match scope.keys(item) {
            Ok(keys) => keys,
            Err(unknown) => {
                let why = format!("how many there are cannot be told: {unknown}");
                left.push(Left::new(address, item.place.clone(), why));
                continue;
            }
        };
        for (key, each) in keys {
            match scope.child(item, &key, &each) {
                Some(child) => collect(&child, instances, left),
                None => left.push(Left::new(
                    format!("{address}{}", key.suffix()),
                    item.place.clone(),
                    "its source is not in the folder: what it makes stays in Terraform",
                )),
            }
        }
    }
}

/// Returns nested values by their names in Terraform under their names in AWS.
pub(super) fn renamed(from: &BTreeMap<String, Value>, names: &[(&str, &str)]) -> BTreeMap<String, Value> {
    names
        .iter()
        .filter_map(|(terraform, aws)| {
            let value = from.get(*terraform).filter(|value| **value != Value::Null)?;
            Some(((*aws).to_owned(), value.clone()))
        })
        .collect()
}
