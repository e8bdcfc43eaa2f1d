//! Systems Manager: one service on the wire, one module here for each part of it that is served.

mod parameters;
mod sessions;

use aws_model::AwsError;
use serde_json::Value;

use crate::call::{Call, Reply};
use crate::members::Members;
use crate::state::State;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &NAMES;

const NAMES: [&str; parameters::OPERATIONS.len() + sessions::OPERATIONS.len()] = {
    let mut names = [""; parameters::OPERATIONS.len() + sessions::OPERATIONS.len()];
    let (head, tail) = names.split_at_mut(parameters::OPERATIONS.len());
    head.copy_from_slice(parameters::OPERATIONS);
    tail.copy_from_slice(sessions::OPERATIONS);
    names
};

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    let caller = sessions::Caller::of(&call);
    let mut input = Members(call.input);
    let answer = if sessions::OPERATIONS.contains(&call.operation.as_str()) {
        sessions::answer(state, &caller, &call.operation, &mut input)
    } else {
        parameters::answer(state, &call.region, &call.operation, &mut input).await
    };
    answer.map(Reply::Json).map_err(validation)
}

/// What is wrong with a member is `ValidationException` here: SSM has no `InvalidParameterException`.
fn validation(error: AwsError) -> AwsError {
    match error.code.as_ref() {
        "InvalidParameterException" => AwsError { code: "ValidationException".into(), ..error },
        _ => error,
    }
}

/// Adds where the next page begins, if there is one.
fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = Value::String(next);
    }
    answer
}
