//! Turns a call into an HTTP request and an answer into a document. No I/O.

use aws_model::Document;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::query::Lists;
use crate::xml::Items;
use crate::{CallError, Protocol, Service, query, rest, xml};

/// Signed with the request; AWS checks the body against it.
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const REQUEST_ID: &str = "x-amzn-requestid";

/// Returns the unsigned request of a call.
pub(crate) fn request(
    service: &Service,
    operation: &str,
    endpoint: &str,
    input: &Document,
) -> Result<Request<Bytes>, CallError> {
    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
    let (content_type, body) = match service.protocol {
        Protocol::Json { .. } => ("application/x-amz-json-1.1", Value::Object(input.clone()).to_string()),
        Protocol::Query { version } => (FORM, query::form(operation, version, input, Lists::Members)),
        Protocol::NamedQuery { version } => (FORM, query::form(operation, version, input, Lists::Named)),
        Protocol::Ec2 { version } => (FORM, query::form(operation, version, input, Lists::Flat)),
        Protocol::RestXml { version } => return rest_request(operation, endpoint, version, input),
        Protocol::RestJson => return json_request(operation, endpoint, input),
    };
    let mut builder = Request::post(format!("{endpoint}/"))
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_SHA256, hex::encode(Sha256::digest(body.as_bytes())));
    if let Protocol::Json { target_prefix } = service.protocol {
        builder = builder.header("x-amz-target", format!("{target_prefix}.{operation}"));
    }
    builder.body(Bytes::from(body)).map_err(|source| CallError::Endpoint { endpoint: endpoint.to_owned(), source })
}

fn rest_request(operation: &str, endpoint: &str, version: &str, input: &Document) -> Result<Request<Bytes>, CallError> {
    // The service itself answers that it does not know a path.
    let path = rest::path(operation, input).unwrap_or_else(|| operation.to_owned());
    let builder =
        Request::get(format!("{endpoint}/{version}/{path}")).header(CONTENT_SHA256, hex::encode(Sha256::digest(b"")));
    builder.body(Bytes::new()).map_err(|source| CallError::Endpoint { endpoint: endpoint.to_owned(), source })
}

fn json_request(operation: &str, endpoint: &str, input: &Document) -> Result<Request<Bytes>, CallError> {
    // As above: the service itself answers an unknown operation.
    let unknown = || rest::Place { method: http::Method::POST, path: operation.to_owned(), body: None };
    let rest::Place { method, path, body } = rest::place(operation, input).unwrap_or_else(unknown);
    let body = body.map(|body| Value::Object(body).to_string()).unwrap_or_default();
    let mut builder = Request::builder()
        .method(method)
        .uri(format!("{endpoint}/{path}"))
        .header(CONTENT_SHA256, hex::encode(Sha256::digest(body.as_bytes())));
    if !body.is_empty() {
        builder = builder.header(CONTENT_TYPE, "application/json");
    }
    builder.body(Bytes::from(body)).map_err(|source| CallError::Endpoint { endpoint: endpoint.to_owned(), source })
}

/// Returns what an answer says.
pub(crate) fn answer(
    service: &Service,
    operation: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Document, CallError> {
    let text = String::from_utf8_lossy(body);
    let members = match service.protocol {
        Protocol::Json { .. } | Protocol::RestJson => read_json(&text),
        Protocol::Query { .. } => xml::read(&text, Items::Member).map(|(_, members)| members),
        Protocol::NamedQuery { .. } => xml::read(&text, Items::Named).map(|(_, members)| members),
        Protocol::Ec2 { .. } => xml::read(&text, Items::Item).map(|(_, members)| members),
        Protocol::RestXml { .. } => xml::read(&text, Items::Singular).map(|(_, members)| members),
    };
    if !status.is_success() {
        // An error without a readable body (a proxy's page) still has a status.
        let members = members.unwrap_or_default();
        return Err(refusal(service, operation, status, headers, &members));
    }
    let mut members = members.map_err(|reason| CallError::answer(service, operation, reason))?;
    match service.protocol {
        Protocol::Json { .. } | Protocol::RestJson | Protocol::Ec2 { .. } | Protocol::RestXml { .. } => Ok(members),
        // `<XResponse><XResult>…</XResult>`; an operation without a result has an empty one or none.
        Protocol::Query { .. } | Protocol::NamedQuery { .. } => match members.remove(&format!("{operation}Result")) {
            Some(Value::Object(result)) => Ok(result),
            _ => Ok(Document::new()),
        },
    }
}

fn read_json(text: &str) -> Result<Document, String> {
    if text.is_empty() {
        return Ok(Document::new());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn refusal(
    service: &Service,
    operation: &str,
    status: StatusCode,
    headers: &HeaderMap,
    members: &Document,
) -> CallError {
    let header = |name: &str| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned);
    let text = |document: &Document, names: &[&str]| {
        names.iter().find_map(|name| document.get(*name).and_then(Value::as_str)).map(str::to_owned)
    };
    // EC2: `<Response><Errors><Error>`. One answer has one error, whatever the form allows.
    let of_ec2 = members.get("Errors").and_then(|errors| errors.get("Error"));
    let inner = members.get("Error").or(of_ec2).and_then(Value::as_object).unwrap_or(members);
    let code = text(inner, &["__type", "Code", "code"]).or_else(|| header("x-amzn-errortype"));
    // `com.amazonaws.ecs#ClientException:http://…` on old services.
    let code = code.as_deref().unwrap_or("").rsplit('#').next().unwrap_or("");
    let code = code.split(':').next().unwrap_or("").to_owned();
    CallError::Service {
        service: service.signing_name,
        operation: operation.to_owned(),
        code: if code.is_empty() { format!("HTTP {}", status.as_u16()) } else { code },
        message: text(inner, &["message", "Message", "errorMessage"]).unwrap_or_else(|| "no message".to_owned()),
        status: status.as_u16(),
        request_id: header(REQUEST_ID).or_else(|| text(members, &["RequestId"])).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EC2, ECS, ELB, ROUTE53, SCHEDULER};
    use serde_json::json;

    fn refused(service: &Service, status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        let error = answer(service, "Do", status, &HeaderMap::new(), body.as_bytes()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn errors_are_read_in_every_form() {
        let json = r#"{"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"Cluster not found."}"#;
        assert_eq!(refused(&ECS, 400, json), "ecs Do: ClusterNotFoundException: Cluster not found.");
        let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>LoadBalancerNotFound</Code>\
                   <Message>gone</Message></Error><RequestId>1</RequestId></ErrorResponse>";
        assert_eq!(refused(&ELB, 400, xml), "elasticloadbalancing Do: LoadBalancerNotFound: gone");
        let ec2 = "<Response><Errors><Error><Code>InvalidSubnetID.NotFound</Code><Message>no</Message></Error></Errors></Response>";
        assert_eq!(refused(&EC2, 400, ec2), "ec2 Do: InvalidSubnetID.NotFound: no");
        let wordless = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            answer(&ECS, "Do", status, &HeaderMap::new(), body.as_bytes()).unwrap_err().is_wordless()
        };
        assert!(wordless(500, "<html>internal server error</html>"));
        assert!(!wordless(500, r#"{"__type":"ServerException"}"#));
        assert!(!wordless(502, "<html>bad gateway</html>"), "it may pass");
        assert_eq!(refused(&ECS, 502, "<html>bad gateway</html>"), "ecs Do: HTTP 502: no message");
    }

    #[test]
    fn a_result_is_unwrapped_and_unknown_members_stay() {
        let ok = StatusCode::OK;
        let found = answer(&ECS, "Do", ok, &HeaderMap::new(), br#"{"b":1,"a":{"new":[true]}}"#).unwrap();
        assert_eq!(Value::Object(found).to_string(), r#"{"b":1,"a":{"new":[true]}}"#);
        let found =
            answer(&ELB, "Do", ok, &HeaderMap::new(), b"<DoResponse><DoResult><A>1</A></DoResult></DoResponse>");
        assert_eq!(Value::Object(found.unwrap()), json!({"A": "1"}));
        assert!(answer(&ECS, "Do", ok, &HeaderMap::new(), b"<html>").is_err());
    }

    #[test]
    fn a_request_names_its_operation_and_its_body() {
        let input = json!({"cluster": "c"}).as_object().unwrap().clone();
        let request = request(&ECS, "DescribeServices", "http://h:1", &input).unwrap();
        assert_eq!(request.headers()["x-amz-target"], "AmazonEC2ContainerServiceV20141113.DescribeServices");
        assert_eq!(request.headers()["x-amz-content-sha256"].len(), 64);
        assert_eq!(request.body(), r#"{"cluster":"c"}"#);
        let input = json!({"Id": "Z1"}).as_object().unwrap().clone();
        let request = super::request(&ROUTE53, "GetHostedZone", "http://h:1", &input).unwrap();
        assert_eq!((request.method().as_str(), request.uri().path()), ("GET", "/2013-04-01/hostedzone/Z1"));
        let check = |operation: &str, input: Value, expected: &str, body: &str| {
            let input = input.as_object().unwrap().clone();
            let request = super::request(&SCHEDULER, operation, "http://h:1", &input).unwrap();
            assert_eq!(format!("{} {}", request.method(), request.uri()), expected);
            assert_eq!(request.body(), body);
        };
        let made = json!({"Name": "a.b", "GroupName": "g", "State": "DISABLED"});
        let body = r#"{"GroupName":"g","State":"DISABLED"}"#;
        check("CreateSchedule", made.clone(), "POST http://h:1/schedules/a.b", body);
        check("UpdateSchedule", made.clone(), "PUT http://h:1/schedules/a.b", body);
        check("GetSchedule", made, "GET http://h:1/schedules/a.b?groupName=g", "");
        check("DeleteSchedule", json!({"Name": "a"}), "DELETE http://h:1/schedules/a", "");
        check(
            "ListSchedules",
            json!({"GroupName": "g", "MaxResults": 5}),
            "GET http://h:1/schedules?ScheduleGroup=g&MaxResults=5",
            "",
        );
        check("Else", json!({}), "POST http://h:1/Else", "");
        // The code is in a header there (REST-JSON: "x-amzn-errortype").
        let headers =
            [(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static("ConflictException:http://x"))];
        let headers = headers.into_iter().collect();
        let error = answer(&SCHEDULER, "CreateSchedule", StatusCode::CONFLICT, &headers, br#"{"Message":"there"}"#);
        assert_eq!(error.unwrap_err().to_string(), "scheduler CreateSchedule: ConflictException: there");
    }
}
