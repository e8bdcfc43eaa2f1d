//! `managr logs`: whose are meant, and what happened between the lines. The simulated platform's containers never
//! print; e2e/native has those that do.

use serde_json::Value;

use crate::sandbox::{MANIFEST, Platform, Sandbox};

fn up() -> (Sandbox, Platform) {
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}\n[stages.prod]\n"));
    let platform = sandbox.platform();
    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}");
    (sandbox, platform)
}

#[test]
fn the_first_word_is_a_stage_or_a_container_here() {
    let (sandbox, _platform) = up();
    for words in [vec![], vec!["local"], vec!["web"], vec!["local", "web", "worker"], vec!["web", "--stage", "local"]] {
        let run = sandbox.run(&[&["logs"], &words[..]].concat());
        assert_eq!((run.code, run.out.as_str()), (Some(0), ""), "{words:?}: {run:#?}");
    }
    insta::assert_snapshot!(sandbox.run(&["logs", "wbe"]).transcript(), @r"
    exit 2
    --- out
    --- err
    error: there is no container `wbe` in stage `local`
      hint: there are web, worker
      hint: a stage comes first: local, prod
    ");
    insta::assert_snapshot!(sandbox.run(&["logs", "--service", "ap"]).transcript(), @r"
    exit 2
    --- out
    --- err
    error: the manifest has no service `ap`
      hint: did you mean `app`?
    ");
}

#[test]
fn what_logs_cannot_do_is_said_before_anybody_is_asked() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    for (args, words) in [
        (["--grep", "("], "unclosed group"),
        (["--since", "yesterday"], "write 30s, 10m, 2h or 1d"),
        (["--timeline", "-f"], "cannot be used with '--follow'"),
        (["--previous", "-f"], "cannot be used with '--follow'"),
    ] {
        let run = sandbox.run(&[&["logs"], &args[..]].concat());
        assert_eq!(run.code, Some(2), "{run:#?}");
        assert!(run.err.contains(words), "{words}: {}", run.err);
    }
}

#[test]
fn a_timeline_tells_of_releases_deployments_events_and_tasks_in_order() {
    let (sandbox, _platform) = up();
    assert_eq!(sandbox.run(&["scale", "local", "app", "0"]).code, Some(0));
    let run = sandbox.run(&["logs", "--timeline", "--json"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    let entries: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let times: Vec<i64> = entries.iter().map(|entry| entry["at"].as_i64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let place = |kind: &str, words: &str| {
        let is_it = |entry: &Value| entry["kind"] == kind && entry["message"].as_str().unwrap().contains(words);
        entries.iter().position(is_it).unwrap_or_else(|| panic!("no {kind} `{words}`:\n{}", run.out))
    };
    let created = place("task", "demo-app-task-local:1");
    assert!(place("deployment", "begun: demo-app-task-local:1") <= created);
    assert!(created < place("task", "running"));
    assert!(place("service", "has started 1 tasks") < place("service", "has stopped 1 running tasks"));
    assert!(place("task", "running") < place("task", "stopped: ServiceSchedulerInitiated"));

    let table = sandbox.run(&["logs", "local", "--timeline", "-n", "1"]).out;
    assert_eq!(table.lines().count(), 1, "{table}");
    assert!(sandbox.run(&["logs", "local", "--timeline", "--until", "1d"]).out.is_empty());
}

#[test]
fn without_a_stopped_task_there_is_no_previous_one() {
    let (sandbox, _platform) = up();
    insta::assert_snapshot!(sandbox.run(&["logs", "--previous"]).transcript(), @r"
    exit 1
    --- out
    --- err
    error: ECS remembers no task that stopped
      hint: without --previous, older lines are shown too
    ");
}
