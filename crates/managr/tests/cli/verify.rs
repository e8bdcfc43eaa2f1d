//! `managr verify` against the simulated platform.

use aws::{Client, ECR, Options, SECRETS};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// An image's configuration, its digest and its text in base64.
const CONFIG: &str = r#"{"architecture":"amd64","os":"linux"}"#;
const CONFIG_DIGEST: &str = "sha256:9d99a75171aea000c711b34c0e5e3f28d3d537dd99d110eafbfbc2bd8e52c2bf";
const CONFIG_BASE64: &str = "eyJhcmNoaXRlY3R1cmUiOiJhbWQ2NCIsIm9zIjoibGludXgifQ==";

pub(crate) fn call(sandbox: &Sandbox, calls: &[(&aws::Service, &str, Value)]) -> Vec<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::new(Options::local(sandbox.endpoint(), "us-east-1")).unwrap();
    let mut answers = Vec::new();
    for (service, operation, input) in calls {
        let answer = runtime.block_on(client.call(service, operation, input.as_object().unwrap().clone()));
        answers.push(Value::Object(answer.unwrap()));
    }
    answers
}

/// Pushes an image of no layers for amd64.
pub(crate) fn push(sandbox: &Sandbox, repository: &str, tag: &str) {
    let name = json!({ "repositoryName": repository });
    let begun = call(sandbox, &[(&ECR, "CreateRepository", name.clone()), (&ECR, "InitiateLayerUpload", name)]);
    let upload = &begun[1]["uploadId"];
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": CONFIG_DIGEST,
                   "size": CONFIG.len()},
    });
    let part = json!({ "repositoryName": repository, "uploadId": upload, "partFirstByte": 0,
                       "partLastByte": CONFIG.len() - 1, "layerPartBlob": CONFIG_BASE64 });
    let whole = json!({ "repositoryName": repository, "uploadId": upload, "layerDigests": [CONFIG_DIGEST] });
    let image = json!({ "repositoryName": repository, "imageManifest": manifest.to_string(), "imageTag": tag });
    call(sandbox, &[(&ECR, "UploadLayerPart", part), (&ECR, "CompleteLayerUpload", whole), (&ECR, "PutImage", image)]);
}

fn manifest(sandbox: &Sandbox, text: &str) {
    let registry = sandbox.endpoint().replace("http://", "");
    sandbox.write("managr.toml", &text.replace("REGISTRY", &registry));
}

const GOOD: &str = r#"app = "demo"

[secrets]
SECRET_KEY = { generate = true }
STRIPE_KEY = {}

[services.app]
platform = "linux/amd64"

[services.app.ingress]
container = "web"
port = 80

[services.app.containers.web]
image = "REGISTRY/demo/web:1"

[stages.local]
secrets-file = ".env"
"#;

#[test]
fn a_manifest_that_would_come_up_ends_with_0() {
    let sandbox = Sandbox::new();
    let _platform = sandbox.platform();
    push(&sandbox, "demo/web", "1");
    manifest(&sandbox, GOOD);
    sandbox.write(".env", "STRIPE_KEY=hunter2\n");
    let run = sandbox.run(&["verify"]);
    assert!(!run.transcript().contains("hunter2"));
    insta::assert_snapshot!("well", run.transcript());

    let quiet = sandbox.run(&["verify", "--quiet"]);
    assert_eq!(quiet.transcript(), "exit 0\n--- out\n--- err\n");
    let verbose = sandbox.run(&["verify", "--verbose"]);
    assert!(verbose.out.contains("ok   Image[127.0.0.1:PORT/demo/web:1]"), "{}", verbose.out);
}

/// Wrong on purpose, in as many ways as can be told without a network.
const BAD: &str = r#"app = "demo"

[variables]
DB_PASSWORD = "hunter2"

[secrets]
KNOWN = {}
MISSING = {}
GONE = { from = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-AbCdEf" }
ODD = { from = "arn:aws:s3:::bucket" }
PARAMETER = { from = "arn:aws:ssm:us-east-1:123456789012:parameter/demo/parameter" }

[services.app]
platform = "linux/arm64"
aws-service = { enableExecuteCommand = true }

[services.app.ingress]
container = "web"
port = 80

[services.app.containers.web]
image = "REGISTRY/demo/web:1"
variables = { AWS_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE" }
aws = { dependsOn = [{ containerName = "worker", condition = "HEALTHY" }] }

[services.app.containers.worker]
image = "REGISTRY/demo/web:2"

[services.app.containers.worker.aws]
stopTimeout = 600
logConfiguration = { logDriver = "awslogs", options = { awslogs-group = "/nowhere", awslogs-region = "eu-west-1", awslogs-create-group = "false" } }

[schedules.nightly]
schedule = "rate(1 day)"
image = "127.0.0.1:1/nobody/listens:1"

[stages.staging]
account = "999999999999"
listener-arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/x/1/2"

[stages.staging.services.app]
target-group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/gone/0123456789abcdef"
"#;

#[test]
fn everything_that_would_fail_is_said_in_one_run() {
    let sandbox = Sandbox::new();
    let _platform = sandbox.platform();
    push(&sandbox, "demo/web", "1");
    let secret = json!({ "Name": "demo/staging", "SecretString": r#"{"KNOWN":"hunter2"}"#, "ClientRequestToken": "x".repeat(32) });
    call(&sandbox, &[(&SECRETS, "CreateSecret", secret)]);
    manifest(&sandbox, BAD);
    let run = sandbox.run(&["verify", "staging", "--read-secrets"]);
    for value in ["hunter2", "AKIAIOSFODNN7EXAMPLE"] {
        assert!(!run.transcript().contains(value), "{value} is shown");
    }
    insta::assert_snapshot!("everything", suffixes(&run.transcript()));

    let unread = sandbox.run(&["verify", "staging"]);
    assert!(unread.out.contains("its keys were not read (use --read-secrets)"), "{}", unread.out);
    let quiet = sandbox.run(&["verify", "staging", "--quiet"]);
    assert!(quiet.out.starts_with("FAIL Account[999999999999]\n"), "{}", quiet.out);

    let run = sandbox.run(&["verify", "staging", "--json"]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.code, &report["stage"]), (Some(5), &json!("staging")));
    assert_eq!(report["root"]["checks"][0]["outcome"], "failed");
    assert!(report["counts"]["failed"].as_u64() > Some(5), "{}", run.out);
}

/// Hides what a platform makes up: the suffix of a secret's ARN.
fn suffixes(text: &str) -> String {
    let mut parts = text.split("demo/staging-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| format!("{out}demo/staging-SUFFIX{}", part.get(6..).unwrap_or_default()))
}

#[test]
fn an_image_of_another_registry_is_asked_for_there() {
    let elsewhere = Sandbox::new();
    let _registry = elsewhere.platform();
    push(&elsewhere, "demo/web", "1");
    let sandbox = Sandbox::new();
    let _platform = sandbox.platform();
    let host = elsewhere.endpoint().replace("http://", "");
    sandbox.write(".env", "STRIPE_KEY=x\n");
    sandbox.write("managr.toml", &GOOD.replace("REGISTRY", &host));
    let run = sandbox.run(&["verify", "--verbose"]);
    assert_eq!(run.code, Some(0), "{}", run.out);
    assert!(run.out.contains(&format!("ok   Image[{host}/demo/web:1]")), "{}", run.out);

    sandbox.write("managr.toml", &GOOD.replace("REGISTRY", &host).replace("amd64", "arm64"));
    let run = sandbox.run(&["verify"]);
    assert!(run.out.contains("is for amd64, and the task definition asks for arm64"), "{}", run.out);
    sandbox.write("managr.toml", &GOOD.replace("REGISTRY", &host).replace("web:1", "web:2"));
    let run = sandbox.run(&["verify"]);
    assert!(run.out.contains(&format!("{host} has no tag `2` of `demo/web`")), "{}", run.out);
}

#[test]
fn without_an_endpoint_what_can_be_told_is_told() {
    let sandbox = Sandbox::new();
    manifest(&sandbox, GOOD);
    let run = sandbox.run(&["verify"]);
    assert_eq!(run.code, Some(5));
    for words in ["FAIL Account", "no answer from http://127.0.0.1:PORT", "managr platform start", "Registration"] {
        assert!(run.out.contains(words), "`{words}` is missing in:\n{}", run.out);
    }
    assert_eq!(sandbox.run(&["verify", "nowhere"]).code, Some(2));
}
