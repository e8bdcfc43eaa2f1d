//! Writes an error in the caller's protocol.

use aws_model::model::{Operation, Shape};
use aws_model::{AwsError, Protocol, Service};
use serde_json::json;

use super::{Caller, Reply, XML, content_type, namespace, rpc_v2};
use crate::cbor;
use crate::xml::{close, leaf, open, open_in};

/// Returns the answer of a call that was refused. `operation` is what was asked for, if that is known: what it
/// declares of the error counts.
pub fn error(caller: Caller, operation: Option<Operation>, error: &AwsError, request_id: &str) -> Reply {
    let declared = operation.and_then(|operation| declared(operation, &error.code));
    let said = declared.and_then(|shape| shape.error()).and_then(|error| error.status);
    // A door may know better; only what it left at the usual status is the model's to say.
    let status = if error.status == 400 { said.unwrap_or(400) } else { error.status };
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let (mut headers, content_type) = (Vec::new(), Some(content_type(caller.protocol)));
    let body = match caller.protocol {
        Protocol::Query => wrapped(caller, error, fault, request_id),
        Protocol::RestXml if caller.service.is_some() => wrapped(caller, error, fault, request_id),
        Protocol::RestXml => {
            headers.push(("x-amz-request-id".into(), request_id.to_owned()));
            bare(error, request_id)
        }
        Protocol::Ec2 => ec2(error, request_id),
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson | Protocol::RpcV2Cbor => {
            // In JSON an error goes by its shape's name; its code of Query stands beside it, where a service was
            // one of Query before (Smithy, `awsQueryCompatible`).
            let name = declared.map_or(error.code.as_ref(), |shape| shape.name);
            if caller.service.is_some_and(Service::speaks_query_codes) {
                headers.push(("x-amzn-query-error".into(), format!("{};{fault}", error.code)));
            }
            if caller.protocol == Protocol::RpcV2Cbor {
                headers.push(rpc_v2());
                return Reply { status, content_type, headers, body: cbor(caller, name, error) };
            }
            headers.push(("x-amzn-errortype".into(), name.to_owned()));
            json!({"__type": name, "message": error.message}).to_string()
        }
    };
    Reply { status, content_type, headers, body: body.into_bytes() }
}

/// Returns the error of this code, if the operation declares it.
fn declared(operation: Operation, code: &str) -> Option<&'static Shape> {
    operation.errors().find(|shape| {
        let own = shape.error().and_then(|error| error.code);
        own.unwrap_or(shape.name) == code || shape.name == code
    })
}

/// The type is a shape's whole name there (Smithy, RPC v2 CBOR, "Operation error serialization").
fn cbor(caller: Caller, name: &str, error: &AwsError) -> Vec<u8> {
    let kind = match caller.service {
        Some(service) => format!("com.amazonaws.{}#{name}", service.cli_name()),
        None => name.to_owned(),
    };
    let members = [("__type", kind), ("message", error.message.clone())];
    let document = members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    cbor::write(None, &document)
}

/// Query's form, and Route 53's.
fn wrapped(caller: Caller, error: &AwsError, fault: &str, request_id: &str) -> String {
    let mut out = String::from(XML);
    open_in(&mut out, "ErrorResponse", caller.service.map_or("", namespace));
    open(&mut out, "Error");
    leaf(&mut out, "Type", fault);
    code_and_message(&mut out, error);
    close(&mut out, "Error");
    leaf(&mut out, "RequestId", request_id);
    close(&mut out, "ErrorResponse");
    out
}

fn ec2(error: &AwsError, request_id: &str) -> String {
    let mut out = String::from(XML);
    out.push_str("<Response><Errors><Error>");
    code_and_message(&mut out, error);
    out.push_str("</Error></Errors>");
    leaf(&mut out, "RequestID", request_id);
    close(&mut out, "Response");
    out
}

/// S3's: nothing around it.
fn bare(error: &AwsError, request_id: &str) -> String {
    let mut out = String::from(XML);
    open(&mut out, "Error");
    code_and_message(&mut out, error);
    leaf(&mut out, "RequestId", request_id);
    close(&mut out, "Error");
    out
}

fn code_and_message(out: &mut String, error: &AwsError) {
    leaf(out, "Code", &error.code);
    leaf(out, "Message", &error.message);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(protocol: Protocol, service: Option<Service>, operation: &str, code: &'static str, expected: &[&str]) {
        let operation = service.and_then(|service| service.model().operation(operation));
        let reply = error(Caller { protocol, service }, operation, &AwsError::new(code, "no <X>"), "id");
        let text = format!("{} {:?} {}", reply.status, reply.headers, String::from_utf8_lossy(&reply.body));
        for word in expected {
            assert!(text.contains(word), "no `{word}` in:\n{text}");
        }
    }

    #[test]
    fn an_error_has_the_form_of_the_protocol() {
        let query = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                     <Code>InvalidAction</Code><Message>no &lt;X&gt;</Message></Error><RequestId>id</RequestId>";
        check(Protocol::Query, Some(Service::Sts), "", "InvalidAction", &[query]);
        check(Protocol::Query, None, "", "InvalidAction", &["<ErrorResponse><Error>"]);
        let ec2 = "<Response><Errors><Error><Code>X</Code><Message>no &lt;X&gt;</Message></Error></Errors>\
                   <RequestID>id</RequestID></Response>";
        check(Protocol::Ec2, Some(Service::Ec2), "", "X", &[ec2]);
        check(Protocol::RestXml, None, "", "X", &["<Error><Code>X</Code>", "<RequestId>id</RequestId></Error>"]);
        let zone = "<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>Sender</Type>";
        check(Protocol::RestXml, Some(Service::Route53), "GetHostedZone", "NoSuchHostedZone", &["404 ", zone]);
        check(Protocol::Json11, Some(Service::Ecs), "", "X", &[r#"{"__type":"X","message":"no <X>"}"#]);
    }

    #[test]
    fn the_status_is_the_models_and_query_codes_stand_beside_names() {
        check(Protocol::Query, Some(Service::Iam), "GetRole", "NoSuchEntity", &["404 "]);
        check(
            Protocol::Json10,
            Some(Service::CloudWatch),
            "ListMetrics",
            "InvalidParameterValue",
            &["\"InvalidParameterValue;Sender\"", r#""__type":"InvalidParameterValueException""#],
        );
    }
}
