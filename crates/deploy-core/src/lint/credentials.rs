//! Credentials where everybody can read them, or where they break something. Names the variable,
//! never its value.

use ecs_model::task_definition::{ContainerDefinition, TaskDefinition};

use super::{Finding, Severity};

const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Parts of the names of variables that hold something to hide.
const TELLING: [&str; 7] = ["SECRET", "PASSWORD", "PASSWD", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY"];
/// Endings of names that only tell where or how.
const HARMLESS: [&str; 13] = [
    "_FILE", "_PATH", "_DIR", "_NAME", "_ARN", "_ID", "_URL", "_URI", "_HOST", "_HEADER", "_TTL", "_EXPIRY", "_LENGTH",
];

pub(super) fn check(task: &TaskDefinition, has_exec: bool, findings: &mut Vec<Finding>) {
    for container in &task.container_definitions {
        static_keys(container, has_exec, findings);
        readable(container, findings);
    }
}

/// copilot #3408: the agent of ECS Exec signs with whatever the container has, and is refused.
fn static_keys(container: &ContainerDefinition, has_exec: bool, findings: &mut Vec<Finding>) {
    let plain = container.environment.iter().map(|v| v.name.as_str());
    let hidden = container.secrets.iter().map(|s| s.name.as_str());
    let mut found: Vec<&str> = plain.chain(hidden).filter(|name| KEYS.contains(name)).collect();
    found.dedup();
    if found.is_empty() {
        return;
    }
    let names = found.join(" and ");
    let hint = "let the task role give the container its credentials, or call the variables something else";
    let (severity, words) = if has_exec {
        (Severity::Failed, format!("{names} in its environment: ECS Exec would end with TargetNotConnected"))
    } else {
        (Severity::Warning, format!("{names} in its environment: the task role is not used, and ECS Exec cannot work"))
    };
    findings.push(Finding::new("environment", severity, words).hint(hint).of(&container.name));
}

fn readable(container: &ContainerDefinition, findings: &mut Vec<Finding>) {
    for variable in &container.environment {
        if KEYS.contains(&variable.name.as_str()) {
            continue;
        }
        let Some(kind) = looks_like(&variable.name, &variable.value) else { continue };
        let name = &variable.name;
        let words = format!("the plain variable {name} looks like {kind}; whoever may describe the task reads it");
        let hint = format!("move {name} to [secrets]");
        findings.push(Finding::new("environment", Severity::Warning, words).hint(hint).of(&container.name));
    }
}

/// Returns what a variable seems to hold.
pub fn looks_like(name: &str, value: &str) -> Option<&'static str> {
    if value.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if ["AKIA", "ASIA"].iter().any(|prefix| is_access_key(value, prefix)) {
        return Some("an AWS access key");
    }
    if ["ghp_", "github_pat_", "xoxb-", "xoxp-", "sk_live_", "glpat-"].iter().any(|p| value.starts_with(p)) {
        return Some("an access token");
    }
    if has_password(value) {
        return Some("a URL with a password");
    }
    let name = name.to_uppercase();
    let tells = TELLING.iter().any(|part| name.contains(part)) && !HARMLESS.iter().any(|end| name.ends_with(end));
    (tells && !is_setting(value)).then_some("a credential")
}

fn is_access_key(value: &str, prefix: &str) -> bool {
    let is_key_char = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    value
        .match_indices(prefix)
        .any(|(at, _)| value.as_bytes()[at..].iter().take_while(|b| is_key_char(**b)).count() == 20)
}

/// `scheme://user:password@host`.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

/// Switches, numbers and nothing at all are no credentials, whatever the variable is called.
fn is_setting(value: &str) -> bool {
    let word = value.trim().to_lowercase();
    matches!(word.as_str(), "" | "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null")
        || (word.len() < 8 && word.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
        || value.starts_with('/')
        || value.starts_with("arn:")
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn what_looks_like_a_credential_and_what_does_not() {
        for (name, value, expected) in [
            ("KEY", "AKIAIOSFODNN7EXAMPLE", Some("an AWS access key")),
            ("KEY", "AKIAshort", None),
            ("PEM", "-----BEGIN RSA PRIVATE KEY-----\nx", Some("a private key")),
            ("GH", "ghp_0123456789", Some("an access token")),
            ("DATABASE_URL", "postgres://app:hunter2@db/app", Some("a URL with a password")),
            ("DATABASE_URL", "postgres://app@db/app", None),
            ("HOME_PAGE", "https://example.com/a:b@c", None),
            ("DB_PASSWORD", "hunter2", Some("a credential")),
            ("SESSION_SECRET", "x", Some("a credential")),
            ("STRIPE_TOKEN", "abc", Some("a credential")),
            ("USE_TOKENS", "True", None),
            ("TOKEN_LIFETIME", "3600", None),
            ("PASSWORD_FILE", "/run/password", None),
            ("SECRET_NAME", "demo/prod", None),
            ("DB_PASSWORD", "", None),
            ("DEBUG", "hunter2", None),
        ] {
            assert_eq!(looks_like(name, value), expected, "{name}");
        }
    }
}
