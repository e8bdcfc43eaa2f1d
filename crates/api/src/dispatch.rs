//! Which operations are offered, and who answers them.

use aws_model::{AwsError, operations};

use crate::call::{Call, Reply, Service};
use crate::state::State;
use crate::{ecr, ecs, elbv2, logs, secretsmanager, ssm, sts};

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
    Service::ALL.into_iter().flat_map(all).collect()
}

fn known(service: Service) -> &'static [&'static str] {
    operations::of_service(service.signing_name()).unwrap_or_default()
}

fn table(service: Service) -> &'static [&'static str] {
    match service {
        Service::SecretsManager => secretsmanager::OPERATIONS,
        Service::Ssm => ssm::OPERATIONS,
        Service::Logs => logs::OPERATIONS,
        Service::Sts => sts::OPERATIONS,
        Service::Ecs => ecs::OPERATIONS,
        Service::Ecr => ecr::OPERATIONS,
        Service::ElbV2 => elbv2::OPERATIONS,
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

/// Lets the service answer.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    match call.service {
        Service::SecretsManager => secretsmanager::call(state, call).await,
        Service::Ssm => ssm::call(state, call).await,
        Service::Logs => logs::call(state, call).await,
        Service::Sts => sts::call(state, call).await,
        Service::Ecs => ecs::call(state, call).await,
        Service::Ecr => ecr::call(state, call).await,
        Service::ElbV2 => elbv2::call(state, call).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offered_operation_is_one_that_aws_has() {
        for service in Service::ALL {
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
        check(Service::Logs, "StartLiveTail", "NotImplementedException", 501);
        check(Service::Ssm, "SendCommand", "NotImplementedException", 501);
        check(Service::Sts, "AssumeRole", "NotImplementedException", 501);
        check(Service::Logs, "Nonsense", "UnknownOperationException", 400);
        check(Service::Ssm, "Nonsense", "UnknownOperationException", 400);
        check(Service::Sts, "Nonsense", "InvalidAction", 400);
    }
}
