//! Each protocol over a real socket: what makes a request one of it, and what its answers and errors look like.

use api::{Doors, Options};
use aws_model::{Answer, Answering, AwsError, Call, Document, Door, Service};
use futures_util::stream;
use serde_json::{Value, json};

use crate::server::{DATE, Server, signed};
use crate::{check, clients};

const CBOR: [&str; 2] = ["smithy-protocol: rpc-v2-cbor", "content-type: application/cbor"];

async fn cbor(server: &Server, scope: &str, path: &str, body: &str) -> String {
    server.send(&format!("POST {path}"), &[&signed(scope), DATE, CBOR[0], CBOR[1]], body).await
}

#[tokio::test]
async fn cloudwatch_speaks_three_protocols_on_one_port() {
    let server = Server::start().await;
    let target = "GraniteServiceVersion20100801.ListMetrics";
    let json = ["content-type: application/x-amz-json-1.0", "x-amzn-requestid: ", r#"{"Metrics":[]}"#];
    check(&server.json("monitoring", target, "{}").await, 200, &json);
    let form = "Action=ListMetrics&Version=2010-08-01";
    let xml = [
        "content-type: text/xml",
        "<ListMetricsResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><ListMetricsResult><Metrics>",
    ];
    check(&server.query("monitoring", form).await, 200, &xml);
    let path = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
    // {"Metrics": []}, which is text but for lengths and types.
    let binary = ["content-type: application/cbor", "smithy-protocol: rpc-v2-cbor", "x-amzn-requestid: ", "gMetrics"];
    check(&cbor(&server, "monitoring", path, "").await, 200, &binary);
    // What stands before the service is of the endpoint's address.
    check(&cbor(&server, "monitoring", &format!("/prefix{path}"), "").await, 200, &binary);
}

#[tokio::test]
async fn an_error_of_a_service_that_was_query_has_both_codes() {
    let server = Server::start().await;
    let both = ["x-amzn-query-error: InvalidParameterValue;Sender", "InvalidParameterValueException"];
    let target = "GraniteServiceVersion20100801.ListMetrics";
    check(&server.json("monitoring", target, r#"{"NextToken":"x"}"#).await, 400, &both);
    let path = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
    let token = "\u{1}"; // not a map: refused in the protocol
    let answer = cbor(&server, "monitoring", path, token).await;
    check(&answer, 400, &["content-type: application/cbor", "#SerializationException", "must be a CBOR map"]);
    let answer = server.query("monitoring", "Action=ListMetrics&Version=2010-08-01&NextToken=x").await;
    check(&answer, 400, &["<Type>Sender</Type><Code>InvalidParameterValue</Code>"]);
    let answer = cbor(&server, "monitoring", &path.replace("ListMetrics", "PutAnomalyDetector"), "").await;
    check(&answer, 501, &["#NotImplementedException", "cloudwatch PutAnomalyDetector is not supported"]);
    let answer = cbor(&server, "dynamodb", "/service/DynamoDB/operation/ListTables", "").await;
    check(&answer, 501, &["content-type: application/cbor", "dynamodb is not served"]);
    let answer = cbor(&server, "ecs", path, "").await;
    check(&answer, 400, &["#InvalidSignatureException", "'monitoring'"]);
    let answer = server.send(&format!("GET {path}"), &[&signed("monitoring"), DATE, CBOR[0]], "").await;
    check(&answer, 405, &["MethodNotAllowed"]);
    check(&server.send(&format!("POST {path}"), &CBOR, "").await, 400, &["MissingAuthenticationToken"]);
}

#[tokio::test]
async fn a_rest_service_is_called_by_method_and_path_and_only_with_a_signature_in_a_header() {
    let server = Server::start().await;
    let wrapped = "<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>";
    // An image's address can be signed; it is not taken.
    let presigned = "/2013-04-01/hostedzone?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z\
                     &X-Amz-Credential=A%2F20260101%2Fus-east-1%2Froute53%2Faws4_request&X-Amz-SignedHeaders=host\
                     &X-Amz-Signature=00";
    for method in ["GET", "POST", "DELETE"] {
        let answer = server.send(&format!("{method} {presigned}"), &[], "").await;
        check(&answer, 403, &[wrapped, "<Code>MissingAuthenticationToken</Code>"]);
    }
    let answer = server.send("GET /2013-04-01/nonsense", &[&signed("route53"), DATE], "").await;
    check(&answer, 501, &[wrapped, "asked for GET /2013-04-01/nonsense"]);
    let answer = server.send("GET /2013-04-01/hostedzone", &[&signed("route53")], "").await;
    check(&answer, 400, &[wrapped, "<Code>IncompleteSignature</Code>"]);
}

/// Says back what it is sent, in the answers that Route 53 and Logs have for it.
struct Told;

impl Door for Told {
    fn operations(&self) -> Vec<&'static str> {
        vec!["CreateHostedZone", "DeleteHostedZone", "ListHostedZones", "StartLiveTail"]
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(std::future::ready(told(call)))
    }
}

fn document(value: Value) -> Document {
    aws_model::call::document(value).unwrap()
}

fn told(call: Call) -> Result<Answer, AwsError> {
    let said = |name: &str| call.input.get(name).cloned().unwrap_or_else(|| "".into());
    let answer = match call.operation.name() {
        "ListHostedZones" => {
            json!({"HostedZones": [], "Marker": said("Marker"), "IsTruncated": false, "MaxItems": said("MaxItems")})
        }
        "CreateHostedZone" => json!({
            "HostedZone": {"Id": "/hostedzone/Z1", "Name": said("Name"), "CallerReference": said("CallerReference"), "Config": call.input["HostedZoneConfig"]},
            "ChangeInfo": {"Id": "/change/C1", "Status": "INSYNC", "SubmittedAt": 1_796_047_200.5},
            "DelegationSet": {"NameServers": ["ns-1", "ns-2"]},
            "Location": "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1",
        }),
        "DeleteHostedZone" => {
            let words = format!("No hosted zone found with ID: {}", said("Id").as_str().unwrap());
            return Err(AwsError::new("NoSuchHostedZone", words));
        }
        _ => {
            let start = document(json!({"sessionId": "s", "logGroupIdentifiers": said("logGroupIdentifiers")}));
            let update = document(
                json!({"sessionMetadata": {"sampled": false}, "sessionResults": [{"message": "<line>", "timestamp": 1}]}),
            );
            let over = AwsError::new("SessionTimeoutException", "three hours are over");
            let events = [
                Ok(("sessionStart", start)),
                Ok(("sessionUpdate", update)),
                Err(over),
                Ok(("sessionUpdate", Document::new())),
            ];
            return Ok(Answer::Events(Box::pin(stream::iter(events))));
        }
    };
    Ok(document(answer).into())
}

#[tokio::test(flavor = "multi_thread")]
async fn official_clients_read_rest_and_event_streams() {
    let doors = Doors::default().with(Service::Route53, Told).with(Service::Logs, Told);
    let server = Server::with_doors(Options::default(), true, Some(doors)).await;
    clients::run_on(&server, "told").await;
    // By GET, with a signature in a header.
    let answer = server.send("GET /2013-04-01/hostedzone?maxitems=7", &[&signed("route53"), DATE], "").await;
    check(&answer, 200, &["content-type: text/xml", "<MaxItems>7</MaxItems>", "x-amzn-requestid: "]);
}
