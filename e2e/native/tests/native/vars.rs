//! A plain variable and a secret are added to a running application: one command each, one deploy, and they
//! are in every container that should have them and in no other. The secret's value is nowhere else.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, binary};
use serde_json::json;

/// Two services with three containers, and a comment that must stay.
const MANIFEST: &str = r#"app = "demo"

[variables]
COLOUR = "green" # not red

[services.app.containers.web]
image = "IMAGE"
command = ["sleep", "6000"]
stop-timeout = "2s"

[services.app.containers.worker]
image = "IMAGE"
command = ["sleep", "6001"]
stop-timeout = "2s"

[services.back.containers.queue]
image = "IMAGE"
command = ["sleep", "6002"]
stop-timeout = "2s"
"#;

/// The value of the secret. Its halves are put together here, so that not even this program's file has it whole.
fn value() -> String {
    ["xyzzy-plugh", "4711-frotz"].join("/")
}

/// Runs the program as a person would, with something on its standard input.
fn managr(platform: &Platform, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(args).current_dir(platform.dir.path()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", platform.dir.path());
    command.env("MANAGR_ENDPOINT", platform.endpoint()).env("RUST_LOG", "trace");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads its input, or leaves it in the pipe");
    drop(stdin);
    child.wait_with_output().expect("the child can be waited for")
}

/// Everything that was said by the program, so that it can be searched.
struct Said(String);

impl Said {
    fn well(&mut self, platform: &Platform, args: &[&str], input: &str) -> String {
        let ended = managr(platform, args, input);
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "{args:?}: {err}\n{}", platform.log());
        self.0.push_str(&format!("{args:?}\n{out}\n{err}\n"));
        out.into_owned()
    }
}

/// Returns the names of a running container's variables that the test is about, with their values.
fn inside(platform: &Platform, container: &str) -> Vec<String> {
    let ended = managr(platform, &["connect", "local", container, "--", "env"], "");
    let out = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{container}: {ended:?}\n{}", platform.log());
    let mut found: Vec<String> = out
        .lines()
        .filter(|line| ["COLOUR", "NEW_"].iter().any(|name| line.starts_with(name)))
        .map(str::to_owned)
        .collect();
    found.sort();
    found
}

/// Says that it is over when it is dropped.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks at the arguments of every process for as long as `work` takes; returns how often.
fn watched(work: impl FnOnce()) -> usize {
    let (done, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // A look that finds it panics, and the scope with it.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for process in std::fs::read_dir("/proc").expect("there are processes").flatten() {
                    let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&line);
                    assert!(!line.contains(&value()), "the secret is an argument: {line}");
                }
                looks.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Also when `work` panics: the scope waits for the looks.
        let _end = AtEnd(&done);
        work();
    });
    looks.into_inner()
}

/// Returns the files below a directory that have a text in them.
fn files_with(text: &str, directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            files_with(text, &path, found);
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap_or_default();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_and_a_secret_are_added_to_what_runs() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    let before = MANIFEST.replace("IMAGE", &image);
    std::fs::write(platform.dir.path().join("managr.toml"), &before).expect("the test's directory is writable");
    let mut said = Said(String::new());
    said.well(&platform, &["up", "--detach"], "");
    assert_eq!(inside(&platform, "web"), ["COLOUR=green"]);

    // One command each, then one deploy.
    let looks = watched(|| {
        said.well(&platform, &["vars", "set", "all", "NEW_PLAIN=x"], "");
        let secret = ["vars", "set", "local", "NEW_SECRET", "--secret", "--stdin", "--container", "web"];
        said.well(&platform, &secret, &value());
        said.well(&platform, &["deploy", "local", "--yes", "-v"], "");
    });
    assert!(looks > 3, "processes were looked at {looks} times");

    let secret = format!("NEW_SECRET={}", value());
    assert_eq!(inside(&platform, "web"), ["COLOUR=green", "NEW_PLAIN=x", &secret]);
    for container in ["worker", "queue"] {
        assert_eq!(inside(&platform, container), ["COLOUR=green", "NEW_PLAIN=x"], "{container}");
    }
    let after = std::fs::read_to_string(platform.dir.path().join("managr.toml")).expect("it is there");
    let added = "[secrets]\nNEW_SECRET = { containers = [\"web\"] }\n\n";
    let expected = before.replace("# not red\n\n", &format!("# not red\nNEW_PLAIN = \"x\"\n\n{added}"));
    assert_eq!(after, expected);

    // A new value is seen by a roll, and not before.
    let rotated = format!("{}-2", value());
    said.well(&platform, &["vars", "set", "local", "NEW_SECRET", "--stdin"], &rotated);
    assert_eq!(inside(&platform, "web").last(), Some(&secret));
    let status = said.well(&platform, &["status"], "");
    assert!(status.contains("1 task started before the secret demo/local changed ("), "{status}");
    said.well(&platform, &["deploy", "local", "--force", "--yes"], "");
    assert_eq!(inside(&platform, "web").last(), Some(&format!("NEW_SECRET={rotated}")));
    let status = said.well(&platform, &["status"], "");
    assert!(!status.contains("started before"), "{status}");

    // Nowhere else.
    assert!(!said.0.contains(&value()), "{}", said.0);
    assert!(!platform.log().contains(&value()), "{}", platform.log());
    for service in ["app", "back"] {
        let family = format!("demo-{service}-task-local");
        let answer = platform.call(&aws::ECS, "DescribeTaskDefinition", json!({ "taskDefinition": family })).await;
        let shown = serde_json::to_string(&answer).expect("a document is JSON");
        assert!(!shown.contains(&value()), "{shown}");
        assert_eq!(shown.contains("NEW_SECRET"), service == "app", "{shown}");
    }
    let search = |text: &str| {
        let mut found = Vec::new();
        files_with(text, platform.dir.path(), &mut found);
        found
    };
    assert_eq!(search(&value()), [""; 0], "files with the secret in them");
    assert!(search("NEW_SECRET").len() > 1, "the manifest and the platform's truth have its name");
    said.well(&platform, &["down"], "");
}
