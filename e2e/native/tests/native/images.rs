//! What an image says of itself, kept: an ENTRYPOINT that never looks at a command, a VOLUME, and no VOLUME.

use e2e_native::app::App;
use e2e_native::image::push_scripts;
use e2e_native::platform::{Platform, free_port};
use serde_json::json;

/// A server, a release command, and a container whose ENTRYPOINT is a shell's text.
const MANIFEST: &str = r#"app = "demo"

[services.web.containers.web]
image = "SERVER"
stop-timeout = "2s"

[services.web.containers.lost]
image = "LOST"
essential = false
stop-timeout = "2s"

[services.web.release]
container = "web"
command = ["manage.py", "migrate"]
timeout = "4s"
"#;

/// Starts the server, whatever its arguments are.
const START: (&str, &str) = ("/start", "#!/bin/sh\necho serving\nexec sleep 6000\n");

#[tokio::test(flavor = "multi_thread")]
async fn an_entrypoint_that_ignores_the_command_is_told_before_it_runs() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let env = json!(["PATH=/bin"]);
    let run = json!({"Entrypoint": ["/start"], "Env": env});
    let server = push_scripts(&platform, "server", &[START], &run).await;
    let run = json!({"Entrypoint": ["/bin/sh", "-c", "/start"], "Env": env});
    let lost = push_scripts(&platform, "lost", &[START], &run).await;
    let text = MANIFEST.replace("SERVER", &server).replace("LOST", &lost);
    let app = App { platform, port: free_port() };
    let write = |text: &str| std::fs::write(app.platform.dir.path().join("managr.toml"), text).expect("it is writable");
    write(&text);

    // The release: said beforehand, and at its end that it was stopped; nothing says that a migration failed.
    let told = "its image has an ENTRYPOINT, and the command is its arguments: `/start manage.py migrate`";
    for words in [&["up", "--detach"][..], &["deploy", "local", "--yes"]] {
        stopped_release(&app, words, told);
    }
    assert!(app.managr(&["plan", "local"]).out.contains(told));

    // With another one, the command itself runs.
    write(&text.replace(
        "command = [\"manage.py\", \"migrate\"]",
        "entrypoint = []\ncommand = [\"/bin/sh\", \"-c\", \"echo migrated\"]",
    ));
    let run = app.managr(&["deploy", "local", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:#?}\n{}", app.platform.log());
    assert!(run.err.contains("migrated") && !run.err.contains("ENTRYPOINT"), "{run:#?}");

    let run = app.managr(&["run", "local", "--container", "web", "--timeout", "3s", "--", "manage.py", "migrate"]);
    assert_eq!((run.code, run.out.as_str()), (Some(4), "serving\n"), "a second server: {run:#?}");
    assert!(run.err.starts_with(&format!("container web: {told}")), "{run:#?}");
    let run = app.managr(&["run", "local", "--container", "lost", "--", "manage.py", "migrate"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:#?}");
    assert!(run.err.contains("`/bin/sh -c /start` would run") && run.err.contains("nothing was started"), "{run:#?}");
    let replaced = |entrypoint: &str, command: &[&str]| {
        let front = ["run", "local", "--container", "web", "--entrypoint", entrypoint, "--"];
        app.managr(&[&front[..], command].concat())
    };
    let run = replaced("", &["/bin/sh", "-c", "echo here; exit 3"]);
    assert_eq!((run.code, run.out.as_str()), (Some(3), "here\n"), "{run:#?}");
    assert!(!run.err.contains("ENTRYPOINT"), "{run:#?}");
    let run = replaced("/bin/sh", &["-c", "echo there"]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), "there\n"), "{run:#?}");
    let run = replaced("", &["/bin/true"]);
    assert_eq!(run.code, Some(0), "one word: {run:#?}");

    // None of these revisions is one that a deploy would see.
    let plan = app.managr(&["plan", "local"]);
    assert!(plan.out.contains("nothing to do"), "{plan:#?}");
}

/// The first words are those about the ENTRYPOINT, the last those about the time that was over.
fn stopped_release(app: &App, words: &[&str], told: &str) {
    let run = app.managr(words);
    assert_eq!(run.code, Some(4), "{run:#?}\n{}", app.platform.log());
    let [first, second] = [told, "was still running when its time was over"].map(|words| run.err.find(words));
    assert!(first.is_some() && first < second, "{run:#?}");
    assert!(run.err.contains("entrypoint = []") && !run.err.contains("` failed"), "{run:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_has_the_images_files_only_where_the_image_says_volume() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let files = [("/data/seed", "from the image\n")];
    let script = "ls -A /data; echo end";
    let mut containers = Vec::new();
    for (name, run) in [
        ("declared", json!({"Env": ["PATH=/bin"], "Volumes": {"/data": {}}})),
        ("plain", json!({"Env": ["PATH=/bin"]})),
    ] {
        let image = push_scripts(&platform, name, &files, &run).await;
        let options = json!({"awslogs-group": "/e2e", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t",
            "awslogs-create-group": "true"});
        containers.push(json!({"name": name, "image": image, "command": ["sh", "-c", script], "essential": false,
            "mountPoints": [{"sourceVolume": name, "containerPath": "/data"}],
            "logConfiguration": {"logDriver": "awslogs", "options": options}}));
    }
    containers.push(json!({"name": "wait", "image": containers[0]["image"], "command": ["true"],
        "dependsOn": [{"containerName": "declared", "condition": "COMPLETE"}, {"containerName": "plain", "condition": "COMPLETE"}]}));
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    let input = json!({"family": "f", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": containers, "volumes": [{"name": "declared"}, {"name": "plain"}]});
    platform.call(&aws::ECS, "RegisterTaskDefinition", input).await;
    let run = json!({"cluster": "c", "taskDefinition": "f", "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}});
    let answer = platform.call(&aws::ECS, "RunTask", run).await;
    let arn = aws::items(&answer, "tasks")[0]["taskArn"].as_str().expect("a task has an ARN").to_owned();
    e2e_native::platform::until("the task has stopped", &platform, || async {
        let answer = platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": [arn]})).await;
        (aws::items(&answer, "tasks")[0]["lastStatus"] == "STOPPED").then_some(())
    })
    .await;
    let id = arn.rsplit('/').next().expect("an ARN has an end");
    for (name, expected) in [("declared", "seed end"), ("plain", "end")] {
        let input = json!({"logGroupName": "/e2e", "logStreamName": format!("t/{name}/{id}"), "startFromHead": true});
        let answer = platform.call(&aws::LOGS, "GetLogEvents", input).await;
        let lines: Vec<&str> =
            aws::items(&answer, "events").iter().filter_map(|event| event["message"].as_str()).collect();
        assert_eq!(lines.join(" "), expected, "{name}");
    }
}
