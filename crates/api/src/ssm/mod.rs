//! Systems Manager: one service on the wire, one module here for each part of it that is served.

mod parameters;

use ecs_model::AwsError;
use serde_json::Value;

use crate::call::{Call, Reply};
use crate::members::Members;
use crate::state::State;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = parameters::OPERATIONS;

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    let mut input = Members(call.input);
    let answer = parameters::answer(state, &call.region, &call.operation, &mut input).await;
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
