//! How each service says what its model does not allow: one row for each service, each with its source.

mod coral;
mod ec2;
mod ecr;
mod ecs;
mod schema;

use super::{Rule, Violation};
use crate::AwsError;
use crate::model::{Kind, Operation};
use crate::service::Service;

/// Which words a service has for a broken constraint.
enum Form {
    /// `1 validation error detected: Value 'x' at 'y' failed to satisfy constraint: Member must ...`, all in one.
    Coral,
    /// The same for lengths and ranges; `The parameter X is required.` for what is missing.
    CoralAndParameters,
    /// The same for what stands in the path or the query; what an XML schema's checker says for the body.
    CoralAndSchema,
    Ecs,
    Ecr,
    Ec2,
}

struct Row {
    form: Form,
    /// The code of a broken constraint.
    code: &'static str,
}

fn row(service: Service) -> Row {
    let (form, code) = match service {
        // fargatecli #11 ("Task Definition can not be blank."), copilot-cli #3551 ("Tasks cannot be empty.").
        Service::Ecs => (Form::Ecs, "InvalidParameterException"),
        // jenkins-x #1344, aws-dotnet-deploy #549, amazon-ecr-login #225.
        Service::Ecr => (Form::Ecr, "InvalidParameterException"),
        // aws-load-balancer-controller #4014: Value '0' at 'port' ... greater than or equal to 1.
        Service::ElbV2 => (Form::Coral, "ValidationError"),
        // cluster-api-provider-aws #1531: ValidationException ... Value at 'secretBinary'.
        Service::SecretsManager => (Form::Coral, "ValidationException"),
        // config-db #35: ValidationException ... Value '100' at 'maxResults'.
        Service::Ssm => (Form::Coral, "ValidationException"),
        // aws-embedded-metrics-java #65, crossfeed #374.
        Service::Logs => (Form::Coral, "InvalidParameterException"),
        // aws-runas #80 (STS), nixops #328 (IAM).
        Service::Sts | Service::Iam => (Form::Coral, "ValidationError"),
        // moto #112 (MissingParameter), aws-sdk-ruby #2575 (InvalidParameterValue).
        Service::Ec2 => (Form::Ec2, "InvalidParameterValue"),
        // terraform-aws-acm #93, serverless-cloudfront-distribution-certificate #7 (ACM); stelligent/mu #382 (KMS).
        Service::Acm | Service::Kms => (Form::Coral, "ValidationException"),
        // terraform-provider-aws #3747: ValidationException: 1 validation error detected: ... at 'scalableDimension'.
        Service::ApplicationAutoScaling => (Form::Coral, "ValidationException"),
        // terraform-provider-aws #37817 (path), #7606 (body): InvalidInput.
        Service::Route53 => (Form::CoralAndSchema, "InvalidInput"),
        // terraform-provider-aws #4701: InvalidInput: 1 validation error detected: ... at 'creatorRequestId'.
        Service::ServiceDiscovery => (Form::Coral, "InvalidInput"),
        // AWSSDK.jl #2, rabbitmq-cloudwatch-exporter #14 (MissingParameter); common errors (ValidationError).
        Service::CloudWatch => (Form::CoralAndParameters, "ValidationError"),
        // triggermesh #1306 (EventBridge: Value '...' at 'rule' failed ...); Scheduler's of the same framework.
        Service::Events | Service::Scheduler => (Form::Coral, "ValidationException"),
        // RDS API reference, "Common Error Types" (ValidationError, MissingParameter); the form is that of the other Query
        // services of its time.
        Service::Rds => (Form::CoralAndParameters, "ValidationError"),
    };
    Row { form, code }
}

/// Returns the refusal of an input that breaks these rules.
pub(super) fn refusal(operation: Operation, violations: &[Violation<'_>]) -> AwsError {
    // A service's parser stops at the first value that it cannot read, before it checks any rule.
    if let Some(violation) = violations.iter().find(|v| matches!(v.rule, Rule::Type(_))) {
        return mistyped(operation, violation);
    }
    let Row { form, code } = row(operation.service());
    match form {
        Form::Coral => AwsError::new(code, coral::message(violations)),
        Form::CoralAndParameters => {
            coral::missing_parameters(violations).unwrap_or_else(|| AwsError::new(code, coral::message(violations)))
        }
        Form::CoralAndSchema => AwsError::new(code, schema::message(operation, violations)),
        Form::Ecs => AwsError::new(code, ecs::message(&violations[0])),
        Form::Ecr => AwsError::new(code, ecr::message(&violations[0])),
        Form::Ec2 => ec2::refusal(operation, &violations[0]),
    }
}

/// Returns the refusal of a value that cannot be read as its type.
fn mistyped(operation: Operation, violation: &Violation<'_>) -> AwsError {
    let Rule::Type(words) = &violation.rule else { unreachable!("it was looked for by its type") };
    let service = operation.service();
    let words = format!("{words} ({})", violation.place());
    if service == Service::Ec2 {
        return ec2::refusal(operation, violation);
    }
    // The XML reader's code: seen of the load balancers (boto #37) and of Route 53's sister (s3_website #320).
    let is_text = service.protocols().iter().all(|protocol| protocol.is_xml());
    // CloudWatch is sent text too, and then only: in JSON and CBOR a number is one.
    let is_number = violation.shape.is_some_and(|shape| !matches!(shape.kind, Kind::Text { .. } | Kind::Blob));
    let code = if is_text || (service == Service::CloudWatch && is_number) { "MalformedInput" } else { JSON };
    AwsError::new(code, words)
}

/// The code of AWS's JSON reader.
const JSON: &str = "SerializationException";

/// Returns ECS's words for a value outside of its enumeration.
pub(crate) fn of_enumeration(violation: &Violation<'_>) -> String {
    ecs::enumeration(violation)
}

/// Returns ECS's words for a text of a request that is missing or empty.
pub fn of_blank(member: &str) -> String {
    ecs::blank(member)
}

#[cfg(test)]
pub(super) fn of_missing_parameters(violations: &[Violation<'_>]) -> AwsError {
    coral::missing_parameters(violations).unwrap_or_else(|| AwsError::server("nothing is missing"))
}

/// Codes that a service may answer to any operation (the "Common Errors" of its API reference, and the codes of the
/// readers of its protocols).
pub fn is_common(service: Service, code: &str) -> bool {
    let common: &[&str] = match service {
        Service::Ec2 => {
            &["InvalidParameterValue", "MissingParameter", "UnknownParameter", "InvalidParameterCombination"]
        }
        Service::CloudWatch => {
            &["ValidationError", "MissingParameter", "InvalidParameterValue", "MalformedInput", JSON]
        }
        // InvalidParameterValue and InvalidParameterCombination: RDS API reference, "Common Error Types".
        Service::Rds => &[
            "ValidationError",
            "MissingParameter",
            "MalformedInput",
            "InvalidParameterValue",
            "InvalidParameterCombination",
        ],
        Service::ElbV2 | Service::Sts | Service::Iam => &["ValidationError", "MissingParameter", "MalformedInput"],
        Service::Route53 => &["InvalidInput", "MalformedInput"],
        Service::ServiceDiscovery => &["InvalidInput", "ValidationException", JSON],
        Service::Events | Service::Scheduler => &["ValidationException", "NotImplementedException", JSON],
        Service::Ecs | Service::Ecr | Service::Logs => &["InvalidParameterException", JSON],
        Service::SecretsManager | Service::Ssm | Service::Acm | Service::Kms | Service::ApplicationAutoScaling => {
            &["ValidationException", JSON]
        }
    };
    common.contains(&code)
}
