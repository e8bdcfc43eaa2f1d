//! What does a folder tell about itself: the application's name, the account, and which images are ours?

use super::super::files::Module;
use super::super::names;
use super::super::scope::Scope;
use super::Estate;
use crate::FoundStage;

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

/// Returns the account that variables, or the images among their values, tell.
pub(super) fn account(scope: &Scope<'_>) -> Option<String> {
    let values: Vec<(String, String)> = scope
        .module
        .variables
        .iter()
        .filter_map(|item| {
            let text = scope.variable(item.label(0)).ok()?.as_text()?.known()?;
            Some((item.label(0).to_owned(), text))
        })
        .collect();
    let digits = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let named = values.iter().find(|(name, value)| name.contains("account") && digits(value));
    let image = || {
        values.iter().find_map(|(_, value)| {
            let (account, rest) = value.split_once('.')?;
            (digits(account) && rest.starts_with("dkr.ecr.")).then(|| account.to_owned())
        })
    };
    named.map(|(_, value)| value.clone()).or_else(image)
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
