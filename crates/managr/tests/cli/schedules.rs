//! Schedules that run: `up` makes them, the platform's clock is moved on, they start tasks, `down` takes them away.

use std::io::{Read, Write};
use std::net::TcpStream;

use aws::{ECS, EVENTS, SCHEDULER};
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

const CLOCKS: &str = r#"
[schedules.nightly]
schedule = "cron(0 6 * * ? *)"
timezone = "Europe/Berlin"
retries = 2
service = "app"
command = ["rake", "night"]

[schedules.failing]
schedule = "rate(1 hour)"
image = "busybox:1.36"
variables = { SIMULATED_EXIT_CODE = "3" }

[schedules.still]
schedule = "rate(1 hour)"
image = "busybox:1.36"

[stages.local.schedules.still]
enabled = false
"#;

fn shown(sandbox: &Sandbox) -> Vec<Value> {
    let run = well(sandbox, &["schedules", "--json"]);
    serde_json::from_str::<Value>(&run.out).unwrap()["schedules"].as_array().unwrap().clone()
}

#[test]
fn schedules_are_shown_with_their_next_and_their_last_run() {
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}{CLOCKS}"));
    let _platform = sandbox.platform();
    let before = well(&sandbox, &["schedules"]);
    assert!(before.out.contains("it is not there: no deploy has made it"), "{}", before.out);
    well(&sandbox, &["up", "--detach"]);
    let all = shown(&sandbox);
    let seen: Vec<_> = all.iter().map(|one| (&one["schedule"], &one["via"], &one["enabled"], &one["last"])).collect();
    let (yes, no, none) = (json!(true), json!(false), Value::Null);
    assert_eq!(
        seen,
        [
            (&json!("nightly"), &json!("scheduler"), &yes, &none),
            (&json!("failing"), &json!("rule"), &yes, &none),
            (&json!("still"), &json!("rule"), &no, &none),
        ]
    );
    let next = all[0]["nextUtc"].as_str().unwrap();
    assert!(next.ends_with("T05:00:00Z") || next.ends_with("T04:00:00Z"), "six in Berlin: {next}");
    assert_eq!((&all[0]["release"], &all[2]["next"]), (&json!(1), &none));
    let retries = json!({"Name": "demo-nightly-local"});
    let found = call(&sandbox, &[(&SCHEDULER, "GetSchedule", retries)]).remove(0);
    assert_eq!(found["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 2);

    page(&sandbox, "POST", "clock", r#"{"advance": "61m"}"#);
    let failing = shown(&sandbox).remove(1);
    assert_eq!((&failing["last"]["outcome"], &failing["last"]["code"]), (&json!("failed"), &json!(3)), "{failing:#}");
    assert_eq!(failing["last"]["byHand"], false);
    let text = well(&sandbox, &["schedules", "local"]).out;
    for words in ["failing  rate(1 hour)  rule", "s ago: exit code 3", "scheduler, Europe/Berlin", "disabled, as the"] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
    let status = sandbox.run(&["status"]);
    assert!(status.out.contains("schedule failing: its last run failed"), "{}", status.transcript());
    assert_eq!(status.code, Some(0), "services are well");
    let tasks = well(&sandbox, &["ps", "local", "--schedule", "failing", "--all", "--json"]);
    let tasks: Vec<Value> = serde_json::from_str(&tasks.out).unwrap();
    assert_eq!(tasks.iter().map(|task| &task["kind"]).collect::<Vec<_>>(), ["schedule"]);
}

#[test]
fn a_schedule_is_run_enabled_and_disabled_by_hand() {
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}{CLOCKS}"));
    let _platform = sandbox.platform();
    let early = sandbox.run(&["schedules", "run", "local", "failing"]);
    assert_eq!(early.code, Some(255), "{}", early.transcript());
    assert!(early.err.contains("there is no rule `demo-failing-local`"), "{}", early.err);
    well(&sandbox, &["up", "--detach"]);
    // The exit code is the command's, though the schedule does not fire.
    let disabled = well(&sandbox, &["schedules", "disable", "local", "failing"]);
    assert!(disabled.err.contains("schedule demo-failing-local is disabled"), "{}", disabled.err);
    let run = sandbox.run(&["schedules", "run", "local", "failing"]);
    assert_eq!(run.code, Some(3), "{}", run.transcript());
    let night = well(&sandbox, &["schedules", "run", "local", "nightly", "--detach"]);
    let task = json!({"cluster": "demo-cluster", "tasks": [night.out.trim()]});
    let task = call(&sandbox, &[(&ECS, "DescribeTasks", task)]).remove(0)["tasks"][0].clone();
    assert_eq!(task["startedBy"], "managr-schedule/demo-nightly-local");
    let over = task["overrides"]["containerOverrides"].as_array().unwrap();
    assert!(over.iter().any(|one| one["command"] == json!(["rake", "night"])), "{task:#}");
    let all = shown(&sandbox);
    assert_eq!((&all[0]["last"]["byHand"], &all[1]["enabled"]), (&json!(true), &json!(false)));
    page(&sandbox, "POST", "clock", r#"{"advance": "3h"}"#);
    assert_eq!(fired(&sandbox, "failing"), Some(0));
    // Nothing in the manifest says that it fires: a deploy leaves it as it is.
    assert_eq!(sandbox.run(&["plan", "local", "--detailed-exitcode"]).code, Some(0));
    let enabled = well(&sandbox, &["schedules", "enable", "local", "still"]);
    assert!(enabled.err.contains("the manifest says `enabled = false` of it in this stage"), "{}", enabled.err);
    assert_eq!(sandbox.run(&["plan", "local", "--detailed-exitcode"]).code, Some(2));
    for name in ["nightly", "failing"] {
        well(&sandbox, &["schedules", "disable", "local", name]);
        let again = well(&sandbox, &["schedules", "enable", "local", name]);
        assert!(again.err.contains("is enabled"), "{}", again.err);
        let twice = well(&sandbox, &["schedules", "enable", "local", name]);
        assert!(twice.err.contains("is already enabled"), "{}", twice.err);
    }
    let unknown = sandbox.run(&["schedules", "run", "local", "nightl"]);
    insta::assert_snapshot!(unknown.transcript(), @r"
    exit 2
    --- out
    --- err
    error: the manifest has no schedule `nightl`
      hint: did you mean `nightly`?
    ");
    for args in [&["logs", "local", "nightly"][..], &["logs", "local", "failing"]] {
        assert_eq!(sandbox.run(args).code, Some(0));
    }
    assert_eq!(sandbox.run(&["logs", "local", "nightl"]).code, Some(2));
}

/// Whatever fires a schedule, one does, and `down` takes it away.
#[test]
fn a_schedule_moves_from_a_rule_to_the_scheduler_and_back() {
    const TICK: &str = "\n[schedules.tick]\nschedule = \"cron(0 6 * * ? *)\"\nimage = \"busybox:1.36\"\n";
    let rule = format!("{MANIFEST}{TICK}");
    let sandbox = Sandbox::with_manifest(&rule);
    let _platform = sandbox.platform();
    well(&sandbox, &["up", "--detach"]);
    let kinds = || -> Vec<String> {
        let told = page(&sandbox, "GET", "schedules", "");
        let one = |one: &Value| format!("{} {} {}", one["kind"], one["timezone"], one["enabled"]).replace('"', "");
        told["schedules"].as_array().unwrap().iter().map(one).collect()
    };
    assert_eq!(kinds(), ["rule UTC true"]);
    sandbox.write("managr.toml", &format!("{rule}timezone = \"America/New_York\"\n"));
    let moved = well(&sandbox, &["up", "--detach"]);
    assert!(moved.err.contains("~ schedule demo-tick-local"), "{}", moved.err);
    assert_eq!(kinds(), ["schedule America/New_York true"]);
    assert_eq!(sandbox.run(&["plan", "local", "--detailed-exitcode"]).code, Some(0));
    well(&sandbox, &["schedules", "disable", "local", "tick"]);
    sandbox.write("managr.toml", &rule);
    let plan = well(&sandbox, &["plan", "local"]);
    assert!(plan.out.contains("via"), "{}", plan.transcript());
    well(&sandbox, &["up", "--detach"]);
    assert_eq!(kinds(), ["rule UTC false"], "as the one was whose place it took");
    sandbox.write("managr.toml", &format!("{rule}timezone = \"America/New_York\"\n"));
    well(&sandbox, &["up", "--detach"]);
    let down = well(&sandbox, &["down"]);
    assert!(down.err.contains("- schedule demo-tick-local"), "{}", down.err);
    assert_eq!(kinds(), Vec::<String>::new());
}
