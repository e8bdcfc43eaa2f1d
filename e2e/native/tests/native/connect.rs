//! `managr connect` and `managr forward` into real containers.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, binary, get, until};
use serde_json::json;

const SERVES: &str = "mkdir -p /tmp/www && echo inside > /tmp/www/index.html && exec httpd -f -p 8000 -h /tmp/www";

/// Runs the program in the test's directory.
fn managr(platform: &Platform, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).current_dir(platform.dir.path()).stdin(Stdio::null()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", platform.dir.path());
    command.env("MANAGR_ENDPOINT", platform.endpoint()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn connect(platform: &Platform, args: &[&str], input: Option<Vec<u8>>) -> Output {
    let mut command = managr(platform, &[&["connect", "local"], args].concat());
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().expect("the binary runs");
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // A command that ends early does not read it all.
        std::thread::spawn(move || stdin.write_all(&input));
    }
    child.wait_with_output().expect("the child can be waited for")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_gets_into_running_containers() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "web").await;
    let manifest = format!(
        "app = \"demo\"\n[services.app.containers.web]\nimage = \"{image}\"\ncommand = [\"sh\", \"-c\", \"{SERVES}\"]\nports = [8000]\nstop-timeout = \"2s\"\n"
    );
    std::fs::write(platform.dir.path().join("managr.toml"), manifest).expect("the test's directory is writable");
    let up = managr(&platform, &["up", "--detach"]).output().expect("the binary runs");
    assert!(up.status.success(), "{up:?}\n{}", platform.log());

    // The exit code.
    for (script, code) in [("exit 0", 0), ("exit 42", 42), ("kill -9 $$", 137)] {
        let ended = connect(&platform, &["--", "sh", "-c", script], None);
        assert_eq!(ended.status.code(), Some(code), "{script}: {ended:?}\n{}", platform.log());
        assert!(ended.stdout.is_empty() && ended.stderr.is_empty(), "{ended:?}");
    }
    assert_eq!(connect(&platform, &["--", "cat", "/tmp/www/index.html"], None).stdout, b"inside\n");

    // Ten megabytes each way.
    let data: Vec<u8> = (0..10_000_000u32).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
    let ended = connect(&platform, &["--", "cat"], Some(data.clone()));
    assert!(ended.stdout == data, "{} bytes, {:?}", ended.stdout.len(), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(0));

    // A port of the container.
    let mut forward = managr(&platform, &["forward", "local", "0:8000", "--json"]).spawn().expect("the binary runs");
    let mut line = String::new();
    BufReader::new(forward.stdout.take().expect("it is piped"))
        .read_line(&mut line)
        .expect("it tells where it listens");
    let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let page = format!("http://{}/", told["address"].as_str().expect("an address"));
    for _ in 0..20 {
        assert_eq!(get(&page).await.as_deref(), Some("inside\n"));
    }
    forward.kill().and_then(|()| forward.wait()).expect("it can be ended");

    // The task is stopped meanwhile.
    let mut child =
        managr(&platform, &["connect", "local", "--", "sh", "-c", "echo up; sleep 100"]).spawn().expect("it runs");
    let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("the command says something");
    assert_eq!(line, "up\n");
    let task = told["task"].as_str().expect("a task");
    platform
        .call(&aws::ECS, "StopTask", json!({"cluster": "demo-cluster", "task": task, "reason": "by the test"}))
        .await;
    let ended = child.wait_with_output().expect("it ends");
    let words = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(255), "{words}");
    assert!(words.contains("by the test"), "{words}");

    // The service has another task by and by, and one gets into that.
    until("another task is reached", &platform, || async {
        (connect(&platform, &["--", "sh", "-c", "exit 3"], None).status.code() == Some(3)).then_some(())
    })
    .await;
}
