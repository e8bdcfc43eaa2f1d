//! Which application, stage and service is meant by a name such as `managr-app-task-staging`?
//!
//! People write the three into one name, in any order and with any of a few separators. A word for a
//! stage is known by a list; what is left of the name, without the application and words that only say what
//! kind of thing it is, is the service.

/// Words that people call their stages, and how the manifest's default calls none of them differently.
const STAGES: [&str; 17] = [
    "staging",
    "stage",
    "stg",
    "prod",
    "production",
    "prd",
    "live",
    "dev",
    "development",
    "qa",
    "test",
    "uat",
    "demo",
    "sandbox",
    "preprod",
    "integration",
    "preview",
];

/// Words that say what kind of thing a name names.
const KINDS: [&str; 10] =
    ["task", "tasks", "taskdef", "td", "definition", "family", "service", "svc", "ecs", "fargate"];

/// Returns the word of a name that is a stage's, the last one first.
pub fn stage_of(name: &str) -> Option<&str> {
    words(name).into_iter().rev().find(|word| STAGES.contains(&word.to_lowercase().as_str()))
}

/// Returns what a service or schedule is called in the manifest: the name without its application, its stage and
/// words for kinds of things; what is left of it if nothing would be left.
pub fn key_of(name: &str, app: &str, stage: &str) -> String {
    let mut rest = words(name);
    let given: Vec<&str> = words(stage);
    let find = |rest: &[&str], stage: &[&str]| rest.windows(stage.len().max(1)).rposition(|part| is_same(part, stage));
    // A name may have another word for the stage than the manifest: `production` for `prod`.
    let named: Vec<&str> = stage_of(name).into_iter().collect();
    if let Some((at, length)) =
        find(&rest, &given).map(|at| (at, given.len())).or_else(|| find(&rest, &named).map(|at| (at, named.len())))
    {
        rest.drain(at..at + length);
    }
    let app: Vec<&str> = words(app);
    if rest.len() > app.len() && is_same(&rest[..app.len()], &app) {
        rest.drain(..app.len());
    }
    let is_kind = |word: &&str| KINDS.contains(&word.to_lowercase().as_str());
    if !rest.iter().all(is_kind) {
        while rest.len() > 1 && rest.last().is_some_and(is_kind) {
            rest.pop();
        }
    }
    let key = rest.join("-").to_lowercase();
    if key.is_empty() { "app".to_owned() } else { key }
}

/// Returns what an application with these names (of families, services, ...) is called: the words that all of
/// them begin with, without stages and without what tells them apart.
pub fn app_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let all: Vec<Vec<&str>> = names.into_iter().map(words).filter(|words| !words.is_empty()).collect();
    let first = all.first()?;
    let is_name = |word: &str| {
        let word = word.to_lowercase();
        !STAGES.contains(&word.as_str()) && !KINDS.contains(&word.as_str())
    };
    let shared = (0..first.len()).take_while(|&at| {
        is_name(first[at]) && all.iter().all(|words| words.get(at).is_some_and(|w| w.eq_ignore_ascii_case(first[at])))
    });
    let shared = shared.count();
    // One name alone is all shared: its first word is the application, the rest the service.
    let is_one = all.iter().all(|words| words.len() == shared || words[shared..].iter().all(|word| !is_name(word)));
    let length = if is_one && shared > 1 { 1 } else { shared };
    let word =
        if length == 0 { first.iter().find(|word| is_name(word))?.to_string() } else { first[..length].join("-") };
    Some(app_name(&word))
}

/// Returns the region and account of an ARN.
pub fn origin(arn: &str) -> Option<(String, String)> {
    let mut parts = arn.split(':').skip(3);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

/// Returns the repository of an image in the account's own registry of ECR, or in the registry at hand, without host,
/// tag and digest: one that is built for the application.
pub fn own_repository<'a>(image: &'a str, account: Option<&str>, registry: Option<&str>) -> Option<&'a str> {
    let (host, rest) = image.split_once('/')?;
    let owner = host.split_once(".dkr.ecr.").map(|(owner, _)| owner);
    let is_own = owner.is_some_and(|owner| account.is_none_or(|account| account == owner));
    if !is_own && registry != Some(host) {
        return None;
    }
    let rest = rest.split_once('@').map_or(rest, |(repository, _)| repository);
    Some(rest.rsplit_once(':').map_or(rest, |(repository, _)| repository))
}

/// Returns the nearest name that the manifest takes for an application: lower-case letters, digits and hyphens.
pub fn app_name(name: &str) -> String {
    let plain: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches(|c: char| !c.is_ascii_lowercase()).to_owned();
    if plain.is_empty() { "app".to_owned() } else { plain }
}

fn words(name: &str) -> Vec<&str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

fn is_same(a: &[&str], b: &[&str]) -> bool {
    a.len() == b.len() && !a.is_empty() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

#[cfg(test)]
mod tests {
    use super::{app_of, key_of, own_repository, stage_of};

    #[test]
    fn finds_the_stage_wherever_it_stands() {
        for (name, stage) in [
            ("managr-app-task-staging", Some("staging")),
            ("prod-managr-app", Some("prod")),
            ("managr_production_web", Some("production")),
            ("sample-fargate", None),
            ("", None),
        ] {
            assert_eq!(stage_of(name), stage, "{name}");
        }
    }

    #[test]
    fn leaves_the_service_of_a_name() {
        for (name, app, stage, key) in [
            ("managr-app-task-staging", "managr", "staging", "app"),
            ("managr-scheduled-tasks-prod", "managr", "prod", "scheduled"),
            ("staging-managr-process-all-tasks", "managr", "staging", "process-all"),
            ("managr", "managr", "prod", "managr"),
            ("shop-web-production", "shop", "prod", "web"),
            ("staging-web", "shop", "eu-staging", "web"),
            ("sample-fargate", "sample", "prod", "fargate"),
            ("managr-staging", "managr", "staging", "managr"),
            ("managr-task-prod", "managr", "prod", "task"),
        ] {
            assert_eq!(key_of(name, app, stage), key, "{name}");
        }
    }

    #[test]
    fn knows_images_of_ones_own_registry() {
        let own = "1.dkr.ecr.us-east-1.amazonaws.com/managr/server";
        for (image, repository) in [
            (format!("{own}:v1"), Some("managr/server")),
            (format!("{own}@sha256:00"), Some("managr/server")),
            (format!("{own}:v1@sha256:00"), Some("managr/server")),
            (own.replace("1.dkr", "2.dkr"), None),
            ("127.0.0.1:4566/server:x".to_owned(), Some("server")),
            ("127.0.0.1:9/server:x".to_owned(), None),
            ("nginx:1.27".to_owned(), None),
            ("public.ecr.aws/datadog/agent:7".to_owned(), None),
        ] {
            assert_eq!(own_repository(&image, Some("1"), Some("127.0.0.1:4566")), repository, "{image}");
        }
    }

    #[test]
    fn names_the_application() {
        for (names, app) in [
            (&["managr-app-task-staging", "managr-worker-task-staging"][..], Some("managr")),
            (&["managr-app-task-staging", "managr-app-task-prod"], Some("managr")),
            (&["managr-app-task-staging"], Some("managr")),
            (&["staging-managr-web", "prod-managr-web"], Some("managr")),
            (&["my-shop-web", "my-shop-worker"], Some("my-shop")),
            (&["Web_App"], Some("web")),
            (&["web"], Some("web")),
            (&[], None),
        ] {
            assert_eq!(app_of(names.iter().copied()).as_deref(), app, "{names:?}");
        }
    }
}
