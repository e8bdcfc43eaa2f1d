//! The front over a real socket: what comes in byte by byte, and what goes out.
#![allow(clippy::unwrap_used)]

mod admission;
mod bounds;
mod clients;
mod empty;
mod generated;
mod protocols;
mod scaling;
mod server;
mod sessions;

use server::{DATE, FORM, Server, signed};

/// Holds an answer against its status and words that it must have.
fn check(answer: &str, status: u16, words: &[&str]) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "not {status}:\n{answer}");
    for word in words {
        assert!(answer.contains(word), "no `{word}` in:\n{answer}");
    }
}

#[tokio::test]
async fn a_json_call_is_answered_with_a_request_id() {
    let server = Server::start().await;
    let answer = server.json("secretsmanager", "secretsmanager.ListSecrets", r#"{"NextToken":null}"#).await;
    check(&answer, 200, &["content-type: application/x-amz-json-1.1", "x-amzn-requestid: ", r#"{"SecretList":[]}"#]);
    let answer = server.json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", "{}").await;
    check(&answer, 200, &[r#"{"clusterArns":[]}"#]);
    let answer = server.json("ecr", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories", "").await;
    check(&answer, 200, &[r#"{"repositories":[]}"#]);
    let answer = server.json("logs", "Logs_20140328.CreateLogGroup", r#"{"logGroupName":"g"}"#).await;
    check(&answer, 200, &["\r\n\r\n{}"]);
}

#[tokio::test]
async fn a_query_call_is_answered_in_xml_and_only_by_post() {
    let server = Server::start().await;
    let words = [
        "content-type: text/xml",
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>",
        "<Arn>arn:aws:iam::123456789012:root</Arn>",
        "<Account>123456789012</Account>",
        "<RequestId>",
    ];
    check(&server.query("sts", "Action=GetCallerIdentity&Version=2011-06-15").await, 200, &words);
    let call = "/?Action=GetCallerIdentity&Version=2011-06-15";
    let refused = ["allow: POST", "<Code>MethodNotAllowed</Code>", "GetCallerIdentity is called by POST here"];
    for method in ["GET", "PUT"] {
        check(&server.send(&format!("{method} {call}"), &[&signed("sts"), DATE], "").await, 405, &refused);
    }
    let target = "x-amz-target: AmazonEC2ContainerServiceV20141113.ListClusters";
    let answer = server.send("GET /", &[&signed("ecs"), DATE, target], "").await;
    check(&answer, 405, &["allow: POST", "MethodNotAllowed"]);
    let presigned = format!(
        "POST {call}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fsts%2Faws4_request\
         &X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
    );
    check(&server.send(&presigned, &[], "").await, 200, &words);
    let answer = server.query("elasticloadbalancing", "Action=DescribeLoadBalancers&Version=2015-12-01").await;
    check(&answer, 200, &["<DescribeLoadBalancersResult><LoadBalancers></LoadBalancers>"]);
}

#[tokio::test]
async fn a_web_identity_assumes_a_role_without_a_signature() {
    let server = Server::start().await;
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fci%2Fdeploy&RoleSessionName=pipeline";
    let asked = format!("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&{role}&WebIdentityToken=eyJ.x.y");
    let answer = server.send("POST /", &[FORM], &asked).await;
    check(&answer, 200, &["<AssumeRoleWithWebIdentityResult>", "<AccessKeyId>ASIA", "<SessionToken>", "<Expiration>2"]);
    check(&answer, 200, &["<Arn>arn:aws:sts::123456789012:assumed-role/deploy/pipeline</Arn>"]);
    assert!(!answer.contains("eyJ"), "the token is nobody's to read");
    check(&server.send("POST /", &[FORM], &asked.replace("role%2F", "user%2F")).await, 400, &["ValidationError"]);
    let other = "Action=AssumeRole&Version=2011-06-15";
    check(&server.send("POST /", &[FORM], other).await, 403, &["<Code>MissingAuthenticationToken</Code>"]);
}

#[tokio::test]
async fn unsigned_and_malformed_requests_get_awss_errors_by_protocol() {
    let server = Server::start().await;
    let target = "x-amz-target: secretsmanager.ListSecrets";
    let answer = server.send("POST /", &[target], "{}").await;
    check(&answer, 400, &[r#""__type":"MissingAuthenticationTokenException""#, "x-amzn-errortype: MissingAuth"]);
    let answer = server.send("POST /", &[target, DATE, "authorization: AWS4-HMAC-SHA256 Credential=a"], "{}").await;
    check(&answer, 400, &["IncompleteSignatureException", "requires 'Signature' parameter"]);
    let answer = server.send("POST /", &[target, &signed("secretsmanager")], "{}").await;
    check(&answer, 400, &["IncompleteSignatureException", "either a 'X-Amz-Date' or a 'Date' header"]);
    let answer = server.json("ecs", "secretsmanager.ListSecrets", "{}").await;
    check(&answer, 400, &["InvalidSignatureException", "correct service: 'secretsmanager'"]);

    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let answer = server.send("POST /", &[FORM], form).await;
    check(&answer, 403, &["<ErrorResponse", "<Code>MissingAuthenticationToken</Code>"]);
    let bad = signed("sts").replace("aws4_request", "aws5");
    check(&server.send("POST /", &[FORM, DATE, &bad], form).await, 403, &["<Code>SignatureDoesNotMatch</Code>"]);
    let bad = signed("sts").replace("us-east-1/", "");
    check(&server.send("POST /", &[FORM, DATE, &bad], form).await, 400, &["<Code>IncompleteSignature</Code>"]);
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_name_in_the_callers_protocol() {
    let server = Server::start().await;
    let answer = server.json("ecs", "AmazonEC2ContainerServiceV20141113.CreateTaskSet", "{}").await;
    check(&answer, 501, &["NotImplementedException", "ecs CreateTaskSet is not supported by managr's platform yet"]);
    let answer = server.json("ecs", "AmazonEC2ContainerServiceV20141113.Nonsense", "{}").await;
    check(&answer, 400, &["UnknownOperationException", "ecs has no operation Nonsense"]);
    let answer = server.json("dynamodb", "DynamoDB_20120810.ListTables", "{}").await;
    check(&answer, 501, &["NotImplementedException", "dynamodb is not served"]);
    let answer = server.query("sts", "Action=Nonsense&Version=2011-06-15").await;
    check(&answer, 400, &["<Code>InvalidAction</Code>", "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""]);
    let answer = server.query("sts", "Version=2011-06-15").await;
    check(&answer, 400, &["<Code>MissingAction</Code>"]);
    let answer = server.query("elasticloadbalancing", "Action=DescribeLoadBalancers&Version=2012-06-01").await;
    check(&answer, 501, &["<Code>NotImplementedException</Code>", "elasticloadbalancing is not served"]);
    let answer = server.query("ec2", "Action=RunInstances&Version=2016-11-15").await;
    check(&answer, 501, &["<Response><Errors><Error><Code>", "ec2 RunInstances is not supported"]);
    let answer = server.send("GET /bucket/key", &[&signed("s3"), DATE], "").await;
    check(&answer, 501, &["<Error><Code>NotImplementedException</Code>", "s3 is not served"]);
    let answer = server.send("GET /2015-03-31/functions", &[&signed("lambda"), DATE], "").await;
    check(&answer, 501, &["lambda is not served", "application/x-amz-json"]);
}

#[tokio::test]
async fn bodies_must_be_what_the_protocol_says() {
    let server = Server::start().await;
    let target = "secretsmanager.CreateSecret";
    check(&server.json("secretsmanager", target, "[]").await, 400, &["SerializationException", "not a list"]);
    check(&server.json("secretsmanager", target, "{").await, 400, &["SerializationException", "not JSON"]);
    let answer = server.json("secretsmanager", target, r#"{"Name":"n","SecretString":{"hunter":2}}"#).await;
    check(&answer, 400, &["SerializationException", "(SecretString)"]);
    assert!(!answer.contains("hunter"));
    check(&server.query("sts", "Action=GetCallerIdentity&A..B=1").await, 400, &["MalformedQueryString"]);
}

#[tokio::test]
async fn web_pages_and_foreign_names_are_refused_everywhere() {
    let server = Server::start().await;
    for line in ["POST /", "GET /v2/", "POST /_managr/reset", "GET /_managr/health", "GET /v1/data-channel/s"] {
        let answer = server.send(line, &["host: evil.example:4566"], "").await;
        check(&answer, 403, &["'evil.example' is not a name of this platform"]);
        let answer = server.send(line, &["origin: http://localhost:3000"], "").await;
        check(&answer, 403, &["web pages"]);
    }
    for host in ["localhost", "[::1]:4566", "api.localhost", "platform.test"] {
        check(&server.send("GET /_managr/health", &[&format!("host: {host}")], "").await, 200, &[r#""status":"ok""#]);
    }
    check(&server.raw("GET / HTTP/1.0\r\n\r\n").await.replace("HTTP/1.0", "HTTP/1.1"), 403, &["names no host"]);
}

#[tokio::test]
async fn the_registry_answers_below_v2() {
    let server = Server::start().await;
    check(&server.send("GET /v2/", &[], "").await, 200, &["docker-distribution-api-version: registry/2.0"]);
    let answer = server.send("GET /v2/none/manifests/latest", &[], "").await;
    check(&answer, 404, &["NAME_UNKNOWN"]);
}

#[tokio::test]
async fn reset_empties_every_truth() {
    let server = Server::start().await;
    let create = |target: &'static str, body: &'static str| {
        let scope = target.split_once('.').map(|(prefix, _)| match prefix {
            "Logs_20140328" => "logs",
            "AmazonEC2ContainerServiceV20141113" => "ecs",
            "AmazonSSM" => "ssm",
            "AmazonEC2ContainerRegistry_V20150921" => "ecr",
            other => other,
        });
        server.json(scope.unwrap(), target, body)
    };
    let made = [
        create("secretsmanager.CreateSecret", r#"{"Name":"s","SecretString":"v"}"#).await,
        create("AmazonSSM.PutParameter", r#"{"Name":"/p","Value":"v","Type":"String"}"#).await,
        create("Logs_20140328.CreateLogGroup", r#"{"logGroupName":"g"}"#).await,
        create("AmazonEC2ContainerServiceV20141113.CreateCluster", r#"{"clusterName":"c"}"#).await,
        create("AmazonEC2ContainerRegistry_V20150921.CreateRepository", r#"{"repositoryName":"repo"}"#).await,
    ];
    made.iter().for_each(|answer| check(answer, 200, &[]));
    let full = [
        r#""clusters":1"#,
        r#""secrets":1"#,
        r#""parameters":1"#,
        r#""logGroups":1"#,
        r#""engine":"still""#,
        r#""iamEnforcement":"off""#,
        r#""notices":[]"#,
    ];
    check(&server.send("GET /_managr/status", &[], "").await, 200, &full);
    let names = [r#""clusters":["c"]"#, r#""secrets":["s"]"#, r#""parameters":["p"]"#, r#""logGroups":["g"]"#];
    check(&server.send("GET /_managr/contents", &[], "").await, 200, &names);
    check(&server.send("GET /_managr/contents", &[], "").await, 200, &[r#""repositories":["repo"]"#]);
    check(&server.send("GET /_managr/reset", &[], "").await, 405, &["allow: POST"]);
    check(&server.send("POST /_managr/reset", &[], "").await, 200, &["reset"]);
    let empty = [r#""clusters":0"#, r#""secrets":0"#, r#""parameters":0"#, r#""logGroups":0"#];
    check(&server.send("GET /_managr/status", &[], "").await, 200, &empty);
    let answer = create("AmazonEC2ContainerRegistry_V20150921.DescribeRepositories", "{}").await;
    check(&answer, 200, &[r#"{"repositories":[]}"#]);
    let names = ["health", "reset", "status", "version"];
    check(&server.send("GET /_managr/nonsense", &[], "").await, 404, &names);
}

#[tokio::test]
async fn one_connection_carries_many_requests_and_http2_is_understood() {
    let server = Server::start().await;
    let one = "GET /_managr/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let last = "GET /_managr/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answers = server.raw(&format!("{one}{one}{last}")).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
    // The server's preface in answer to the client's: a SETTINGS frame.
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    tokio::io::AsyncWriteExt::write_all(&mut stream, preface).await.unwrap();
    let mut head = [0; 9];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head).await.unwrap();
    assert_eq!(head[3], 4, "{head:?}");
}

#[tokio::test]
async fn a_stopped_front_ends_idle_connections_and_returns() {
    let server = Server::start().await;
    let mut idle = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let one = b"GET /_managr/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut idle, one).await.unwrap();
    let mut byte = [0; 1];
    tokio::io::AsyncReadExt::read_exact(&mut idle, &mut byte).await.unwrap();
    let address = server.address;
    tokio::time::timeout(std::time::Duration::from_secs(3), server.stop()).await.expect("within the drain");
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut idle, &mut rest).await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[test]
fn the_compatibility_table_names_every_operation_once() {
    let table = api::compatibility();
    let mut names: Vec<_> = table.iter().map(|(service, operation, _)| (service, operation)).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), table.len());
    let support = |service, operation| table.iter().find(|r| (r.0, r.1) == (service, operation)).map(|r| r.2);
    assert_eq!(support("logs", "FilterLogEvents"), Some(api::Support::Supported));
    assert_eq!(support("logs", "CreateDelivery"), Some(api::Support::Refused));
    assert_eq!(support("elbv2", "CreateLoadBalancer"), Some(api::Support::Supported));
    assert_eq!(support("ecs", "RunTask"), Some(api::Support::Supported));
    assert_eq!(support("logs", "Nonsense"), None);
}
