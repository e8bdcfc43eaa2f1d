//! Schedules that run: `up` makes them, the platform's clock is moved on, they start tasks, `down` takes them away.

use std::io::{Read, Write};
use std::net::TcpStream;

use aws::{ECS, EVENTS};
use serde_json::{Value, json};

use crate::deploy::well;
use crate::sandbox::{MANIFEST, Sandbox};
use crate::verify::call;

const SCHEDULES: &str = r#"
[schedules.nightly]
schedule = "cron(0 6 * * ? *)"
service = "app"
command = ["rake", "night"]
variables = { AT_NIGHT = "yes" }

[schedules.tick]
schedule = "rate(1 hour)"
image = "busybox:1.36"
"#;

/// Asks one of the platform's own pages.
pub(crate) fn page(sandbox: &Sandbox, method: &str, page: &str, body: &str) -> Value {
    let address = sandbox.endpoint().replace("http://", "");
    let mut stream = TcpStream::connect(&address).unwrap();
    let length = body.len();
    let head = format!("{method} /_managr/{page} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn fired(sandbox: &Sandbox, name: &str) -> Option<u64> {
    let told = page(sandbox, "GET", "schedules", "");
    let all = told["schedules"].as_array().unwrap();
    let one = all.iter().find(|schedule| schedule["name"].as_str().unwrap().contains(name))?;
    assert_eq!((&one["failure"], &one["missed"]), (&Value::Null, &json!(0)), "{one:#}");
    one["fired"].as_u64()
}

#[test]
fn up_makes_schedules_that_fire_and_down_takes_them_away() {
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}{SCHEDULES}"));
    let _platform = sandbox.platform();
    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{}", up.transcript());
    for words in ["+ schedule demo-nightly-local", "+ schedule demo-tick-local"] {
        assert!(up.err.contains(words), "no `{words}` in {}", up.err);
    }
    assert!(!up.err.contains("schedules are not run here"), "{}", up.err);
    assert_eq!((fired(&sandbox, "nightly"), fired(&sandbox, "tick")), (Some(0), Some(0)));

    page(&sandbox, "POST", "clock", r#"{"advance": "24h"}"#);
    assert_eq!((fired(&sandbox, "nightly"), fired(&sandbox, "tick")), (Some(1), Some(24)));
    page(&sandbox, "POST", "clock", r#"{"advance": "24h"}"#);
    assert_eq!(fired(&sandbox, "nightly"), Some(2));
    // A stopped task is kept for an hour, so that the last one of the hourly schedule is there.
    let by = json!({"cluster": "demo-cluster", "startedBy": "events-rule/demo-tick-local", "desiredStatus": "STOPPED"});
    let tasks = call(&sandbox, &[(&ECS, "ListTasks", by)]).remove(0)["taskArns"].clone();
    let described = call(&sandbox, &[(&ECS, "DescribeTasks", json!({"cluster": "demo-cluster", "tasks": tasks}))]);
    let task = &described[0]["tasks"][0];
    assert_eq!((&task["lastStatus"], &task["stopCode"]), (&json!("STOPPED"), &json!("EssentialContainerExited")));

    // Another `up` changes nothing, and neither does the time.
    let again = sandbox.run(&["up", "--detach"]);
    assert!(!again.err.lines().any(|line| line.starts_with(['+', '~', '-'])), "{}", again.err);
    assert_eq!(sandbox.run(&["plan", "local", "--detailed-exitcode"]).code, Some(0));

    let down = well(&sandbox, &["down"]);
    assert!(down.err.contains("- schedule demo-nightly-local"), "{}", down.err);
    assert_eq!(call(&sandbox, &[(&EVENTS, "ListRules", json!({}))])[0]["Rules"], json!([]));
    page(&sandbox, "POST", "clock", r#"{"advance": "24h"}"#);
    assert_eq!(fired(&sandbox, "nightly"), None);
}
