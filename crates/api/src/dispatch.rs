//! Which operations are offered, and who answers them.

use std::sync::Arc;

use aws_model::model::Operation;
use aws_model::{Answer, AwsError, Call, Document, Door, Service, check, page};

use crate::doors::Doors;

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

/// Returns an operation that is answered, and whose door it is.
///
/// # Errors
/// When the service does not have it, or it is not offered here.
pub(crate) fn offered<'d>(
    doors: &'d Doors,
    service: Service,
    operation: &str,
) -> Result<(Operation, &'d Arc<dyn Door>), AwsError> {
    let found = service.model().operation(operation);
    if let Some(found) = found.and_then(|operation| Some((operation, doors.door(operation)?))) {
        return Ok(found);
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

/// Holds a call against the model, and lets the operation's door answer. Doors know positions in a list, callers tokens.
pub(crate) async fn call(door: &Arc<dyn Door>, mut call: Call) -> Result<Answer, AwsError> {
    let operation = call.operation;
    check::admit(operation, &mut call.input)?;
    let paged = page::open(&mut call)?;
    let mut answer = door.call(call).await?;
    if let Answer::Document(document) = &mut answer {
        held(operation, document)?;
        paged.iter().for_each(|paged| paged.seal(document));
    }
    Ok(answer)
}

/// Refuses an answer that clients cannot read, in debug builds: every suite then fails that meets one.
fn held(operation: Operation, document: &Document) -> Result<(), AwsError> {
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    let refused = |words| Err(AwsError::new("InternalFailure", words).with_status(500));
    check::wrong_answer(operation, document).map_or(Ok(()), refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_offered_is_refused_by_name_and_what_is_unknown_as_aws_does() {
        let doors = Doors::default();
        let check = |service, operation, code, status| {
            let error = offered(&doors, service, operation).err().unwrap();
            assert_eq!((error.code.as_ref(), error.status), (code, status));
            assert!(error.message.contains(operation), "{}", error.message);
        };
        check(Service::Logs, "CreateExportTask", "NotImplementedException", 501);
        check(Service::Ssm, "SendCommand", "NotImplementedException", 501);
        check(Service::Sts, "AssumeRoleWithSAML", "NotImplementedException", 501);
        check(Service::Logs, "Nonsense", "UnknownOperationException", 400);
        check(Service::Ssm, "Nonsense", "UnknownOperationException", 400);
        check(Service::Sts, "Nonsense", "InvalidAction", 400);
    }
}
