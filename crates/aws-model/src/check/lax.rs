//! Where a service is known to allow more than its model says: one line each, with its source.

use super::{Path, Rule, Violation};
use crate::model::Operation;
use crate::service::Service;

/// Whether a service takes what its model does not allow.
pub(super) fn allows(operation: Operation, violation: &Violation<'_>) -> bool {
    if violation.rule == Rule::Unknown {
        // AWS's readers of JSON, of Query and of CBOR pass over what they do not know (Smithy specification, "AWS
        // Protocols": servers ignore unknown members); only EC2 says so (aws-sdk-cpp #327).
        return operation.service() != Service::Ec2;
    }
    takes(operation, &violation.place(), violation.rule.innermost())
}

/// Whether a service is known to answer what its model does not have.
pub(super) fn answers(operation: Operation, violation: &Violation<'_>) -> bool {
    let (path, rule) = (violation.place().to_string(), violation.rule.innermost());
    ANSWERS.iter().any(|row| row.service == operation.service() && row.covers(operation.name(), &path, rule))
}

/// Whether a row of the table has the place and the rule.
pub(super) fn takes(operation: Operation, place: &Path, rule: &Rule) -> bool {
    let path = place.to_string();
    TABLE.iter().any(|row| row.service == operation.service() && row.covers(operation.name(), &path, rule))
}

/// One thing that a service allows.
struct Row {
    service: Service,
    /// The operation; empty for all.
    operation: &'static str,
    /// The path of the member, as people write it, without numbers of items.
    path: &'static str,
    /// Which rule does not hold.
    rule: fn(&Rule) -> bool,
}

impl Row {
    fn covers(&self, operation: &str, path: &str, rule: &Rule) -> bool {
        let is_its = self.operation.is_empty() || self.operation == operation;
        is_its && (self.rule)(rule) && same_place(self.path, path)
    }
}

/// Whether a path is the one of a row, whatever the numbers of its items.
fn same_place(row: &str, path: &str) -> bool {
    let mut plain = String::with_capacity(path.len());
    let mut is_number = false;
    for letter in path.chars() {
        match letter {
            '[' => is_number = true,
            ']' => is_number = false,
            _ if is_number => {}
            letter => plain.push(letter),
        }
    }
    plain == row
}

const fn row(service: Service, operation: &'static str, path: &'static str, rule: fn(&Rule) -> bool) -> Row {
    Row { service, operation, path, rule }
}

fn missing(rule: &Rule) -> bool {
    *rule == Rule::Missing
}

fn enumeration(rule: &Rule) -> bool {
    *rule == Rule::Enum
}

/// What services answer though their models have no such answer.
const ANSWERS: &[Row] = &[
    // A gateway that is attached is `available`, which is no AttachmentStatus (AWS CLI reference, examples of
    // describe-internet-gateways).
    row(Service::Ec2, "DescribeInternetGateways", "InternetGateways.Attachments.State", enumeration),
];

/// What services take though their models forbid it.
const TABLE: &[Row] = &[
    // Absent is false: "Interactive is the only mode supported currently." (boto3 #2822).
    row(Service::Ecs, "ExecuteCommand", "interactive", missing),
];
