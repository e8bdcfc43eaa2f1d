//! Into the running application: `ps`, `run` and `logs` against the simulated platform.

use serde_json::Value;

use crate::sandbox::{MANIFEST, Sandbox};

/// A sandbox with the application up.
fn up() -> (Sandbox, crate::sandbox::Platform) {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let platform = sandbox.platform();
    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}");
    (sandbox, platform)
}

fn rows(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let run = sandbox.run(&[&["ps", "local", "--json"], args].concat());
    assert_eq!(run.code, Some(0), "{run:#?}");
    serde_json::from_str(&run.out).unwrap()
}

#[test]
fn ps_lists_tasks_and_marks_what_runs_once() {
    let (sandbox, _platform) = up();
    let detached = sandbox.run(&["run", "local", "--detach", "--env", "A=1", "--", "sh", "-c", "true"]);
    assert_eq!(detached.code, Some(0), "{detached:#?}");
    let kinds: Vec<Value> = rows(&sandbox, &[]).iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["service", "oneoff"]);
    let once = rows(&sandbox, &["--service", "app"]).into_iter().find(|row| row["kind"] == "oneoff").unwrap();
    assert_eq!(once["id"], detached.out.trim());
    assert_eq!(once["revision"], "demo-app-task-local-run:1");
    let names: Vec<&Value> = once["containers"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["web"], "without the worker, which it does not depend on");
    let table = sandbox.run(&["ps"]).out;
    for words in ["TASK", "demo-app-task-local:1", "  worker", "one-off: managr-run"] {
        assert!(table.contains(words), "{words}:\n{table}");
    }
}

#[test]
fn ps_shows_stopped_tasks_when_asked_to() {
    let (sandbox, _platform) = up();
    assert_eq!(sandbox.run(&["scale", "local", "app", "0"]).code, Some(0));
    assert_eq!(rows(&sandbox, &[]), Vec::<Value>::new());
    let stopped = rows(&sandbox, &["--all"]);
    assert_eq!((stopped.len(), &stopped[0]["stopCode"]), (1, &"ServiceSchedulerInitiated".into()), "{stopped:#?}");
    assert_eq!(sandbox.run(&["ps"]).transcript(), "exit 0\n--- out\n--- err\nno tasks\n");
}

#[test]
fn the_same_command_twice_registers_one_revision() {
    let (sandbox, _platform) = up();
    for _ in 0..2 {
        assert_eq!(sandbox.run(&["run", "local", "--detach", "--", "true"]).code, Some(0));
    }
    let revisions: Vec<Value> = rows(&sandbox, &[]).iter().map(|row| row["revision"].clone()).collect();
    assert_eq!(revisions, ["demo-app-task-local:1", "demo-app-task-local-run:1", "demo-app-task-local-run:1"]);
}

#[test]
fn what_run_and_ps_cannot_do_is_said() {
    let (sandbox, _platform) = up();
    let unknown = sandbox.run(&["ps", "local", "--service", "ap"]);
    insta::assert_snapshot!(unknown.transcript(), @r"
    exit 2
    --- out
    --- err
    error: the manifest has no service `ap`
      hint: did you mean `app`?
    ");
    let container = sandbox.run(&["run", "local", "--container", "nginx", "--", "true"]);
    insta::assert_snapshot!(container.transcript(), @r"
    exit 2
    --- out
    --- err
    error: `demo-app-task-local:1`, which the service runs, has no container `nginx`: there are web, worker
    ");
    assert_eq!(sandbox.run(&["run", "local"]).code, Some(2), "a command is required");
    assert_eq!(sandbox.run(&["run", "local", "--env", "A", "--", "true"]).code, Some(2));
    assert_eq!(sandbox.run(&["down"]).code, Some(0));
    let gone = sandbox.run(&["run", "local", "--", "true"]);
    insta::assert_snapshot!(gone.transcript(), @r"
    exit 255
    --- out
    --- err
    error: there is no service `demo-app-local` in cluster `demo-cluster`
      hint: start it: managr up --detach
    ");
}

#[test]
fn logs_take_a_stage_or_a_container_of_the_local_one() {
    let (sandbox, _platform) = up();
    for args in [&["logs"][..], &["logs", "local"], &["logs", "worker"], &["logs", "local", "web", "worker"]] {
        assert_eq!(sandbox.run(args).transcript(), "exit 0\n--- out\n--- err\n", "{args:?}");
    }
    assert_eq!(sandbox.run(&["logs", "--stage", "local", "web"]).code, Some(0), "scripts of old");
    let unknown = sandbox.run(&["logs", "local", "wbe"]);
    insta::assert_snapshot!(unknown.transcript(), @r"
    exit 2
    --- out
    --- err
    error: there is no container `wbe`
      hint: there are web, worker
    ");
    let cannot = sandbox.run(&["logs", "local", "-f", "--timeline"]);
    insta::assert_snapshot!(cannot.transcript(), @r"
    exit 2
    --- out
    --- err
    error: a timeline is put in order once all of it is there: it cannot be followed
      hint: leave out --timeline or -f
    ");
    for args in [["logs", "--grep", "("], ["logs", "--since", "yesterday"], ["logs", "-n", "-1"]] {
        let run = sandbox.run(&args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}");
    }
}

#[test]
fn a_timeline_tells_deployments_events_and_tasks_by_time() {
    let (sandbox, _platform) = up();
    let run = sandbox.run(&["logs", "local", "--timeline", "--json"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    let all: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(all.iter().map(|moment| moment["at"].as_i64().unwrap()).is_sorted(), "{}", run.out);
    let messages = |kind: &str| {
        let of_kind = all.iter().filter(|moment| moment["kind"] == kind);
        of_kind.map(|moment| moment["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
    };
    assert!(messages("deployment").contains("began: demo-app-task-local:1"), "{}", run.out);
    assert!(messages("event").contains("has started 1 tasks"), "{}", run.out);
    let tasks = messages("task");
    assert!(tasks.contains("created: demo-app-task-local:1") && tasks.contains("running"), "{}", run.out);
    let words = sandbox.run(&["logs", "local", "--timeline", "--grep", "began", "-n", "1"]);
    assert_eq!(words.out.lines().count(), 1, "{}", words.out);
    assert!(words.out.contains("deployment app"), "{}", words.out);
    let future = sandbox.run(&["logs", "local", "--timeline", "--since", "2999-01-01T00:00:00Z"]);
    assert_eq!(future.transcript(), "exit 0\n--- out\n--- err\n");
}
