//! Which operations are offered, and who answers them.

use aws_model::{Answer, AwsError, Protocol, Service};
use serde_json::Value;

use crate::call::{Call, Reply};
use crate::state::State;
use crate::{ecs, elbv2, secretsmanager, ssm, sts, xml};

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
        let offered = table(service);
        known(service).iter().map(move |operation| {
            let support = if offered.contains(operation) { Support::Supported } else { Support::Refused };
            (service.cli_name(), *operation, support)
        })
    };
    Service::all().flat_map(all).collect()
}

fn known(service: Service) -> &'static [&'static str] {
    service.model().names()
}

fn table(service: Service) -> &'static [&'static str] {
    match service {
        Service::SecretsManager => secretsmanager::OPERATIONS,
        Service::Ssm => ssm::OPERATIONS,
        Service::Logs => logs::OPERATIONS,
        Service::Ecr => registry::OPERATIONS,
        Service::Sts => sts::OPERATIONS,
        Service::Ecs => ecs::OPERATIONS,
        Service::ElbV2 => elbv2::OPERATIONS,
        _ => &[],
    }
}

/// Refuses an operation that the service does not have, or that we do not offer.
pub(crate) fn offered(service: Service, operation: &str) -> Result<(), AwsError> {
    if table(service).contains(&operation) {
        return Ok(());
    }
    let name = service.cli_name();
    if known(service).contains(&operation) {
        let words = format!("{name} {operation} is not supported by managr's platform yet");
        return Err(AwsError::new("NotImplementedException", words).with_status(501));
    }
    Err(match service {
        Service::ElbV2 | Service::Sts => {
            AwsError::new("InvalidAction", format!("Could not find operation {operation} of {name}"))
        }
        _ => AwsError::new("UnknownOperationException", format!("{name} has no operation {operation}")),
    })
}

/// Lets the operation's door answer.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    if let Some(operation) = call.service.model().operation(&call.operation)
        && let Some(door) = state.doors.door(operation)
    {
        let (service, request_id) = (call.service, call.request_id.clone());
        let call = aws_model::Call {
            operation,
            region: call.region,
            access_key: call.access_key,
            authority: call.authority,
            input: call.input,
            request_id: call.request_id,
        };
        return match door.call(call).await? {
            Answer::Document(document) if service.protocols().contains(&Protocol::Query) => {
                Ok(Reply::Xml(xml::response(service, operation.name(), &request_id, &Value::Object(document))))
            }
            Answer::Document(document) => Ok(Reply::Json(Value::Object(document))),
            Answer::Events(_) => Err(AwsError::server("event streams are not written yet")),
        };
    }
    match call.service {
        Service::SecretsManager => secretsmanager::call(state, call).await,
        Service::Ssm => ssm::call(state, call).await,
        Service::Sts => sts::call(state, call).await,
        Service::Ecs => ecs::call(state, call).await,
        _ => Err(AwsError::server(format!("{} is offered and has no answer", call.operation))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offered_operation_is_one_that_aws_has() {
        for service in Service::all() {
            for operation in table(service) {
                assert!(known(service).contains(operation), "{} {operation}", service.cli_name());
            }
        }
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name_and_what_is_unknown_as_aws_does() {
        let check = |service, operation, code, status| {
            let error = offered(service, operation).unwrap_err();
            assert_eq!((error.code.as_ref(), error.status), (code, status));
            assert!(error.message.contains(operation), "{}", error.message);
        };
        check(Service::Logs, "CreateExportTask", "NotImplementedException", 501);
        check(Service::Ssm, "SendCommand", "NotImplementedException", 501);
        check(Service::Sts, "AssumeRole", "NotImplementedException", 501);
        check(Service::Logs, "Nonsense", "UnknownOperationException", 400);
        check(Service::Ssm, "Nonsense", "UnknownOperationException", 400);
        check(Service::Sts, "Nonsense", "InvalidAction", 400);
    }
}
