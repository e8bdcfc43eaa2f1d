//! ELBv2: Query in, the pure operation, XML out. Everything that is decided is decided in `platform_core::elb`.

use aws_model::AwsError;
use orchestrator::CallCx;
use platform_core::{Kind, elb};

use crate::call::{Call, Reply};
use crate::state::State;
use crate::xml;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &NAMES;

const NAMES: [&str; elb::OPERATIONS.len()] = {
    let mut names = [""; elb::OPERATIONS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = elb::OPERATIONS[i].name;
        i += 1;
    }
    names
};

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    let Call { service, operation, region, input, request_id, .. } = call;
    let index = OPERATIONS
        .binary_search(&operation.as_str())
        .map_err(|_| AwsError::server("an operation that ELBv2 does not have was offered"))?;
    let cx = CallCx { region };
    let reply = match elb::OPERATIONS[index].kind {
        Kind::Read(read) => state.orchestrator.answer(&cx, |world, cx| read(world, cx, &input))?,
        Kind::Write(write) => state.orchestrator.write(cx, |world, cx| write(world, cx, input)).await?,
    };
    Ok(Reply::Xml(xml::response(service, &operation, &request_id, &reply)))
}
