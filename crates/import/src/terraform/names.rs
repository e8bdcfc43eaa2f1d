//! What are things called in the manifest? Names without the application and the stage in them.

/// Words that name a stage.
const STAGES: [&str; 24] = [
    "prod",
    "production",
    "prd",
    "live",
    "staging",
    "stage",
    "stg",
    "dev",
    "develop",
    "development",
    "test",
    "testing",
    "qa",
    "uat",
    "sandbox",
    "demo",
    "preview",
    "preprod",
    "integration",
    "int",
    "beta",
    "local",
    "nonprod",
    "canary",
];
/// Words that only say what kind of thing has the name.
const LEADING: [&str; 6] = ["task", "service", "svc", "ecs", "td", "rule"];
const TRAILING: [&str; 7] = ["service", "svc", "td", "taskdef", "rule", "definition", "schedule"];

/// Returns whether a word names a stage, such as `staging`.
pub(super) fn is_stage(word: &str) -> bool {
    STAGES.contains(&word)
}

/// Returns the stage in a name: `managr-app-staging`, `prod_worker`, `pr-12`.
pub(super) fn stage_in(name: &str) -> Option<&str> {
    let mut words = name.split(['-', '_', '.', '/']);
    let (first, last) = (words.next()?, words.next_back());
    last.into_iter().chain([first]).find(|word| is_stage(word))
}

/// Returns the only word of a name that names a stage, wherever it stands.
pub(super) fn only_stage_in(name: &str) -> Option<&str> {
    let mut stages = name.split(['-', '_', '.', '/']).filter(|word| is_stage(word));
    stages.next().filter(|_| stages.next().is_none())
}

/// Returns a name that a stage can have: letters, digits, hyphens and underscores.
pub(super) fn as_stage(name: &str) -> String {
    let kept: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    kept.trim_matches('-').chars().take(64).collect()
}

/// Returns what follows the last slash, as in `arn:...:cluster/NAME`.
pub(super) fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Returns a name without the application, the stage and words for its kind; nothing if nothing is left.
pub(super) fn key(name: &str, app: Option<&str>, stage: &str) -> Option<String> {
    let mut words: Vec<String> = split(name);
    for gone in [app.map(split).unwrap_or_default(), split(stage)] {
        if !gone.is_empty()
            && let Some(at) = words.windows(gone.len()).position(|window| window == gone.as_slice())
        {
            words.drain(at..at + gone.len());
        }
    }
    if words.last().is_some_and(|word| is_stage(word)) && stage_in(name).is_some() {
        words.pop();
    }
    while words.len() > 1 && words.first().is_some_and(|word| LEADING.contains(&word.as_str())) {
        words.remove(0);
    }
    while words.len() > 1 && words.last().is_some_and(|word| TRAILING.contains(&word.as_str())) {
        words.pop();
    }
    match words.as_slice() {
        [] => None,
        [only] if LEADING.contains(&only.as_str()) || TRAILING.contains(&only.as_str()) => None,
        words => Some(words.join("-")),
    }
}

fn split(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{key, stage_in};

    fn check(name: &str, stage: &str, expected: Option<&str>) {
        assert_eq!(key(name, Some("managr"), stage).as_deref(), expected, "{name}");
    }

    #[test]
    fn a_key_is_what_is_left_without_application_stage_and_kind() {
        check("managr-app-staging", "staging", Some("app"));
        check("managr_staging_scheduled_tasks", "staging", Some("scheduled-tasks"));
        check("task-worker-managr-prod", "prod", Some("worker"));
        check("staging-managr-process-all-tasks-rule", "staging", Some("process-all-tasks"));
        check("managr-service", "prod", None);
        check("managr", "prod", None);
        check("Nightly", "prod", Some("nightly"));
    }

    #[test]
    fn a_stage_is_the_last_or_the_first_word() {
        assert_eq!(stage_in("app_staging"), Some("staging"));
        assert_eq!(stage_in("prod-worker"), Some("prod"));
        assert_eq!(stage_in("staging"), Some("staging"));
        assert_eq!(stage_in("app"), None);
    }
}
