//! A manifest's text says what the manifest says, and looks as if a person had written it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use deploy_core::{Manifest, parse};
use import::write::text;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(text: &str) -> Manifest {
    parse("managr.toml", text).unwrap_or_else(|errors| panic!("{:#?}\n{text}", errors.errors()))
}

fn check(written: &str) -> String {
    let manifest = read(written);
    let text = text(&manifest, &["Made by a test.".to_owned()]);
    assert_eq!(read(&text), manifest, "{text}");
    text
}

#[test]
fn every_manifest_that_is_there_survives() {
    for written in [
        include_str!("../../../deploy-core/tests/fixtures/full.toml"),
        include_str!("../../../../examples/managr/managr.toml"),
        include_str!("../../../../examples/hello/managr.toml"),
    ] {
        check(written);
    }
}

#[test]
fn a_text_looks_as_if_somebody_had_written_it() {
    let text = check(
        r#"
app = "shop"
images.server.dockerfile = "server/Dockerfile"
variables = { DEBUG = "False", DD_ENV = { value = "dev", containers = ["agent"] } }
secrets = { SECRET_KEY = {} }
[services.app]
cpu = 512
memory = 1024
ingress = { container = "web", port = 80, health-check = { path = "/up", interval = 20 } }
[services.app.volumes]
conf = {}
media = { aws = { efsVolumeConfiguration = { fileSystemId = "fs-12345678", rootDirectory = "/a/rather/long/path", transitEncryption = "ENABLED" } } }
[services.app.containers.web]
image = "server"
ports = [80, "90/udp"]
depends-on = { agent = "start" }
volumes = { conf = "/etc/conf", media = { path = "/media", read-only = true } }
health-check = { command = "curl -f http://127.0.0.1" }
variables = { ONE = "1" }
aws-without = ["logConfiguration.options.awslogs-create-group"]
[services.app.containers.agent]
image = "agent:1"
inherit = false
variables = { ONE = "1", TWO = "two\nlines" }
aws = { firelensConfiguration = { type = "fluentbit" }, environmentFiles = [{ value = "arn:aws:s3:::a-bucket/with/a/long/path.env", type = "s3" }, { value = "arn:aws:s3:::b", type = "s3" }] }
[schedules.tick]
schedule = "rate(1 hour)"
image = "server"
command = ["tick"]
[stages.staging]
host = "staging.example.com"
variables = { DEBUG = "True" }
services.app = { count = 2, containers = { web = { image = "server:2" } } }
"#,
    );
    insta::assert_snapshot!(text, @r#"
    # Made by a test.

    app = "shop"

    [images.server]
    dockerfile = "server/Dockerfile"

    [variables]
    DEBUG = "False"
    DD_ENV = { value = "dev", containers = ["agent"] }

    [secrets]
    SECRET_KEY = {}

    [services.app]
    cpu = 512
    memory = 1024

    [services.app.ingress]
    container = "web"
    port = 80
    health-check = { path = "/up", interval = "20s" }

    [services.app.volumes]
    conf = {}

    [services.app.volumes.media.aws.efsVolumeConfiguration]
    fileSystemId = "fs-12345678"
    rootDirectory = "/a/rather/long/path"
    transitEncryption = "ENABLED"

    [services.app.containers.web]
    image = "server"
    ports = [80, "90/udp"]
    depends-on = { agent = "start" }
    health-check = { command = "curl -f http://127.0.0.1" }
    volumes = { conf = "/etc/conf", media = { path = "/media", read-only = true } }
    variables = { ONE = "1" }
    aws-without = ["logConfiguration.options.awslogs-create-group"]

    [services.app.containers.agent]
    image = "agent:1"
    inherit = false

    [services.app.containers.agent.variables]
    ONE = "1"
    TWO = """
    two
    lines"""

    [services.app.containers.agent.aws]
    firelensConfiguration = { type = "fluentbit" }
    environmentFiles = [
        { value = "arn:aws:s3:::a-bucket/with/a/long/path.env", type = "s3" },
        { value = "arn:aws:s3:::b", type = "s3" },
    ]

    [schedules.tick]
    schedule = "rate(1 hour)"
    image = "server"
    command = ["tick"]

    [stages.staging]
    host = "staging.example.com"

    [stages.staging.variables]
    DEBUG = "True"

    [stages.staging.services.app]
    count = 2

    [stages.staging.services.app.containers.web]
    image = "server:2"
    "#);
}

#[test]
fn a_header_is_a_comment_whatever_it_holds() {
    let manifest = read("app = \"a\"\n");
    let text = text(&manifest, &["one\ntwo".to_owned(), String::new(), "three\r\u{7}".to_owned()]);
    assert_eq!(text, "# one\n# two\n#\n# three\n\napp = \"a\"\n");
    assert_eq!(read(&text), manifest);
}

/// Values of a raw table, as TOML can hold them.
fn raw() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no such number", |n| n.is_finite()).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[a-z\n\"'\\\\]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    })
}

fn members(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = serde_json::Map<String, Value>> {
    let key = prop_oneof![3 => "[a-zA-Z]{1,12}", 1 => ".{0,6}", 1 => "(variables|secrets|containers|aws|services)"];
    prop::collection::vec((key, inner), 0..5).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn any_text_and_any_raw_table_survive(
        values in prop::collection::btree_map("[A-Z_]{1,8}", ".{0,60}|[ -~\n\r\t]{0,60}", 0..6),
        aws in members(raw()),
        labels in prop::collection::btree_map(".{0,10}", ".{0,30}", 0..4),
        header in prop::collection::vec(".{0,20}", 0..3),
    ) {
        let aws = Value::Object(aws);
        let container = json!({ "image": "x:1", "aws": aws, "labels": labels, "variables": values });
        let manifest: Manifest = serde_json::from_value(json!({
            "app": "a",
            "variables": values,
            "services": { "web": {
                "containers": { "web": container },
                "aws": aws,
                "aws-service": aws,
                "volumes": {},
            } },
            "stages": { "prod": {
                "variables": values,
                "services": { "web": { "aws": aws, "containers": { "web": { "aws": aws, "variables": values } } } },
            } },
        }))
        .unwrap();
        let text = text(&manifest, &header);
        prop_assert_eq!(read(&text), manifest, "{}", text);
    }
}
