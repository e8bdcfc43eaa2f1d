//! Which stages does a folder describe, and with which values is each evaluated?
//!
//! A file of variables for each, a directory for each, or one evaluation whose `for_each` goes over them.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Files, Item, Vars, base, parent};
use super::scope::{Instance, Key};
use super::truth::Truth;
use super::value::Value;
use super::{GivenFile, Options, TerraformError, names, variables};
use crate::{Left, Place};

/// One evaluation of a root module.
#[derive(Debug)]
pub(super) struct Evaluation {
    /// Directory of the root module.
    pub(super) root: String,
    /// The stage that all of it is; none if its instances tell.
    pub(super) stage: Option<String>,
    pub(super) values: BTreeMap<String, Value>,
    /// What Terraform itself found out, where it was given.
    pub(super) truth: Truth,
}

impl Evaluation {
    /// Returns it as the folder alone has it.
    pub(super) fn alone(&self) -> Self {
        let Self { root, stage, values, truth: _ } = self;
        Self { root: root.clone(), stage: stage.clone(), values: values.clone(), truth: Truth::default() }
    }
}

/// Reads what Terraform found out into the evaluations that it is of. A state of no stage is of the only one there is.
pub(super) fn informed(evaluations: &mut [Evaluation], options: &Options) -> Result<(), TerraformError> {
    let stages: Vec<String> = evaluations.iter().filter_map(|one| one.stage.clone()).collect();
    let of_which = |file: &&GivenFile| match &file.stage {
        None => evaluations.len() > 1,
        Some(stage) => !stages.is_empty() && !stages.contains(stage),
    };
    if let Some(file) = options.states.iter().find(of_which) {
        return Err(TerraformError::StateOfWhich { path: file.path.clone(), stages });
    }
    for evaluation in evaluations {
        let alone = evaluation.stage.is_none();
        let ours = options.states.iter().filter(|file| alone || file.stage.is_none() || file.stage == evaluation.stage);
        evaluation.truth = Truth::read(&ours.collect::<Vec<_>>())?;
        for (name, value) in evaluation.truth.variables.clone() {
            evaluation.values.insert(name, value);
        }
    }
    Ok(())
}

/// Files of variables that are for every stage.
const COMMON: [&str; 10] =
    ["terraform", "common", "global", "shared", "default", "defaults", "base", "secrets", "variables", "vars"];

/// Returns the evaluations of a folder, in the order of their files.
pub(super) fn evaluations(
    files: &Files,
    options: &Options,
    left: &mut Vec<Left>,
) -> Result<Vec<Evaluation>, TerraformError> {
    let roots = roots(files, left)?;
    let mut evaluations = Vec::new();
    for root in &roots {
        let Some(module) = files.modules.get(root) else { continue };
        let (mut common, mut stages) = of_files(files, root, &roots, left)?;
        let only = of_options(files, options, &mut common, &mut stages, left)?;
        let mut by_name = BTreeMap::new();
        for (name, text) in &options.vars {
            by_name.insert(name.clone(), variables::given(files, module, name, text)?);
        }
        let mut add = |stage: Option<String>, of_stage: Values| {
            let mut values = common.clone();
            for more in [of_stage, by_name.clone()] {
                values.extend(more);
            }
            left.extend(variables::ask(module, &values, stage.as_deref()));
            evaluations.push(Evaluation { root: root.clone(), stage, values, truth: Truth::default() });
        };
        if let (Some((stage, _)), true) = (stage_of_directory(root), roots.len() > 1) {
            let all = stages.into_iter().flat_map(|(_, values)| values).collect();
            add(Some(stage.to_owned()), all);
        } else if stages.is_empty() {
            add(None, Values::new());
        } else {
            for (stage, values) in stages {
                if only.is_empty() || only.contains(&stage) {
                    add(Some(stage), values);
                }
            }
        }
    }
    Ok(evaluations)
}

type Values = BTreeMap<String, Value>;
type OfStages = Vec<(String, Values)>;

/// Returns what the folder's own files give: to every stage, and to one.
fn of_files(
    files: &Files,
    root: &str,
    roots: &[String],
    left: &mut Vec<Left>,
) -> Result<(Values, OfStages), TerraformError> {
    let (mut common, mut stages, mut named) = (Values::new(), OfStages::new(), Vec::new());
    let mut ours: Vec<&Vars> = files.vars.iter().filter(|vars| belongs(vars, root, roots)).collect();
    // As Terraform reads them: its own file, those that it loads by their name, and those that the user names.
    ours.sort_by_key(|vars| (loaded(&vars.path), vars.path.as_str()));
    for vars in ours {
        let place = Place { source: vars.path.clone(), line: None };
        match stage_of_file(&vars.path, root) {
            File::Sample => left.push(Left::new(
                vars.path.clone(),
                place,
                "a sample: its values were not read; name it with --var-file if they are meant",
            )),
            File::Module => left.push(Left::new(
                vars.path.clone(),
                place,
                "Terraform loads no such file of a module that is called: its values were not read",
            )),
            File::Common => common.extend(variables::values(files, vars, left)?),
            File::Stage(name) => named.push(Named { name, vars, values: variables::values(files, vars, left)? }),
        }
    }
    for (stage, values) in distinct(named, left) {
        extend(&mut stages, stage, values);
    }
    Ok((common, stages))
}

/// A file that is a stage's, by what it is called.
struct Named<'a> {
    name: String,
    vars: &'a Vars,
    values: Values,
}

/// Returns the stage of each file: two that say different things under longer names than the stage's own are two stages
/// (`staging.eu-west-1`, `staging.us-east-1`); if one is called as the stage is, the last counts and the list says so.
fn distinct(named: Vec<Named<'_>>, left: &mut Vec<Left>) -> OfStages {
    let differ = |one: &Named<'_>, other: &Named<'_>| -> Vec<String> {
        let differs = |(name, value): &(&String, &Value)| other.values.get(*name).is_some_and(|there| there != *value);
        one.values.iter().filter(differs).map(|(name, _)| name.clone()).collect()
    };
    let is_own = |one: &Named<'_>| bare(&one.vars.path) == one.name;
    let mut stages = OfStages::new();
    for (at, one) in named.iter().enumerate() {
        let others = || named.iter().enumerate().filter(|(index, other)| *index != at && other.name == one.name);
        let is_apart = !is_own(one)
            && others().any(|(_, other)| !is_own(other) && !differ(one, other).is_empty())
            && !others().any(|(_, other)| is_own(other));
        if !is_apart {
            for (index, other) in others().filter(|(index, _)| *index < at) {
                let twice = differ(one, other);
                if !twice.is_empty() {
                    let place = Place { source: one.vars.path.clone(), line: None };
                    let why = format!(
                        "{} of {} says otherwise, and the last counts",
                        twice.join(", "),
                        named[index].vars.path
                    );
                    left.push(Left::new(format!("values of stage {}", one.name), place, why));
                }
            }
        }
        let name = if is_apart { names::as_stage(bare(&one.vars.path)) } else { one.name.clone() };
        extend(&mut stages, name, one.values.clone());
    }
    stages
}

/// Adds the files that were named to what they are for, and returns the stages that they choose.
///
/// One that is named for a stage gives its values to that stage alone; any other gives them to every stage.
fn of_options(
    files: &Files,
    options: &Options,
    common: &mut Values,
    stages: &mut OfStages,
    left: &mut Vec<Left>,
) -> Result<Vec<String>, TerraformError> {
    let mut only = Vec::new();
    for file in &options.var_files {
        let vars = Vars { path: file.path.clone(), text: file.text.clone() };
        let values = variables::values(files, &vars, left)?;
        let name = bare(&file.path);
        let known = |name: &str| stages.iter().any(|(stage, _)| stage == name);
        let stage = file.stage.clone().or_else(|| known(name).then(|| name.to_owned()));
        match stage.or_else(|| names::stage_in(name).map(str::to_owned)) {
            Some(stage) => {
                only.push(stage.clone());
                extend(stages, stage, values);
            }
            None => {
                for (_, before) in stages.iter_mut() {
                    before.extend(values.clone());
                }
                common.extend(values);
            }
        }
    }
    Ok(only)
}

fn extend(stages: &mut OfStages, name: String, values: Values) {
    match stages.iter_mut().find(|(stage, _)| *stage == name) {
        Some((_, before)) => before.extend(values),
        None => stages.push((name, values)),
    }
}

/// Returns directories that no other directory calls, and that lead to something that ECS runs.
///
/// The folder that was named is the root module where it is one, as it is for Terraform: what lies beside or below it is
/// another. Without files of its own, several are the stages of one thing if their paths differ in the stage's name
/// alone; otherwise which is meant is a question.
fn roots(files: &Files, left: &mut Vec<Left>) -> Result<Vec<String>, TerraformError> {
    let called: BTreeSet<String> = files.modules.values().flat_map(|module| module.calls()).collect();
    // What was read from outside of the folder was read because it is called; the rest of it came along.
    let within: Vec<&String> = files.modules.keys().filter(|dir| !dir.starts_with("..")).collect();
    let mut roots: Vec<&String> = within.iter().copied().filter(|dir| !called.contains(*dir)).collect();
    if roots.is_empty() {
        roots = within;
    }
    // A file that cannot be read may hold anything.
    let leads = |dir: &str| leads_to_ecs(files, dir, &mut BTreeSet::new()) || files.modules[dir].fault.is_some();
    let (with, without): (Vec<_>, Vec<_>) = roots.iter().copied().partition(|dir| leads(dir));
    if with.is_empty() {
        return Ok(roots.into_iter().cloned().collect());
    }
    let (mut with, faulty): (Vec<&String>, Vec<&String>) =
        with.into_iter().partition(|dir| fault(files, dir, &mut BTreeSet::new()).is_none());
    if with.is_empty()
        && let Some(fault) = faulty.iter().find_map(|dir| fault(files, dir, &mut BTreeSet::new()))
    {
        return Err(fault);
    }
    with.sort();
    let beside = match with.iter().position(|dir| dir.is_empty()) {
        Some(named) => {
            let named = with.remove(named);
            std::mem::replace(&mut with, vec![named])
        }
        None => Vec::new(),
    };
    for (dirs, why) in [
        (beside, "another root module, which this folder does not call: import it by its own folder"),
        (without, "nothing of ECS is run by this directory: it stays in Terraform"),
        (faulty, "a file of this directory cannot be read, and Terraform would refuse it: it was left out"),
    ] {
        for dir in dirs {
            let place = Place { source: if dir.is_empty() { ".".to_owned() } else { dir.clone() }, line: None };
            left.push(Left::new(place.source.clone(), place, why));
        }
    }
    let of_one = |roots: &[&String]| {
        let parts: Option<Vec<_>> = roots.iter().map(|root| stage_of_directory(root)).collect();
        let parts = parts.unwrap_or_default();
        let stages: BTreeSet<&str> = parts.iter().map(|(stage, _)| *stage).collect();
        stages.len() == roots.len() && parts.windows(2).all(|pair| pair[0].1 == pair[1].1)
    };
    if with.len() > 1 && !of_one(&with) {
        return Err(TerraformError::Roots(with.into_iter().cloned().collect()));
    }
    Ok(with.into_iter().cloned().collect())
}

/// Returns the stage that a directory is named for, and the other names of its path.
fn stage_of_directory(dir: &str) -> Option<(&str, Vec<&str>)> {
    let mut names: Vec<&str> = dir.split('/').collect();
    let at = names.iter().rposition(|name| names::is_stage(name))?;
    Some((names.remove(at), names))
}

/// Returns why a root module cannot be read: its own files, or those of what it calls.
fn fault(files: &Files, dir: &str, seen: &mut BTreeSet<String>) -> Option<TerraformError> {
    let module = files.modules.get(dir).filter(|_| seen.insert(dir.to_owned()))?;
    module.fault.clone().or_else(|| module.calls().find_map(|called| fault(files, &called, seen)))
}

fn leads_to_ecs(files: &Files, dir: &str, seen: &mut BTreeSet<String>) -> bool {
    let Some(module) = files.modules.get(dir) else { return false };
    let runs = ["aws_ecs_task_definition", "aws_ecs_service"];
    seen.insert(dir.to_owned())
        && (module.resources.iter().any(|item| runs.contains(&item.label(0)))
            || module.modules.iter().any(is_ecs_of_others)
            || module.calls().any(|called| leads_to_ecs(files, &called, seen)))
}

/// A module of the registry, such as `terraform-aws-modules/ecs/aws`: what it makes only a state tells.
fn is_ecs_of_others(item: &Item) -> bool {
    let source = item.attribute("source").and_then(|source| source.as_str()).unwrap_or_default();
    !source.starts_with('.')
        && source.split(|c: char| !c.is_alphanumeric()).any(|word| word == "ecs" || word == "fargate")
}

/// A file belongs to the root that it is in or below; with one root, every file does.
fn belongs(vars: &Vars, root: &str, roots: &[String]) -> bool {
    let within = |root: &str| root.is_empty() || vars.path.starts_with(&format!("{root}/"));
    match roots {
        [_] => true,
        roots => within(root) && !roots.iter().any(|other| other.len() > root.len() && within(other)),
    }
}

enum File {
    /// What people copy and fill in.
    Sample,
    /// Of a directory that is called as a module.
    Module,
    Common,
    Stage(String),
}

/// Words of a name that mark its values as a sample.
const SAMPLE: [&str; 9] =
    ["sample", "samples", "example", "examples", "template", "dist", "tmpl", "placeholder", "skeleton"];

fn bare(path: &str) -> &str {
    let name = base(path);
    name.strip_suffix(".json").unwrap_or(name).trim_end_matches(".tfvars")
}

/// Returns when Terraform reads a file: its own, those that it loads by their ending, those that the user names.
fn loaded(path: &str) -> u8 {
    match base(path) {
        "terraform.tfvars" => 0,
        "terraform.tfvars.json" => 1,
        _ if bare(path).ends_with(".auto") => 2,
        _ => 3,
    }
}

fn stage_of_file(path: &str, root: &str) -> File {
    let name = bare(path);
    if name.split(|c: char| !c.is_alphanumeric()).any(|word| SAMPLE.contains(&word.to_lowercase().as_str())) {
        return File::Sample;
    }
    let directory = base(parent(path));
    let in_root = parent(path) == root;
    if loaded(path) < 3 {
        return match stage_of_directory(parent(path)) {
            _ if in_root => File::Common,
            Some((stage, _)) => File::Stage(stage.to_owned()),
            None => File::Module,
        };
    }
    let name = name.strip_prefix("terraform.").unwrap_or(name);
    match names::stage_in(name) {
        Some(stage) => File::Stage(stage.to_owned()),
        None if !in_root && names::is_stage(directory) => File::Stage(directory.to_owned()),
        None if COMMON.contains(&name) => File::Common,
        // `fixtures.staging.us-east-1`
        None => File::Stage(names::only_stage_in(name).map_or_else(|| names::as_stage(name), str::to_owned)),
    }
}

/// Returns the stage that an instance is of, where one evaluation holds several.
pub(super) fn stage_of(instance: &Instance<'_>) -> Option<String> {
    let calls = instance.scope.calls.iter().map(|(label, key)| (label.as_str(), key));
    for (label, key) in calls.chain([(instance.item.label(1), &instance.key)]) {
        if let Key::Name(name) = key {
            if let Some(stage) = names::stage_in(name) {
                return Some(stage.to_owned());
            }
            if over_stages(instance) {
                return Some(name.clone());
            }
        }
        if let Some(stage) = names::stage_in(label) {
            return Some(stage.to_owned());
        }
    }
    let told = ["environment", "env", "stage"].into_iter().find_map(|name| {
        let declared = super::files::Module::named(&instance.scope.module.variables, &[name]).is_some();
        instance.scope.variable(name).ok().filter(|_| declared)?.shown()
    });
    let named = ["family", "name"].into_iter().find_map(|name| {
        let name = instance.given(name)?.shown()?;
        names::stage_in(&name).map(str::to_owned)
    });
    told.or(named)
}

/// `for_each = var.environments`: its keys are stages, whatever they are called.
fn over_stages(instance: &Instance<'_>) -> bool {
    instance.item.attribute("for_each").is_some_and(|expression| {
        let text = expression.to_string().to_lowercase();
        ["environments", "envs", "stages"].iter().any(|word| text.contains(word))
    })
}

/// Returns the names of what is asked by `terraform.workspace`: `local.env[terraform.workspace]` and `lookup`.
pub(super) fn asked_by_workspace(text: &str) -> Vec<&str> {
    let name = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '-';
    text.match_indices("terraform.workspace")
        .filter_map(|(at, _)| {
            let before = text[..at].trim_end();
            let indexed = before.strip_suffix('[');
            let looked_up = before.strip_suffix(',').filter(|before| before.contains("lookup("));
            let before = indexed.or(looked_up)?;
            Some(before.rsplit(|c| !name(c)).next().unwrap_or(before)).filter(|name| !name.is_empty())
        })
        .collect()
}
