//! `managr logs` of real containers: what is merged, what is chosen, and a platform that goes away while it is followed.

use e2e_native::app::App;
use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, free_port, until};
use serde_json::Value;

/// A container that counts for ever, a task a number each, and one that speaks once.
const MANIFEST: &str = r#"app = "demo"

[services.web.containers.web]
image = "IMAGE"
command = ["sh", "-c", "i=0; while :; do echo count $i; i=$((i+1)); sleep 0.05; done"]

[services.web.containers.side]
image = "IMAGE"
command = ["sh", "-c", "echo first; echo second; echo third; exec sleep 6002"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_merged_chosen_and_followed() {
    let platform = Platform::start(33).await;
    let image = push_busybox(&platform, "tools").await;
    let manifest = platform.dir.path().join("managr.toml");
    std::fs::write(manifest, MANIFEST.replace("IMAGE", &image)).expect("the test's directory is writable");
    let mut app = App { platform, port: free_port() };
    let up = app.managr(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{up:#?}\n{}", app.platform.log());
    until("both containers spoke", &app.platform, || async {
        let run = app.managr(&["logs"]);
        (run.out.contains("third") && run.out.contains("count 20")).then_some(())
    })
    .await;

    lines_are_chosen(&app);
    the_timeline_has_lines_between_states(&app);
    nothing_is_lost_or_told_twice_when_the_platform_is_killed(&mut app).await;
    the_last_words_of_a_task_that_stopped_are_there(&app).await;
}

fn lines_are_chosen(app: &App) {
    assert_eq!(app.managr(&["logs", "side"]).out, "first\nsecond\nthird\n");
    assert_eq!(app.managr(&["logs", "local", "side", "--grep", "^[ft].*(st|rd)$"]).out, "first\nthird\n");
    assert_eq!(app.managr(&["logs", "local", "side", "-n", "1"]).out, "third\n");
    assert_eq!(app.managr(&["logs", "--task", "no-such-task"]).out, "");
    assert_eq!(app.managr(&["logs", "--until", "1d"]).out, "");
    let merged = app.managr(&["logs", "--json"]).out;
    let lines: Vec<Value> = merged.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.is_sorted_by_key(|line| line["at"].as_i64()), "{merged}");
    let of = |name: &str| lines.iter().filter(|line| line["container"] == name).count();
    assert!(of("side") == 3 && of("web") > 20, "{merged}");
}

fn the_timeline_has_lines_between_states(app: &App) {
    let told = app.managr(&["logs", "side", "--timeline"]).out;
    let place = |words: &str| told.find(words).unwrap_or_else(|| panic!("no `{words}`:\n{told}"));
    assert!(place("created for ecs-svc/") < place("side  first"), "{told}");
    assert!(place("side  first") < place("side  third"), "{told}");
}

/// Containers go on while no platform is there, and what they print meanwhile is read by the next one.
async fn nothing_is_lost_or_told_twice_when_the_platform_is_killed(app: &mut App) {
    let mut going = app.begin(&["logs", "web", "-f"]);
    going.prints("count 0");
    app.platform.kill();
    going.says("waiting for it to come back");
    app.platform.launch().await;
    let after = until("it counts on", &app.platform, || async {
        let last = app.managr(&["logs", "web", "-n", "1"]).out;
        last.trim().strip_prefix("count ").and_then(|number| number.parse::<usize>().ok())
    })
    .await;
    // It waits for a few seconds before it asks again.
    going.prints(&format!("count {after}"));
    let run = going.interrupt().end();
    assert_eq!(run.code, Some(130), "{}", run.err);
    let told: Vec<&str> = run.out.lines().collect();
    assert!(told.len() > after, "{} lines, and {after} were there before", told.len());
    let expected: Vec<String> = (0..told.len()).map(|number| format!("count {number}")).collect();
    let differs = told.iter().zip(&expected).find(|(told, expected)| told != expected);
    assert_eq!(differs, None);
}

async fn the_last_words_of_a_task_that_stopped_are_there(app: &App) {
    assert_eq!(app.managr(&["scale", "local", "web", "0"]).code, Some(0));
    until("the task has stopped", &app.platform, || async {
        (app.managr(&["logs", "side", "--previous"]).out == "first\nsecond\nthird\n").then_some(())
    })
    .await;
}
