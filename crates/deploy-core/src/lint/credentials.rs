//! Credentials that every reader can see, or that break something. Names the variable,
//! never its value.
//!
//! [`crate::vars::check`] reports a plain variable that looks like a credential, since it knows where it
//! was written; here is only how it looks.

use aws_model::task_definition::{ContainerDefinition, TaskDefinition};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{Finding, Severity};
use crate::vars::words::words;

/// Bytes from which on a text in base64 is taken for one: 18 random bytes are printable once in ten million times.
const SHORTEST_TEXT: usize = 12;

const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// What [`looks_like`] says of a variable whose name alone tells.
pub const NAMED: &str = "a credential";
/// What it says of a key that no container of ECS needs: a task role does it better.
pub const ACCESS_KEY: &str = "an AWS access key";

/// Parts of the names of variables that hold something to hide.
const TELLING: [&str; 13] = [
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "TOKEN",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "ENCRYPTION_KEY",
    "SIGNING_KEY",
    "LICENSE_KEY",
    "CREDENTIAL",
];
/// Last words of names that only tell where, who or how.
const HARMLESS: [&str; 44] = [
    "FILE",
    "PATH",
    "DIR",
    "NAME",
    "NAMES",
    "ARN",
    "ID",
    "IDS",
    "URL",
    "URI",
    "HOST",
    "HEADER",
    "TTL",
    "EXPIRY",
    "LENGTH",
    "ALGORITHM",
    "HASHER",
    "HASHERS",
    "TYPE",
    "PREFIX",
    "SUFFIX",
    "REGION",
    "ENABLED",
    "TIMEOUT",
    "AGE",
    "CLASS",
    "ISSUER",
    "AUDIENCE",
    "BACKEND",
    "VALIDATORS",
    "POLICY",
    "ENDPOINT",
    "MODE",
    "COUNT",
    "LIMIT",
    "VERSION",
    "USERNAME",
    "USER",
    "EMAIL",
    "DOMAIN",
    "SCOPE",
    "SCOPES",
    "FORMAT",
    "LIFETIME",
];
/// Words of names whose values are long and random, and public.
const PUBLIC: [&str; 12] = [
    "PUBLIC",
    "PUBLISHABLE",
    "COMMIT",
    "SHA",
    "DIGEST",
    "HASH",
    "CHECKSUM",
    "REVISION",
    "BUILD",
    "RELEASE",
    "SITE",
    "FINGERPRINT",
];
/// Beginnings of values that services give to their clients.
const TOKENS: [&str; 24] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "whsec_",
    "sk-ant-",
    "sk-proj-",
    "AIza",
    "SG.",
    "npm_",
    "dop_v1_",
    "shpat_",
    "hf_",
    "pypi-",
    "lin_api_",
];

pub(super) fn check(
    task: &TaskDefinition,
    running: Option<&TaskDefinition>,
    has_exec: bool,
    findings: &mut Vec<Finding>,
) {
    for container in &task.container_definitions {
        let twin = running.and_then(|task| task.container_definitions.iter().find(|c| c.name == container.name));
        static_keys(container, twin, has_exec, findings);
    }
}

/// copilot #3408: the agent of ECS Exec signs with whatever the container has, and is refused. Who runs with such
/// keys has no ECS Exec as it is, and a release of something else must not wait for that.
fn static_keys(
    container: &ContainerDefinition,
    twin: Option<&ContainerDefinition>,
    has_exec: bool,
    findings: &mut Vec<Finding>,
) {
    let found = keys_of(container);
    if found.is_empty() {
        return;
    }
    let names = found.join(" and ");
    let hint = "let the task role give the container its credentials, or call the variables something else";
    let runs_so = twin.is_some_and(|twin| found.iter().all(|name| keys_of(twin).contains(name)));
    let (severity, words) = match (has_exec, runs_so) {
        (true, false) => {
            (Severity::Failed, format!("{names} in its environment: ECS Exec would end with TargetNotConnected"))
        }
        (true, true) => (
            Severity::Warning,
            format!("{names} in its environment, as it runs already: ECS Exec ends with TargetNotConnected"),
        ),
        (false, _) => (
            Severity::Warning,
            format!("{names} in its environment: the task role is not used, and ECS Exec cannot work"),
        ),
    };
    findings.push(Finding::new("environment", severity, words).hint(hint).of(&container.name));
}

fn keys_of(container: &ContainerDefinition) -> Vec<&str> {
    let plain = container.environment.iter().map(|v| v.name.as_str());
    let hidden = container.secrets.iter().map(|s| s.name.as_str());
    let mut found: Vec<&str> = plain.chain(hidden).filter(|name| KEYS.contains(name)).collect();
    found.dedup();
    found
}

/// Returns what a variable seems to hold, in words that do not show it.
pub fn looks_like(name: &str, value: &str) -> Option<&'static str> {
    if value.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if ["AKIA", "ASIA"].iter().any(|prefix| is_access_key(value, prefix)) {
        return Some(ACCESS_KEY);
    }
    let is_token = |rest: &str| {
        rest.len() >= 10 && !rest.contains(char::is_whitespace) && rest.contains(|c: char| c.is_ascii_digit())
    };
    if TOKENS.iter().filter_map(|prefix| value.strip_prefix(prefix)).any(is_token) {
        return Some("an access token");
    }
    if has_password(value) {
        return Some("a URL with a password");
    }
    let words: Vec<String> = words(name).iter().map(|word| word.to_uppercase()).collect();
    if words.iter().any(|word| PUBLIC.contains(&word.as_str())) {
        return None;
    }
    if is_json_web_token(value) {
        return Some("a JSON web token");
    }
    if words.last().is_some_and(|last| HARMLESS.contains(&last.as_str())) {
        return None;
    }
    let spelt = words.join("_");
    let tells = TELLING.iter().any(|part| spelt.contains(part)) || spelt.ends_with("_PWD") || spelt.ends_with("_PASS");
    if tells && !is_setting(value) {
        return Some(NAMED);
    }
    // Base64 hides nothing: what is written in it tells, or that it is no text.
    if let Some(text) = text_in_base64(value) {
        return looks_like("", &text);
    }
    // What services call their things is random too.
    let names_a_thing = words.iter().any(|word| HARMLESS.contains(&word.as_str()));
    (!names_a_thing && is_random(value)).then_some("a random token")
}

/// Returns the text that a value is in base64, if it is one: configurations are carried so. Random bytes are hardly
/// ever text from end to end.
fn text_in_base64(value: &str) -> Option<String> {
    let value = value.trim_end_matches('=');
    let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    let engine = if plain { &STANDARD_NO_PAD } else { &URL_SAFE_NO_PAD };
    let text = String::from_utf8(engine.decode(value).ok()?).ok()?;
    let is_text = |c: char| !c.is_control() || c.is_whitespace();
    (text.len() >= SHORTEST_TEXT && text.chars().all(is_text)).then_some(text)
}

/// Three parts in base64, of which the first is a JSON object.
fn is_json_web_token(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    let is_part =
        |part: &&str| part.len() >= 8 && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    parts.len() == 3 && value.starts_with("eyJ") && parts.iter().all(is_part)
}

/// Letters of both cases and digits, or hexadecimal digits, without any order: no person thinks of such a value.
fn is_random(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().filter(|b| kind(b)).count();
    let digits = has(u8::is_ascii_digit);
    let is_hex = value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex && digits < value.len() {
        return matches!(value.len(), 32 | 40 | 48 | 64 | 128) && entropy(value) >= 3.0;
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'_' | b'-');
    value.len() >= 24
        && value.bytes().all(is_plain)
        && digits >= 3
        && has(u8::is_ascii_lowercase) >= 4
        && has(u8::is_ascii_uppercase) >= 4
        && entropy(value) >= 3.8
}

/// Bits for each character (Shannon).
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    value.bytes().for_each(|b| counts[usize::from(b)] += 1);
    let length = value.len() as f64;
    let share = |count: &u32| f64::from(*count) / length;
    counts.iter().filter(|count| **count > 0).map(share).map(|p| -p * p.log2()).sum()
}

fn is_access_key(value: &str, prefix: &str) -> bool {
    let is_key_char = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    value
        .match_indices(prefix)
        .any(|(at, _)| value.as_bytes()[at..].iter().take_while(|b| is_key_char(**b)).count() == 20)
}

/// `scheme://user:password@host`, anywhere in the text.
fn has_password(value: &str) -> bool {
    value.match_indices("://").any(|(at, sign)| {
        let has_scheme = value[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let authority = authority(&value[at + sign.len()..]);
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
        has_scheme && password.is_some_and(|password| !is_no_password(password))
    })
}

/// Returns what stands before a path. A sentence goes on behind an address, which ends there: at a blank, unless what is
/// before that blank is the beginning of `user:password@` with a blank in the password.
fn authority(rest: &str) -> &str {
    let whole = rest.split(|c: char| "/?#\"'<>".contains(c)).next().unwrap_or_default();
    let first = whole.split(char::is_whitespace).next().unwrap_or_default();
    let is_begun = !first.contains('@')
        && first.split_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.bytes().all(|b| b.is_ascii_digit()));
    if is_begun { whole } else { first }
}

/// A place that is filled in later, stars, or the port of one address in a list of several.
fn is_no_password(text: &str) -> bool {
    let behind_digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_port = behind_digits.len() < text.len() && behind_digits.starts_with([',', ';']);
    let is_hidden = text.chars().all(|c| c == '*' || c == '.');
    let is_place = text.starts_with("${") && text.ends_with('}')
        || text.starts_with("{{") && text.ends_with("}}")
        || text.strip_prefix('$').is_some_and(|name| !name.is_empty() && name.bytes().all(is_name));
    is_port || is_hidden || is_place
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Switches, numbers and nothing at all are no credentials, whatever the variable is called.
fn is_setting(value: &str) -> bool {
    let word = value.trim().to_lowercase();
    let is_address = word.starts_with("http://") || word.starts_with("https://");
    matches!(word.as_str(), "" | "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null")
        || (word.len() < 8 && word.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
        || is_address
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
            ("GH", "ghp_", None),
            ("AUTH", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", Some("a JSON web token")),
            // Every browser gets this one.
            ("NEXT_PUBLIC_SUPABASE_ANON_KEY", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", None),
            ("X", "b7Qm2ZkT9sLw4XpRc8VnE1yH", Some("a random token")),
            ("X", "0123456789abcdef0f1e2d3c4b5a6978", Some("a random token")),
            ("GIT_SHA", "0123456789abcdef0f1e2d3c4b5a69780a1b2c3d", None),
            ("CLIENT_ID", "b7Qm2ZkT9sLw4XpRc8VnE1yH", None),
            ("STRIPE_PUBLISHABLE_KEY", "pk_live_b7Qm2ZkT9sLw4XpRc8VnE1yH", None),
            ("STRIPE_PRICE_ID_BASIC", "price_1Nabc2Def3Ghi4Jkl5Mno", None),
            ("TENANT", "8f14e45f-ceea-467f-ab12-0123456789ab", None),
            ("BUCKET", "demo-app-prod-us-east-1-media-2024", None),
            ("SENTRY_DSN", "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/1", None),
            ("newsApiKey", "x", Some("a credential")),
            ("MAX_TOKENS", "4096", None),
            ("TOKEN_ISSUED_BY", "https://id.example.com/", None),
            ("PASSWORD_HASHER", "argon2", None),
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
            // A sentence with an address in it is none, wherever its other signs are.
            ("BANNER", "see http://localhost:8000 and mail me@example.com", None),
            ("BANNER", "http://localhost:8000,me@example.com", None),
            ("BANNER", "\"http://localhost:8000\" me@example.com", None),
            ("BANNER", "ask https://app:hunter2@db.example.com/ for it", Some("a URL with a password")),
            ("A", "http://a.example.com redis://:hunter2@cache:6379", Some("a URL with a password")),
            ("A", "postgres://app:my pass@db/app", Some("a URL with a password")),
            ("A", "postgres://app:p@ss@db/app", Some("a URL with a password")),
            ("A", "postgres://app:${DB_PASSWORD}@db/app", None),
            ("A", "postgres://app:$DB_PASSWORD@db/app", None),
            ("A", "postgres://app:****@db/app", None),
            // A text in base64 is as secret as the text.
            ("CONFIG", "eyJsb2dnaW5nIjogeyJsZXZlbCI6ICJpbmZvIn0sICJ3b3JrZXJzIjogNH0=", None),
            ("CONFIG", "W3NlcnZlcl0KcG9ydCA9IDgwODAKaG9zdCA9ICIwLjAuMC4wIgo=", None),
            ("CONFIG", "cG9zdGdyZXM6Ly9hcHA6aHVudGVyMkBkYi5leGFtcGxlLmNvbS9hcHA=", Some("a URL with a password")),
            ("CONFIG", "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCnh4Cg==", Some("a private key")),
            ("API_TOKEN", "eyJsb2dnaW5nIjogeyJsZXZlbCI6ICJpbmZvIn19", Some("a credential")),
            ("X", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ", Some("a random token")),
        ] {
            assert_eq!(looks_like(name, value), expected, "{name}");
        }
    }
}
