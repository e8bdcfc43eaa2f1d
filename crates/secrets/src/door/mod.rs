//! Secrets Manager as a service: which operation is answered by what. The front has held every input against the model
//! before.
//!
//! Replication, rotation and secrets that AWS manages for others are refused by name; resource policies are kept and
//! not enforced.

mod answers;
mod changes;
mod input;
mod reads;

use aws_model::call::{Row, answer_by, names};
use aws_model::{Answering, AwsError, Call, Document, Door, row};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Secrets;

/// In the order of their names.
const ROWS: &[Row<Secrets>] = &[
    row!("BatchGetSecretValue", reads::batch),
    row!("CreateSecret", changes::create),
    row!("DeleteResourcePolicy", changes::delete_policy),
    row!("DeleteSecret", changes::delete),
    row!("DescribeSecret", reads::describe),
    row!("GetRandomPassword", reads::random_password),
    row!("GetResourcePolicy", reads::policy),
    row!("GetSecretValue", reads::value),
    row!("ListSecretVersionIds", reads::versions),
    row!("ListSecrets", reads::list),
    row!("PutResourcePolicy", changes::put_policy),
    row!("PutSecretValue", changes::put),
    row!("RestoreSecret", changes::restore),
    row!("TagResource", changes::tag),
    row!("UntagResource", changes::untag),
    row!("UpdateSecret", changes::update),
    row!("UpdateSecretVersionStage", changes::move_stage),
];

/// The operations that are answered, by name.
const OPERATIONS: &[&str] = &names::<_, { ROWS.len() }>(ROWS);

impl Door for Secrets {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        answer_by(ROWS, self, call)
    }
}

/// What an operation comes to.
type Answered = Result<Value, AwsError>;

/// Refuses what is known of and cannot be done, rather than leave it out in silence.
fn refuse(input: &Document, names: &[&str]) -> Result<(), AwsError> {
    match names.iter().find(|name| input.contains_key(**name)) {
        Some(name) => Err(unsupported(name, "at all")),
        None => Ok(()),
    }
}

fn unsupported(name: &str, which: &str) -> AwsError {
    AwsError::invalid_parameter(format!("{name} {which} is not supported by managr's platform yet."))
}

fn written(answer: &impl Serialize) -> Answered {
    serde_json::to_value(answer).map_err(|_| AwsError::server("an answer could not be written"))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    answer
}

#[cfg(test)]
mod tests;
