//! ECS: JSON 1.1 in, the pure operation, JSON out. Everything that is decided is decided in `platform_core::ecs`.

mod exec;
mod poll;

use aws_model::AwsError;
use orchestrator::CallCx;
use platform_core::{Kind, ecs};

use crate::call::{Call, Reply};
use crate::state::State;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &NAMES;

const NAMES: [&str; ecs::OPERATIONS.len() + 2] = {
    let mut names = [ecs::EXECUTE_COMMAND; ecs::OPERATIONS.len() + 2];
    names[ecs::OPERATIONS.len()] = poll::DISCOVER_POLL_ENDPOINT;
    let mut i = 0;
    while i < ecs::OPERATIONS.len() {
        names[i] = ecs::OPERATIONS[i].name;
        i += 1;
    }
    names
};

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    ecs::check_input(&call.operation, &call.input)?;
    if call.operation == ecs::EXECUTE_COMMAND {
        return exec::execute_command(state, &call).map(Reply::Json);
    }
    if call.operation == poll::DISCOVER_POLL_ENDPOINT {
        return Ok(Reply::Json(poll::discover(&call.region, &call.authority)));
    }
    let Call { operation, region, input, .. } = call;
    let index = ecs::OPERATIONS
        .binary_search_by_key(&operation.as_str(), |row| row.name)
        .map_err(|_| AwsError::server("an operation that ECS does not have was offered"))?;
    let cx = CallCx { region, access_key: String::new() };
    let reply = match ecs::OPERATIONS[index].kind {
        Kind::Read(read) => state.orchestrator.answer(&cx, |world, cx| read(world, cx, &input))?,
        Kind::Write(write) => state.orchestrator.write(cx, |world, cx| write(world, cx, input)).await?,
    };
    Ok(Reply::Json(reply))
}
