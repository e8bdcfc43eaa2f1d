//! Is a text well formed for its place? One rule for each `format` of the schema.

use crate::manifest::database::{is_instance, is_postgres_name, is_user, major, storage_gib};
use crate::manifest::once::{SCHEDULE, SERVICE};
use crate::manifest::{Port, check_discover, check_schedule, check_time, is_timezone};

/// What a format says about a text.
pub(super) enum Verdict {
    Good,
    Schedule { why: String, help: Option<String> },
    Name { what: &'static str, why: String, help: Option<String> },
    Text { what: &'static str, why: String, help: Option<String> },
}

/// Checks a text against a format of the schema; a format that is not ours is none of our business.
pub(super) fn check(format: &str, text: &str) -> Verdict {
    match format {
        "managr-app" => name("an app name", text, is_lower_name, "lower-case letters, digits and hyphens, 32 at most"),
        "managr-name" => name("a name", text, is_name, "letters, digits, hyphens and underscores, 64 at most"),
        "managr-container" => {
            name("an ECS name", text, is_ecs_name, "letters, digits, hyphens and underscores, 255 at most")
        }
        "managr-ecs-pattern" => pattern("managr-container", text),
        "managr-ecs-each" => check("managr-ecs-pattern", &text.replace(SERVICE, "x")),
        "managr-rule-each" => check("managr-rule-pattern", &text.replace(SCHEDULE, "x")),
        "managr-elb-each" => check("managr-elb-pattern", &text.replace(SERVICE, "x")),
        "managr-elb-pattern" => pattern("managr-elb", text),
        "managr-discover" => match crate::manifest::pattern::sample(text) {
            Ok(sample) => match check_discover(&sample) {
                Ok(()) => Verdict::Good,
                Err(why) => Verdict::Text {
                    what: "a name to be found by",
                    why,
                    help: Some("write a name with a dot in it, such as \"api.shop.local\"".to_owned()),
                },
            },
            Err(why) => Verdict::Text { what: "a name to be found by", why, help: None },
        },
        "managr-rule-pattern" => pattern("managr-rule", text),
        "managr-pattern" if text.is_empty() => Verdict::Text { what: "a name", why: "it is empty".to_owned(), help: None },
        "managr-pattern" => match crate::manifest::pattern::sample(text) {
            Ok(_) => Verdict::Good,
            Err(why) => Verdict::Text { what: "a name", why, help: None },
        },
        "managr-rule" => name("a rule's name", text, is_rule_name, "letters, digits, `.`, `-` and `_`, 64 at most"),
        "managr-elb" => name("a load balancer's name", text, is_elb_name, ELB_RULE),
        "managr-target-group" if text.starts_with("arn:") => check("managr-arn", text),
        "managr-target-group" => match crate::manifest::pattern::sample(text) {
            Ok(sample) => name("a target group's name or ARN", &sample, is_elb_name, ELB_RULE),
            Err(why) => Verdict::Text { what: "a target group's name or ARN", why, help: None },
        },
        "managr-image" => match text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            false => Verdict::Good,
            true => Verdict::Text {
                what: "an image",
                why: if text.is_empty() { "it is empty" } else { "it has a space in it" }.to_owned(),
                help: None,
            },
        },
        "managr-variable" => variable(text),
        "managr-repository" => match is_repository(text) {
            true => Verdict::Good,
            false => Verdict::Text {
                what: "a repository",
                why: format!("`{text}` has more than lower-case names with `/` between them"),
                help: Some("give the repository without host and tag, such as \"thinknimble/managr/server\"".to_owned()),
            },
        },
        "managr-arn" => match text.starts_with("arn:") && text.split(':').count() >= 6 {
            true => Verdict::Good,
            false => Verdict::Text { what: "an ARN", why: "it does not start with `arn:` and five more parts".into(), help: None },
        },
        "managr-account" => match text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            true => Verdict::Good,
            false => Verdict::Text { what: "an AWS account", why: "it is not 12 digits".to_owned(), help: None },
        },
        "managr-git-pattern" => match crate::pipeline::is_pattern(text) {
            true => Verdict::Good,
            false => Verdict::Text {
                what: "a branch or a pattern of tags",
                why: "it takes letters, digits and . _ / * ? + -".to_owned(),
                help: None,
            },
        },
        "managr-path" => match text.starts_with('/') && !text.contains(char::is_control) {
            true => Verdict::Good,
            false => Verdict::Text { what: "a path", why: format!("`{text}` does not start with `/`"), help: None },
        },
        "managr-port" => match Port::read(text) {
            Ok(_) => Verdict::Good,
            Err(why) => {
                Verdict::Text { what: "a port", why, help: Some("write a port as 8000 or \"8125/udp\"".to_owned()) }
            }
        },
        "managr-matcher" => match text.split(',').all(is_code_range) {
            true => Verdict::Good,
            false => Verdict::Text {
                what: "a matcher",
                why: format!("`{text}` is not made of status codes from 200 to 499"),
                help: Some("write \"200\", \"200,302\" or \"200-399\"".to_owned()),
            },
        },
        "managr-tag" => match crate::desired::tag::check_template(text) {
            Ok(()) => Verdict::Good,
            Err(why) => Verdict::Text { what: "a tag template", why, help: None },
        },
        "managr-schedule" => match check_schedule(text) {
            Ok(()) => Verdict::Good,
            Err(why) => Verdict::Schedule {
                why,
                help: Some("write `rate(5 minutes)`, or six fields: `cron(minute hour day-of-month month day-of-week year)` with `?` for one of the days, or `at(2027-01-31T06:00:00)`".to_owned()),
            },
        },
        "managr-timezone" => match is_timezone(text) {
            true => Verdict::Good,
            false => Verdict::Text {
                what: "a time zone",
                why: format!("IANA's database has no `{text}`"),
                help: Some("write it as \"Europe/Berlin\", \"America/New_York\" or \"UTC\"".to_owned()),
            },
        },
        "managr-postgres-name" => name("a database's name", text, is_postgres_name, "lower-case letters, digits and underscores, 63 at most, a letter first"),
        "managr-postgres-user" => name("a master user", text, is_user, "lower-case letters, digits and underscores, 63 at most, a letter first, and no name that PostgreSQL or RDS keeps for itself"),
        "managr-instance" => name("an RDS instance", text, is_instance, "letters, digits and single hyphens, 63 at most, a letter first"),
        "managr-instance-class" => match text.strip_prefix("db.").is_some_and(|rest| rest.split('.').count() == 2 && !rest.contains(char::is_whitespace)) {
            true => Verdict::Good,
            false => Verdict::Text {
                what: "a class of instances",
                why: format!("`{text}` is not `db.FAMILY.SIZE`"),
                help: Some("write it as \"db.t4g.micro\" or \"db.r7g.large\"".to_owned()),
            },
        },
        "managr-storage" => match storage_gib(text) {
            Ok(_) => Verdict::Good,
            Err(why) => Verdict::Text { what: "a size of a disk", why, help: Some("write it as \"20GiB\" or \"1TiB\"".to_owned()) },
        },
        "managr-postgres-version" => match major(text) {
            Some(_) => Verdict::Good,
            None => Verdict::Text {
                what: "a version of PostgreSQL",
                why: format!("`{text}` is not 13 to 18, or one of these with a minor number"),
                help: Some("write it as \"16\" or \"16.4\"".to_owned()),
            },
        },
        "managr-scaling-schedule" => match check_time(text) {
            Ok(()) => Verdict::Good,
            Err(why) => Verdict::Schedule {
                why,
                help: Some("write `cron(minute hour day-of-month month day-of-week year)` with `?` for one of the days, such as \"cron(0 20 ? * MON-FRI *)\"".to_owned()),
            },
        },
        _ => Verdict::Good,
    }
}

/// A name with `{stage}` in it is good if a name of a stage makes it good.
fn pattern(format: &str, text: &str) -> Verdict {
    match crate::manifest::pattern::sample(text) {
        Ok(sample) => check(format, &sample),
        Err(why) => Verdict::Text { what: "a name", why, help: None },
    }
}

fn name(what: &'static str, text: &str, is_good: fn(&str) -> bool, rule: &str) -> Verdict {
    if is_good(text) {
        return Verdict::Good;
    }
    let why = if text.is_empty() { "it is empty".to_owned() } else { format!("it takes {rule}") };
    Verdict::Name { what, why, help: None }
}

fn variable(text: &str) -> Verdict {
    let mut bytes = text.bytes();
    let starts_well = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if starts_well && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
        return Verdict::Good;
    }
    let why = "it takes letters, digits and underscores, not starting with a digit".to_owned();
    Verdict::Name { what: "a variable name", why, help: None }
}

fn is_lower_name(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_name(text: &str) -> bool {
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_ecs_name(text)
}

const ELB_RULE: &str = "letters, digits and hyphens, 32 at most, no hyphen at the ends";

/// ELBv2 API reference, CreateLoadBalancer and CreateTargetGroup, `Name`.
fn is_elb_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.starts_with("internal-")
}

fn is_ecs_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// EventBridge API reference, PutRule, `Name`.
fn is_rule_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// ECR's own rule: names of lower-case letters and digits, joined by one of `.`, `_`, `-`, `/`.
fn is_repository(text: &str) -> bool {
    (2..=256).contains(&text.len())
        && text
            .split(['/', '.', '_', '-'])
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

fn is_code_range(text: &str) -> bool {
    let code = |text: &str| text.parse::<u16>().ok().filter(|code| (200..=499).contains(code));
    match text.split_once('-') {
        None => code(text).is_some(),
        Some((from, to)) => matches!((code(from), code(to)), (Some(from), Some(to)) if from <= to),
    }
}
