//! Two services of one stage find each other by name, for real: a container of one asks the other over HTTP, by what
//! `discover` says and by an alias of Service Connect, while the other is replaced.

use std::path::Path;
use std::time::{Duration, Instant};

use e2e_native::app::App;
use e2e_native::image::{push_program, push_scripts};
use e2e_native::platform::{PATIENCE, Platform, free_port};
use serde_json::json;

/// Answers with its version, and is gone at once when it is stopped: whatever is asked of it then is lost.
const API: &str = r#"#!/bin/sh
echo $VERSION > /www/index.html
exec httpd -f -p 8000 -h /www
"#;

const MANIFEST: &str = r#"app = "shop"

[variables]
VERSION = "v1"
NAME = "api.shop.local"

[services.api]
discover = "api.shop.local"
count = 2
[services.api.containers.api]
image = "API"
init = true
aws = { portMappings = [{ containerPort = 8000, name = "http" }] }
[services.api.aws-service.serviceConnectConfiguration]
enabled = true
namespace = "shop.local"
services = [{ portName = "http", clientAliases = [{ port = 8000, dnsName = "backend" }] }]

[services.web]
discover = "web.shop.local"
[services.web.containers.web]
image = "WEB"
init = true
variables = { VERSION = "none" }
[services.web.containers.connects]
image = "WEB"
init = true
variables = { VERSION = "none", NAME = "backend" }
[services.web.aws-service.serviceConnectConfiguration]
enabled = true
namespace = "shop.local"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn two_services_of_a_stage_find_each_other_by_name_and_lose_nothing_when_one_is_replaced() {
    let platform = Platform::start().await;
    let api = push_scripts(&platform, "api", &[("/api", API)], &json!({"Cmd": ["/api"], "Env": ["PATH=/bin"]})).await;
    let web = push_program(&platform, "web", Path::new(env!("CARGO_BIN_EXE_asks-by-name"))).await;
    let app = App { platform, port: free_port() };
    let path = app.platform.dir.path().join("managr.toml");
    let text = MANIFEST.replace("\"API\"", &format!("\"{api}\"")).replace("\"WEB\"", &format!("\"{web}\""));
    std::fs::write(&path, &text).expect("the test's directory is writable");
    let up = app.managr(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}\n{}", app.platform.log());
    for container in ["web", "connects"] {
        hear(&app, container, "what the one answers", |heard| heard.contains("answer v1")).await;
    }

    // Only the one that is found is replaced.
    std::fs::write(&path, text.replace("VERSION = \"v1\"", "VERSION = \"v2\"")).expect("it is still writable");
    let up = app.managr(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}\n{}", app.platform.log());
    let is_new = |line: &str| line.contains("v2") || line.starts_with("told");
    for container in ["web", "connects"] {
        let heard = hear(&app, container, "the new ones and no old one", |heard| {
            heard.lines().count() > 8 && heard.lines().rev().take(8).all(is_new)
        })
        .await;
        assert!(!heard.contains("LOST"), "{container}: {heard}");
        let (before, after) = (heard.matches("answer v1").count(), heard.matches("answer v2").count());
        println!("{container}: {before} answers of the old ones, {after} of the new ones, none lost");
        assert!(before > 10 && after > 5, "{container}: {heard}");
    }
    let status = app.managr(&["status"]).out;
    assert!(status.contains("api.shop.local  2 tasks are found by it"), "{status}");

    let down = app.managr(&["down"]);
    assert_eq!(down.code, Some(0), "{down:#?}\n{}", app.platform.log());
    let left = app.platform.call(&aws::CLOUD_MAP, "ListNamespaces", json!({})).await;
    assert_eq!(aws::items(&left, "Namespaces").len(), 0, "{left:?}");
}

/// Waits until an asking container has said something, and returns all that it said.
async fn hear(app: &App, container: &str, what: &str, is_it: impl Fn(&str) -> bool) -> String {
    let started = Instant::now();
    loop {
        let heard = app.managr(&["logs", "local", container]).out;
        if is_it(&heard) {
            return heard;
        }
        let status = || app.managr(&["status"]).out;
        assert!(
            started.elapsed() < PATIENCE,
            "{container} waited in vain for {what}:\n{heard}\n{}\n{}",
            status(),
            app.platform.log()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
