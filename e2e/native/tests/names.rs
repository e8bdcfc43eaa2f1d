//! Two services of one stage find each other by name, for real: a container of one asks the other over HTTP, by what
//! `discover` says, while the other is replaced.

use e2e_native::app::App;
use e2e_native::image::push_scripts;
use e2e_native::platform::{Platform, free_port, until};
use serde_json::json;

/// Answers with its version. After SIGTERM it goes on for as long as its address may be kept (`plan::discovery::TTL`),
/// and a little: what everything needs to do that is found by DNS.
const API: &str = r#"#!/bin/sh
echo $VERSION > /www/index.html
httpd -f -p 8000 -h /www &
server=$!
trap 'sleep 11; kill $server; exit 0' TERM
while :; do wait $server; done
"#;

/// Asks by name, and keeps the addresses that it was told for ten seconds, as a client does that respects the TTL.
const WEB: &str = r#"#!/bin/sh
at=0
while :; do
  now=$(date +%s)
  if [ $((now - at)) -ge 10 ]; then
    told=$(busybox nslookup -type=a $NAME | busybox sed -n '/^Name/,$ s/^Address[^:]*: *//p')
    [ -z "$told" ] && { sleep 0.1; continue; }
    at=$now
    echo "told" $told
    echo "by name: $(wget -q -T 2 -O - http://$NAME:8000/)"
  fi
  for address in $told; do
    if answer=$(wget -q -T 2 -O - http://$address:8000/); then echo "answer $answer"; else echo "LOST $address"; fi
  done
  sleep 0.1
done
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

[services.web]
discover = "web.shop.local"
[services.web.containers.web]
image = "WEB"
variables = { VERSION = "none" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn two_services_of_a_stage_find_each_other_by_name_and_lose_nothing_when_one_is_replaced() {
    let platform = Platform::start(71).await;
    let api = push_scripts(&platform, "api", &[("/api", API)], &json!({"Cmd": ["/api"], "Env": ["PATH=/bin"]})).await;
    let web = push_scripts(&platform, "web", &[("/web", WEB)], &json!({"Cmd": ["/web"], "Env": ["PATH=/bin"]})).await;
    let app = App { platform, port: free_port() };
    let path = app.platform.dir.path().join("managr.toml");
    let text = MANIFEST.replace("\"API\"", &format!("\"{api}\"")).replace("\"WEB\"", &format!("\"{web}\""));
    std::fs::write(&path, &text).expect("the test's directory is writable");
    let up = app.managr(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}\n{}", app.platform.log());
    let heard = || app.managr(&["logs", "local", "web"]).out;
    until("the one is heard by the other", &app.platform, || async { heard().contains("answer v1").then_some(()) })
        .await;
    assert!(heard().contains("by name: v1"), "{}", heard());

    // Only the one that is found is replaced.
    std::fs::write(&path, text.replace("VERSION = \"v1\"", "VERSION = \"v2\"")).expect("it is still writable");
    let up = app.managr(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}\n{}", app.platform.log());
    until("the new ones are told, and no old one", &app.platform, || async {
        let heard = heard();
        let last = heard.lines().rev().take(8).collect::<Vec<_>>();
        (last.len() == 8 && last.iter().all(|line| line.contains("v2") || line.starts_with("told"))).then_some(())
    })
    .await;
    let status = app.managr(&["status"]).out;
    assert!(status.contains("api.shop.local  2 tasks are found by it"), "{status}");
    let heard = heard();
    assert!(!heard.contains("LOST"), "{heard}");
    let (before, after) = (heard.matches("answer v1").count(), heard.matches("answer v2").count());
    println!("{before} answers of the old ones, {after} of the new ones, none lost");
    assert!(before > 10 && after > 5, "{heard}");

    let down = app.managr(&["down"]);
    assert_eq!(down.code, Some(0), "{down:#?}\n{}", app.platform.log());
    let left = app.platform.call(&aws::CLOUD_MAP, "ListNamespaces", json!({})).await;
    assert_eq!(aws::items(&left, "Namespaces").len(), 0, "{left:?}");
}
