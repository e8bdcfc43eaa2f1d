//! What a stage uses: against a simulated platform, whose CloudWatch gets what real containers would use.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use aws::{CLOUDWATCH, ECS};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::pty::Pty;
use crate::sandbox::{MANIFEST, Platform, Sandbox};
use crate::verify::call;

/// A sandbox with the application up.
fn up() -> (Sandbox, Platform) {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let platform = sandbox.platform();
    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}");
    (sandbox, platform)
}

fn top(sandbox: &Sandbox) -> Value {
    let run = sandbox.run(&["top", "local", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.transcript());
    serde_json::from_str(&run.out).unwrap()
}

/// Tells CloudWatch what the application's only task and its containers used in the last whole minute.
fn tell(sandbox: &Sandbox, task: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let minute = jiff::Timestamp::from_second((now - now % 60 - 60) as i64).unwrap().to_string();
    let datum = |name: &str, container: Option<&str>, value: f64, unit: &str| {
        let own = [("ClusterName", "demo-cluster"), ("ServiceName", "demo-app-local"), ("TaskId", task)];
        let own = own.into_iter().chain(container.map(|name| ("ContainerName", name)));
        let dimensions: Vec<Value> = own.map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        json!({"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": unit, "Timestamp": minute})
    };
    let mut data = vec![
        datum("CpuUtilized", None, 64.0, "None"),
        datum("CpuReserved", None, 256.0, "None"),
        datum("MemoryUtilized", None, 128.0, "Megabytes"),
        datum("MemoryReserved", None, 512.0, "Megabytes"),
        datum("NetworkRxBytes", None, 1500.0, "Bytes/Second"),
        datum("NetworkTxBytes", None, 2500.0, "Bytes/Second"),
    ];
    for (container, cpu) in [("web", 60.0), ("worker", 4.0)] {
        data.push(datum("ContainerCpuUtilized", Some(container), cpu, "None"));
        data.push(datum("ContainerCpuReserved", Some(container), 256.0, "None"));
    }
    data.push(datum("RestartCount", Some("worker"), 3.0, "Count"));
    call(sandbox, &[(&CLOUDWATCH, "PutMetricData", json!({"Namespace": "ECS/ContainerInsights", "MetricData": data}))]);
}

#[test]
fn tasks_and_containers_are_told_from_cloudwatch() {
    let (sandbox, _platform) = up();
    let before = top(&sandbox);
    assert_eq!(before["containerInsights"], "enhanced", "the local stage's cluster asks for it: {before:#}");
    assert!(before["notes"][0].as_str().unwrap().contains("second or third minute"), "{before:#}");
    let task = before["services"][0]["parts"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(before["services"][0]["parts"][0]["cpuPercent"], Value::Null, "nobody told yet");

    tell(&sandbox, &task);
    let after = top(&sandbox);
    assert_eq!(after["notes"], json!([]), "{after:#}");
    let (app, row) = (&after["services"][0], &after["services"][0]["parts"][0]);
    assert_eq!((&app["name"], &app["state"]), (&json!("app"), &json!("1 of 1 running")));
    assert_eq!(
        (&row["cpuPercent"], &row["memoryMib"], &row["memoryPercent"]),
        (&json!(25.0), &json!(128.0), &json!(25.0))
    );
    assert_eq!((&row["received"], &row["sent"]), (&json!(1500.0), &json!(2500.0)));
    assert_eq!((&app["cpuPercent"], &app["restarts"], &app["failedTasks"]), (&json!(25.0), &json!(3), &json!(0)));
    let of = |name: &str| row["parts"].as_array().unwrap().iter().find(|part| part["name"] == name).unwrap();
    assert_eq!((&of("web")["cpuUnits"], &of("worker")["cpuUnits"]), (&json!(60.0), &json!(4.0)));
    assert_eq!((&of("web")["restarts"], &of("worker")["restarts"]), (&Value::Null, &json!(3)));

    let table = sandbox.run(&["top"]);
    assert_eq!((table.code, table.err.as_str()), (Some(0), ""));
    // Whether a minute of the load balancer's was over by now is chance: its columns are left out.
    let traffic = table.out.find("  REQ/S").unwrap();
    let rest: Vec<&str> = table.out.lines().map(|line| line.get(..traffic).unwrap_or(line).trim_end()).collect();
    insta::assert_snapshot!(rest.join("\n").replace(&task[..8], "TASKTASK"), @r"
    NAME        STATE           CPU     MEMORY   MEM %  NET IN    NET OUT   RESTARTS
    app         1 of 1 running  25 %    128 MiB  25 %   1.5 kB/s  2.5 kB/s  3
      TASKTASK  running         25 %    128 MiB  25 %   1.5 kB/s  2.5 kB/s  3
        web     running         23.4 %  -        -                          -
        worker  running         1.6 %   -        -                          3
    ");
    let one_off = sandbox.run(&["run", "local", "--detach", "--", "true"]);
    assert_eq!(one_off.code, Some(0), "{}", one_off.transcript());
    let with = top(&sandbox);
    let kinds: Vec<&Value> = with["services"].as_array().unwrap().iter().map(|row| &row["kind"]).collect();
    assert_eq!(kinds, ["service", "one-off"], "{with:#}");
    assert_eq!(with["services"][0]["parts"].as_array().unwrap().len(), 1, "it is not the service's");
}

#[test]
fn what_is_missing_is_said_with_the_command_that_mends_it() {
    let (sandbox, _platform) = up();
    let off = json!({"cluster": "demo-cluster", "settings": [{"name": "containerInsights", "value": "disabled"}]});
    call(&sandbox, &[(&ECS, "UpdateClusterSettings", off)]);
    let told = top(&sandbox);
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.contains("Container Insights is off for cluster demo-cluster"), "{note}");
    // The sandbox writes PORT for its own.
    let command = "aws ecs update-cluster-settings --cluster demo-cluster --region us-east-1 \
                   --endpoint-url http://127.0.0.1:PORT --settings name=containerInsights,value=enhanced";
    assert!(note.ends_with(command), "{note}");
    assert_eq!(sandbox.run(&["down"]).code, Some(0));
    let gone = top(&sandbox);
    assert_eq!((&gone["services"][0]["state"], &gone["notes"]), (&json!("not running"), &json!([])));
}

#[test]
fn a_time_between_two_looks_is_a_second_at_least() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    for time in ["100", "0s", "-5s", "1w"] {
        assert_eq!(sandbox.run(&["top", &format!("--interval={time}")]).code, Some(2), "{time}");
    }
    let nobody = sandbox.run(&["top"]);
    assert_eq!(nobody.code, Some(1), "{}", nobody.transcript());
    assert!(nobody.err.contains("hint"), "{}", nobody.err);
}

fn live(sandbox: &Sandbox) -> Pty {
    let mut command: Command = sandbox.command(&["top", "local", "--interval", "1s"]);
    command.env("TERM", "xterm");
    Pty::spawn(&command)
}

/// Whether the last thing that was done is to leave the terminal to what was there before.
fn left(shown: &str) -> bool {
    shown.contains("\u{1b}[?1049l") && shown.contains("\u{1b}[?25h")
}

#[test]
fn in_a_terminal_it_is_live_until_it_is_left() {
    let (sandbox, _platform) = up();
    let mut pty = live(&sandbox);
    pty.wait_for("\u{1b}[?1049h");
    pty.wait_for("NAME");
    pty.wait_for("- app");
    pty.wait_for("worker");
    assert!(pty.is_raw());
    // The app is closed: its row begins with another sign then.
    pty.type_in("\u{1b}[D");
    pty.wait_for("+");
    // Drawn anew, whole.
    pty.resize(20, 60);
    pty.wait_for("NAME");
    pty.wait_for("q quit");
    let task = top(&sandbox)["services"][0]["parts"][0]["name"].as_str().unwrap().to_owned();
    tell(&sandbox, &task);
    pty.wait_for("25 %");
    pty.type_in("q");
    let (status, shown) = pty.end();
    assert_eq!(status.code(), Some(0), "{shown:?}");
    assert!(left(&shown), "{shown:?}");
}

#[test]
fn whatever_ends_it_the_terminal_is_as_it_was() {
    let (sandbox, mut platform) = up();
    let mut typed = live(&sandbox);
    typed.wait_for("q quit");
    typed.type_in("\u{3}");
    let (status, shown) = typed.end();
    assert_eq!((status.code(), left(&shown)), (Some(130), true), "{shown:?}");
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut pty = live(&sandbox);
        pty.wait_for("q quit");
        pty.signal(signal);
        let (status, shown) = pty.end();
        assert_eq!((status.code(), left(&shown)), (Some(130), true), "{signal}: {shown:?}");
    }
    // Numbers that do not come any more are said; those that were there stay.
    let mut pty = live(&sandbox);
    pty.wait_for("q quit");
    platform.end();
    pty.wait_for("no newer numbers");
    pty.type_in("q");
    let (status, shown) = pty.end();
    assert_eq!((status.code(), left(&shown)), (Some(0), true), "{shown:?}");
}

#[test]
fn status_has_the_line_that_matters() {
    let (sandbox, _platform) = up();
    assert!(!sandbox.run(&["status"]).out.contains("cpu"), "nobody told");
}
