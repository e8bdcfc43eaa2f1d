//! The hello example in a directory of its own, released by the product's own program as a user would.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::image::push_hello;
use crate::platform::{PATIENCE, Platform, binary, free_port, get, until};

/// The example's manifest.
const MANIFEST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/hello/managr.toml"));

/// What every scenario changes in it: a stage, and nothing that only costs time.
const STAGE: &str = "\n[stages.test]\nsubnets = [\"subnet-1\", \"subnet-2\"]\n";

/// The stage, the cluster and the service, as the scenarios know them.
pub const CLUSTER: &str = "hello-cluster";
/// The service.
pub const SERVICE: &str = "hello-web-test";

/// The example, and a platform that it runs on.
pub struct App {
    /// The platform.
    pub platform: Platform,
    /// Port that the application answers on.
    pub port: u16,
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Run {
    /// Exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// How long it took.
    pub took: Duration,
}

impl App {
    /// Starts a platform that has the example's image; nothing is released yet.
    pub async fn new() -> Self {
        let platform = Platform::start().await;
        push_hello(&platform, "hello/hello").await;
        let app = Self { platform, port: free_port() };
        app.edit(&[]);
        app
    }

    /// Starts a platform on which release 1 is well.
    pub async fn released() -> Self {
        let app = Self::new().await;
        let first = app.deploy(&[]);
        assert_eq!(first.code, Some(0), "release 1: {first:#?}\n{}", app.platform.log());
        app
    }

    /// Writes the manifest: the example's, with lines added below the tables that are named.
    pub fn edit(&self, changes: &[(&str, &str)]) {
        let quick = MANIFEST.replace("deregistration-delay = \"5s\"", "deregistration-delay = \"1s\"");
        let mut text = quick.replace("timeout = \"2s\"", "timeout = \"2s\", unhealthy-threshold = 2") + STAGE;
        let listener = format!("listener = {}", self.port);
        for (table, lines) in changes.iter().copied().chain([("[services.web.ingress]", listener.as_str())]) {
            match text.contains(table) {
                true => text = text.replace(table, &format!("{table}\n{lines}")),
                false => text.push_str(&format!("\n{table}\n{lines}\n")),
            }
        }
        std::fs::write(self.platform.dir.path().join("managr.toml"), text).expect("the test's directory is writable");
    }

    /// Returns the program with arguments, and nothing of the caller's environment.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args).current_dir(self.platform.dir.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.platform.dir.path());
        command.env("MANAGR_ENDPOINT", self.platform.endpoint()).env("MANAGR_USER", "tester");
        command
    }

    /// Runs the program to its end.
    pub fn managr(&self, args: &[&str]) -> Run {
        self.begin(args).end()
    }

    /// Deploys what the manifest says, with the image that is in the registry.
    pub fn deploy(&self, more: &[&str]) -> Run {
        self.begin_deploy(more).end()
    }

    /// Begins to deploy.
    pub fn begin_deploy(&self, more: &[&str]) -> Going {
        let chosen = more.iter().any(|word| word.starts_with("hello="));
        let tag: &[&str] = if chosen { &[] } else { &["--tag", "1"] };
        self.begin(&[&["deploy", "test", "--yes"], tag, more].concat())
    }

    /// Starts the program and returns at once.
    pub fn begin(&self, args: &[&str]) -> Going {
        let mut child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let printed = Heard::of(child.stdout.take().expect("it is piped"));
        let said = Heard::of(child.stderr.take().expect("it is piped"));
        Going { child, began: Instant::now(), printed, said }
    }

    /// Returns where the application answers.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Waits until the application answers.
    pub async fn answers(&self) {
        let page = format!("http://{}/", self.address());
        until("the application answers", &self.platform, || get(&page)).await;
    }

    /// Returns the service, as ECS describes it.
    pub async fn service(&self, name: &str) -> Value {
        let input = json!({ "cluster": CLUSTER, "services": [name] });
        let answer = self.platform.call(&aws::ECS, "DescribeServices", input).await;
        aws::items(&answer, "services").first().cloned().unwrap_or_default()
    }

    /// Returns the `family:revision` that a service's PRIMARY deployment runs.
    pub async fn revision(&self, name: &str) -> String {
        let service = self.service(name).await;
        let arn = service["deployments"][0]["taskDefinition"].as_str().unwrap_or_default().to_owned();
        arn.rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// Returns the tasks of the cluster: those that run, or those that have stopped.
    pub async fn tasks(&self, desired: &str) -> Vec<Value> {
        let input = json!({ "cluster": CLUSTER, "desiredStatus": desired });
        let arns = self.platform.call(&aws::ECS, "ListTasks", input).await["taskArns"].clone();
        if arns.as_array().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let described =
            self.platform.call(&aws::ECS, "DescribeTasks", json!({ "cluster": CLUSTER, "tasks": arns })).await;
        aws::items(&described, "tasks").to_vec()
    }

    /// Returns how each release ended, oldest first, as `managr history` tells.
    pub fn history(&self) -> Vec<String> {
        let run = self.managr(&["history", "test", "--json"]);
        let releases: Vec<Value> = serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {run:#?}"));
        releases.iter().map(|release| release["outcome"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// A run that has not ended.
pub struct Going {
    child: Child,
    began: Instant,
    printed: Heard,
    said: Heard,
}

/// What a program wrote so far, and where its next lines come from.
struct Heard {
    text: String,
    lines: Receiver<String>,
}

impl Heard {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(pipe).lines().map_while(Result::ok).all(|line| tell.send(line).is_ok())
        });
        Self { text: String::new(), lines }
    }

    fn hear(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Waits until it wrote something.
    fn until(&mut self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.text.contains(words) {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.hear(&line),
                Err(error) => panic!("waited in vain for `{words}` ({error}); it wrote:\n{}", self.text),
            }
        }
    }

    /// Returns all that it wrote, once it has ended.
    fn all(mut self) -> String {
        while let Ok(line) = self.lines.recv() {
            self.hear(&line);
        }
        self.text
    }
}

impl Going {
    /// Waits until it says something on standard error.
    pub fn says(&mut self, words: &str) -> &mut Self {
        self.said.until(words);
        self
    }

    /// Waits until it prints something on standard output.
    pub fn prints(&mut self, words: &str) -> &mut Self {
        self.printed.until(words);
        self
    }

    /// Sends Ctrl-C.
    pub fn interrupt(self) -> Self {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, Signal::SIGINT).expect("a child can be signalled");
        self
    }

    /// Waits for its end.
    pub fn end(mut self) -> Run {
        let (out, err) = (self.printed.all(), self.said.all());
        let code = self.child.wait().expect("a child can be waited for").code();
        Run { code, out, err, took: self.began.elapsed() }
    }
}
