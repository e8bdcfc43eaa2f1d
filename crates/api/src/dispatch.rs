//! Which operations are offered, and who answers them.

use aws_model::model::Operation;
use aws_model::{Answer, AwsError, Document, Service, check};
use serde_json::Value;

use crate::call::{Call, Reply};
use crate::doors::Doors;
use crate::state::State;

/// What the platform does with an operation of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Answered.
    Supported,
    /// Known by name and refused (`NotImplementedException`, 501).
    Refused,
}

/// Returns every operation of every service served, with what the platform does with it:
/// service as the AWS CLI names it, operation, support.
pub fn compatibility() -> Vec<(&'static str, &'static str, Support)> {
    let all = |service: Service| {
        known(service).iter().map(move |operation| {
            // A model describes what has a door, and nothing else; a test holds both to it.
            let is_served = service.model().operation(operation).is_some();
            let support = if is_served { Support::Supported } else { Support::Refused };
            (service.cli_name(), *operation, support)
        })
    };
    Service::all().flat_map(all).collect()
}

fn known(service: Service) -> &'static [&'static str] {
    service.model().names()
}

/// Refuses an operation that the service does not have, or that we do not offer.
pub(crate) fn offered(doors: &Doors, service: Service, operation: &str) -> Result<(), AwsError> {
    if service.model().operation(operation).is_some_and(|operation| doors.door(operation).is_some()) {
        return Ok(());
    }
    let name = service.cli_name();
    if known(service).contains(&operation) {
        let words = format!("{name} {operation} is not supported by managr's platform yet");
        return Err(AwsError::new("NotImplementedException", words).with_status(501));
    }
    Err(match service.protocols().last().is_some_and(|protocol| protocol.is_xml()) {
        true => AwsError::new("InvalidAction", format!("Could not find operation {operation} of {name}")),
        false => AwsError::new("UnknownOperationException", format!("{name} has no operation {operation}")),
    })
}

/// Holds a call against the model, and lets the operation's door answer.
pub(crate) async fn call(state: &State, mut call: Call) -> Result<Reply, AwsError> {
    let operation = call.service.model().operation(&call.operation);
    if let Some(operation) = operation {
        check::admit(operation, &mut call.input)?;
    }
    let reply = answer(state, call).await?;
    let Reply::Json(value) = &reply;
    if let (Some(operation), Value::Object(document)) = (operation, value) {
        held(operation, document)?;
    }
    Ok(reply)
}

/// Refuses an answer that clients cannot read, in debug builds: every suite then fails that meets one.
fn held(operation: Operation, document: &Document) -> Result<(), AwsError> {
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    let refused = |words| Err(AwsError::new("InternalFailure", words).with_status(500));
    check::wrong_answer(operation, document).map_or(Ok(()), refused)
}

async fn answer(state: &State, call: Call) -> Result<Reply, AwsError> {
    if let Some(operation) = call.service.model().operation(&call.operation)
        && let Some(door) = state.doors.door(operation)
    {
        let call = aws_model::Call {
            operation,
            region: call.region,
            access_key: call.access_key,
            authority: call.authority,
            input: call.input,
            request_id: call.request_id,
        };
        return match door.call(call).await? {
            Answer::Document(document) => Ok(Reply::Json(Value::Object(document))),
            Answer::Events(_) => Err(AwsError::server("event streams are not written yet")),
        };
    }
    Err(AwsError::server(format!("{} is offered and has no answer", call.operation)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_offered_is_refused_by_name_and_what_is_unknown_as_aws_does() {
        let check = |service, operation, code, status| {
            let error = offered(&Doors::default(), service, operation).unwrap_err();
            assert_eq!((error.code.as_ref(), error.status), (code, status));
            assert!(error.message.contains(operation), "{}", error.message);
        };
        check(Service::Logs, "StartLiveTail", "NotImplementedException", 501);
        check(Service::Ssm, "SendCommand", "NotImplementedException", 501);
        check(Service::Sts, "AssumeRoleWithSAML", "NotImplementedException", 501);
        check(Service::Logs, "Nonsense", "UnknownOperationException", 400);
        check(Service::Ssm, "Nonsense", "UnknownOperationException", 400);
        check(Service::Sts, "Nonsense", "InvalidAction", 400);
    }
}
