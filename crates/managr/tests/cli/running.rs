//! Into the running application: `ps` and `run` against the simulated platform.

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

/// A task that no service runs: `up` registers it, `run` starts it by name, and what needs something that runs says so.
#[test]
fn a_standalone_task_is_started_by_name() {
    let more = "[services.jobs]\nstandalone = true\ncontainers.jobs.image = \"busybox:1.36\"\n\
                [schedules.nightly]\nschedule = \"rate(1 day)\"\nservice = \"jobs\"\ncommand = [\"night\"]\n";
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}{more}"));
    let _platform = sandbox.platform();
    let missing = sandbox.run(&["run", "local", "--service", "jobs", "--", "true"]);
    assert_eq!(missing.code, Some(255), "{}", missing.transcript());
    assert!(missing.err.contains("there is no task definition `demo-jobs-task-local`"), "{}", missing.err);
    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{}", up.transcript());
    let run = sandbox.run(&["run", "local", "--service", "jobs", "--whole", "--detach", "--", "true"]);
    assert_eq!(run.code, Some(0), "{}", run.transcript());
    let started = rows(&sandbox, &["--service", "jobs"]);
    let revisions: Vec<&Value> = started.iter().map(|row| &row["revision"]).collect();
    assert_eq!(revisions, ["demo-jobs-task-local:1"], "{started:#?}");
    // The application is what is kept running: it needs no name.
    assert_eq!(sandbox.run(&["run", "local", "--detach", "--", "true"]).code, Some(0));
    for args in [&["connect", "local", "--service", "jobs"][..], &["scale", "local", "jobs", "2"]] {
        let refused = sandbox.run(args);
        assert!(
            refused.err.contains("service `jobs` is standalone: nothing keeps its tasks running"),
            "{}",
            refused.err
        );
        assert_eq!(refused.code, Some(2));
    }
    assert!(sandbox.run(&["check"]).err.contains("1 service, 1 standalone task, 1 schedule"));
    let plan = sandbox.run(&["plan", "local"]);
    assert!(!plan.out.contains("demo-jobs"), "{}", plan.transcript());
}
