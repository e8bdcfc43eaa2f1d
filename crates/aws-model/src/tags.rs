//! What may be a tag? One judgement for all services, said in each one's words.
//!
//! "Maximum number of tags per resource: 50; maximum key length: 128; maximum value length: 256; don't use `aws:`, `AWS:`,
//! or any upper or lowercase combination of such as a prefix" (ECS API reference, Tag; the others say the same). Where
//! tags are kept is their owner's.

use serde::{Deserialize, Serialize};

use crate::AwsError;
use crate::service::Service;

/// Most tags of one thing.
pub const MOST: usize = 50;

/// A tag, as most services write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
}

/// Why tags are refused, with the service's code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TagError {
    /// The service's code.
    pub code: &'static str,
    message: String,
    status: u16,
}

impl From<TagError> for AwsError {
    fn from(error: TagError) -> Self {
        Self::new(error.code, error.message).with_status(error.status)
    }
}

/// What is wrong with tags.
enum Fault<'t> {
    /// The key is empty or too long, or the value is too long.
    Length(&'t str),
    /// The key begins with what AWS keeps for itself.
    Reserved(&'t str),
    /// The key is given twice.
    Twice(&'t str),
    /// There are more than [`MOST`].
    TooMany,
}

/// Refuses tags that cannot be given to anything of a service: `given` are keys and values of one request.
///
/// # Errors
/// The first fault, in the service's words.
pub fn refuse<'t>(service: Service, given: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<(), TagError> {
    let mut known: Vec<&str> = Vec::new();
    for (key, value) in given {
        if let Some(fault) = fault(service, key, value, &known) {
            return Err(told(service, &fault));
        }
        known.push(key);
    }
    refuse_many(service, known.len())
}

/// Refuses more tags than one thing can have: those that it has, and those that it is given.
///
/// # Errors
/// The service's words for too many.
pub fn refuse_many(service: Service, count: usize) -> Result<(), TagError> {
    if count > MOST { Err(told(service, &Fault::TooMany)) } else { Ok(()) }
}

/// Whether a service takes two keys for the same.
pub fn is_same(service: Service, one: &str, other: &str) -> bool {
    // "Tag keys are case insensitive" (IAM user guide, "Tags for IAM resources").
    if service == Service::Iam { one.eq_ignore_ascii_case(other) } else { one == other }
}

fn fault<'t>(service: Service, key: &'t str, value: &str, known: &[&str]) -> Option<Fault<'t>> {
    // EC2's are one shorter (EC2 API reference, Tag: 127 and 255).
    let (longest_key, longest_value) = if service == Service::Ec2 { (127, 255) } else { (128, 256) };
    let length = key.chars().count();
    if !(1..=longest_key).contains(&length) || value.chars().count() > longest_value {
        return Some(Fault::Length(key));
    }
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Some(Fault::Reserved(key));
    }
    // Of the others the last one counts.
    let refuses_twice = matches!(
        service,
        Service::Ecr
            | Service::ElbV2
            | Service::Iam
            | Service::SecretsManager
            | Service::Ssm
            | Service::ServiceDiscovery
    );
    let is_twice = refuses_twice && known.iter().any(|known| is_same(service, known, key));
    is_twice.then_some(Fault::Twice(key))
}

fn told(service: Service, fault: &Fault<'_>) -> TagError {
    let (code, message) = match fault {
        Fault::TooMany => too_many(service),
        Fault::Reserved(key) => (code(service, fault), reserved(service, key)),
        Fault::Twice(key) => (code(service, fault), twice(service, key)),
        Fault::Length(key) => (code(service, fault), length(service, key)),
    };
    // IAM's LimitExceeded is a conflict in its model.
    TagError { code, message, status: if code == "LimitExceeded" { 409 } else { 400 } }
}

/// Returns the code of a tag that cannot be; each is declared by the service's operations on tags, or common to it.
fn code(service: Service, fault: &Fault<'_>) -> &'static str {
    match service {
        Service::Ecs | Service::SecretsManager | Service::Logs => "InvalidParameterException",
        Service::Ecr => "InvalidTagParameterException",
        Service::ElbV2 if matches!(fault, Fault::Twice(_)) => "DuplicateTagKeys",
        Service::ElbV2 => "ValidationError",
        Service::Ssm | Service::ApplicationAutoScaling | Service::Events | Service::Scheduler => "ValidationException",
        Service::Iam | Service::Sts | Service::Route53 | Service::ServiceDiscovery => "InvalidInput",
        Service::Ec2 | Service::CloudWatch | Service::Rds => "InvalidParameterValue",
        Service::Acm => "InvalidTagException",
        Service::Kms => "TagException",
    }
}

fn too_many(service: Service) -> (&'static str, String) {
    let (code, words) = match service {
        Service::Ecs => ("InvalidParameterException", "A resource can have at most 50 tags."),
        Service::Ecr => (
            "TooManyTagsException",
            "The list of tags on the repository is over the limit. The maximum number of tags is 50",
        ),
        Service::ElbV2 => ("TooManyTags", "A resource can have at most 50 tags"),
        Service::SecretsManager => ("InvalidParameterException", "A secret can have at most 50 tags."),
        Service::Ssm => {
            ("TooManyTagsError", "The Targets parameter includes too many tags: a resource can have at most 50.")
        }
        Service::Logs => ("TooManyTagsException", "A log group can have at most 50 tags."),
        Service::Iam | Service::Sts => ("LimitExceeded", "The number of tags has reached the maximum limit."),
        Service::Ec2 => ("TagLimitExceeded", "The maximum number of Tags for a resource has been reached."),
        Service::Rds => ("InvalidParameterValue", "A resource can have at most 50 tags."),
        Service::Acm => ("TooManyTagsException", "A certificate can have at most 50 tags."),
        Service::Kms => ("LimitExceededException", "A key can have at most 50 tags"),
        Service::Route53 | Service::CloudWatch => ("InvalidInput", "A resource can have at most 50 tags."),
        Service::ServiceDiscovery | Service::ApplicationAutoScaling => {
            ("TooManyTagsException", "A resource can have at most 50 tags.")
        }
        Service::Events => ("LimitExceededException", "A resource can have at most 50 tags."),
        Service::Scheduler => ("ServiceQuotaExceededException", "A resource can have at most 50 tags."),
    };
    (code, words.to_owned())
}

fn reserved(service: Service, key: &str) -> String {
    match service {
        Service::Ecr => format!("Invalid tag key or value at key '{key}'"),
        Service::ElbV2 => format!("Tag key '{key}' cannot begin with 'aws:'"),
        Service::Iam | Service::Sts => "The tag key prefix aws: is reserved and cannot be used.".to_owned(),
        Service::Ec2 => "Tag keys starting with 'aws:' are reserved for internal use".to_owned(),
        Service::Acm => "Tag keys cannot start with the reserved prefix 'aws:'.".to_owned(),
        Service::Kms => format!("Tag key '{key}' begins with 'aws:', which is reserved"),
        Service::Logs => format!("The tag with key '{key}' is not allowed."),
        _ => "Tag keys must not begin with 'aws:'.".to_owned(),
    }
}

fn twice(service: Service, key: &str) -> String {
    match service {
        Service::Iam => "Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned(),
        Service::ElbV2 => format!("Tag key '{key}' is specified more than once"),
        _ => format!("Duplicate tag keys found: '{key}'"),
    }
}

fn length(service: Service, key: &str) -> String {
    match service {
        Service::Ecr => format!("Invalid tag key or value at key '{key}'"),
        Service::Ec2 => format!("Tag keys have 1 to 127 characters and values at most 255 (key '{key}')"),
        _ => format!("Tag keys must have between 1 and 128 characters, and values at most 256 (key '{key}')."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: Service, given: &[(&str, &str)], want: &str) {
        let told =
            refuse(service, given.iter().copied()).err().map_or("fine".to_owned(), |e| format!("{}: {e}", e.code));
        assert!(told.starts_with(want), "{service:?} {given:?}: {told}");
    }

    #[test]
    fn what_cannot_be_a_tag_is_refused_in_the_services_words() {
        let long = "k".repeat(129);
        for service in Service::all() {
            check(service, &[("k", "v"), ("K2", ""), ("awsome", "v")], "fine");
            assert!(refuse(service, [("", "v")]).is_err() && refuse(service, [(long.as_str(), "")]).is_err());
            for reserved in ["aws:k", "AWS:k", "aWs:"] {
                assert!(refuse(service, [(reserved, "v")]).is_err(), "{service:?} {reserved}");
            }
            assert!(refuse_many(service, 50).is_ok() && refuse_many(service, 51).is_err());
        }
        check(Service::Ec2, &[(&long[..128], "v")], "InvalidParameterValue: ");
        check(Service::Ecs, &[(&long[..128], "v")], "fine");
        check(Service::Ecs, &[("aws:x", "")], "InvalidParameterException: Tag keys must not begin with 'aws:'.");
        check(Service::Kms, &[("aws:x", "")], "TagException: ");
        check(Service::Iam, &[("a", ""), ("A", "")], "InvalidInput: Duplicate tag keys found. Please note");
        check(Service::ElbV2, &[("a", ""), ("A", "")], "fine");
        check(Service::ElbV2, &[("a", ""), ("a", "")], "DuplicateTagKeys: Tag key 'a' is specified more than once");
        check(Service::Ecs, &[("a", ""), ("a", "")], "fine");
        check(Service::Logs, &[("é:", "")], "fine");
    }

    #[test]
    fn each_code_is_one_that_the_service_knows() {
        for service in Service::all() {
            let model = service.model();
            let declares = |code: &str| {
                model
                    .operations()
                    .flat_map(|operation| operation.errors())
                    .any(|shape| shape.name == code || shape.error().is_some_and(|error| error.code == Some(code)))
            };
            for fault in [Fault::TooMany, Fault::Reserved("aws:k"), Fault::Twice("k"), Fault::Length("")] {
                let code = told(service, &fault).code;
                let is_known = declares(code) || crate::check::is_common(service, code) || code == "TagLimitExceeded";
                // Neither has an operation on tags that is served.
                let has_tags = !matches!(service, Service::Sts | Service::CloudWatch);
                assert!(is_known || !has_tags, "{service:?} {code}");
            }
        }
    }
}
