//! What does a folder tell about itself: the application's name, the account, and which images are ours?

use super::super::files::{Item, Module};
use super::super::names;
use super::super::scope::Scope;
use super::super::value::Value;
use super::{Estate, accounts};
use crate::facts::is_account;
use crate::{Folder, FoundStage};

/// Variables and locals that name the application.
const APP: [&str; 10] = [
    "app",
    "app_name",
    "application",
    "application_name",
    "project",
    "project_name",
    "service",
    "service_name",
    "name",
    "prefix",
];
/// Returns the application's name: what a variable says, or what the families begin with.
pub(super) fn app(estates: &[Estate<'_>]) -> Option<String> {
    let told = |estate: &Estate<'_>| -> Option<String> {
        let scope = &estate.instances.iter().find(|one| one.scope.calls.is_empty()).or(estate.instances.first())?.scope;
        APP.into_iter().find_map(|name| {
            let variable = Module::named(&scope.module.variables, &[name]).and_then(|_| scope.variable(name).ok());
            variable
                .or_else(|| scope.module.locals.contains_key(name).then(|| scope.local(name).ok()).flatten())?
                .shown()
        })
    };
    let told: Vec<Option<String>> = estates.iter().map(told).collect();
    if let Some(Some(first)) = told.first()
        && told.iter().all(|one| one.as_ref() == Some(first))
        && names::stage_in(first).is_none()
        && !first.is_empty()
    {
        return Some(first.clone());
    }
    let mut common: Option<Vec<String>> = None;
    for estate in estates {
        for family in estate.of(&["aws_ecs_task_definition"]).filter_map(|one| one.attribute("family").shown()) {
            let words: Vec<String> =
                family.split(['-', '_']).filter(|word| *word != estate.stage).map(str::to_owned).collect();
            let longest = words.len().saturating_sub(1).max(1);
            let before = common.unwrap_or_else(|| words.clone());
            let same = before.iter().zip(&words).take_while(|(left, right)| left == right).count();
            common = Some(words[..same.min(longest)].to_vec());
        }
    }
    common.filter(|words| !words.is_empty()).map(|words| words.join("-"))
}

/// Returns the account that a root module's provider names, its variables by their name, its values where all of them
/// agree, or its files where they do. Of several we cannot tell which is whose: then it is none.
pub(super) fn account(scope: &Scope<'_>, folder: &Folder) -> Option<String> {
    let certain = provider(scope).or_else(|| by_name(scope));
    certain.or_else(|| {
        let values = accounts::in_values(scope);
        match values.len() {
            0 => accounts::only(accounts::in_files(folder, &scope.module.dir)),
            _ => accounts::only(values),
        }
    })
}

/// A provider that takes one account alone, or the role that it works as.
fn provider(scope: &Scope<'_>) -> Option<String> {
    let provider =
        scope.module.providers.iter().find(|item| item.label(0) == "aws" && item.attribute("alias").is_none())?;
    let allowed = provider.attribute("allowed_account_ids").map(|one| scope.lenient(one, &Default::default()));
    let allowed = allowed.and_then(|value| match value {
        Value::List(values) => <[Value; 1]>::try_from(values).ok()?[0].shown(),
        _ => None,
    });
    let role = || {
        let block = provider.block.body.get_blocks("assume_role").next()?;
        let role = &block.body.get_attribute("role_arn")?.value;
        accounts::of_arn(&scope.lenient(role, &Default::default()).shown()?)
    };
    allowed.filter(|text| is_account(text)).or_else(role)
}

/// Returns the account that variables called so tell.
fn by_name(scope: &Scope<'_>) -> Option<String> {
    let value = |item: &Item| {
        let value = scope.variable(item.label(0)).ok()?.shown()?;
        Some(value).filter(|value| item.label(0).contains("account") && is_account(value))
    };
    let locals = scope.module.locals.keys().filter(|name| name.contains("account"));
    let locals = locals.filter_map(|name| scope.local(name).ok()?.shown().filter(|text| is_account(text)));
    accounts::only(scope.module.variables.iter().filter_map(value).chain(locals).collect())
}

/// Returns the repositories of images in a private ECR: what is taken for ours where the folder makes no repository.
pub(super) fn hosted(stages: &[FoundStage]) -> Vec<String> {
    let services = stages.iter().flat_map(|stage| stage.services.iter().map(|one| &one.task_definition));
    let schedules = stages.iter().flat_map(|stage| stage.schedules.iter().map(|one| &one.task_definition));
    let one_offs = stages.iter().flat_map(|stage| stage.one_offs.iter().map(|one| &one.task_definition));
    let containers = services
        .chain(schedules)
        .chain(one_offs)
        .filter_map(|one| one.get("containerDefinitions")?.as_array())
        .flatten();
    let mut found: Vec<String> = Vec::new();
    for image in containers.filter_map(|container| container.get("image")?.as_str()) {
        let Some((host, path)) = image.split_once('/') else { continue };
        let path = path.split(['@', ':']).next().unwrap_or(path);
        if host.contains(".dkr.ecr.") && !found.iter().any(|known| known == path) {
            found.push(path.to_owned());
        }
    }
    found
}
